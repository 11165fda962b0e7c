package stats

import (
	"fmt"
	"math"
	"slices"
)

// Run is one measurement of a pair that was measured several times, as far as its
// looks go. All numbers are of blocks of this run.
type Run struct {
	Looks    []int // planned looks, ascending; the last is the number of planned blocks
	Measured int   // complete blocks
	// Closed says that the last block was looked at as the run's last, wherever
	// that was: all planned blocks were measured, or the time was over. A run that
	// a look ended, or that was cut off, is not closed.
	Closed bool
}

// RunLevels returns the nominal one-sided levels of the looks that the last run
// has made, each at the evidence of all runs pooled, so that the chance of ever
// being fooled is alpha over all looks of all runs, however many follow.
//
// The first run may spend alpha·(1 − reserve); the k-th spends half of what its
// predecessors were not allowed to spend,
//
//	A_1 = alpha·(1 − reserve), A_k = alpha·reserve/2^(k−1)
//
// so that all of them together never spend more than alpha. Within a run the
// O'Brien–Fleming type function (see Boundaries) spends A_k over its own planned
// blocks. A_k does not depend on how the runs before it ended: what a run did not
// need is lost, since a plan that gave it to the next run would depend on the
// data, and its levels would not hold (Jennison & Turnbull, Group Sequential
// Methods, 2000, §7.4). What earlier looks spent stays spent: the levels are
// those of Spend over all looks in their order.
//
// One run with reserve 0 gives what Boundaries gives. ErrFractions for runs
// without looks or blocks, or with more than MaxLooks looks in all; ErrAlpha for
// an alpha outside (0, 0.5] or a reserve outside [0, 1].
func RunLevels(runs []Run, alpha, reserve float64) ([]float64, error) {
	if !(alpha > 0 && alpha <= 0.5) || !(reserve >= 0 && reserve <= 1) {
		return nil, fmt.Errorf("%w: %v with a reserve of %v", ErrAlpha, alpha, reserve)
	}
	var at []int // blocks of all runs at each look
	var spent []float64
	before, blocks, planned, last := 0.0, 0, 0, 0
	for k, run := range runs {
		allowed := alpha * (1 - reserve)
		if k > 0 {
			allowed = alpha * reserve * math.Pow(0.5, float64(k))
		}
		looks, err := run.made()
		if err != nil {
			return nil, fmt.Errorf("run %d: %w", k+1, err)
		}
		last, planned = len(at), run.Looks[len(run.Looks)-1]
		used := 0.0
		for i, n := range looks {
			used = max(used, spending(float64(n)/float64(planned), allowed))
			if run.Closed && i == len(looks)-1 {
				used = allowed
			}
			at = append(at, blocks+n)
			spent = append(spent, before+used)
		}
		before += used
		blocks += run.Measured
	}
	if len(at) == last {
		return nil, fmt.Errorf("%w: the last run has no look", ErrFractions)
	}
	fractions := make([]float64, len(at))
	for i, n := range at {
		fractions[i] = float64(n) / float64(planned)
	}
	levels, err := Spend(fractions, spent)
	if err != nil {
		return nil, err
	}
	return levels[last:], nil
}

// spending is Spending where nothing may be spent, too.
func spending(t, alpha float64) float64 {
	if alpha == 0 {
		return 0
	}
	return Spending(t, alpha)
}

// made returns the numbers of blocks at which the run was looked at.
func (r Run) made() ([]int, error) {
	if len(r.Looks) == 0 || r.Looks[0] < 1 || !slices.IsSorted(r.Looks) || r.Measured < 0 || r.Measured > r.Looks[len(r.Looks)-1] {
		return nil, fmt.Errorf("%w: looks %v after %d blocks", ErrFractions, r.Looks, r.Measured)
	}
	var looks []int
	for _, n := range r.Looks {
		if n <= r.Measured {
			looks = append(looks, n)
		}
	}
	if r.Closed && r.Measured > 0 && (len(looks) == 0 || looks[len(looks)-1] < r.Measured) {
		looks = append(looks, r.Measured)
	}
	return looks, nil
}
