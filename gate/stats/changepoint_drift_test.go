package stats

import (
	"errors"
	"math"
	"testing"
)

func near(got, want, relative float64) bool { return math.Abs(got-want) <= relative*math.Abs(want) }

// scipy.stats.theilslopes(y, x, 0.95) and kendalltau(x, y, method="asymptotic") of
// SciPy 1.16.3; the latter has no continuity correction, so it is put in here.
func TestDriftAgreesWithSciPy(t *testing.T) {
	x := []float64{0, 1, 2, 3, 5, 6, 8, 9, 10, 12}
	y := []float64{10.1, 10.4, 9.8, 10.9, 11.2, 10.7, 11.9, 11.5, 12.4, 12.2}
	d, err := FindDrift(x, y, 1, 0.025)
	if err != nil {
		t.Fatal(err)
	}
	if !near(d.Slope, 0.22, 1e-9) || !near(d.Low, 0.1375, 1e-9) || !near(d.High, 0.25, 1e-9) {
		t.Errorf("%+v, want 0.22 [0.1375, 0.25]", d)
	}
	// Kendall's score is 33 with variance 125, so that z = 33/√125 has the two-sided p
	// of SciPy.
	if !near(2*normalTail(33/math.Sqrt(125)), 0.0031612220209069567, 1e-9) || !near(d.P, normalTail(32/math.Sqrt(125)), 1e-9) {
		t.Errorf("P = %v", d.P)
	}
	narrow, err := FindDrift(x, y, 1, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	if !near(narrow.Low, 0.15, 1e-9) || !near(narrow.High, 0.24, 1e-9) {
		t.Errorf("%+v, want [0.15, 0.24]", narrow)
	}
}

func TestDriftWithTiesAgreesWithSciPy(t *testing.T) {
	x := []float64{0, 1, 1, 2, 3, 4, 5, 6, 7, 8}
	y := []float64{10, 10, 11, 11, 12, 10, 12, 13, 12, 14}
	d, err := FindDrift(x, y, 1, 0.025)
	if err != nil {
		t.Fatal(err)
	}
	if !near(d.Slope, 0.4642857142857143, 1e-9) {
		t.Errorf("slope %v", d.Slope)
	}
	score := 0.0
	for i := range y {
		for j := range i {
			if a, b := x[i]-x[j], y[i]-y[j]; a*b > 0 {
				score++
			} else if a*b < 0 {
				score--
			}
		}
	}
	if p := 2 * normalTail(score/math.Sqrt(scoreVariance(x, y))); !near(p, 0.007046301327175971, 1e-9) {
		t.Errorf("p = %v without continuity", p)
	}
}

func TestDriftRefusals(t *testing.T) {
	five := []float64{1, 2, 3, 4, 5}
	for _, tt := range []struct {
		why           string
		times, values []float64
		want          error
	}{
		{"four runs", five[:4], five[:4], ErrTooFewValues},
		{"other times than values", five[:4], five, ErrTooFewValues},
		{"one time", []float64{1, 1, 1, 1, 1}, five, ErrTooFewValues},
		{"NaN", five, []float64{1, 2, 3, 4, math.NaN()}, ErrNotFinite},
	} {
		if _, err := FindDrift(tt.times, tt.values, 1, 0.01); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.why, err)
		}
	}
}

// ttest_ind(b, a, equal_var=False).confidence_interval(0.98) of SciPy 1.16.3.
func TestCompareAgreesWithSciPy(t *testing.T) {
	d, err := Compare([]float64{1.02, 0.95, 0.99, 1.00, 1.12, 0.90}, []float64{0.50, 0.51, 0.48, 0.48, 0.55}, 1, 0.01)
	if err != nil {
		t.Fatal(err)
	}
	if !near(d.P, 2.064127833687684e-06, 1e-6) || !near(d.Low, -0.5922564727361024, 1e-6) || !near(d.High, -0.393076860597231, 1e-6) {
		t.Errorf("%+v", d)
	}
	if d, err = Compare([]float64{1, 1}, []float64{2, 2}, 1, 0.01); err != nil || d.P != 0 || d.Value != 1 || d.Low != 1 {
		t.Errorf("%+v, %v: without noise every difference is certain", d, err)
	}
	if d, err = Compare([]float64{1, 1}, []float64{1, 1}, 1, 0.01); err != nil || d.P != 1 {
		t.Errorf("%+v, %v: no difference is none", d, err)
	}
	if _, err = Compare([]float64{1}, []float64{1, 1}, 1, 0.01); !errors.Is(err, ErrTooFewValues) {
		t.Error(err)
	}
}
