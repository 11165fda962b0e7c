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
	"sync"

	"github.com/fivegate/fivegate/gate/parallel"
	"github.com/fivegate/fivegate/gate/stats"
)

// Procedure is how a check is looked at and judged.
type Procedure struct {
	Looks    []float64 // shares of the blocks of one run, ascending, the last is 1; none is before stats.MinBlocks
	Alpha    float64   // one-sided family error, of all runs together
	Reserve  float64   // share of Alpha that the first run keeps for others
	Rule     stats.Rule
	LayoutSD float64 // declared to Estimate; World.LayoutSD is the truth

	Retries int   // how often the pair is measured again at most
	Until   Until // when no more
	// Apart judges each run by itself, as if there had been none before it, and
	// believes the last.
	Apart bool

	levels *levels // remembered by all procedures that are copies of one
}

// Until says what a user who measures again waits for.
type Until uint8

// What is waited for.
const (
	UntilBlocked Until = iota // the worst case for false blocks
	UntilPassed               // the worst case for missed regressions
)

// Standard returns the rule and the looks of a check: 5% threshold, five looks,
// family error 2%, of which a fifth is kept for measuring again.
func Standard() Procedure {
	return Procedure{
		Looks: []float64{0.34, 0.5, 0.67, 0.84, 1}, Alpha: 0.02, Reserve: 0.2, LayoutSD: 0.02,
		Rule:   stats.Rule{Threshold: math.Log(1.05), PassBound: math.Log(1.10), MaxMDE: 0.12},
		levels: &levels{known: map[string][]float64{}},
	}
}

// Tally counts the ends of many checks.
type Tally struct {
	Checks, Blocked, Inconclusive, Passed, Improved int64
	Used                                            float64 // mean number of blocks measured, over those of one run
}

// Run measures and judges so many checks of world. Checks are independent and
// seeded by (seed, number of the check).
func Run(world World, procedure Procedure, checks int, seed uint64) (Tally, error) {
	results := make([]result, checks)
	parallel.For(checks, func(i int) {
		results[i] = procedure.check(world, rand.New(rand.NewPCG(seed, uint64(i))))
	})
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

// levels remembers the nominal levels of the looks of a run, which depend on how
// the runs before it ended.
type levels struct {
	mutex sync.Mutex
	known map[string][]float64
}

func (l *levels) of(runs []stats.Run, alpha, reserve float64) ([]float64, error) {
	key := fmt.Sprint(runs, alpha, reserve)
	l.mutex.Lock()
	known := l.known[key]
	l.mutex.Unlock()
	if known != nil {
		return known, nil
	}
	known, err := stats.RunLevels(runs, alpha, reserve) // by two at once rather than one after the other
	l.mutex.Lock()
	l.known[key] = known
	l.mutex.Unlock()
	return known, err
}

// looks are the numbers of blocks of a run at which it is looked at.
func (p Procedure) looks(blocks int) (out []int) {
	for _, share := range p.Looks {
		n := max(int(math.Ceil(share*float64(blocks)-1e-9)), min(stats.MinBlocks, blocks))
		if len(out) == 0 || n > out[len(out)-1] {
			out = append(out, n)
		}
	}
	return out
}

// check measures a pair until the user has what is waited for, or gives up.
func (p Procedure) check(world World, rng *rand.Rand) (r result) {
	s := world.start(rng)
	var runs []stats.Run
	looks := p.looks(world.Blocks)
	for k := range p.Retries + 1 {
		if k > 0 && p.Apart {
			s.forget()
			runs = nil
		}
		if k > 0 {
			s.again()
		}
		level, err := p.levels.of(append(runs[:len(runs):len(runs)], stats.Run{Looks: looks, Measured: world.Blocks, Closed: true}), p.Alpha, p.Reserve)
		if err != nil {
			return result{err: err}
		}
		measured := 0
		if r.outcome, measured, err = p.run(s, looks, level); err != nil {
			return result{err: err}
		}
		r.blocks += measured
		runs = append(runs, stats.Run{Looks: looks, Measured: measured, Closed: measured == world.Blocks})
		if p.Until.has(r.outcome) {
			break
		}
	}
	return r
}

// run measures one run until a look decides it, and returns its number of blocks.
func (p Procedure) run(s *state, looks []int, levels []float64) (outcome stats.Outcome, blocks int, err error) {
	before := len(s.base.used)
	for i, n := range looks {
		s.extend(before + n)
		evidence, err := s.evidence(p.LayoutSD)
		if errors.Is(err, stats.ErrTooFewBlocks) {
			continue // nothing is known yet; at the last look that is inconclusive
		}
		if err != nil {
			return 0, 0, err
		}
		d, err := stats.Decide(evidence, p.Rule, stats.Look{Level: levels[i], PassLevel: p.Alpha, Final: i == len(looks)-1})
		if err != nil {
			return 0, 0, err
		}
		if d.Outcome != stats.Continue {
			return d.Outcome, n, nil
		}
	}
	return stats.Inconclusive, looks[len(looks)-1], nil
}

func (u Until) has(outcome stats.Outcome) bool {
	if u == UntilPassed {
		return outcome == stats.Pass || outcome == stats.Improvement
	}
	return outcome == stats.Regression
}
