package experiment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// prepareBlock marks the launches that load datasets and calibrate; they belong
// to no block and are kept out of the document.
const prepareBlock = -1

// prepare launches an arm, loads the dataset, stops it in good order and keeps
// its data directory, so that a slow load is paid once. A copy is then started,
// to learn whether the target comes back with its data; if it does not, every
// launch loads anew. Base's capacity is measured on the way.
func (x *experiment) prepare(ctx context.Context, arm int) error {
	defer func() { x.doc.Launches = x.doc.Launches[:0] }()
	x.observe(Progress{Phase: "load", Detail: x.cfg.Arms[arm].Name})
	l, err := x.launch(ctx, arm, prepareBlock, 0, 0)
	if err != nil {
		return err
	}
	start := time.Duration((x.rec(l).ReadyS + x.rec(l).LoadS) * float64(time.Second))
	l.keep = x.cfg.Loading == LoadOnce
	data := l.proc.DataDir()
	if err := x.stop(ctx, l, result.EndedStopped); err != nil {
		return err
	}
	if l.keep {
		x.prepared[arm] = data
	}
	began := time.Now()
	l, err = x.launch(ctx, arm, prepareBlock, 0, 0)
	if err == nil {
		start = time.Since(began)
	} else if ctx.Err() == nil {
		x.prepared[arm] = ""
		l, err = x.launch(ctx, arm, prepareBlock, 0, 0)
	}
	if err != nil {
		return err
	}
	x.costs.Start = max(x.costs.Start, start)
	if arm == 0 {
		err = x.calibrate(ctx, l)
	}
	began = time.Now()
	err = errors.Join(err, x.stop(ctx, l, result.EndedStopped))
	x.costs.Stop = max(x.costs.Stop, 2*time.Since(began))
	return err
}

// calibrate measures base's closed-loop capacity, alone on the target's cores.
func (x *experiment) calibrate(ctx context.Context, l *launched) error {
	x.observe(Progress{Phase: "calibrate", Detail: x.cfg.Arms[l.arm].Name})
	const guess = 20000 // requests per second; the loop ends when the list is used up
	for _, length := range []time.Duration{calibrated / 3, calibrated} {
		n := guess
		if x.capacity > 0 {
			n = int(2 * x.capacity)
		}
		report, err := x.saturate(ctx, []*launched{l}, x.nextRound(), int(float64(n)*length.Seconds()), length)
		if err != nil {
			return err
		}
		r := report.Lanes[0]
		if err := x.alive(l, r); err != nil {
			return err
		}
		var completed int64
		for _, op := range r.Operations {
			completed += op.Completed
		}
		if completed == 0 {
			return fmt.Errorf("%s answered none of %d requests as expected: %s", x.cfg.Arms[l.arm].Name, r.Sent, errorKinds(r.Operations))
		}
		x.capacity = float64(completed) / r.Duration.Seconds()
	}
	return nil
}

// errorKinds lists the errors of a slice, most frequent first.
func errorKinds(ops []result.Operation) string {
	total := map[string]int64{}
	for _, op := range ops {
		for kind, n := range op.Errors {
			total[kind] += n
		}
	}
	out := ""
	for len(total) > 0 {
		most := ""
		for kind, n := range total {
			if most == "" || n > total[most] || n == total[most] && kind < most {
				most = kind
			}
		}
		if out != "" {
			out += ", "
		}
		out += fmt.Sprintf("%d %s", total[most], most)
		delete(total, most)
	}
	return out
}
