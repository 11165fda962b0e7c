package experiment

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/fivegate/fivegate/workloads/load"
)

// extra is load that an arm gets besides what is measured, from an engine of its
// own: each recorded request then stands for 1+share requests' worth of the
// target's work. It makes any target slower by a known amount without a change to
// it, which is how the gate proves on a user's own target that it would see one.
type extra struct {
	engine *load.Engine
	lane   *load.Lane
	share  float64
}

func (e *extra) close() {
	if e != nil {
		e.engine.Close()
	}
}

// accompany connects what is sent to a launch besides, if its arm has such.
func (x *experiment) accompany(ctx context.Context, l *launched) error {
	share := x.cfg.Arms[l.arm].Extra
	if share <= 0 {
		return nil
	}
	engine, err := load.New(x.load)
	if err != nil {
		return err
	}
	lane, err := engine.Connect(ctx, l.proc.Addr())
	if err != nil {
		return errors.Join(err, engine.Close())
	}
	l.extra = &extra{engine: engine, lane: lane, share: share}
	return nil
}

// extraRounds keeps the numbers of unrecorded rounds away from the recorded ones',
// so that nothing is stored twice.
const extraRounds = 1 << 31

// extraOpen are the unrecorded parts of an open-loop slice of n requests: so many
// more by the share, evenly spaced over the same time.
func (x *experiment) extraOpen(ctx context.Context, lanes []*launched, request uint64, n int, rate float64) (out []func() error) {
	for _, l := range lanes {
		if l.extra == nil {
			continue
		}
		more := max(int(math.Round(l.extra.share*float64(n))), 1)
		loop := load.OpenLoop{
			Lanes: []*load.Lane{l.extra.lane}, Requests: x.cfg.Driver.Round(extraRounds+request, more), Drain: drain,
			Due: [][]int64{x.due(extraRounds+request, more, rate*float64(more)/float64(n), 0)},
		}
		out = append(out, func() error { _, err := l.extra.engine.Open(ctx, loop); return err })
	}
	return out
}

// extraClosed are the unrecorded parts of a closed-loop slice: so many more lines
// of requests, one after the other, by the share, and one at least.
func (x *experiment) extraClosed(ctx context.Context, lanes []*launched, request uint64, n int, length time.Duration) (out []func() error) {
	for _, l := range lanes {
		if l.extra == nil {
			continue
		}
		loop := load.ClosedLoop{
			Lanes: []*load.Lane{l.extra.lane}, Requests: x.cfg.Driver.Round(extraRounds+request, n), Duration: length,
			Concurrency: max(int(math.Round(l.extra.share*concurrency)), 1),
		}
		out = append(out, func() error { _, err := l.extra.engine.Closed(ctx, loop); return err })
	}
	return out
}

// alongside runs a slice while what is not recorded is sent, and waits for both.
func alongside(extra []func() error, run func() (load.Report, error)) (load.Report, error) {
	errs := make([]error, len(extra))
	var all sync.WaitGroup
	for i, send := range extra {
		all.Go(func() { errs[i] = send() })
	}
	report, err := run()
	all.Wait()
	return report, errors.Join(append(errs, err)...)
}
