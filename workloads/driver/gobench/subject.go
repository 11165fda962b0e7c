package gobench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/bench"
	"github.com/fivegate/fivegate/workloads/process"
)

// subject is one benchmark, at one number of CPUs if that was asked for.
type subject struct {
	suite    *Suite
	p        *pkg
	label    string // in documents
	name     string // as printed, without the number of CPUs
	procs    int    // GOMAXPROCS that the user wants; 0: as suits it
	parallel bool   // by its source
	once     [2]line
	m        method
}

// method is how a subject is measured.
type method struct {
	mode       result.Mode
	iterations int64
	procs      int
	cpus       []int // that its processes are pinned to
	start      start // of a duet
	limit      time.Duration
	dropSpeed  bool     // B/s is the time again
	watched    []string // units that are not to be judged
}

// start is what a duet's process does beside the operations that are counted, and
// how a process that does only that is made.
type start struct {
	pattern    string
	iterations int64
	counted    int64 // operations of the whole process that it does not do
}

// few is the number of iterations under which the operations of the start-up
// process would be too large a part of those measured.
const few = 10

// nothing is a pattern that no benchmark matches.
const nothing = "^$"

// startOf says what to take off a process of n iterations. The testing package
// runs a benchmark function twice, first for one iteration (testing.B.run1, then
// launch): at n = 2 both runs take place, as at any greater n, so the difference
// is exactly n−2 operations, without the set-up, which a process with n = 1 goes
// through but once. Where operations are long and so few, one of no benchmark at
// all is taken off: there remain n operations and the first.
func (s *subject) startOf(n int64) start {
	switch {
	case n >= few:
		return start{exactly(s.name), 2, n - 2}
	case n > 1:
		return start{nothing, 1, n + 1}
	}
	return start{nothing, 1, 1} // the first iteration is the result
}

func (s *subject) Name() string { return s.label }

// Run measures one process of each place. In a duet each is preceded by one of
// the start-up alone, likewise both at once, so that what start-up costs is known
// for the layouts and the moment.
func (s *subject) Run(ctx context.Context, places ...bench.Place) ([]bench.Sample, error) {
	m := s.m
	if m.iterations == 0 { // Prepare failed in head, and it is asked whether base runs
		m = method{mode: result.ModeAlternating, iterations: 1, procs: s.wanted(), limit: time.Minute}
	}
	var before []process.Exit
	if m.mode == result.ModeDuet {
		var err error
		if before, err = s.start(ctx, m, places); err != nil {
			return nil, err
		}
	}
	exits, lines, err := s.measure(ctx, m, places)
	if err != nil {
		return nil, err
	}
	samples := make([]bench.Sample, len(places))
	for i, l := range lines {
		samples[i] = l.values
		if m.dropSpeed {
			samples[i] = without(samples[i], unitSpeed)
		}
		for j, v := range samples[i] {
			if slices.Contains(m.watched, v.Unit) {
				samples[i][j].Better = ""
			}
		}
		if m.mode != result.ModeDuet {
			continue
		}
		t := perOperation(exits[i].CPU()-before[i].CPU(), m.start.counted)
		if t <= 0 {
			return nil, &bench.Failure{Arm: places[i].Arm, Detail: "it uses no more CPU time than the start of its process"}
		}
		samples[i] = append(bench.Sample{{Unit: unitTime, Better: result.LowerIsBetter, Value: t}}, without(samples[i], unitTime)...)
	}
	return samples, nil
}

func perOperation(t time.Duration, n int64) float64 { return t.Seconds() / float64(n) }

// start runs the start-up processes of places.
func (s *subject) start(ctx context.Context, m method, places []bench.Place) ([]process.Exit, error) {
	m.iterations = m.start.iterations
	return s.processes(ctx, m, m.start.pattern, places)
}

// measure runs a process of each place and reads what it printed.
func (s *subject) measure(ctx context.Context, m method, places []bench.Place) ([]process.Exit, []line, error) {
	exits, err := s.processes(ctx, m, exactly(s.name), places)
	if err != nil {
		return nil, nil, err
	}
	lines := make([]line, len(exits))
	var failure *bench.Failure
	for i, exit := range exits {
		lines[i], err = sole(exit.Stdout, printed(s.name, m.procs))
		if err != nil {
			failure = worse(failure, places[i].Arm, err.Error())
		}
	}
	if failure != nil {
		return nil, nil, failure
	}
	return exits, lines, nil
}

// processes runs one process of each place at once; all must end well.
func (s *subject) processes(ctx context.Context, m method, pattern string, places []bench.Place) ([]process.Exit, error) {
	invocations := make([]invocation, len(places))
	for i, place := range places {
		invocations[i] = invocation{
			binary: s.p.binaries[place.Arm][place.Layout], dir: s.p.dirs[place.Arm],
			pattern: pattern, iterations: m.iterations, procs: m.procs, cpus: m.cpus,
		}
	}
	exits, err := s.suite.run(ctx, m.limit, invocations...)
	if errors.Is(err, errHangs) {
		return nil, s.hangs(ctx, m, places, invocations)
	}
	if err != nil {
		return nil, err
	}
	var failure *bench.Failure
	for i, exit := range exits {
		if exit.Status != "" {
			failure = worse(failure, places[i].Arm, brief(exit.Status, exit.Stdout, exit.Stderr))
		}
	}
	if failure != nil {
		return nil, failure
	}
	return exits, nil
}

// worse is base's failure, where both fail.
func worse(have *bench.Failure, arm int, detail string) *bench.Failure {
	if have != nil && have.Arm <= arm {
		return have
	}
	return &bench.Failure{Arm: arm, Detail: detail}
}

// hangs is the failure of processes that did not end in time.
func (s *subject) hangs(ctx context.Context, m method, places []bench.Place, invocations []invocation) error {
	i, err := s.suite.hanging(ctx, m.limit, invocations)
	if err != nil {
		return err
	}
	detail := fmt.Sprintf("it hangs: %d iterations take more than %s", m.iterations, m.limit.Round(time.Second))
	if i < 0 {
		return &bench.Failure{Arm: 0, Detail: detail + " beside the other arm"}
	}
	return &bench.Failure{Arm: places[i].Arm, Detail: detail}
}

// wanted is GOMAXPROCS as the user, or else `go test`, would have it.
func (s *subject) wanted() int {
	if s.procs > 0 {
		return s.procs
	}
	return s.suite.anyCPUs()
}
