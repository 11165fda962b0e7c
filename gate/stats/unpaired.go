package stats

import (
	"fmt"
	"math"
)

// Unpaired returns the effect between two samples that nothing pairs, given as
// natural logarithms, + being worse:
//
//	θ  = 20% trimmed mean of head − 20% trimmed mean of base
//	SE = √(SE_base² + SE_head² + known²), each arm's by Yuen
//	df = (SE_base² + SE_head²)² / (SE_base⁴/(h_base−1) + SE_head⁴/(h_head−1))
//
// h being what trimming leaves of an arm (Yuen, Biometrika 61, 1974, the test of two
// trimmed means; the degrees of freedom are those of Welch, Biometrika 34, 1947).
//
// known is the standard deviation of what the samples cannot show, because all of
// an arm share it: the luck of its build, and of its process where there are few.
// It counts as known, which raises the degrees of freedom as in Estimate, and no
// number of samples makes it smaller. Values of an arm are taken as independent;
// values of one process are so only as far as known covers what they share.
//
// Blocks is the size of the smaller arm, so that Decide leaves an effect of fewer
// than MinBlocks samples open. All values of each arm equal and known 0 give an
// error of exactly 0.
//
// Fewer than two values give ErrTooFewValues, values that are NaN, infinite or
// beyond ±700 ErrNotFinite, and a negative or infinite known ErrLayoutSD.
func Unpaired(base, head []float64, known float64) (Effect, error) {
	if !(known >= 0) || math.IsInf(known, 1) {
		return Effect{}, fmt.Errorf("%w: %v", ErrLayoutSD, known)
	}
	b, err := Yuen(base)
	if err != nil {
		return Effect{}, fmt.Errorf("base: %w", err)
	}
	h, err := Yuen(head)
	if err != nil {
		return Effect{}, fmt.Errorf("head: %w", err)
	}
	own := math.Hypot(b.SE, h.SE)
	e := Effect{
		Theta: h.Estimate - b.Estimate, SEBlock: math.Hypot(own, known), SELayout: known,
		DFBlock: b.DF + h.DF, Blocks: min(len(base), len(head)), Rounds: len(base) + len(head),
	}
	if own > 0 {
		welch := math.Pow(own, 4) / (math.Pow(b.SE, 4)/float64(b.DF) + math.Pow(h.SE, 4)/float64(h.DF))
		e.DFBlock = max(1, int(min(welch*math.Pow(e.SEBlock/own, 4), 1e9)))
	} else if known > 0 {
		e.DFBlock = 1e9
	}
	return e, nil
}
