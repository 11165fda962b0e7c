package stats

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// upperQuantile is the Harrell–Davis estimator of tailQuantile over n values:
// weight i is the probability that a Beta((n+1)q, (n+1)(1−q)) variable falls
// into ((i−1)/n, i/n]. Against the interpolated order statistic, on simulated
// checks of 600 probes, it halves the standard deviation of θ on identical arms
// (0.33% for 0.69%) and raises the share of checks that block "2% of operations
// 1.3× slower" from 76% to 88%.
type upperQuantile struct {
	weights []float64
	values  []float64 // scratch
	others  []float64 // scratch
}

func newUpperQuantile(n int) *upperQuantile {
	return &upperQuantile{weights: harrellDavis(n), values: make([]float64, 0, n), others: make([]float64, 0, n)}
}

func harrellDavis(n int) []float64 {
	a, b := float64(n+1)*tailQuantile, float64(n+1)*(1-tailQuantile)
	weights := make([]float64, n)
	before := 0.0
	for i := range weights {
		cdf := mathext.RegIncBeta(a, b, float64(i+1)/float64(n))
		weights[i] = cdf - before
		before = cdf
	}
	return weights
}

// bootstrapSE returns the standard error of logRatio over blocks drawn with
// replacement.
func (u *upperQuantile) bootstrapSE(probes []probe, blocks int, rng *rand.Rand) float64 {
	var replicates []float64
	weights := make([]int, blocks)
	for range resamples {
		clear(weights)
		for range blocks {
			weights[rng.IntN(blocks)]++
		}
		// A sample without any reading says nothing; with 100 probes of 8
		// rounds it takes very odd data to draw one.
		if r := u.logRatio(probes, weights); !math.IsNaN(r) {
			replicates = append(replicates, r)
		}
	}
	if len(replicates) < resamples/2 {
		return math.Inf(1)
	}
	r := float64(blocks)
	return sd(replicates) * math.Sqrt(r/(r-1))
}

// logRatio returns the difference of the arms' upper quantiles (of
// logarithms) with each block counted weights times. Probes without a reading
// under these weights are left out of both arms; NaN when none is left.
func (u *upperQuantile) logRatio(probes []probe, weights []int) float64 {
	u.values, u.others = u.values[:0], u.others[:0]
	for i := range probes {
		if base, head, ok := probes[i].lowerQuartiles(weights); ok {
			u.values = append(u.values, base)
			u.others = append(u.others, head)
		}
	}
	if len(u.values) == 0 {
		return math.NaN()
	}
	w := u.weights
	if len(u.values) != len(w) {
		w = harrellDavis(len(u.values))
	}
	return weightedMean(u.others, w) - weightedMean(u.values, w)
}

// weightedMean sorts values and weighs them by rank.
func weightedMean(values, weights []float64) float64 {
	slices.Sort(values)
	var sum float64
	for i, v := range values {
		sum += weights[i] * v
	}
	return sum
}
