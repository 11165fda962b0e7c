package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// manyDF is the number of degrees of freedom from which Student's t is taken
// from its expansion around the normal; the error there is below 1e-10, while
// inverting the beta function loses digits.
const manyDF = 10_000

// studentQuantile returns the upper quantile t with P(T > t) = alpha for alpha
// in (0, 0.5]. Below manyDF degrees of freedom by Newton's method on the tail,
// which is convex for t ≥ 0, so that steps from the normal quantile (never
// above t) rise to the root and cannot overshoot; above it two terms of the
// Cornish–Fisher expansion.
func studentQuantile(alpha float64, df int) float64 {
	z := max(0, normalQuantile(alpha))
	n := float64(df)
	if df >= manyDF {
		return z + (z*z*z+z)/(4*n) + (5*math.Pow(z, 5)+16*z*z*z+3*z)/(96*n*n)
	}
	high, _ := math.Lgamma((n + 1) / 2)
	low, _ := math.Lgamma(n / 2)
	scale := high - low - 0.5*math.Log(n*math.Pi)
	t := z
	for range 2000 {
		density := math.Exp(scale - (n+1)/2*math.Log1p(t*t/n))
		step := (studentTail(t, df) - alpha) / density
		if !(step > 1e-15*t) { // also ends on NaN, when the density underflows
			break
		}
		t += step
	}
	return t
}

// studentTail returns P(T > t) for t ≥ 0, without the cancellation of 1 − CDF.
func studentTail(t float64, df int) float64 {
	n := float64(df)
	if math.IsInf(t, 1) {
		return 0
	}
	return 0.5 * mathext.RegIncBeta(n/2, 0.5, n/(n+t*t))
}

// normalQuantile returns z with P(Z > z) = alpha.
func normalQuantile(alpha float64) float64 {
	return -distuv.UnitNormal.Quantile(alpha)
}

// normalTail returns P(Z > z).
func normalTail(z float64) float64 {
	return 0.5 * math.Erfc(z/math.Sqrt2)
}
