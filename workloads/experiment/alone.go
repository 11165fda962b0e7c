package experiment

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// Alone drives one arm alone in many launches, each in another layout where there
// are several, and returns the document of what was measured; it is never nil. It
// is what a baseline is made of and held against: absolute numbers, whose spread
// between launches is known. The rate is Config.RatePerS, if that is set, so that
// it can be the one that a baseline was recorded at; else the scenario's, or as
// much as leaves the arm half idle.
func Alone(ctx context.Context, cfg Config) (*result.Document, error) {
	x, err := begin(cfg, result.KindRun)
	if err != nil {
		return x.doc, x.fail(ctx, err)
	}
	defer x.engine.Close()
	defer quietCollector()()
	return x.doc, x.fail(ctx, x.alone(ctx))
}

func (x *experiment) alone(ctx context.Context) error {
	if err := x.prepare(ctx, 0); err != nil {
		return err
	}
	if err := x.planAlone(); err != nil {
		return err
	}
	p := &x.doc.Plan
	for block := range p.Blocks {
		began := time.Now()
		if x.cfg.Budget-x.elapsed()-reserve < x.costs.launch(p.Rounds) && block >= minBlocks {
			x.doc.Outcome.Ended = result.RunBudget
			x.doc.Outcome.Detail = fmt.Sprintf("after %d of %d launches", block, p.Blocks)
			return nil
		}
		if err := x.launchAlone(ctx, block); err != nil {
			return err
		}
		x.doc.Outcome.Blocks = block + 1
		x.observe(Progress{
			Phase: "alone", Done: block + 1, Total: p.Blocks, CompleteBlock: true,
			Left: time.Duration(p.Blocks-block-1) * time.Since(began),
		})
	}
	x.doc.Outcome.Ended = result.RunComplete
	return nil
}

// launch is the expected duration of one launch of one arm with so many rounds.
func (c Costs) launch(rounds int) time.Duration {
	return c.Start + c.WarmUp + c.Stop + time.Duration(rounds)*c.Round
}

// planAlone fits the launches into what is left of the budget.
func (x *experiment) planAlone() error {
	available := x.cfg.Budget - x.elapsed() - reserve
	p := &x.doc.Plan
	p.Mode, p.Rounds = result.ModeSolo, wantRounds
	for p.Rounds > minRounds && available < minBlocks*x.costs.launch(p.Rounds) {
		p.Rounds--
	}
	p.Blocks = min(int(available/x.costs.launch(p.Rounds)), wantBlocks)
	if p.Blocks < minBlocks {
		return &BudgetError{Available: available, Needed: minBlocks * x.costs.launch(minRounds)}
	}
	p.Looks = []int{p.Blocks}
	wanted := x.cfg.Scenario.Arrival.RatePerS
	p.CapacityPerS = x.capacity
	p.RatePerS = math.Min(wanted, soloShare*x.capacity)
	if x.cfg.RatePerS > 0 {
		p.RatePerS = math.Min(wanted, x.cfg.RatePerS)
	}
	p.RateShare = p.RatePerS / wanted
	return nil
}

// launchAlone measures one launch.
func (x *experiment) launchAlone(ctx context.Context, block int) (err error) {
	l, err := x.launch(ctx, 0, block, block%len(x.cfg.Arms[0].Builds), 0)
	if err != nil {
		return err
	}
	only := []*launched{l}
	defer func() { err = x.stopAll(ctx, only, err) }()
	if err := x.warmUp(ctx, only); err != nil {
		return err
	}
	for round := range x.doc.Plan.Rounds {
		id := sliceID{block: block, round: round, mode: result.ModeSolo}
		err := x.punctually(only, func() error {
			id.request = x.nextRound()
			return x.openSlice(ctx, only, id, x.doc.Plan.RatePerS, openPart)
		})
		if err != nil {
			return err
		}
		if err := x.closedSlices(ctx, only, id); err != nil {
			return err
		}
	}
	return nil
}
