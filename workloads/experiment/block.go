package experiment

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// TargetError says that a target ended or stopped answering while it was being
// measured.
type TargetError struct {
	Arm    string
	Block  int // from 1; 0 is before the first
	Ended  result.Ended
	Detail string
}

func (e *TargetError) Error() string {
	when := fmt.Sprintf("in block %d", e.Block)
	if e.Block == 0 {
		when = "before the first block"
	}
	return fmt.Sprintf("%s %s %s: %s", e.Arm, e.Ended, when, e.Detail)
}

// block launches both arms, warms them up, measures the rounds and stops them.
func (x *experiment) block(ctx context.Context, b Block) (err error) {
	pair := make([]*launched, 2) // by arm
	defer func() { err = x.stopAll(ctx, pair, err) }()
	for order, arm := range b.Order {
		if pair[arm], err = x.launch(ctx, arm, b.Index, b.Layouts[arm], order); err != nil {
			return err
		}
	}
	for _, l := range pair {
		x.rec(l).Probes = result.NewProbes(len(b.First), len(x.cfg.Driver.Probes()))
	}
	if err := x.warmUp(ctx, pair); err != nil {
		return err
	}
	for round, first := range b.First {
		if err := x.measureRound(ctx, pair, b.Index, round, first); err != nil {
			return err
		}
	}
	if b.Solo {
		for _, arm := range b.Order {
			if err := x.solo(ctx, pair[arm], b.Index); err != nil {
				return err
			}
		}
	}
	return nil
}

// stopAll stops the launches and records how each ended: by our will, by its own
// fault, or because of the error that ends the block.
func (x *experiment) stopAll(ctx context.Context, lanes []*launched, err error) error {
	var fault *TargetError
	errors.As(err, &fault)
	ended := result.EndedStopped
	if err != nil {
		ended = result.EndedAborted
	}
	for _, l := range lanes {
		switch {
		case l == nil:
		case fault != nil && fault.Arm == x.cfg.Arms[l.arm].Name:
			err = errors.Join(err, x.stop(ctx, l, fault.Ended))
		default:
			err = errors.Join(err, x.stop(ctx, l, ended))
		}
	}
	return err
}

// measureRound is one open-loop and one closed-loop slice of each arm.
func (x *experiment) measureRound(ctx context.Context, pair []*launched, block, round, first int) error {
	lanes := []*launched{pair[first], pair[1-first]}
	id := sliceID{block: block, round: round, mode: x.doc.Plan.Mode}
	err := x.punctually(lanes, func() error {
		id.request = x.nextRound()
		for _, group := range x.groups(lanes) {
			if err := x.openSlice(ctx, group, id, x.doc.Plan.RatePerS, openPart); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return x.closedSlices(ctx, lanes, id)
}

// roundTries is how often a round is measured until the engine was not its limit.
// Chosen: a neighbour's burst or a theft by the hypervisor lasts about that long.
const roundTries = 3

// punctually measures open-loop slices. When the engine was the limit of one, all
// of them are dropped and measured again, which favours no arm; the launches'
// events keep count. The last try is recorded as it is, for the verdict to deal
// with.
func (x *experiment) punctually(lanes []*launched, measure func() error) error {
	for try := 1; ; try++ {
		kept := len(x.doc.Slices)
		if err := measure(); err != nil {
			return err
		}
		limit := limitOf(x.doc.Slices[kept:])
		// A failed request is never thrown away with its slice.
		if limit == "" || try == roundTries || errorKinds(operations(x.doc.Slices[kept:])) != "" {
			return nil
		}
		x.doc.Slices = x.doc.Slices[:kept]
		for _, l := range lanes {
			x.event(l, result.EventRoundRepeated, limit)
		}
	}
}

// limitOf is why the engine was the limit of any of the slices; empty if it was
// not.
func limitOf(slices []result.Slice) string {
	for i := range slices {
		if l := slices[i].Engine.Limited; l != "" {
			return l
		}
	}
	return ""
}

// operations are those of all the slices.
func operations(slices []result.Slice) (ops []result.Operation) {
	for i := range slices {
		ops = append(ops, slices[i].Operations...)
	}
	return ops
}

// groups are the launches that are driven at once: both in a duet, one after
// the other in alternation.
func (x *experiment) groups(lanes []*launched) [][]*launched {
	if x.cfg.Alternate {
		return [][]*launched{lanes[:1], lanes[1:]}
	}
	return [][]*launched{lanes}
}

// solo measures one arm alone at the scenario's own rate, for absolute numbers.
func (x *experiment) solo(ctx context.Context, l *launched, block int) error {
	rate := min(x.cfg.Scenario.Arrival.RatePerS, soloShare*x.capacity)
	id := sliceID{block: block, mode: result.ModeSolo, request: x.nextRound()}
	if err := x.openSlice(ctx, []*launched{l}, id, rate, openPart); err != nil {
		return err
	}
	return x.closedSlices(ctx, []*launched{l}, id)
}

// nextRound gives each round three numbers of its own in the whole experiment, one
// for the requests of its open loop and the next for those of its closed loop,
// there and back, so that nothing is stored twice. It collects the garbage of the
// last round.
func (x *experiment) nextRound() uint64 {
	x.round += 3
	runtime.GC()
	return x.round
}

// Warm-up: slices are offered until the median service time stands still.
const (
	warmSlice    = 250 * time.Millisecond
	warmSteady   = 0.05 // relative change of the median between two slices
	warmMaxSlice = 8
)

// warmUp drives both launches together, unrecorded, until each one's median
// service time changes by less than 5% from one slice to the next.
func (x *experiment) warmUp(ctx context.Context, lanes []*launched) error {
	began := time.Now()
	last := make([]float64, len(lanes))
	rate := x.doc.Plan.RatePerS
	for range warmMaxSlice {
		report, err := x.offer(ctx, lanes, x.nextRound(), rate, warmSlice)
		if err != nil {
			return err
		}
		steady := true
		for i, r := range report.Lanes {
			p50 := float64(r.Engine.ServiceP50NS)
			steady = steady && last[i] > 0 && p50 < last[i]*(1+warmSteady) && p50 > last[i]*(1-warmSteady)
			last[i] = p50
			if err := x.alive(lanes[i], r); err != nil {
				return err
			}
		}
		if steady {
			break
		}
	}
	for _, l := range lanes {
		x.rec(l).WarmUpS = time.Since(began).Seconds()
		x.event(l, "warmed-up", "")
	}
	return nil
}
