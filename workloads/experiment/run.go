package experiment

import (
	"context"
	"math"
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// Identical is the document of a check whose arms are the same bytes: there is
// nothing to measure.
func Identical(cfg Config) *result.Document {
	doc := newDocument(cfg, result.KindCheck)
	doc.Outcome = result.Outcome{Ended: result.RunIdentical, Detail: "base and head are built to the same bytes"}
	doc.Provenance.DurationS = time.Since(cfg.Provenance.StartedAt).Seconds()
	return doc
}

// Run drives one arm alone at the scenario's rate for so long, in slices, and
// returns the document of what was measured; it is never nil. The arm may be a
// server that is running already (Arm.Addr), which is offered no more than that:
// neither its capacity nor a closed loop is measured, and the document has no CPU
// time and no memory of it.
func Run(ctx context.Context, cfg Config, length time.Duration) (*result.Document, error) {
	x, err := begin(cfg, result.KindRun)
	if err != nil {
		return x.doc, x.fail(ctx, err)
	}
	defer x.engine.Close()
	defer quietCollector()()
	return x.doc, x.fail(ctx, x.run(ctx, length))
}

// runPart is the length of a slice of a run.
const runPart = 5 * time.Second

func (x *experiment) run(ctx context.Context, length time.Duration) (err error) {
	part := min(runPart, length)
	slices := int(math.Ceil(float64(length) / float64(part)))
	p := &x.doc.Plan
	p.Mode, p.Blocks, p.Rounds, p.Looks = result.ModeSolo, 1, slices, []int{1}
	p.RatePerS, p.RateShare = x.cfg.Scenario.Arrival.RatePerS, 1
	p.OpenS, p.ClosedS = part.Seconds(), 0
	var l *launched
	if x.cfg.Arms[0].Addr != "" {
		l, err = x.join(ctx, 0)
	} else {
		l, err = x.launch(ctx, 0, 0, 0, 0)
	}
	if err != nil {
		return err
	}
	defer func() { err = x.stopAll(ctx, []*launched{l}, err) }()
	x.rec(l).Probes = result.NewProbes(slices, len(x.cfg.Driver.Probes()))
	if err := x.warmUp(ctx, []*launched{l}); err != nil {
		return err
	}
	for i := range slices {
		err := x.punctually([]*launched{l}, func() error {
			id := sliceID{round: i, mode: result.ModeSolo, request: x.nextRound()}
			return x.openSlice(ctx, []*launched{l}, id, p.RatePerS, part)
		})
		if err != nil {
			return err
		}
		x.observe(Progress{Phase: "run", Done: i + 1, Total: slices, Left: time.Duration(slices-i-1) * part})
	}
	x.doc.Outcome.Blocks = 1
	x.doc.Outcome.Ended = result.RunComplete
	return nil
}
