package exec

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/bench"
	"github.com/fivegate/fivegate/workloads/target"
)

const (
	// soloRuns are the runs of each arm by which the method is chosen: enough that
	// one of them is undisturbed on a busy machine. One is enough of a run that is
	// longer than soloEnough.
	soloRuns   = 5
	soloEnough = 2 * time.Second

	// A command whose CPU time and wall time differ by no more than this share is
	// bound by the processor (docs/statistics.md §9: "a few per cent"). Of short
	// ones, the time between fork and exec, which only the wall sees, is let pass.
	idleShare   = 0.05
	idleAllowed = 1500 * time.Microsecond

	// roundTime is how long a round takes, if one run of both arms is not longer, and
	// roundShare bounds it by the budget, so that all 28 blocks fit, of two rounds in
	// turn. The mean of many short runs is worth more than one of them, and 28 rounds
	// of two seconds fit into a minute.
	roundTime  = 2 * time.Second
	roundShare = 0.8 / (28 * 2)
	mostRuns   = 200

	// A run is given up after as many times what the slowest of base took, and
	// never before leastLimit. Chosen: no change that anybody wants to measure is
	// slower by this, and the budget is not spent on a program that hangs.
	limitFactor = 10
	leastLimit  = 10 * time.Second

	// memoryMargin is by how much a command must be larger than gate for its peak
	// memory to be told, since gate may grow while it measures.
	memoryMargin = 1.25
)

// Prepare runs each arm alone, base first, and chooses the method: a duet on CPU
// time when both arms keep one core busy all the time, else in turn by the wall
// clock. A head that begins to wait is so seen by the wall, where CPU time alone
// would call it faster.
func (s *Subject) Prepare(ctx context.Context) (bench.Method, error) {
	s.duet, s.memory = !s.cfg.InTurn, true
	if s.cfg.Counter == CounterCachegrind {
		return s.prepareSimulated(ctx)
	}
	var cost time.Duration // of one run of both arms
	for arm := range 2 {
		place := bench.Place{Arm: arm}
		if err := s.warmUp(ctx, place); err != nil {
			return bench.Method{}, err
		}
		walls, err := s.alone(ctx, place)
		if err != nil {
			return bench.Method{}, err
		}
		cost += walls
	}
	round := min(roundTime.Seconds(), roundShare*s.cfg.Budget.Seconds())
	s.runs = int(min(max(math.Round(round/cost.Seconds()), 1), mostRuns))
	method := bench.Method{Mode: result.ModeAlternating, Iterations: int64(s.runs), Cost: time.Duration(s.runs) * cost}
	if s.duet {
		method.Mode = result.ModeDuet
	}
	return method, nil
}

// alone runs one arm a few times, learns from it, and returns what one run takes
// with prepare and cleanup.
func (s *Subject) alone(ctx context.Context, place bench.Place) (time.Duration, error) {
	bound, slowest := false, time.Duration(0)
	began, runs := time.Now(), 0
	for runs < soloRuns && (runs == 0 || time.Since(began) < soloEnough) {
		exits, err := s.once(ctx, []bench.Place{place})
		if err != nil {
			return 0, err
		}
		e := exits[0]
		runs++
		slowest = max(slowest, e.Wall)
		// What it waited for a CPU, on a busy machine, is not the program's.
		idle, allowed := e.Wall-e.CPU()-e.Delay, time.Duration(idleShare*float64(e.Wall))
		if e.CPU()-e.Wall > allowed { // more than one core: a parallel program, however it was disturbed
			s.duet = false
		}
		bound = bound || idle <= max(allowed, idleAllowed)
		s.memory = s.memory && float64(e.MaxRSSBytes) > memoryMargin*float64(target.OwnUsage().MaxRSSBytes)
	}
	s.duet = s.duet && bound
	if place.Arm == 0 {
		s.limit = max(limitFactor*slowest, leastLimit)
	}
	return time.Since(began) / time.Duration(runs), nil
}

// Notes say what a user would else wonder about. To be asked after Prepare.
func (s *Subject) Notes() []string {
	var notes []string
	if s.cfg.Counter != CounterCachegrind && !s.memory {
		notes = append(notes, fmt.Sprintf("peak memory is not measured: the command is not clearly larger than gate itself (%d MiB), below which the kernel does not tell",
			target.OwnUsage().MaxRSSBytes>>20))
	}
	return notes
}
