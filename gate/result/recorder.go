package result

import (
	"iter"
	"math"
)

// Recorder counts latencies where they happen: one counter for each bucket of
// a Histogram, so that recording is an increment. It is for one goroutine.
type Recorder struct {
	total  int64
	counts [bucketCount]uint32
}

// NewRecorder returns an empty recorder.
func NewRecorder() *Recorder { return new(Recorder) }

// Record counts one latency in nanoseconds. A value outside [1, 2^42−1] is
// counted as the nearest value inside. A bucket holds up to
// 2^32−1 samples, which is hours of one latency at any rate that a load engine
// reaches; Reset comes first.
func (r *Recorder) Record(ns int64) {
	if uint64(ns-1) >= maxValue {
		ns = min(max(ns, 1), maxValue)
	}
	r.counts[bucketIndex(ns)]++
	r.total++
}

// Reset forgets everything.
func (r *Recorder) Reset() { *r = Recorder{} }

// Total returns the number of samples.
func (r *Recorder) Total() int64 { return r.total }

// Quantile returns the q-quantile in nanoseconds by the convention of
// Histogram.Quantile, rounded; 0 when the recorder is empty or q is outside
// [0, 1].
func (r *Recorder) Quantile(q float64) int64 {
	v := quantile(r.buckets(), r.total, q)
	if math.IsNaN(v) {
		return 0
	}
	return int64(math.Round(v))
}

// Histogram returns what was recorded since the last Reset.
func (r *Recorder) Histogram() *Histogram {
	var w counterWriter
	for index, count := range r.buckets() {
		w.add(index, count)
	}
	return w.histogram()
}

// buckets yields the buckets in use and their counts, in ascending order.
func (r *Recorder) buckets() iter.Seq2[int, int64] {
	return func(yield func(int, int64) bool) {
		for index, count := range &r.counts {
			if count != 0 && !yield(index, int64(count)) {
				return
			}
		}
	}
}
