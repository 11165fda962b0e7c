package stats

import (
	"cmp"
	"math"
	"slices"
)

// Holm says which of the hypotheses with these p-values are rejected when the
// chance of any false rejection is to stay at most alpha (Holm, Scand. J.
// Stat. 6, 1979): in ascending order, the i-th of m is rejected while its
// p-value is at most alpha/(m−i), i from 0. It holds under any dependence and
// rejects all that Bonferroni's rule rejects. A NaN is never rejected.
func Holm(pvalues []float64, alpha float64) []bool {
	m := len(pvalues)
	order := make([]int, m)
	for i := range order {
		order[i] = i
	}
	key := func(i int) float64 {
		if math.IsNaN(pvalues[i]) {
			return math.Inf(1)
		}
		return pvalues[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(key(a), key(b)) })
	rejected := make([]bool, m)
	for i, at := range order {
		if !(alpha > 0 && pvalues[at] <= alpha/float64(m-i)) {
			break
		}
		rejected[at] = true
	}
	return rejected
}
