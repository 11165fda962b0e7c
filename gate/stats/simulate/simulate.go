// Package simulate proves the decision rule of package stats on worlds whose
// truth is known: it draws the log ratios that a check would measure, with the
// disturbances of real machines, judges them look by look exactly as a check
// does, and counts what came of it.
//
// It draws log ratios, not requests: what a duet, a slow clock or a queue does
// to them is an input here (see World), taken from measurements. The same seed
// gives the same counts, on any number of processors.
package simulate

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/fivegate/fivegate/gate/stats"
)

// Procedure is how a check is looked at and judged.
type Procedure struct {
	Looks    []float64 // shares of the blocks of one run, ascending, the last is 1
	Alpha    float64   // one-sided family error
	Rule     stats.Rule
	LayoutSD float64 // declared to Estimate; World.LayoutSD is the truth
	// Retries is how often a pair that was not blocked is measured again, with
	// everything measured so far judged together after each run.
	Retries int
	// FirstRun is the share of Alpha that the first run may spend when there
	// are retries. At 1 every judgement after it uses Alpha anew, which is
	// what naive pooling does.
	FirstRun float64
}

// Standard returns the rule and the looks of a check: 5% threshold, looks after
// a half, three quarters and all of the blocks, family error 2%.
func Standard() Procedure {
	return Procedure{
		Looks: []float64{0.5, 0.75, 1}, Alpha: 0.02, LayoutSD: 0.02, FirstRun: 1,
		Rule: stats.Rule{Threshold: math.Log(1.05), PassBound: math.Log(1.10), MaxMDE: 0.12},
	}
}

// Tally counts the ends of many checks.
type Tally struct {
	Checks, Blocked, Inconclusive, Passed, Improved int64
	Used                                            float64 // mean share of the planned blocks measured
}

// Run measures and judges so many checks of world. Checks are independent and
// seeded by (seed, number of the check).
func Run(world World, procedure Procedure, checks int, seed uint64) (Tally, error) {
	levels, err := procedure.levels()
	if err != nil {
		return Tally{}, err
	}
	results := make([]result, checks)
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() {
			for i := w; i < checks; i += workers {
				rng := rand.New(rand.NewPCG(seed, uint64(i)))
				results[i] = procedure.check(world, levels, rng)
			}
		})
	}
	group.Wait()
	return total(results, world.Blocks)
}

// result is the end of one check.
type result struct {
	outcome stats.Outcome
	blocks  int
	err     error
}

func total(results []result, planned int) (Tally, error) {
	t := Tally{Checks: int64(len(results))}
	blocks := 0
	for i, r := range results {
		if r.err != nil {
			return Tally{}, fmt.Errorf("check %d: %w", i, r.err)
		}
		blocks += r.blocks
		switch r.outcome {
		case stats.Regression:
			t.Blocked++
		case stats.Pass:
			t.Passed++
		case stats.Improvement:
			t.Improved++
		default:
			t.Inconclusive++
		}
	}
	t.Used = float64(blocks) / float64(len(results)*planned)
	return t, nil
}

// levels returns the nominal level of each look: those of the first run, then
// one after each retry.
func (p Procedure) levels() ([]float64, error) {
	if len(p.Looks) == 0 {
		return nil, fmt.Errorf("%w: a procedure needs a look", stats.ErrFractions)
	}
	if p.Retries == 0 || p.FirstRun == 1 {
		levels, err := stats.Boundaries(p.Looks, p.Alpha)
		for range p.Retries {
			levels = append(levels, p.Alpha)
		}
		return levels, err
	}
	var fractions, spent []float64
	for _, t := range p.Looks {
		fractions = append(fractions, t)
		spent = append(spent, stats.Spending(t, p.Alpha*p.FirstRun))
	}
	for r := range p.Retries {
		fractions = append(fractions, float64(r+2))
		spent = append(spent, p.Alpha*(p.FirstRun+(1-p.FirstRun)*float64(r+1)/float64(p.Retries)))
	}
	return stats.Spend(fractions, spent)
}

// check runs one check to its end. With retries, the worst case is taken: the
// pair is measured again although it passed, until it is blocked.
func (p Procedure) check(world World, levels []float64, rng *rand.Rand) result {
	s := world.start(rng)
	var r result
	for k, level := range levels {
		look := p.Looks[min(k, len(p.Looks)-1)]
		runs := max(0, k-len(p.Looks)+1) // complete runs before this one
		r.blocks = runs*world.Blocks + int(look*float64(world.Blocks)+0.5)
		s.extend(r.blocks)
		evidence, err := s.evidence(p.LayoutSD)
		if errors.Is(err, stats.ErrTooFewBlocks) {
			continue // nothing is known yet; at the last look that is inconclusive
		}
		if err != nil {
			return result{err: err}
		}
		final := k >= len(p.Looks)-1
		d, err := stats.Decide(evidence, p.Rule, stats.Look{Level: level, PassLevel: p.Alpha, Final: final})
		if err != nil {
			return result{err: err}
		}
		r.outcome = d.Outcome
		passed := d.Outcome == stats.Pass || d.Outcome == stats.Improvement
		if d.Outcome == stats.Regression || passed && p.Retries == 0 {
			break
		}
	}
	return r
}
