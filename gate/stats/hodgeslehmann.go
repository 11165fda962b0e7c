package stats

import (
	"math"
	"slices"
)

// smallSample is the size up to which all Walsh averages are sorted: 136
// values, quicker than bisection.
const smallSample = 16

// HodgesLehmann returns the median of all n(n+1)/2 Walsh averages
// (x_i + x_j)/2, i ≤ j (Hodges & Lehmann, Ann. Math. Stat. 34, 1963; also
// called the pseudo-median): the estimate of location that belongs to the
// signed-rank test, with 95% of the mean's efficiency on normal data and a
// breakdown point of 29%. Exact for every n: beyond 16 values the middle
// averages are selected by bisection over float64 values, O(64·n).
//
// It returns NaN when xs is empty or holds NaN. xs is not modified.
func HodgesLehmann(xs []float64) float64 {
	if len(xs) == 0 || slices.ContainsFunc(xs, math.IsNaN) {
		return math.NaN()
	}
	return hodgesLehmann(sortedCopy(xs))
}

func hodgesLehmann(sorted []float64) float64 {
	n := len(sorted)
	pairs := n * (n + 1) / 2
	lower, upper := (pairs-1)/2, pairs/2 // ranks from 0 of the middle averages
	if n <= smallSample {
		walsh := make([]float64, 0, smallSample*(smallSample+1)/2)
		for i, x := range sorted {
			for _, y := range sorted[i:] {
				walsh = append(walsh, midpoint(x, y))
			}
		}
		slices.Sort(walsh)
		return midpoint(walsh[lower], walsh[upper])
	}
	a := walshAt(sorted, lower)
	if upper == lower || walshUpTo(sorted, a) > upper {
		return a
	}
	return midpoint(a, walshAt(sorted, upper))
}

// walshAt returns the Walsh average of the given rank (from 0) by bisection
// over the float64 values in their numeric order.
func walshAt(sorted []float64, rank int) float64 {
	low, high := ordinal(sorted[0]), ordinal(sorted[len(sorted)-1])
	for low < high {
		middle := low + int64(uint64(high-low)/2)
		if walshUpTo(sorted, value(middle)) > rank {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return value(low)
}

// walshUpTo counts the Walsh averages that are at most v, in one pass: as i
// rises, the largest partner j that still fits can only fall.
func walshUpTo(sorted []float64, v float64) int {
	count, j := 0, len(sorted)-1
	for i := range sorted {
		for j >= i && midpoint(sorted[i], sorted[j]) > v {
			j--
		}
		if j < i {
			break
		}
		count += j - i + 1
	}
	return count
}

func midpoint(a, b float64) float64 { return a/2 + b/2 }

// ordinal maps finite float64 values to integers in the same order; the
// distance of two values is at most 2^63, so high−low fits a uint64.
func ordinal(x float64) int64 {
	bits := int64(math.Float64bits(x + 0)) // + 0 turns −0 into 0
	if bits < 0 {
		return math.MinInt64 - bits
	}
	return bits
}

// value is the inverse of ordinal.
func value(o int64) float64 {
	if o < 0 {
		return math.Float64frombits(uint64(math.MinInt64 - o))
	}
	return math.Float64frombits(uint64(o))
}
