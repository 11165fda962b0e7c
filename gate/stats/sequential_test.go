package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// Published boundaries of the O'Brien–Fleming type function, one-sided .025,
// equal spacing (Lan & DeMets 1983 and later tables; Jennison & Turnbull 2000).
// Their programs' grids are coarse: 3.3569 is 3.35701 by quadrature.
func TestBoundariesAgainstPublishedTables(t *testing.T) {
	for _, c := range []struct {
		alpha float64
		z     []float64
	}{
		{0.025, []float64{1.9600}},
		{0.025, []float64{3.7103, 2.5114, 1.9930}},
		{0.025, []float64{4.8769, 3.3569, 2.6803, 2.2898, 2.0310}},
	} {
		fractions := make([]float64, len(c.z))
		for k := range fractions {
			fractions[k] = float64(k+1) / float64(len(c.z))
		}
		levels, err := Boundaries(fractions, c.alpha)
		if err != nil {
			t.Fatal(err)
		}
		for k, level := range levels {
			if z := normalQuantile(level); math.Abs(z-c.z[k]) > 0.00015 {
				t.Errorf("look %d of %d: z = %.5f, want %.4f", k+1, len(c.z), z, c.z[k])
			}
		}
	}
}

// Independent numbers for the gate's own looks: SciPy 1.17.1, adaptive
// quadrature over the statistic of the look before, r = √(t₁/t₂), q = √(t₂/t₃):
//
//	z1 = norm.isf(α(t₁))
//	quad(lambda x: norm.pdf(x)*norm.sf((z2-r*x)/sqrt(1-r*r)), -12, z1)   # = α(t₂)−α(t₁)
//	quad(lambda y: norm.pdf(y)*norm.cdf((z1-r*y)/sqrt(1-r*r))*norm.sf((z3-q*y)/sqrt(1-q*q)), -12, z2)   # = α−α(t₂)
//
// each solved for z with optimize.brentq(…, 1, 5, xtol=1e-10).
func TestBoundariesAgainstSciPy(t *testing.T) {
	levels, err := Boundaries([]float64{0.5, 0.75, 1}, 0.02)
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []float64{3.089626354936124, 2.462292500225274, 2.1026716489657242} {
		if z := normalQuantile(levels[k]); math.Abs(z-want) > 1e-8 {
			t.Errorf("look %d: z = %.10f, want %.10f", k+1, z, want)
		}
	}
}

// totalError simulates the chance that a statistic without effect crosses.
func totalError(fractions, levels []float64, paths int) (crossed int64) {
	rng := rand.New(rand.NewPCG(3, 9))
	for range paths {
		sum, t := 0.0, 0.0
		for k, f := range fractions {
			sum += math.Sqrt(f-t) * rng.NormFloat64()
			t = f
			if normalTail(sum/math.Sqrt(f)) < levels[k] {
				crossed++
				break
			}
		}
	}
	return crossed
}

func TestBoundariesSpendAlphaAndNoMore(t *testing.T) {
	for _, c := range []struct {
		name      string
		fractions []float64
		alpha     float64
	}{
		{"the gate's looks", []float64{0.5, 0.75, 1}, 0.02},
		{"irregular", []float64{0.1, 0.15, 0.6, 0.61, 1}, 0.02},
		{"under-run: the plan was cut short", []float64{0.5, 0.7}, 0.02},
		{"over-run: one extension", []float64{0.5, 0.75, 1.4}, 0.02},
		{"ten looks", []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1}, 0.05},
		{"a look after all is spent", []float64{0.5, 1, 1.5}, 0.02},
	} {
		levels, err := Boundaries(c.fractions, c.alpha)
		if err != nil {
			t.Fatal(err)
		}
		const paths = 200_000
		low, high := ClopperPearson(totalError(c.fractions, levels, paths), paths, 0.999)
		if low > c.alpha || high < c.alpha {
			t.Errorf("%s: crossed in [%.5f, %.5f] of the paths, want %v", c.name, low, high, c.alpha)
		}
	}
}

// Judging at the full level at every look is what the boundaries prevent.
func TestPeekingWithoutBoundariesInflatesError(t *testing.T) {
	fractions := []float64{0.2, 0.4, 0.6, 0.8, 1}
	naive := []float64{0.02, 0.02, 0.02, 0.02, 0.02}
	if crossed := totalError(fractions, naive, 50_000); crossed < 2*1000 {
		t.Errorf("five looks at level .02 cross in %d of 50,000 paths, want over twice the 1,000", crossed)
	}
}

func TestSpendContinuesAFirstRun(t *testing.T) {
	first, err := Boundaries([]float64{0.5, 0.75, 1}, 0.016)
	if err != nil {
		t.Fatal(err)
	}
	spent := []float64{Spending(0.5, 0.016), Spending(0.75, 0.016), 0.016, 0.02}
	both, err := Spend([]float64{0.5, 0.75, 1, 2}, spent)
	if err != nil {
		t.Fatal(err)
	}
	for k := range first {
		within(t, "level of the first run", both[k], first[k], 1e-9)
	}
	low, high := ClopperPearson(totalError([]float64{0.5, 0.75, 1, 2}, both, 200_000), 200_000, 0.999)
	if low > 0.02 || high < 0.02 {
		t.Errorf("two runs cross in [%.5f, %.5f], want .02", low, high)
	}
}

func TestBoundariesProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.Float64Range(0.02, 1), 1, 4).Draw(t, "steps")
		alpha := rapid.Float64Range(0.001, 0.2).Draw(t, "alpha")
		var fractions, scaled []float64
		at := 0.0
		for _, s := range steps {
			at += s
			fractions = append(fractions, at)
			scaled = append(scaled, at*3)
		}
		levels, err := Boundaries(fractions, alpha)
		if err != nil {
			t.Fatal(err)
		}
		spent := make([]float64, len(levels))
		sum := 0.0
		for k, level := range levels {
			spent[k] = Spending(fractions[k], alpha)
			sum += level
			if !(level >= 0 && level <= alpha*(1+1e-12)) {
				t.Fatalf("level %v at look %d of alpha %v", level, k, alpha)
			}
		}
		if sum < alpha*(1-1e-7) {
			t.Fatalf("levels %v add up to %v, which cannot reach %v", levels, sum, alpha)
		}
		spent[len(spent)-1] = alpha
		// Information has no unit: only its ratios matter.
		again, err := Spend(scaled, spent)
		if err != nil {
			t.Fatal(err)
		}
		for k := range levels {
			if math.Abs(again[k]-levels[k]) > 1e-9*alpha {
				t.Fatalf("in another unit: %v, %v", again, levels)
			}
		}
	})
}

func TestBoundariesRefuseNonsense(t *testing.T) {
	for _, c := range []struct {
		fractions []float64
		alpha     float64
		want      error
	}{
		{nil, 0.02, ErrFractions},
		{make([]float64, MaxLooks+1), 0.02, ErrFractions},
		{[]float64{0, 1}, 0.02, ErrFractions},
		{[]float64{0.5, 0.5}, 0.02, ErrFractions},
		{[]float64{0.5, 0.50001}, 0.02, ErrFractions},
		{[]float64{1, 0.5}, 0.02, ErrFractions},
		{[]float64{math.NaN()}, 0.02, ErrFractions},
		{[]float64{math.Inf(1)}, 0.02, ErrFractions},
		{[]float64{1}, 0, ErrAlpha},
		{[]float64{1}, 0.7, ErrAlpha},
		{[]float64{1}, math.NaN(), ErrAlpha},
	} {
		if levels, err := Boundaries(c.fractions, c.alpha); levels != nil || !errors.Is(err, c.want) {
			t.Errorf("%v at %v: %v, %v; want %v", c.fractions, c.alpha, levels, err, c.want)
		}
	}
	for _, spent := range [][]float64{{0.01}, {0.02, 0.01}, {0.01, 0.6}, {math.NaN(), 0.02}} {
		if levels, err := Spend([]float64{0.5, 1}, spent); levels != nil || err == nil {
			t.Errorf("spending %v: %v, %v", spent, levels, err)
		}
	}
}
