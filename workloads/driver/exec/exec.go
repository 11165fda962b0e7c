// Package exec measures any command: the time, memory and other resources of its
// whole process tree, in two arms.
package exec

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fivegate/fivegate/workloads/bench"
	"github.com/fivegate/fivegate/workloads/process"
	"github.com/fivegate/fivegate/workloads/target"
)

// Config is what is run, and how.
type Config struct {
	Name    string        // of the benchmark: the command as it was typed
	Target  target.Config // Start is the command; Env and Artifacts as for a server
	Prepare []string      // run before each run, not measured; may be empty
	Cleanup []string      // run after each run, not measured; may be empty
	WarmUp  int           // runs of each build that are not measured
	Counter Counter
	InTurn  bool          // never a duet
	Budget  time.Duration // for measuring
	DuetCPU int           // where both arms run in a duet

	Session *target.Session
	Builds  [2][]target.Build // of base and head
}

// Counter says whether instructions are counted, and by what.
type Counter string

// The counters.
const (
	CounterNone       Counter = ""
	CounterPerf       Counter = "perf"       // the processor's own
	CounterCachegrind Counter = "cachegrind" // valgrind's simulation
)

// Subject is the command as a benchmark; it is the only one of a check.
type Subject struct {
	cfg    *Config
	duet   bool
	memory bool          // peak memory can be told from gate's own size
	runs   int           // of each place and round
	limit  time.Duration // how long one run may take; 0: no limit known yet
	warm   map[bench.Place]bool
}

// New makes the subject. Session, Builds and CPU may be filled in later, before
// it is first run. The error says what a counter lacks on this machine.
func New(cfg *Config) (*Subject, error) {
	s := &Subject{cfg: cfg, runs: 1, warm: map[bench.Place]bool{}}
	switch cfg.Counter {
	case CounterNone:
		return s, nil
	case CounterPerf:
		return s, process.CanCount()
	case CounterCachegrind:
		return s, findValgrind()
	}
	return nil, fmt.Errorf("unknown counter %q: the counters are %q and %q", cfg.Counter, CounterPerf, CounterCachegrind)
}

// Name is the command.
func (s *Subject) Name() string { return s.cfg.Name }

// Run runs the command in each place, at once when there are two, as often as a
// round needs, and returns the means.
func (s *Subject) Run(ctx context.Context, places ...bench.Place) ([]bench.Sample, error) {
	for _, place := range places {
		if err := s.warmUp(ctx, place); err != nil {
			return nil, err
		}
	}
	totals := make([]total, len(places))
	for range s.runs {
		exits, err := s.once(ctx, places)
		if err != nil {
			return nil, err
		}
		for i := range exits {
			totals[i].add(exits[i])
		}
	}
	samples := make([]bench.Sample, len(places))
	for i := range totals {
		samples[i] = s.sample(totals[i])
	}
	return samples, nil
}

// warmUp runs a build for the first time, so that its files are in memory. What is
// simulated instruction by instruction needs none.
func (s *Subject) warmUp(ctx context.Context, place bench.Place) error {
	if s.warm[place] || s.cfg.Counter == CounterCachegrind {
		return nil
	}
	for range s.cfg.WarmUp {
		if _, err := s.once(ctx, []bench.Place{place}); err != nil {
			return err
		}
	}
	s.warm[place] = true
	return nil
}

// exit is the end of one run of the command.
type exit struct {
	process.Exit
	instructions float64 // by cachegrind
}

// once runs the command once in each place, between prepare and cleanup.
func (s *Subject) once(ctx context.Context, places []bench.Place) ([]exit, error) {
	for _, place := range places {
		if err := s.aside(ctx, place, "prepare", s.cfg.Prepare); err != nil {
			return nil, err
		}
	}
	exits, err := s.measured(ctx, places)
	for _, place := range places {
		if failed := s.aside(ctx, place, "cleanup", s.cfg.Cleanup); err == nil {
			err = failed
		}
	}
	return exits, err
}

// measured runs the command itself.
func (s *Subject) measured(ctx context.Context, places []bench.Place) ([]exit, error) {
	commands := make([]process.Command, len(places))
	for i, place := range places {
		commands[i] = s.command(place, s.cfg.Target.Start)
		commands[i].Count = s.cfg.Counter == CounterPerf
		if s.duet && len(places) > 1 && s.cfg.Counter != CounterCachegrind {
			commands[i].CPUs = []int{s.cfg.DuetCPU}
		}
	}
	if s.cfg.Counter == CounterCachegrind {
		return s.simulated(ctx, places, commands)
	}
	ended, err := s.run(ctx, places, commands)
	exits := make([]exit, len(ended))
	for i := range ended {
		exits[i].Exit = ended[i]
	}
	return exits, err
}

// errTooLong ends a run that takes many times what base took.
var errTooLong = errors.New("it does not end")

// run runs commands within the limit. A *bench.Failure says which one ended badly.
func (s *Subject) run(ctx context.Context, places []bench.Place, commands []process.Command) ([]process.Exit, error) {
	limited, limit := ctx, s.limit*time.Duration(len(places))
	if limit > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeoutCause(ctx, limit, errTooLong)
		defer cancel()
	}
	exits, err := process.Run(limited, commands...)
	if errors.Is(err, errTooLong) {
		last := places[len(places)-1].Arm
		if len(places) > 1 {
			last = 1 // base is run alone after this, and tells whether it hangs too
		}
		return nil, &bench.Failure{Arm: last, Detail: fmt.Sprintf("it had not ended after %s, and base takes a tenth of that at most", limit.Round(time.Second))}
	}
	if err != nil {
		return nil, err
	}
	for arm := range 2 { // base first: where both fail, the change is not to blame
		for i, place := range places {
			if why := failure(exits[i]); place.Arm == arm && why != "" {
				return nil, &bench.Failure{Arm: arm, Detail: why}
			}
		}
	}
	return exits, nil
}

// aside runs prepare or cleanup of a place; an empty command is nothing.
func (s *Subject) aside(ctx context.Context, place bench.Place, what string, argv []string) error {
	if len(argv) == 0 {
		return nil
	}
	exits, err := process.Run(ctx, s.command(place, argv))
	if err != nil {
		return err
	}
	if why := failure(exits[0]); why != "" {
		return &bench.Failure{Arm: place.Arm, Detail: what + ": " + why}
	}
	return nil
}

// command is an argument list as it runs in a place.
func (s *Subject) command(place bench.Place, argv []string) process.Command {
	build := s.cfg.Builds[place.Arm][place.Layout]
	args, env := build.Command(s.cfg.Target, argv)
	return process.Command{Argv: args, Env: env, Dir: build.Worktree, Keep: outputKept}
}

// outputKept is how much of a run's output is kept, to tell why it failed.
const outputKept = 16 << 10

// failure says in one line why a run does not count; empty when it does.
func failure(e process.Exit) string {
	why := e.Status
	if why == "" && e.Left != "" {
		return "it ended and left process " + e.Left + " behind, whose work cannot be measured: run it in the foreground, or end it before the command ends"
	}
	if why == "" {
		return ""
	}
	for _, output := range []string{e.Stderr, e.Stdout} {
		if line := lastLine(output); line != "" {
			return fmt.Sprintf("%s; it printed %q", why, line)
		}
	}
	return why
}

// longestLine bounds the part of a program's output that an error shows, in bytes.
const longestLine = 200

func lastLine(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	line := strings.TrimSpace(lines[len(lines)-1])
	return line[:min(len(line), longestLine)]
}
