package stats

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestClopperPearsonAgainstSciPy(t *testing.T) {
	// SciPy 1.17.1: stats.binomtest(k, n).proportion_ci(confidence, 'exact'). For
	// 7 of 1e9 and 1 of 1e6 SciPy is right to four and seven digits only; those
	// rows are from mpmath 1.4.1, 40 digits, findroot on the summed tail.
	for _, c := range []struct {
		k, n                  int64
		confidence, low, high float64
	}{
		{0, 50, 0.95, 0, 0.07112173646420458},
		{3, 20, 0.95, 0.03207093718554477, 0.37892682654529564},
		{20, 2000, 0.99, 0.0051878690638055775, 0.01727043897824224},
		{7, 1e9, 0.95, 2.8143630560026356e-9, 1.4422675308174961e-8},
		{123456789, 1e9, 0.99, 0.1234299948301161, 0.12348358675161661},
		{50, 50, 0.9, 0.9418449208830241, 1},
		{1, 1e6, 0.98, 1.0050335802996816e-8, 6.6383333533418048e-6},
	} {
		low, high := ClopperPearson(c.k, c.n, c.confidence)
		within(t, "low", low, c.low, 1e-9)
		within(t, "high", high, c.high, 1e-9)
	}
	if low, high := ClopperPearson(0, 0, 0.95); low != 0 || high != 1 {
		t.Errorf("no trial gives [%v, %v], want [0, 1]", low, high)
	}
	for _, bad := range [][2]int64{{-1, 5}, {6, 5}, {1, 1e12}} {
		if low, high := ClopperPearson(bad[0], bad[1], 0.95); !math.IsNaN(low) || !math.IsNaN(high) {
			t.Errorf("%v gives [%v, %v], want NaN", bad, low, high)
		}
	}
}

func TestFisherAgainstSciPy(t *testing.T) {
	// SciPy 1.17.1: stats.fisher_exact([[h, nh-h], [b, nb-b]], 'greater').pvalue;
	// the first row is the example of its documentation. The two rows with 1e9
	// requests: mpmath 1.4.1, 60 digits, ratio of log gammas and summation.
	for _, c := range []struct {
		base, head Count
		want       float64
	}{
		{Count{1, 9}, Count{11, 14}, 0.002490240947637636},
		{Count{10, 1000}, Count{20, 1000}, 0.04810819554320648},
		{Count{100, 1e6}, Count{160, 1e6}, 0.0001193601036420648},
		{Count{3, 100}, Count{0, 100}, 1},
		{Count{0, 10}, Count{10, 10}, 5.412544112234515e-06},
		{Count{10, 1000}, Count{5, 1000}, 0.9414533957119402},
		{Count{5_000_000, 1e9}, Count{5_005_000, 1e9}, 0.056551872394571617},
		{Count{0, 1e9}, Count{20, 1e9}, 9.5367422580719336e-7},
	} {
		within(t, "p", fisher(c.base, c.head), c.want, 1e-9)
	}
	// stats.binomtest(k, n, .5, 'greater').pvalue
	within(t, "sign test", signTest(8, 8), 0.00390625, 1e-13)
	within(t, "sign test", signTest(10, 14), 0.08978271484375, 1e-13)
	within(t, "sign test", signTest(3, 20), 0.9997987747192383, 1e-13)
}

// slowFisher enumerates every way to spread the errors.
func slowFisher(base, head Count) float64 {
	choose := func(n, k int64) float64 {
		if k < 0 || k > n {
			return 0
		}
		c := 1.0
		for i := range k {
			c *= float64(n-i) / float64(i+1)
		}
		return c
	}
	k := base.Errors + head.Errors
	var tail, all float64
	for x := int64(0); x <= k; x++ {
		ways := choose(head.Total, x) * choose(base.Total, k-x)
		all += ways
		if x >= head.Errors {
			tail += ways
		}
	}
	return tail / all
}

func TestExactTestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) Count {
			n := rapid.Int64Range(1, 60).Draw(t, name+" total")
			return Count{rapid.Int64Range(0, n).Draw(t, name+" errors"), n}
		}
		base, head := draw("base"), draw("head")
		if got, want := fisher(base, head), slowFisher(base, head); math.Abs(got-want) > 1e-9*want {
			t.Fatalf("p %v, by enumeration %v", got, want)
		}
		r, err := ErrorRate([]Count{base}, []Count{head})
		if err != nil {
			t.Fatal(err)
		}
		s, _ := ErrorRate([]Count{head}, []Count{base})
		if s.Difference != -r.Difference || math.Abs(s.Upper(0.01)+r.Lower(0.01)) > 1e-12 {
			t.Fatalf("swapped arms: %+v of %+v", s, r)
		}
		low, high := ClopperPearson(base.Errors, base.Total, 0.9)
		if low > base.rate() || high < base.rate() {
			t.Fatalf("[%v, %v] without %v", low, high, base.rate())
		}
		if base.Errors > 0 {
			within2(t, binomialUpper(base.Errors, base.Total, low), 0.05)
		}
	})
}

func within2(t *rapid.T, got, want float64) {
	if math.Abs(got-want) > 1e-9 {
		t.Fatalf("tail at the bound %v, want %v", got, want)
	}
}

// One burst of failures in one block is not a regression, however many
// requests it hit; the same failures in every block are.
func TestErrorRateNeedsMoreThanOneBurst(t *testing.T) {
	clean := slices.Repeat([]Count{{0, 10_000}}, 28)
	burst := slices.Clone(clean)
	burst[5] = Count{3000, 10_000}
	r, err := ErrorRate(clean, burst)
	if err != nil || r.P != 0.5 || r.Requests > 1e-100 {
		t.Errorf("one burst: %+v, %v; want p = ½", r, err)
	}
	r, err = ErrorRate(clean, slices.Repeat([]Count{{20, 10_000}}, 28))
	if err != nil || r.P > 1e-8 {
		t.Errorf("0.2%% in every block: %+v, %v", r, err)
	}
	r, err = ErrorRate(clean, clean)
	if err != nil || r.P != 1 || r.Upper(0.01) > 1e-4 || r.Upper(0.01) <= 0 {
		t.Errorf("no failure at all: %+v, %v, upper bound %v", r, err, r.Upper(0.01))
	}
}

func TestErrorRateRefusesImpossibleCounts(t *testing.T) {
	ok := []Count{{1, 10}}
	for _, c := range []struct {
		base, head []Count
		want       error
	}{
		{nil, nil, ErrTooFewBlocks},
		{ok, nil, ErrTooFewBlocks},
		{ok, []Count{{-1, 10}}, ErrCounts},
		{ok, []Count{{11, 10}}, ErrCounts},
		{ok, []Count{{0, 0}}, ErrCounts},
		{[]Count{{0, math.MaxInt64}}, ok, ErrCounts},
	} {
		if r, err := ErrorRate(c.base, c.head); !errors.Is(err, c.want) || r != (RateTest{}) {
			t.Errorf("%v against %v: %+v, %v; want %v", c.base, c.head, r, err, c.want)
		}
	}
}
