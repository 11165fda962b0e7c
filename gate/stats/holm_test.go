package stats

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestHolm(t *testing.T) {
	for _, c := range []struct {
		name  string
		p     []float64
		alpha float64
		want  []bool
	}{
		// R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm") is .05 .08 .09 .09 .09,
		// the example of R's documentation of the procedure.
		{"R's example at .05", []float64{0.01, 0.02, 0.03, 0.04, 0.05}, 0.05, []bool{true, false, false, false, false}},
		{"R's example at .085", []float64{0.05, 0.02, 0.03, 0.04, 0.01}, 0.085, []bool{false, true, false, false, true}},
		{"steps down after each rejection", []float64{0.011, 0.04, 0.02}, 0.04, []bool{true, true, true}},
		{"the first failure stops it", []float64{0.02, 0.001, 0.021}, 0.03, []bool{false, true, false}},
		{"NaN is never rejected but counts", []float64{math.NaN(), 0.006}, 0.01, []bool{false, false}},
		{"level 0 rejects nothing", []float64{0, 0}, 0, []bool{false, false}},
		{"none", nil, 0.05, []bool{}},
	} {
		if got := Holm(c.p, c.alpha); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// The closed testing procedure is Holm's definition: a hypothesis is rejected
// when each set that holds it has a p-value within alpha over its size.
func TestHolmIsClosedTesting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(0, 0.1), 1, 7).Draw(t, "p")
		alpha := rapid.Float64Range(0.001, 0.2).Draw(t, "alpha")
		got := Holm(p, alpha)
		for i := range p {
			want := true
			for set := range 1 << len(p) {
				if set>>i&1 == 0 {
					continue
				}
				least, size := 1.0, 0
				for j := range p {
					if set>>j&1 == 1 {
						least, size = min(least, p[j]), size+1
					}
				}
				want = want && least <= alpha/float64(size)
			}
			if got[i] != want {
				t.Fatalf("hypothesis %d of %v: %v, want %v", i, p, got[i], want)
			}
		}
	})
}
