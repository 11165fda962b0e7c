// Package process runs programs to their end, several at the same moment if
// asked to, and says what each of them used.
package process

import (
	"context"
	"time"

	"github.com/fivegate/fivegate/workloads/target"
)

// Command is a program to run. Its standard input is empty.
type Command struct {
	Argv []string // Argv[0] is a path, relative to Dir, or is looked up in PATH
	Env  []string // the whole environment; nil: gate's own
	Dir  string   // empty: gate's own
	CPUs []int    // it may run on these only, from its first instruction; empty: on all. Not on macOS
	Keep int      // bytes of each output that are kept, the last ones; 0: 1 MiB

	Count bool // the processor counts instructions and cycles; CanCount says where it can
}

// Exit is how a command ended, and what the program and all its descendants used.
// The time of descendants that nobody waited for, as their parent ignores SIGCHLD,
// is not known to the kernel either.
type Exit struct {
	Wall time.Duration // from just before the fork to the program's end
	// MaxRSSBytes of the usage is 0 where it is not known: a command that never
	// was larger than gate.
	target.Usage
	Instructions, Cycles int64 // in user and kernel mode, where Count is set

	Stdout, Stderr string
	// Status is how the program ended: empty for exit status 0, else
	// "exit status 2", "signal: killed", or why it could not be started.
	Status string
	// Left names what still ran when the program had ended, such as
	// "4242 (sleep)". It was killed; its work is not fully in the figures.
	Left string
}

// keepDefault is how much of an output is kept where the command does not say.
const keepDefault = 1 << 20

// grace is how long descendants may outlive the program before they count as left
// behind. Chosen: those that end with it do so within a few milliseconds.
const grace = 50 * time.Millisecond

// Run starts all commands at the same moment and waits for all.
//
// Each is forked by a thread of its own that has the command's affinity already
// and waits for the others: two programs in Go then reach their main function
// 0.6 ms apart (median, on one core and on two; BenchmarkSkew), and a run takes
// 1.3 ms more than its programs. Each has a process group of its own. When ctx ends
// all are killed, and the error is ctx's cause. When Run returns, nothing of the
// commands is left, and what a command left behind is named in its Exit. A program
// that cannot be started is a Status, no error; errors are of the system, or a
// process that cannot be killed.
func Run(ctx context.Context, commands ...Command) ([]Exit, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if err := target.BecomeSubreaper(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	start := newBarrier(len(commands))
	done := make(chan error, len(commands))
	runs := make([]*run, len(commands))
	for i, command := range commands {
		runs[i] = newRun(command)
		go func() { done <- runs[i].untilEnd(ctx, start) }()
	}
	for range runs {
		if err := <-done; err != nil {
			cancel(err)
		}
	}
	// Only now, since looking at processes takes time from whoever still runs.
	exits := make([]Exit, len(runs))
	for i, r := range runs {
		if err := r.clear(); err != nil {
			cancel(err)
		}
		exits[i] = r.exit
	}
	endOrphans(runs, exits)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	return exits, nil
}

// endOrphans ends those that belong to one of the runs, nobody knows to which, and
// lays them to the charge of all: none of the figures can be trusted.
func endOrphans(runs []*run, exits []Exit) {
	oldest := 0
	for _, r := range runs {
		if r.child != nil && (oldest == 0 || r.child.PID() < oldest) {
			oldest = r.child.PID()
		}
	}
	if oldest == 0 {
		return
	}
	names := target.EndOrphans(oldest)
	for i := range exits {
		if names != "" && exits[i].Left == "" {
			exits[i].Left = names
		}
	}
}

// barrier lets all pass once all have come.
type barrier struct {
	coming chan struct{}
	open   chan struct{}
}

func newBarrier(n int) *barrier {
	b := &barrier{make(chan struct{}, n), make(chan struct{})}
	go func() {
		for range n {
			<-b.coming
		}
		close(b.open)
	}()
	return b
}

// arrive says that one has come, to stay or not.
func (b *barrier) arrive() { b.coming <- struct{}{} }

func (b *barrier) wait() { <-b.open }
