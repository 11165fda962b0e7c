package experiment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/target"
)

const stopGrace = 5 * time.Second

// Loading says when the dataset is put into a target.
type Loading int

// The ways of loading.
const (
	// LoadOnce fills the first launch of an arm. Later ones start on a copy of its
	// data directory, if they come back with the dataset.
	LoadOnce Loading = iota
	// LoadAlways fills every launch: whether a copy holds the dataset cannot be told.
	LoadAlways
	// LoadNever takes the target as it is.
	LoadNever
)

// launched is what is measured, with its place in the document.
type launched struct {
	arm   int
	index int // into doc.Launches
	proc  instance
	lane  *load.Lane
	extra *extra // nil where nothing is sent besides
	keep  bool   // its data directory outlives it
}

// instance is a process of an arm, or a server that was running already.
type instance interface {
	Addr() string
	DataDir() string
	CPU() time.Duration
	Sample() target.Sample
	Exited() <-chan struct{}
	ExitStatus() string
	Output() string
	OwnsPort(ctx context.Context) error
	Stop(ctx context.Context, grace time.Duration) (target.Stopped, error)
}

// running is a server that was running already, at an address. It is neither
// started nor stopped, whose it is cannot be proven, and what it uses is not known.
type running string

func (r running) Addr() string                 { return string(r) }
func (running) DataDir() string                { return "" }
func (running) CPU() time.Duration             { return 0 }
func (running) Sample() target.Sample          { return target.Sample{} }
func (running) Exited() <-chan struct{}        { return nil }
func (running) ExitStatus() string             { return "" }
func (running) Output() string                 { return "" }
func (running) OwnsPort(context.Context) error { return nil }
func (running) Stop(context.Context, time.Duration) (target.Stopped, error) {
	return target.Stopped{}, nil
}

// join is the launch of an arm that is running already: it gets a place in the
// document, and the warm connections.
func (x *experiment) join(ctx context.Context, arm int) (*launched, error) {
	a := x.cfg.Arms[arm]
	l := &launched{arm: arm, index: len(x.doc.Launches), proc: running(a.Addr)}
	x.doc.Launches = append(x.doc.Launches, result.Launch{ID: l.index, Arm: a.Name, StartS: x.at(), Ended: result.EndedAborted})
	x.event(l, result.EventNotStarted, a.Addr)
	if err := x.fill(ctx, l); err != nil {
		return nil, errors.Join(err, x.stop(ctx, l, result.EndedAborted))
	}
	return l, nil
}

// launch starts one process of an arm, gives it the dataset and opens the warm
// connections to it.
func (x *experiment) launch(ctx context.Context, arm, block, layout, order int) (*launched, error) {
	a := x.cfg.Arms[arm]
	began := time.Now()
	rec := result.Launch{
		ID: len(x.doc.Launches), Arm: a.Name, Block: block, Layout: a.Builds[layout].Layout, Order: order,
		StartS: x.at(), Ended: result.EndedAborted,
	}
	data, err := x.cfg.Session.DataDir(a.Name)
	if err != nil {
		return nil, err
	}
	if x.prepared[arm] != "" {
		if err := target.CopyDir(x.prepared[arm], data); err != nil {
			return nil, err
		}
		rec.LoadS = time.Since(began).Seconds()
	}
	proc, err := x.cfg.Session.Start(ctx, target.LaunchSpec{
		Config: a.Start, Build: a.Builds[layout], DataDir: data, CPUs: x.cfg.TargetCPUs, Name: a.Name,
	})
	if err != nil {
		return nil, err
	}
	rec.ReadyS = proc.ReadyIn().Seconds()
	x.doc.Launches = append(x.doc.Launches, rec)
	l := &launched{arm: arm, index: rec.ID, proc: proc}
	if err := x.fill(ctx, l); err != nil {
		return nil, errors.Join(err, x.stop(ctx, l, result.EndedAborted))
	}
	return l, nil
}

// fill loads the dataset where it was not copied, makes sure that it is there,
// and connects.
func (x *experiment) fill(ctx context.Context, l *launched) error {
	name := x.cfg.Arms[l.arm].Name
	if x.prepared[l.arm] == "" && x.cfg.Loading != LoadNever {
		began := time.Now()
		err := x.cfg.Driver.Load(ctx, l.proc.Addr(), func(done, total int) {
			x.observe(Progress{Phase: "load", Detail: name, Done: done, Total: total})
		})
		if err != nil {
			return fmt.Errorf("load the dataset into %s: %w", name, x.explain(l, err))
		}
		x.rec(l).LoadS = time.Since(began).Seconds()
	}
	if err := x.cfg.Driver.Verify(ctx, l.proc.Addr()); err != nil {
		return fmt.Errorf("verify the dataset of %s: %w", name, x.explain(l, err))
	}
	x.event(l, "dataset-ready", "")
	if err := l.proc.OwnsPort(ctx); err != nil {
		return err
	}
	addr := cmp.Or(x.cfg.Arms[l.arm].Divert, l.proc.Addr())
	lane, err := x.engine.Connect(ctx, addr)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", name, x.explain(l, err))
	}
	l.lane = lane
	return x.accompany(ctx, l)
}

func (x *experiment) rec(l *launched) *result.Launch { return &x.doc.Launches[l.index] }

func (x *experiment) event(l *launched, name, detail string) {
	r := x.rec(l)
	r.Events = append(r.Events, result.Event{AtS: x.at(), Name: name, Detail: detail})
}

// explain adds to an error that the target has exited, if it has, with its last
// words.
func (x *experiment) explain(l *launched, err error) error {
	select {
	case <-l.proc.Exited():
		return fmt.Errorf("%w; the target exited: %s%s", err, l.proc.ExitStatus(), lastWords(l.proc.Output()))
	default:
		return err
	}
}

func lastWords(output string) string {
	if output == "" {
		return ", without a word"
	}
	return "; its last output:\n" + output
}

// stop ends a launch and records how it ended.
func (x *experiment) stop(ctx context.Context, l *launched, ended result.Ended) error {
	if l.lane != nil {
		l.lane.Close()
	}
	l.extra.close()
	x.rec(l).Ended = ended
	// The process is stopped also when the check has been cancelled.
	stopped, err := l.proc.Stop(context.WithoutCancel(ctx), stopGrace)
	if err != nil {
		return fmt.Errorf("stop %s: %w", x.cfg.Arms[l.arm].Name, err)
	}
	if stopped.Died && ended == result.EndedStopped { // after its last slice, so that no request saw it
		x.rec(l).Ended = result.EndedCrashed
		err = x.crashed(l)
	}
	if dir := l.proc.DataDir(); dir != "" && !l.keep {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// sample appends the target's resources to the launch's series, where they are
// known.
func (x *experiment) sample(l *launched, s target.Sample, cpu float64) {
	if _, unknown := l.proc.(running); unknown {
		return
	}
	now := x.at()
	add := func(name string, v float64) {
		r := x.rec(l)
		for i := range r.Series {
			if r.Series[i].Name == name {
				r.Series[i].AtS = append(r.Series[i].AtS, now)
				r.Series[i].Values = append(r.Series[i].Values, v)
				return
			}
		}
		r.Series = append(r.Series, result.Series{Name: name, AtS: []float64{now}, Values: []float64{v}})
	}
	add("rss_bytes", float64(s.RSSBytes))
	add("threads", float64(s.Threads))
	add("descriptors", float64(s.Descriptors))
	add("cpu_s", cpu)
}
