package stats

import (
	"fmt"
	"math"
	"slices"
)

// maxLogRatio bounds a usable log ratio: beyond it e^d overflows a float64, so
// such a value is a fault of the measurement and not a slow round.
const maxLogRatio = 700

// rounding is a difference between log ratios that only arithmetic makes; a
// real one is never under 1e-9, a nanosecond in a second.
const rounding = 1e-12

// Location is a robust estimate of location with its standard error.
type Location struct {
	Estimate float64 // 20% trimmed mean
	SE       float64 // standard error, at least 0
	DF       int     // degrees of freedom of Student's t for SE
}

// HalfWidth returns the half-width of the interval at one-sided level alpha in
// (0, 0.5]; +Inf where nothing can be said.
func (l Location) HalfWidth(alpha float64) float64 {
	if !(alpha > 0 && alpha <= 0.5) || l.DF < 1 {
		return math.Inf(1)
	}
	return studentQuantile(alpha, l.DF) * l.SE
}

// TrimmedMean returns the mean of xs without its ⌊0.2n⌋ smallest and ⌊0.2n⌋
// largest values; NaN when xs is empty or holds NaN. xs is not modified, and
// its order does not matter, to the last bit.
func TrimmedMean(xs []float64) float64 {
	if len(xs) == 0 || slices.ContainsFunc(xs, math.IsNaN) {
		return math.NaN()
	}
	return trimmedMean(sortedCopy(xs))
}

// Yuen returns the 20% trimmed mean of xs with Yuen's standard error (Yuen,
// Biometrika 61, 1974, one sample):
//
//	g = ⌊0.2n⌋, h = n − 2g, SE = s_w·√(n−1)/√(h(h−1)), df = h − 1
//
// where s_w is the winsorised standard deviation. It assumes independent
// values of one distribution, symmetric in its middle 60%; the t distribution
// is an approximation, good from about n = 7.
//
// When more than 60% of the values are one and the same (but for rounding), s_w
// is 0 although the values differ (counts, allocations); the classical error s/√n with n−1
// degrees of freedom is returned then, so that an error of 0 always means that
// all values are equal.
//
// Fewer than two values give ErrTooFewValues, NaN, infinities and magnitudes
// over 700 give ErrNotFinite.
func Yuen(xs []float64) (Location, error) {
	if len(xs) < 2 {
		return Location{}, fmt.Errorf("%w: %d, 2 are needed for an error", ErrTooFewValues, len(xs))
	}
	for i, x := range xs {
		if !usable(x) {
			return Location{}, fmt.Errorf("%w: value %d is %v", ErrNotFinite, i, x)
		}
	}
	return yuen(sortedCopy(xs)), nil
}

// yuen is Yuen for at least two usable values in ascending order.
func yuen(sorted []float64) Location {
	n := len(sorted)
	g := cut(n)
	h := n - 2*g
	mean := trimmedMean(sorted)
	switch {
	case sorted[0] == sorted[n-1]:
		return Location{Estimate: sorted[0], DF: h - 1}
	case sorted[n-1-g]-sorted[g] <= rounding:
		return Location{Estimate: mean, SE: sd(sorted) / math.Sqrt(float64(n)), DF: n - 1}
	}
	se := winsorizedSD(sorted) * math.Sqrt(float64(n-1)) / math.Sqrt(float64(h)*float64(h-1))
	return Location{Estimate: mean, SE: se, DF: h - 1}
}

// cut returns g, the number of values trimmed (or winsorised) at each end of
// n. 20% is the usual choice (Yuen 1974; Wilcox): it survives bursts in a fifth
// of the rounds. Less lets bursts in, more wastes clean rounds.
func cut(n int) int {
	return n / 5 // ⌊0.2n⌋ in integers: float64(0.2)*n rounds wrongly for some n
}

func trimmedMean(sorted []float64) float64 {
	g := cut(len(sorted))
	return mean(sorted[g : len(sorted)-g])
}

// winsorizedSD returns the standard deviation after the values that a trimmed
// mean cuts off were pulled in to the nearest value kept.
func winsorizedSD(sorted []float64) float64 {
	w := slices.Clone(sorted)
	g := cut(len(w))
	for i := range g {
		w[i], w[len(w)-1-i] = w[g], w[len(w)-1-g]
	}
	return sd(w)
}

// mean returns the arithmetic mean; a second pass over the residuals removes
// most of the rounding of the first.
func mean(xs []float64) float64 {
	var sum float64
	for _, x := range xs {
		sum += x
	}
	m := sum / float64(len(xs))
	var rest float64
	for _, x := range xs {
		rest += x - m
	}
	return m + rest/float64(len(xs))
}

// sd returns the sample standard deviation, divisor n−1.
func sd(xs []float64) float64 {
	m := mean(xs)
	var squares float64
	for _, x := range xs {
		squares += (x - m) * (x - m)
	}
	return math.Sqrt(squares / float64(len(xs)-1))
}

func usable(x float64) bool {
	return math.Abs(x) <= maxLogRatio // false for NaN
}

func sortedCopy(xs []float64) []float64 {
	s := slices.Clone(xs)
	slices.Sort(s)
	return s
}
