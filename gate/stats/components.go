package stats

import (
	"fmt"
	"math"
)

// Components are the standard deviations, on the scale of the values, of what
// differs between blocks and of what differs between the rounds of one block.
type Components struct{ Block, Round float64 }

// Decompose splits the spread of blocks[b][j] by the one-way random-effects
// analysis of variance, moment estimators for blocks of unequal size (Searle,
// Casella & McCulloch, Variance Components, 1992, §3.6):
//
//	Round² = MS within, Block² = max(0, (MS between − MS within)/n₀),
//	n₀ = (N − Σn_b²/N)/(R − 1)
//
// It describes and decides nothing; unlike Estimate it is not robust. At least
// two blocks, and one of two rounds, are needed.
func Decompose(blocks [][]float64) (Components, error) {
	var all []float64
	var sizes []float64
	for b, rounds := range blocks {
		if len(rounds) == 0 {
			return Components{}, fmt.Errorf("%w: block %d; leave it out", ErrEmptyBlock, b)
		}
		all = append(all, rounds...)
		sizes = append(sizes, float64(len(rounds)))
	}
	n, r := float64(len(all)), float64(len(blocks))
	if r < 2 || n <= r {
		return Components{}, fmt.Errorf("%w: %d rounds in %d blocks; two blocks and a second round are needed", ErrTooFewValues, len(all), len(blocks))
	}
	grand := mean(all)
	var within, between float64
	for b, rounds := range blocks {
		m := mean(rounds)
		between += sizes[b] * (m - grand) * (m - grand)
		for _, x := range rounds {
			within += (x - m) * (x - m)
		}
	}
	within /= n - r
	between /= r - 1
	perBlock := (n - n*kish(sizes)) / (r - 1) // n₀, as Σn_b²/N = N·Σ(n_b/N)²
	return Components{Block: math.Sqrt(max(0, between-within) / perBlock), Round: math.Sqrt(within)}, nil
}
