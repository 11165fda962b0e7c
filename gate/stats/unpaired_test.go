package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// The formulas worked out by hand, in the comment.
func TestUnpairedByHand(t *testing.T) {
	base := []float64{1, 2, 3, 4, 100}
	head := []float64{2, 4, 6, 8, 10}
	// base: g = 1, h = 3, trimmed mean 3, winsorised 2 2 3 4 4, variance 1,
	//       SE² = 4·1/(3·2) = 2/3. head: mean 6, 4 4 6 8 8, variance 4, SE² = 8/3.
	// df = (10/3)²/((4/9)/2 + (64/9)/2) = 2.94 → 2
	e, err := Unpaired(base, head, 0)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(e.Theta-3) > 1e-12 || math.Abs(e.SEBlock-math.Sqrt(10.0/3)) > 1e-12 || e.DFBlock != 2 || e.Blocks != 5 || e.Rounds != 10 {
		t.Errorf("effect %+v, want θ 3, SE √(10/3), df 2, 5 blocks", e)
	}
	// What is known adds to the error, and makes it better known.
	k, err := Unpaired(base, head, 2)
	if err != nil {
		t.Fatal(err)
	}
	total := 10.0/3 + 4
	wantDF := int(100.0 / 34 * (total * total) / (100.0 / 9))
	if math.Abs(k.SEBlock*k.SEBlock-total) > 1e-12 || k.DFBlock != wantDF || k.SELayout != 2 {
		t.Errorf("effect %+v, want SE² %v, df %d", k, total, wantDF)
	}
}

func TestUnpairedIdentities(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		base, head := draws(rng, 7+rng.IntN(20), 0, 0.1), draws(rng, 7+rng.IntN(20), 0.05, 0.2)
		e, err := Unpaired(base, head, 0.02)
		if err != nil {
			t.Fatal(err)
		}
		swapped, err := Unpaired(head, base, 0.02)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(swapped.Theta+e.Theta) > 1e-12 || math.Abs(swapped.SEBlock-e.SEBlock) > 1e-12 || swapped.DFBlock != e.DFBlock {
			t.Errorf("arms swapped: %+v, want the mirror image of %+v", swapped, e)
		}
		for i := range base {
			base[i] += 3
		}
		moved, err := Unpaired(base, head, 0.02)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(moved.Theta-e.Theta+3) > 1e-9 || math.Abs(moved.SEBlock-e.SEBlock) > 1e-9 {
			t.Errorf("base moved by 3: %+v from %+v", moved, e)
		}
	}
}

func TestUnpairedWithoutSpread(t *testing.T) {
	exact, err := Unpaired([]float64{1, 1, 1}, []float64{2, 2, 2}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if exact.SEBlock != 0 || exact.PValue() != 0 || exact.Lower(0.01) != 1 {
		t.Errorf("counts that do not vary: %+v, want an error of 0 and a p-value of 0", exact)
	}
	luck, err := Unpaired([]float64{1, 1, 1}, []float64{1.03, 1.03, 1.03}, 0.02)
	if err != nil {
		t.Fatal(err)
	}
	if p := luck.PValue(); math.Abs(p-0.0668) > 1e-3 {
		t.Errorf("3%% beside 2%% of luck has p %v, want that of 1.5 standard deviations, 0.0668", p)
	}
}

func TestUnpairedRefuses(t *testing.T) {
	good := []float64{1, 2, 3}
	for _, c := range []struct {
		name       string
		base, head []float64
		known      float64
		want       error
	}{
		{"one value", []float64{1}, good, 0, ErrTooFewValues},
		{"none", good, nil, 0, ErrTooFewValues},
		{"NaN", good, []float64{1, math.NaN()}, 0, ErrNotFinite},
		{"beyond all ratios", []float64{1, 1e6}, good, 0, ErrNotFinite},
		{"negative luck", good, good, -1, ErrLayoutSD},
		{"luck that is no number", good, good, math.NaN(), ErrLayoutSD},
	} {
		if _, err := Unpaired(c.base, c.head, c.known); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// Identical code, measured in two sessions: the share of false findings at a
// nominal 2% under each kind of luck. known is what the gate assumes.
func TestUnpairedFalseFindings(t *testing.T) {
	const runs, alpha = 4000, 0.02
	known := math.Sqrt(0.02*0.02 + 2*0.01*0.01)
	for _, c := range []struct {
		name                  string
		n                     int
		within, launch, build float64 // standard deviations; build is of the log ratio
		heavy                 bool
		known                 float64
		limit                 float64
	}{
		{"noise alone, nothing known", 10, 0.05, 0, 0, false, 0, 0.03},
		{"7 values, nothing known", 7, 0.05, 0, 0, false, 0, 0.035},
		{"heavy tails, nothing known", 10, 0.05, 0, 0, true, 0, 0.03},
		{"luck of one build and one process", 10, 0.02, 0.01, 0.02, false, known, 0.025},
		{"the same, heavy tails", 10, 0.02, 0.01, 0.02, true, known, 0.025},
		{"the same, 100 quiet values", 100, 0.01, 0.01, 0.02, false, known, 0.025},
	} {
		rng := rand.New(rand.NewPCG(7, 9))
		found := 0
		for range runs {
			base, head := draws(rng, c.n, c.launch*rng.NormFloat64(), c.within), draws(rng, c.n, c.launch*rng.NormFloat64()+c.build*rng.NormFloat64(), c.within)
			if c.heavy {
				base[rng.IntN(c.n)] += 1
				head[rng.IntN(c.n)] += 1
			}
			e, err := Unpaired(base, head, c.known)
			if err != nil {
				t.Fatal(err)
			}
			if e.Lower(alpha) > 0 {
				found++
			}
		}
		share := float64(found) / runs
		t.Logf("%s: %.2f%% found", c.name, 100*share)
		if share > c.limit {
			t.Errorf("%s: %.2f%% of identical pairs found worse at a nominal %.0f%%, want at most %.1f%%", c.name, 100*share, 100*alpha, 100*c.limit)
		}
	}
}

func draws(rng *rand.Rand, n int, centre, sd float64) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = centre + sd*rng.NormFloat64()
	}
	return xs
}
