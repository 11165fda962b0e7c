package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// sample is 13 log ratios with two outliers. The expected numbers are from
// SciPy 1.17.1, NumPy 2.4.6 (python3 3.11.7):
//
//	stats.trim_mean(x, .2)
//	w = np.asarray(stats.mstats.winsorize(np.array(x), limits=(.2, .2))); np.std(w, ddof=1)
//	np.std(w, ddof=1)*np.sqrt(n-1)/np.sqrt(h*(h-1))      # n = 13, g = 2, h = 9
//	i, j = np.triu_indices(n); np.median((x[i]+x[j])/2)
var sample = []float64{0.021, -0.013, 0.034, 0.011, 0.250, 0.018, 0.027, -0.090, 0.015, 0.022, 0.009, 0.031, 0.016}

func TestRobustLocationAgainstSciPy(t *testing.T) {
	within(t, "trimmed mean", TrimmedMean(sample), 0.01888888888888889, 1e-14)
	within(t, "winsorised SD", winsorizedSD(sortedCopy(sample)), 0.008652108087568854, 1e-14)
	within(t, "Hodges–Lehmann", HodgesLehmann(sample), 0.018500000000000003, 1e-14)
	y, err := Yuen(sample)
	if err != nil || y.DF != 8 {
		t.Fatalf("Yuen = %+v, %v; want 8 degrees of freedom", y, err)
	}
	within(t, "Yuen's error", y.SE, 0.0035322083356585476, 1e-14)
}

func TestStudentAgainstSciPy(t *testing.T) {
	// SciPy 1.17.1: stats.t.isf(alpha, df), stats.t.sf(t, df)
	for _, c := range []struct {
		alpha float64
		df    int
		want  float64
	}{
		{0.02, 1, 15.894544843865305},
		{0.004, 2, 11.113145730715877},
		{0.004, 17, 3.0031956955505685},
		{1e-7, 7, 19.933902247923854},
		{0.02, 67, 2.0945057959726627},
		{0.25, 3, 0.7648923284043444},
		{0.004, 5000, 2.6531354757430776},
		{0.004, 20000, 2.652336149648279}, // by the expansion
		{0.5, 5, 0},
	} {
		within(t, "quantile", studentQuantile(c.alpha, c.df), c.want, 1e-10)
	}
	within(t, "tail", studentTail(0.5, 3), 0.3257239824240755, 1e-12)
	within(t, "tail", studentTail(3.2, 17), 0.00262377835938535, 1e-12)
	within(t, "tail", studentTail(40, 8), 8.392859439572896e-11, 1e-10)
}

func TestLocationOfOddSamples(t *testing.T) {
	for _, c := range []struct {
		name string
		xs   []float64
		want error
	}{
		{"empty", nil, ErrTooFewValues},
		{"one value has no error", []float64{1}, ErrTooFewValues},
		{"NaN", []float64{1, math.NaN(), 2}, ErrNotFinite},
		{"infinite", []float64{1, math.Inf(-1), 2}, ErrNotFinite},
		{"would overflow", []float64{1, 1e308, 2}, ErrNotFinite},
	} {
		if _, err := Yuen(c.xs); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if v := TrimmedMean(nil) + HodgesLehmann(nil); !math.IsNaN(v) {
		t.Errorf("nothing known gives %v, want NaN", v)
	}
	if y, _ := Yuen([]float64{0.1, 0.1, 0.1}); y.SE != 0 || y.Estimate != 0.1 {
		t.Errorf("all equal: %+v, want an error of exactly 0", y)
	}
	// 18 of 20 values equal: the winsorised deviation is 0 although values differ.
	xs := append(slices.Repeat([]float64{0}, 18), 1, 1)
	if y, _ := Yuen(xs); !(y.SE > 0.05) || y.DF != 19 {
		t.Errorf("mostly equal: %+v, want the classical error", y)
	}
}

// slowHodgesLehmann is the definition.
func slowHodgesLehmann(xs []float64) float64 {
	var walsh []float64
	for i := range xs {
		for j := i; j < len(xs); j++ {
			walsh = append(walsh, xs[i]/2+xs[j]/2)
		}
	}
	slices.Sort(walsh)
	n := len(walsh)
	return walsh[(n-1)/2]/2 + walsh[n/2]/2
}

// slowTrimmed removes the extremes one by one.
func slowTrimmed(xs []float64) float64 {
	xs = slices.Clone(xs)
	for range int(math.Floor(float64(len(xs)) / 5)) {
		xs = slices.Delete(xs, slices.Index(xs, slices.Min(xs)), slices.Index(xs, slices.Min(xs))+1)
		xs = slices.Delete(xs, slices.Index(xs, slices.Max(xs)), slices.Index(xs, slices.Max(xs))+1)
	}
	var sum float64
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

func values(least, most int) *rapid.Generator[[]float64] {
	coarse := rapid.Map(rapid.IntRange(-5, 5), func(i int) float64 { return float64(i) / 100 })              // ties
	fine := rapid.Map(rapid.Float64Range(-2, 2), func(x float64) float64 { return math.Round(x*1e9) / 1e9 }) // as fine as clocks
	return rapid.SliceOfN(rapid.OneOf(fine, coarse), least, most)
}

func TestLocationProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xs := values(2, 60).Draw(t, "xs")
		if got, want := HodgesLehmann(xs), slowHodgesLehmann(xs); got != want {
			t.Fatalf("Hodges–Lehmann %v, definition %v", got, want)
		}
		if got, want := TrimmedMean(xs), slowTrimmed(xs); math.Abs(got-want) > 1e-12 {
			t.Fatalf("trimmed mean %v, definition %v", got, want)
		}
		y, err := Yuen(xs)
		if err != nil {
			t.Fatal(err)
		}
		if equal := slices.Max(xs) == slices.Min(xs); (y.SE == 0) != equal {
			t.Fatalf("SE %v for %v", y.SE, xs)
		}
		shuffled := slices.Clone(xs)
		rng := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "order")))
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if z, _ := Yuen(shuffled); z != y || HodgesLehmann(shuffled) != HodgesLehmann(xs) {
			t.Fatal("the order of values matters")
		}
		moved := slices.Clone(xs)
		for i := range moved {
			moved[i] = -moved[i] + 0.25
		}
		z, _ := Yuen(moved)
		if math.Abs(z.Estimate-(0.25-y.Estimate)) > 1e-12 || math.Abs(z.SE-y.SE) > 1e-12 || math.Abs(HodgesLehmann(moved)-(0.25-HodgesLehmann(xs))) > 1e-12 {
			t.Fatalf("mirrored and shifted: %+v from %+v", z, y)
		}
	})
}

// within fails unless got is want within the relative tolerance.
func within(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
		t.Errorf("%s = %.17g, want %.17g", what, got, want)
	}
}
