package stats

import "fmt"

// RemoveOrder returns blocks without the cost of going second: headSecond[b][j]
// says whether head was second in round j of block b. The cost is half the
// difference between the 20% trimmed means of the rounds with head second and
// with head first; it is taken off the former and added to the latter.
//
// When order is balanced (as many rounds of each kind in every block) this
// moves no estimate, and takes out of the round error what is not luck but
// order: without it, a cost of 20% makes rounds look so noisy that nothing can
// be decided. The second result is the cost, a log ratio. Where all rounds
// have the same order it cannot be told from an effect: cost 0, nothing moves.
//
// The same conditions as in Estimate hold for the values; orders that do not
// match the rounds are ErrTooFewValues.
func RemoveOrder(blocks [][]float64, headSecond [][]bool) ([][]float64, float64, error) {
	if len(headSecond) != len(blocks) {
		return nil, 0, fmt.Errorf("%w: order of %d blocks for %d", ErrTooFewValues, len(headSecond), len(blocks))
	}
	var second, first []float64
	for b, rounds := range blocks {
		if len(headSecond[b]) != len(rounds) {
			return nil, 0, fmt.Errorf("%w: order of %d rounds for %d in block %d", ErrTooFewValues, len(headSecond[b]), len(rounds), b)
		}
		for j, d := range rounds {
			switch {
			case !usable(d):
				return nil, 0, fmt.Errorf("%w: block %d, round %d is %v", ErrNotFinite, b, j, d)
			case headSecond[b][j]:
				second = append(second, d)
			default:
				first = append(first, d)
			}
		}
	}
	cost := 0.0
	if len(second) > 0 && len(first) > 0 {
		cost = (TrimmedMean(second) - TrimmedMean(first)) / 2
	}
	moved := make([][]float64, len(blocks))
	for b, rounds := range blocks {
		moved[b] = make([]float64, len(rounds))
		for j, d := range rounds {
			if headSecond[b][j] {
				moved[b][j] = d - cost
			} else {
				moved[b][j] = d + cost
			}
		}
	}
	return moved, cost, nil
}
