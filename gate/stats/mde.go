package stats

import "math"

// MDE returns the minimum detectable effect as a fraction (0.08 is 8%): the
// slow-down whose lower bound at one-sided level alpha is above 0 with the
// given power,
//
//	exp(H(alpha) + z_power·SE_eff) − 1
//
// H holds Student's t in place of the specification's normal quantile, so that
// the promise also holds with few blocks. alpha is the level of one metric
// (family level over number of metrics). +Inf where nothing can be said.
func (e Effect) MDE(alpha, power float64) float64 {
	return math.Expm1(e.detectable(alpha, power, 0))
}

// Caught returns, as a fraction, the slow-down that the rule blocks with the
// given power when it also demands θ > threshold (a log ratio): the larger of
// the MDE and exp(threshold + z_power·SE_eff) − 1. An effect of exactly the
// threshold is caught half of the time, however long one measures.
func (e Effect) Caught(alpha, power, threshold float64) float64 {
	return math.Expm1(e.detectable(alpha, power, threshold))
}

func (e Effect) detectable(alpha, power, threshold float64) float64 {
	if !(power > 0 && power < 1) {
		return math.Inf(1)
	}
	h, se := e.widest(alpha)
	return max(h, threshold) + normalQuantile(1-power)*se
}

// maxBlocksNeeded ends the search of BlocksNeeded; with a block of ten seconds
// it is more than a day.
const maxBlocksNeeded = 10_000

// BlocksNeeded returns the number of blocks, at least those measured already,
// at which the MDE at level alpha and the given power would be no more than
// target (a fraction), if further blocks are like those measured: round and
// block errors fall with 1/√blocks, the layout error does not fall. The second
// result is false when no number up to 10,000 would do; more layouts, and not
// more time, is then the remedy if SELayout is large.
func (e Effect) BlocksNeeded(alpha, power, target float64) (int, bool) {
	if e.Blocks < 1 || !(e.MDE(alpha, power) < math.Inf(1)) {
		return 0, false
	}
	enough := func(blocks int) bool { return e.scaled(blocks).MDE(alpha, power) <= target }
	if !enough(maxBlocksNeeded) {
		return 0, false
	}
	low, high := e.Blocks, maxBlocksNeeded
	for low < high {
		if middle := (low + high) / 2; enough(middle) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low, true
}

// scaled returns the effect as it would be after so many blocks like these.
func (e Effect) scaled(blocks int) Effect {
	if blocks <= e.Blocks {
		return e
	}
	ratio := float64(blocks) / float64(e.Blocks)
	s := e
	s.Blocks = blocks
	s.Rounds = int(float64(e.Rounds) * ratio)
	s.SERound = e.SERound / math.Sqrt(ratio)
	s.DFRound = int(float64(e.DFRound) * ratio)
	own := math.Sqrt(max(0, e.SEBlock*e.SEBlock-e.SELayout*e.SELayout)) / math.Sqrt(ratio)
	s.SEBlock = math.Hypot(own, e.SELayout)
	s.DFBlock = int(min(1e9, float64(e.DFBlock)*ratio))
	return s
}
