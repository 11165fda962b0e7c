package gobench

import (
	"context"
	"errors"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/bench"
	"github.com/fivegate/fivegate/workloads/process"
	"github.com/fivegate/fivegate/workloads/target"
)

const (
	// probeTime and probeMost bound the run by which the time of one operation is
	// learnt: a benchmark that stops the timer may take far longer than it says.
	probeTime = 5 * time.Millisecond
	probeMost = 1000
	// parallelAbove is the CPU time per elapsed time of a process, alone and not
	// pinned, that shows a benchmark to use several CPUs; the garbage collector
	// and start-up alone stay under 1.3.
	parallelAbove = 1.5
	// agreement is how far the CPU time of an operation may be from the time that
	// a solo run reports, for the benchmark to count as one that only computes. A
	// disturbed run may look as if it waited, so there are several tries.
	agreement = 0.05
	tries     = 3
	// leastShare is the least part of a benchmark's time that must be its own CPU
	// time, for the rest to be laid to a busy machine.
	leastShare = 0.2
	// patience is how long a process may take that should end in a tenth of a
	// second, before it counts as hanging: a machine may be busy for long.
	patience = 30 * time.Second
)

// kept is for how many seconds, so far, something on this machine has waited for
// a CPU, or the hypervisor has taken one away. On a busy machine that, and not the
// benchmark's own waiting, may be what its time contains beyond its CPU time. 0
// where the system does not tell.
func kept() float64 {
	host, err := target.ReadHost()
	if err != nil {
		return 0
	}
	return host.PressureS + host.StealS
}

// Prepare learns how long an operation takes in either arm, and whether the CPU
// time of a process tells the same as the benchmark does.
func (s *subject) Prepare(ctx context.Context) (bench.Method, error) {
	m := method{mode: result.ModeAlternating, procs: s.wanted(), limit: time.Minute}
	probed, err := s.probe(ctx, m)
	if err != nil {
		return bench.Method{}, err
	}
	m.iterations = max(int64(s.suite.burn.Seconds()/slowest(probed)), 1)
	// As `go test` would run it: for what alternates this is the first run.
	exits, lines, err := s.measure(ctx, m, []bench.Place{{Arm: 0}})
	if err != nil {
		return bench.Method{}, err
	}
	alone := exits[0]
	m.dropSpeed = derived(s.once[0], lines[0]) || derived(s.once[1], lines[0])
	m.limit = 20*alone.Wall + patience
	cost := 2 * alone.Wall
	if most := 4 * s.suite.burn; alone.Wall > most && m.iterations > 1 { // it works outside of what it times
		m.iterations = max(int64(float64(m.iterations)*most.Seconds()/alone.Wall.Seconds()), 1)
		cost = 2 * most
	}
	m.watched = unsteady(m.iterations, lines[0], probed[1])
	if s.mayCompute(lines[0], alone) {
		duet := m
		duet.mode, duet.procs, duet.start = result.ModeDuet, 1, s.startOf(m.iterations)
		if len(s.suite.cfg.CPUs) > 0 {
			duet.cpus = []int{s.suite.CPU}
		}
		used, err := s.computes(ctx, duet)
		var failure *bench.Failure
		if err != nil && !errors.As(err, &failure) { // one that fails at GOMAXPROCS=1 only can still take turns
			return bench.Method{}, err
		}
		if used > 0 {
			m, cost = duet, used
		}
	}
	s.m = m
	return bench.Method{Mode: m.mode, Iterations: m.iterations, Cost: cost}, nil
}

// mayCompute reports whether nothing speaks against a duet so far; alone is a run
// by itself, and what it printed.
func (s *subject) mayCompute(printed line, alone process.Exit) bool {
	usesSeveral := s.procs > 1 || s.parallel || alone.CPU() > time.Duration(parallelAbove*float64(alone.Wall))
	return !s.suite.cfg.Alternate && !usesSeveral && !customTime(printed)
}

// probe runs some operations in each arm, to learn how long one takes; where one
// is long, the run that found the benchmark has shown it.
func (s *subject) probe(ctx context.Context, m method) ([2]line, error) {
	probed := s.once
	for arm, once := range s.once {
		t, _ := once.value(unitTime)
		if t >= s.suite.burn.Seconds() {
			continue
		}
		m.iterations = int64(min(max(probeTime.Seconds()/max(t, 1e-9), 2), probeMost))
		_, lines, err := s.measure(ctx, m, []bench.Place{{Arm: arm}})
		if err != nil {
			return probed, err
		}
		probed[arm] = lines[0]
	}
	return probed, nil
}

// slowest is the seconds that one operation takes in the slower arm, and never 0.
func slowest(lines [2]line) float64 {
	base, _ := lines[0].value(unitTime)
	head, _ := lines[1].value(unitTime)
	return max(base, head, 1e-10)
}

// The Go runtime allocates now and then beside the benchmark; a process with fewer
// allocations than these in all says nothing about the benchmark's own.
const (
	strayAllocations = 32
	strayBytes       = 16384
)

// unsteady lists the units that count allocations of which n operations make too
// few to be told from the runtime's own. With more operations than the runtime
// has allocations its share vanishes, as the testing package rounds down.
func unsteady(n int64, lines ...line) (units []string) {
	for unit, stray := range map[string]float64{"allocs/op": strayAllocations, "B/op": strayBytes} {
		most := 0.0
		for _, l := range lines {
			value, _ := l.value(unit)
			most = max(most, value)
		}
		if n := float64(n); n < stray && n*most < stray {
			units = append(units, unit)
		}
	}
	return units
}

// computes reports whether both arms only compute: whether the CPU time per
// operation of a process that runs alone is the time that it reports. If so it is
// what a round of the duet takes, else 0.
func (s *subject) computes(ctx context.Context, m method) (time.Duration, error) {
	var cost time.Duration
	for arm := range armNames {
		used, err := s.computesIn(ctx, m, arm)
		if used == 0 || err != nil {
			return 0, err
		}
		cost += used
	}
	return cost, nil
}

func (s *subject) computesIn(ctx context.Context, m method, arm int) (time.Duration, error) {
	place := []bench.Place{{Arm: arm}}
	for range tries {
		before, err := s.start(ctx, m, place)
		if err != nil {
			return 0, err
		}
		waits := kept()
		exits, lines, err := s.measure(ctx, m, place)
		if err != nil {
			return 0, err
		}
		waits = kept() - waits
		said, _ := lines[0].value(unitTime)
		if leftBehind(before[0], exits[0]) {
			return 0, nil
		}
		own := perOperation(exits[0].CPU()-before[0].CPU(), m.start.counted)
		if agree(own, said, waits/float64(m.start.counted)) {
			return before[0].CPU() + exits[0].CPU(), nil
		}
	}
	return 0, nil
}

// agree reports whether the CPU time of an operation is the time that the
// benchmark says, of which so much may have been spent on waiting for a CPU. What
// uses hardly any CPU sleeps, however busy the machine is.
func agree(own, said, waited float64) bool {
	return own >= (1-agreement)*(said-waited) && own <= (1+agreement)*said && own >= leastShare*said
}

// leftBehind reports whether processes were left behind, whose CPU time is not
// known in full.
func leftBehind(exits ...process.Exit) bool {
	for _, exit := range exits {
		if exit.Left != "" {
			return true
		}
	}
	return false
}

// customTime reports whether a benchmark has units of its own that elapsed time
// enters.
func customTime(l line) bool {
	for _, v := range l.values {
		if isTime(v.Unit) {
			return true
		}
	}
	return false
}
