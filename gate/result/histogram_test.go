package result_test

import (
	"math"
	"slices"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"pgregory.net/rapid"
)

const maxLatency = 1<<42 - 1

// latencies draws samples that span the range, with repeats.
func latencies(t *rapid.T, label string) []int64 {
	magnitude := rapid.IntRange(0, 42)
	sample := rapid.Custom(func(t *rapid.T) int64 {
		high := int64(1) << magnitude.Draw(t, "magnitude")
		return min(rapid.Int64Range(1, high).Draw(t, "ns"), maxLatency)
	})
	return rapid.SliceOfN(sample, 0, 200).Draw(t, label)
}

func record(samples []int64) *result.Recorder {
	r := result.NewRecorder()
	for _, ns := range samples {
		r.Record(ns)
	}
	return r
}

// slowSamples returns the samples as Histogram.Quantile describes them: those
// of one bucket spread evenly over it. It finds buckets by counting up.
func slowSamples(samples []int64) []float64 {
	samples = slices.Sorted(slices.Values(samples))
	var spread []float64
	for i := 0; i < len(samples); {
		width := int64(1)
		for samples[i]/width >= 2048 {
			width *= 2
		}
		first := samples[i] / width * width
		n := 1
		for i+n < len(samples) && samples[i+n] < first+width {
			n++
		}
		for k := range n {
			spread = append(spread, float64(first)+float64(width-1)*(float64(k)+0.5)/float64(n))
		}
		i += n
	}
	return spread
}

func slowQuantile(samples []int64, q float64) float64 {
	spread := slowSamples(samples)
	rank := min(max(q*float64(len(spread))+0.5, 1), float64(len(spread)))
	lower := math.Floor(rank)
	below, above := spread[int(lower)-1], spread[min(int(lower), len(spread)-1)]
	return below + (rank-lower)*(above-below)
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b)) }

func TestQuantileAgainstSlowReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := append(latencies(t, "samples"), rapid.Int64Range(1, maxLatency).Draw(t, "one more"))
		h := record(samples).Histogram()
		if got := h.Total(); got != int64(len(samples)) {
			t.Fatalf("total %d, want %d", got, len(samples))
		}
		q := rapid.OneOf(rapid.Just(0.0), rapid.Just(0.5), rapid.Just(1.0), rapid.Float64Range(0, 1)).Draw(t, "q")
		if got, want := h.Quantile(q), slowQuantile(samples, q); !near(got, want) {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
		lower := rapid.Float64Range(0, q).Draw(t, "lower q")
		if h.Quantile(lower) > h.Quantile(q) {
			t.Errorf("quantile %v is %v, above quantile %v, %v", lower, h.Quantile(lower), q, h.Quantile(q))
		}
		mean := 0.0
		for _, v := range samples {
			mean += float64(v) / float64(len(samples))
		}
		if got := h.Mean(); math.Abs(got-mean) > mean/2048+1e-6 {
			t.Errorf("mean %v, want %v", got, mean)
		}
	})
}

func TestQuantileIsWithinHalfABucket(t *testing.T) {
	for _, ns := range []int64{1, 2, 2047, 2048, 2049, 4095, 4096, 123_456, 1_000_000_007, maxLatency - 1, maxLatency} {
		got := record([]int64{ns}).Histogram().Quantile(0.5)
		if math.Abs(got-float64(ns)) > float64(ns)/2048 {
			t.Errorf("quantile of a lone %d is %v", ns, got)
		}
		if ns < 2048 && got != float64(ns) {
			t.Errorf("quantile of a lone %d is %v, want it exact", ns, got)
		}
	}
}

func TestEmptyHistogram(t *testing.T) {
	for name, h := range map[string]*result.Histogram{
		"nil": nil, "zero": {}, "recorded": result.NewRecorder().Histogram(), "merged": result.MergeHistograms(nil, nil),
	} {
		if h.Total() != 0 || !math.IsNaN(h.Quantile(0.5)) || !math.IsNaN(h.Mean()) {
			t.Errorf("%s: total %d, median %v, mean %v; want 0, NaN, NaN", name, h.Total(), h.Quantile(0.5), h.Mean())
		}
	}
}

func TestQuantileOutsideRange(t *testing.T) {
	h := record([]int64{5}).Histogram()
	for _, q := range []float64{-0.1, 1.1, math.NaN(), math.Inf(1)} {
		if got := h.Quantile(q); !math.IsNaN(got) {
			t.Errorf("quantile %v is %v, want NaN", q, got)
		}
	}
}

func TestMergeHistogramsIsRecordingIntoOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []int64
		var parts []*result.Histogram
		for range rapid.IntRange(0, 4).Draw(t, "parts") {
			samples := latencies(t, "samples")
			all = append(all, samples...)
			parts = append(parts, record(samples).Histogram(), nil)
		}
		merged, want := result.MergeHistograms(parts...), record(all).Histogram()
		if textOf(t, merged) != textOf(t, want) || merged.Total() != want.Total() {
			t.Errorf("merged %d samples, want %d, or in other buckets", merged.Total(), want.Total())
		}
	})
}

func TestRecorder(t *testing.T) {
	r := record([]int64{-5, 0, 1, 10, maxLatency, maxLatency + 1, math.MaxInt64, math.MinInt64})
	if r.Total() != 8 {
		t.Errorf("total %d, want 8", r.Total())
	}
	if got := r.Quantile(0); got != 1 {
		t.Errorf("least is %d, want 1", got)
	}
	if got := r.Quantile(1); got < maxLatency-maxLatency/1000 || got > maxLatency {
		t.Errorf("greatest is %d, want about %d", got, int64(maxLatency))
	}
	before := r.Histogram()
	r.Reset()
	if r.Total() != 0 || r.Quantile(0.5) != 0 || r.Histogram().Total() != 0 {
		t.Error("reset left something behind")
	}
	if before.Total() != 8 {
		t.Error("reset changed a histogram that was taken before")
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	r := result.NewRecorder()
	if n := testing.AllocsPerRun(100, func() { r.Record(123_456) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}
