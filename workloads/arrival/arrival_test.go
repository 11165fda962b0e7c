package arrival

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestConstantDue(t *testing.T) {
	tests := []struct {
		reason   string
		schedule Constant
		n        int
		offset   time.Duration
		want     []int64
	}{
		{"middle of each period", Constant{RatePerS: 1000}, 3, 0, []int64{500_000, 1_500_000, 2_500_000}},
		{"half a period of stagger falls between", Constant{RatePerS: 1000}, 2, 500 * time.Microsecond, []int64{1_000_000, 2_000_000}},
		{"a rate below one a second", Constant{RatePerS: 0.5}, 2, 0, []int64{1_000_000_000, 3_000_000_000}},
		{"negative jitter is none", Constant{RatePerS: 1000, Jitter: -1}, 1, 0, []int64{500_000}},
		{"jitter that is not a number is none", Constant{RatePerS: 1000, Jitter: math.NaN()}, 1, 0, []int64{500_000}},
		{"no requests", Constant{RatePerS: 1000}, 0, 0, nil},
		{"no rate", Constant{}, 3, 0, nil},
		{"negative rate", Constant{RatePerS: -1}, 3, 0, nil},
		{"rate is not a number", Constant{RatePerS: math.NaN()}, 3, 0, nil},
		{"infinite rate", Constant{RatePerS: math.Inf(1)}, 3, 0, nil},
	}
	for _, test := range tests {
		got := test.schedule.Due(1, 2, test.n, test.offset)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.reason, diff)
		}
	}
}

func TestPoissonRefusesSenselessRates(t *testing.T) {
	for _, rate := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if got := (Poisson{RatePerS: rate}).Due(1, 1, 5, 0); got != nil {
			t.Errorf("rate %v: got %v, want no due times", rate, got)
		}
	}
}

// The drawn values are part of every committed baseline's meaning: a change of
// the generator must be seen.
func TestDueTimesArePinned(t *testing.T) {
	got := fmt.Sprint(
		Constant{RatePerS: 1000, Jitter: 0.5}.Due(42, 7, 3, 0),
		Poisson{RatePerS: 1000}.Due(42, 7, 3, 0),
	)
	const want = "[869983 1670061 2335438] [139280 539666 1631981]"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

type schedule interface {
	Due(seed, round uint64, n int, offset time.Duration) []int64
}

func drawSchedule(t *rapid.T) (schedule, float64) {
	rate := rapid.Float64Range(0.1, 2e5).Draw(t, "rate")
	if rapid.Bool().Draw(t, "poisson") {
		return Poisson{RatePerS: rate}, rate
	}
	return Constant{RatePerS: rate, Jitter: rapid.Float64Range(0, 0.5).Draw(t, "jitter")}, rate
}

func TestSchedulesArePureMonotoneAndPrefixStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _ := drawSchedule(t)
		seed, round := rapid.Uint64().Draw(t, "seed"), rapid.Uint64().Draw(t, "round")
		n := rapid.IntRange(1, 500).Draw(t, "n")
		offset := time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "offset"))
		due := s.Due(seed, round, n, offset)
		if len(due) != n {
			t.Fatalf("got %d due times, want %d", len(due), n)
		}
		if !slices.IsSorted(due) || due[0] < int64(offset) {
			t.Fatalf("due times are not ascending from the offset: %v", due)
		}
		cut := rapid.IntRange(1, n).Draw(t, "cut")
		if !slices.Equal(s.Due(seed, round, cut, offset), due[:cut]) {
			t.Fatal("due times depend on how many are asked for")
		}
		for i, at := range s.Due(seed, round, n, 0) {
			if at+int64(offset) != due[i] {
				t.Fatalf("offset does not shift request %d as a whole", i)
			}
		}
	})
}

func TestConstantCountsFollowTheIntegralOfTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(1, 5000).Draw(t, "rate")
		s := Constant{RatePerS: rate, Jitter: rapid.Float64Range(0, 0.5).Draw(t, "jitter")}
		n := int(math.Ceil(rate * 3))
		due := s.Due(rapid.Uint64().Draw(t, "seed"), 0, n+2, 0)
		var count int
		for second := range 3 {
			end := int64(second+1) * 1e9
			for count < len(due) && due[count] < end {
				count++
			}
			if planned := rate * float64(second+1); math.Abs(float64(count)-planned) > 1 {
				t.Fatalf("%d requests in the first %d s at %v/s, want %.1f within 1", count, second+1, rate, planned)
			}
		}
	})
}

func TestSeedAndRoundBothChangeTheDraws(t *testing.T) {
	s := Poisson{RatePerS: 100}
	seen := map[string]string{}
	for seed := range uint64(20) {
		for round := range uint64(20) {
			key := fmt.Sprint(s.Due(seed, round, 3, 0))
			at := fmt.Sprintf("seed %d round %d", seed, round)
			if other, ok := seen[key]; ok {
				t.Errorf("%s repeats %s", at, other)
			}
			seen[key] = at
		}
	}
}

// The dispersion test: for Poisson counts, Σ(x−m)²/m over k bins is chi-squared
// with k−1 degrees of freedom, here within 4 standard deviations (√(2(k−1))).
func TestPoissonCountsHaveVarianceEqualToTheMean(t *testing.T) {
	const rate, bins = 200.0, 2000
	due := Poisson{RatePerS: rate}.Due(11, 3, int(rate*bins*1.1), 0)
	counts := make([]float64, bins)
	for _, at := range due {
		if bin := at / 1e9; bin < bins {
			counts[bin]++
		}
	}
	var total, chi2 float64
	for _, c := range counts {
		total += c
	}
	mean := total / bins
	for _, c := range counts {
		chi2 += (c - mean) * (c - mean) / mean
	}
	if tolerance := 4 * math.Sqrt(2*(bins-1)); math.Abs(chi2-(bins-1)) > tolerance {
		t.Errorf("dispersion statistic %.0f, want %d ± %.0f", chi2, bins-1, tolerance)
	}
	if tolerance := 4 * math.Sqrt(rate/bins); math.Abs(mean-rate) > tolerance {
		t.Errorf("mean count %.2f, want %.0f ± %.2f", mean, rate, tolerance)
	}
}

// Kolmogorov-Smirnov at 0.1%: the critical value of D·√n is 1.95.
func TestDrawsFollowTheirDistribution(t *testing.T) {
	const n = 20_000
	due := Poisson{RatePerS: 1000}.Due(5, 9, n, 0)
	gaps := make([]float64, n)
	var last int64
	for i, at := range due {
		gaps[i], last = float64(at-last), at
	}
	ksTest(t, "gaps of Poisson", gaps, func(x float64) float64 { return 1 - math.Exp(-x/1e6) })

	jitter := make([]float64, n)
	for i, at := range (Constant{RatePerS: 1000, Jitter: 0.5}).Due(5, 9, n, 0) {
		jitter[i] = float64(at) - float64(i)*1e6
	}
	ksTest(t, "position inside the period", jitter, func(x float64) float64 { return x / 1e6 })
}

func ksTest(t *testing.T, what string, sample []float64, cdf func(float64) float64) {
	t.Helper()
	slices.Sort(sample)
	var worst float64
	n := float64(len(sample))
	for i, x := range sample {
		f := cdf(x)
		worst = max(worst, math.Abs(f-float64(i)/n), math.Abs(f-float64(i+1)/n))
	}
	if d := worst * math.Sqrt(n); d > 1.95 {
		t.Errorf("%s: D·√n = %.2f, over 1.95", what, d)
	}
}

func ExampleConstant_Due() {
	base := Constant{RatePerS: 1000}.Due(1, 0, 3, 0)
	head := Constant{RatePerS: 1000}.Due(1, 0, 3, 500*time.Microsecond)
	fmt.Println(base, head)
	// Output: [500000 1500000 2500000] [1000000 2000000 3000000]
}
