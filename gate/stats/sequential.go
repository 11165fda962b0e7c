package stats

import (
	"fmt"
	"math"
)

// MaxLooks is the largest number of looks that Boundaries takes.
const MaxLooks = 40

// Boundaries returns, for each look, the nominal one-sided level at which the
// evidence at that look may be judged so that the chance of ever being fooled
// is alpha over all looks together. It spends alpha by the O'Brien–Fleming
// type function of Lan & DeMets (Biometrika 70, 1983), one-sided:
//
//	α(t) = 2 − 2Φ(z_{1−α/2}/√t)
//
// fractions are the shares of the planned information (blocks) at the looks,
// positive and ascending, in any spacing. The last look spends what is left,
// so that a run that ends before its plan (under-running) or beyond it
// (over-running, fractions over 1) still uses alpha, provided that what ended
// it was not the data. A look at which nothing is left to spend has level 0.
//
// The levels are found by numerical integration of the joint distribution of
// the statistics (Armitage, McPherson & Rowe, J. R. Stat. Soc. A 132, 1969),
// on a fine grid: exact to about 1e-9 for independent increments. Using a
// nominal level with Student's t in place of the normal is the usual
// approximation (Jennison & Turnbull 2000, §4.4); the simulations bear it out
// from 7 blocks on.
//
// ErrAlpha, ErrFractions; looks closer than a thousandth of the information
// are refused because the grid would not resolve them.
func Boundaries(fractions []float64, alpha float64) ([]float64, error) {
	if !(alpha > 0 && alpha <= 0.5) {
		return nil, fmt.Errorf("%w: %v", ErrAlpha, alpha)
	}
	spent := make([]float64, len(fractions))
	for k, t := range fractions {
		spent[k] = Spending(t, alpha)
	}
	if len(spent) > 0 {
		spent[len(spent)-1] = alpha
	}
	return Spend(fractions, spent)
}

// Spending returns α(t), the error that the O'Brien–Fleming type function has
// spent once the given share of the information is in; alpha from t = 1 on, 0
// for t ≤ 0. alpha in (0, 0.5].
func Spending(t, alpha float64) float64 {
	if !(t > 0) {
		return 0
	}
	return min(alpha, 2*normalTail(normalQuantile(alpha/2)/math.Sqrt(t)))
}

// Spend is Boundaries for any spending plan: spent[k] is the error that may
// have been spent once look k is over, non-decreasing, in [0, 0.5]. It serves
// checks that are measured again and judged on both runs together: what the
// first run spent stays spent, and the rest is for the looks that follow.
func Spend(fractions, spent []float64) ([]float64, error) {
	if err := checkLooks(fractions, spent); err != nil {
		return nil, err
	}
	levels := make([]float64, len(fractions))
	var state density
	before := 0.0
	for k, t := range fractions {
		bound := state.bound(t, spent[k]-before)
		levels[k] = min(normalTail(bound), spent[k]) // one look alone never spends more; the grid may be 1e-9 off
		before = max(before, spent[k])
		if k+1 < len(fractions) {
			state = state.next(t, bound)
		}
	}
	return levels, nil
}

func checkLooks(fractions, spent []float64) error {
	if len(fractions) == 0 || len(fractions) > MaxLooks {
		return fmt.Errorf("%w: %d looks, 1 to %d are possible", ErrFractions, len(fractions), MaxLooks)
	}
	if len(spent) != len(fractions) {
		return fmt.Errorf("%w: %d looks but %d values of spent error", ErrFractions, len(fractions), len(spent))
	}
	previous, used := 0.0, 0.0
	for k, t := range fractions {
		if !(t > 0) || math.IsInf(t, 1) || !(t-previous > 1e-3*t) {
			return fmt.Errorf("%w: look %d is at %v after %v", ErrFractions, k, t, previous)
		}
		if !(spent[k] >= used && spent[k] <= 0.5) {
			return fmt.Errorf("%w: spent error %v at look %d after %v", ErrAlpha, spent[k], k, used)
		}
		previous, used = t, spent[k]
	}
	return nil
}

// density is the sub-density of the standardised statistic of those paths that
// have crossed no boundary yet: mass[i] at z[i], after information t. The zero
// density is the start, all mass at 0.
type density struct {
	t       float64
	z, mass []float64
}

// bound returns the z at information t over which the surviving paths have
// probability increment; +Inf when there is nothing to spend.
func (d density) bound(t, increment float64) float64 {
	const highest = 38 // the normal tail underflows beyond
	if !(increment > 0) || d.above(t, highest) > increment {
		return math.Inf(1)
	}
	low, high := -highest+0.0, highest+0.0
	for range 80 {
		middle := (low + high) / 2
		if d.above(t, middle) > increment {
			low = middle
		} else {
			high = middle
		}
	}
	return high // the upper end: spends at most the increment
}

// above returns the probability that a surviving path is over z at t.
func (d density) above(t, z float64) float64 {
	if d.t == 0 {
		return normalTail(z)
	}
	step := math.Sqrt(t - d.t)
	var sum float64
	for i, from := range d.z {
		sum += d.mass[i] * normalTail((z*math.Sqrt(t)-from*math.Sqrt(d.t))/step)
	}
	return sum
}

// next returns the density after information t of the paths that stay under
// bound there.
func (d density) next(t, bound float64) density {
	z, weights := grid(bound)
	out := density{t: t, z: z, mass: make([]float64, len(z))}
	for i, to := range z {
		var f float64
		if d.t == 0 {
			f = math.Exp(-to*to/2) / math.Sqrt(2*math.Pi)
		} else {
			step := math.Sqrt(t - d.t)
			for j, from := range d.z {
				x := (to*math.Sqrt(t) - from*math.Sqrt(d.t)) / step
				if x > -9 && x < 9 { // beyond, less than 1e-17: not worth an exponential
					f += d.mass[j] * math.Exp(-x*x/2)
				}
			}
			f *= math.Sqrt(t) / (step * math.Sqrt(2*math.Pi))
		}
		out.mass[i] = f * weights[i]
	}
	return out
}

// grid returns the nodes and weights of Simpson's rule over (−∞, bound]: evenly
// spaced within ±3, ever wider beyond, as in Jennison & Turnbull 2000, ch. 19.
func grid(bound float64) (nodes, weights []float64) {
	const r = 48 // 16 gives 1e-6; 48 still takes a few milliseconds a look
	var coarse []float64
	for i := 1; i < 6*r; i++ {
		var x float64
		switch {
		case i < r:
			x = -3 - 4*math.Log(float64(r)/float64(i))
		case i <= 5*r:
			x = -3 + 3*float64(i-r)/(2*r)
		default:
			x = 3 + 4*math.Log(float64(r)/float64(6*r-i))
		}
		if x >= bound {
			break
		}
		coarse = append(coarse, x)
	}
	if !math.IsInf(bound, 1) && (len(coarse) == 0 || bound < 20) {
		coarse = append(coarse, bound)
	}
	for i, x := range coarse {
		nodes = append(nodes, x)
		weights = append(weights, 0)
		if i+1 < len(coarse) {
			nodes = append(nodes, (x+coarse[i+1])/2)
			weights = append(weights, 0)
		}
	}
	for i := 0; i+2 < len(nodes); i += 2 {
		width := nodes[i+2] - nodes[i]
		weights[i] += width / 6
		weights[i+1] += 4 * width / 6
		weights[i+2] += width / 6
	}
	return nodes, weights
}
