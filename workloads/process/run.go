package process

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/fivegate/fivegate/workloads/target"
)

// markVariable is in the environment of a command's processes, with a value of its
// own for each run and of equal length for all, so that they are found wherever
// they go.
const markVariable = "FIVEGATE_COMMAND"

// drainTime is how long the last output may take to be read. Chosen: it is at
// hand, unless somebody outside the run holds the other end.
const drainTime = time.Second

// run is one command on its way.
type run struct {
	command Command
	spawner *target.Spawner // its thread must outlive the child, or the kernel kills it
	child   *target.Child   // nil when it could not be started
	out     *output
	err     *output
	counts  counts
	exit    Exit
}

func newRun(command Command) *run {
	keep := command.Keep
	if keep <= 0 {
		keep = keepDefault
	}
	return &run{
		command: command, spawner: target.NewSpawner(),
		out: &output{kept: target.NewRing(keep)}, err: &output{kept: target.NewRing(keep)},
	}
}

// untilEnd starts the program together with the others, and returns when it has
// ended. It arrives at the barrier whatever happens.
func (r *run) untilEnd(ctx context.Context, start *barrier) error {
	arrive := sync.OnceFunc(start.arrive)
	defer arrive()
	var began time.Time
	err := r.start(func() error {
		if r.command.Count {
			if err := r.counts.open(); err != nil {
				return err
			}
		}
		arrive()
		start.wait()
		began = time.Now()
		return nil
	})
	if r.child == nil {
		return err
	}
	stop := context.AfterFunc(ctx, r.child.Kill)
	state, used, ended, err := r.child.Wait()
	r.exit.Wall = ended.Sub(began)
	stop()
	if err != nil {
		return fmt.Errorf("wait for %s: %w", r.command.Argv[0], err)
	}
	r.exit.Usage = used
	if !state.Success() {
		r.exit.Status = state.String()
	}
	return nil
}

// start forks the program. A program that is not there becomes a Status.
func (r *run) start(hold func() error) error {
	if len(r.command.Argv) == 0 {
		return errors.New("run: the command is empty")
	}
	if r.command.Dir != "" {
		if _, err := os.Stat(r.command.Dir); err != nil {
			r.exit.Status = "its directory: " + err.Error()
			return nil
		}
	}
	program, err := target.FindProgram(r.command.Argv[0], r.command.Dir)
	if err != nil {
		r.exit.Status = err.Error()
		return nil
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	out, err := r.out.open()
	if err != nil {
		return err
	}
	defer out.Close()
	errs, err := r.err.open()
	if err != nil {
		return err
	}
	defer errs.Close()
	mark, err := newMark()
	if err != nil {
		return err
	}
	env := r.command.Env
	if env == nil {
		env = os.Environ()
	}
	attr := os.ProcAttr{Dir: r.command.Dir, Env: append(slices.Clone(env), mark), Files: []*os.File{null, out, errs}}
	r.child, err = r.spawner.StartChild(r.command.CPUs, program, r.command.Argv, attr, mark, hold)
	if notStarted := (*os.PathError)(nil); errors.As(err, &notStarted) {
		r.exit.Status = err.Error() // not executable, no such directory, wrong format
		return nil
	}
	return err
}

// clear ends what is left of the run, and completes its Exit.
func (r *run) clear() error {
	var err error
	if r.child != nil {
		var orphans target.Usage
		r.exit.Left, orphans, err = r.child.Clear(grace)
		r.exit.Usage.Add(orphans)
		if r.command.Count {
			var failed error
			r.exit.Instructions, r.exit.Cycles, failed = r.counts.read()
			err = errors.Join(err, failed)
		}
		// A forked process has gate's size until it runs the program, and the kernel
		// counts that as the program's.
		if own := target.OwnUsage().MaxRSSBytes; r.exit.MaxRSSBytes <= own {
			r.exit.MaxRSSBytes = 0
		}
	}
	r.spawner.Close()
	r.counts.close()
	r.exit.Stdout, r.exit.Stderr = r.out.close(), r.err.close()
	return err
}

// counts are the counters of a run.
type counts struct{ instructions, cycles *counter }

// open makes counters for what this thread forks from now on.
func (c *counts) open() (err error) {
	if c.instructions, err = openCounter(instructions); err == nil {
		c.cycles, err = openCounter(cycles)
	}
	return err
}

func (c *counts) read() (instructions, cycles int64, err error) {
	if instructions, err = c.instructions.read(); err == nil {
		cycles, err = c.cycles.read()
	}
	return instructions, cycles, err
}

func (c *counts) close() {
	for _, open := range []*counter{c.instructions, c.cycles} {
		if open != nil {
			_ = open.close() // only read
		}
	}
}

func newMark() (string, error) {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	return markVariable + "=" + hex.EncodeToString(random[:]), nil
}

// output keeps the end of what a command prints.
type output struct {
	kept    *target.Ring
	reader  *os.File // nil before open
	drained chan struct{}
}

// open returns the end to write to, which the caller closes after the fork.
func (o *output) open() (*os.File, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	o.reader, o.drained = reader, make(chan struct{})
	go func() {
		defer close(o.drained)
		_, _ = io.Copy(o.kept, reader) // ends with the last writer, or with close
	}()
	return writer, nil
}

// close waits for the last of the output and returns what was kept.
func (o *output) close() string {
	if o.reader == nil {
		return ""
	}
	select {
	case <-o.drained:
	case <-time.After(drainTime):
	}
	_ = o.reader.Close() // only read; ends the copy where somebody holds the other end
	<-o.drained
	return o.kept.String()
}
