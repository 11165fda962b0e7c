package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// ErrInterrupted is returned beside the document when the context was cancelled.
var ErrInterrupted = errors.New("interrupted")

// errBudget ends the context of whatever is under way when the budget is over.
var errBudget = errors.New("the budget is over")

// reserve is kept for the verdict, the report and the clean-up; a tenth of a
// budget that is smaller than ten times as much.
const reserve = 4 * time.Second

// check is the state of one run.
type check struct {
	cfg      Config
	doc      *result.Document
	contests []*contest
	rng      *rand.Rand // only for the order in which benchmarks take turns
	short    bool       // the budget did not suffice for something
}

// Check measures the subjects and returns the document of what was measured; it
// is never nil. The error says why measuring ended early, and has been recorded
// in the document's Outcome too. The budget is hard: what is running when it ends
// is stopped, and its block dropped.
func Check(ctx context.Context, cfg Config) (*result.Document, error) {
	if cfg.now == nil {
		cfg.now = time.Now
	}
	c := &check{cfg: cfg, doc: newDocument(cfg), rng: rand.New(rand.NewPCG(cfg.Seed, 0xbe4c))}
	for i, subject := range cfg.Subjects {
		c.contests = append(c.contests, &contest{subject: subject, at: i})
	}
	bounded, cancel := context.WithTimeoutCause(ctx, max(c.left(), 0), errBudget)
	defer cancel()
	err := c.run(bounded)
	if errors.Is(context.Cause(bounded), errBudget) {
		c.short, err = true, nil
	}
	return c.doc, c.conclude(ctx, err)
}

// newDocument has every benchmark in it from the start: those to be measured are
// left out until their first block is complete.
func newDocument(cfg Config) *result.Document {
	doc := &result.Document{
		Schema: result.Schema, Kind: result.KindCheck, Provenance: cfg.Provenance, Arms: cfg.Arms,
		Plan: result.Plan{
			Mode: result.ModeDuet, Metrics: append([]string{}, cfg.Metrics...), Operations: []string{},
			Blocks: mostBlocks, Rounds: 1, Looks: looks(),
			RateShare: 1, BudgetS: cfg.Budget.Seconds(), TargetCPUs: cfg.CPUs, Policy: cfg.Policy,
		},
		Launches: []result.Launch{}, Slices: []result.Slice{},
	}
	for _, subject := range cfg.Subjects {
		doc.Benchmarks = append(doc.Benchmarks, result.Benchmark{
			Name: subject.Name(), State: result.BenchmarkLeftOut, Detail: "measuring ended before its first block",
		})
	}
	doc.Benchmarks = append(doc.Benchmarks, cfg.Listed...)
	return doc
}

// conclude records how the check ended and passes the error on.
func (c *check) conclude(ctx context.Context, err error) error {
	o := &c.doc.Outcome
	c.doc.Provenance.DurationS = c.elapsed().Seconds()
	for i := range c.doc.Benchmarks {
		o.Blocks = max(o.Blocks, c.doc.Benchmarks[i].Blocks())
	}
	switch {
	case ctx.Err() != nil:
		o.Ended, o.Detail = result.RunInterrupted, context.Cause(ctx).Error()
		return ErrInterrupted
	case err != nil:
		o.Ended, o.Detail = result.RunFailed, err.Error()
	case c.short:
		o.Ended = result.RunBudget
		o.Detail = fmt.Sprintf("the budget of %s is over; %s", c.cfg.Budget, c.unfinished())
	}
	return err
}

// unfinished counts what the budget did not reach.
func (c *check) unfinished() string {
	out, few := 0, 0
	for _, t := range c.contests {
		b := c.bench(t)
		switch {
		case b.State == result.BenchmarkLeftOut:
			out++
		case b.State == result.BenchmarkMeasured && b.Blocks() < mostBlocks:
			few++
		}
	}
	return fmt.Sprintf("%d benchmarks were left out, %d have fewer than %d blocks", out, few, mostBlocks)
}

func (c *check) elapsed() time.Duration { return c.cfg.now().Sub(c.cfg.Provenance.StartedAt) }

// left is what may still be spent on measuring.
func (c *check) left() time.Duration {
	return c.cfg.Budget - min(reserve, c.cfg.Budget/10) - c.elapsed()
}

func (c *check) bench(t *contest) *result.Benchmark { return &c.doc.Benchmarks[t.at] }

// run is the whole check: prepare, a pass over all up to the first look, then
// more blocks for those that are open.
func (c *check) run(ctx context.Context) error {
	if len(c.contests) == 0 {
		c.nothingToMeasure()
		return nil
	}
	live, err := c.prepare(ctx)
	if err != nil {
		return err
	}
	if live, err = c.firstPass(ctx, live); err != nil {
		return err
	}
	for {
		open := c.open(live)
		if len(open) == 0 {
			c.doc.Outcome.Ended = result.RunDecided
			return nil
		}
		open = slices.DeleteFunc(open, func(t *contest) bool { return nextLook(c.bench(t).Blocks()) == 0 })
		if len(open) == 0 {
			c.doc.Outcome.Ended = result.RunComplete
			return nil
		}
		chosen := c.affordable(open)
		if c.left() < chosen[0].blockCost() {
			c.short = true
			return nil
		}
		if err := c.extend(ctx, chosen, len(open)); err != nil {
			return err
		}
	}
}

// nothingToMeasure is a check all of whose benchmarks are settled beforehand.
func (c *check) nothingToMeasure() {
	c.doc.Outcome.Ended = result.RunDecided
	other := func(b result.Benchmark) bool { return b.State != result.BenchmarkIdentical }
	if !slices.ContainsFunc(c.doc.Benchmarks, other) {
		c.doc.Outcome = result.Outcome{Ended: result.RunIdentical, Detail: "base and head run the same bytes in every benchmark"}
	}
}

// misfits is how many subjects in a row must be too dear for what is left of the
// budget before those after them are not even tried.
const misfits = 3

// prepare runs the first pass of as many subjects as the budget can bring to the
// first look, in order of priority, and leaves the others out.
func (c *check) prepare(ctx context.Context) ([]*contest, error) {
	var live []*contest
	var need time.Duration // of the live ones, up to the first look
	tooDear := 0
	for i, t := range c.contests {
		if c.left() <= need || tooDear == misfits {
			c.leaveOut(c.contests[i:])
			break
		}
		c.observe(Progress{Phase: "prepare", Benchmark: t.subject.Name(), Done: i, Total: len(c.contests), Open: len(c.contests)})
		method, err := t.subject.Prepare(ctx)
		if done, err := c.failed(ctx, t, err); err != nil {
			return nil, err
		} else if done {
			continue
		}
		t.begin(method, c.cfg)
		own := time.Duration(looks()[0]) * t.blockCost()
		if c.left() < need+own {
			c.leaveOut(c.contests[i : i+1])
			tooDear++
			continue
		}
		need += own
		tooDear = 0
		live = append(live, t)
	}
	if slices.ContainsFunc(live, func(t *contest) bool { return t.method.Mode == result.ModeAlternating }) {
		c.doc.Plan.Rounds = alternatingRounds
	}
	return live, nil
}

func (c *check) leaveOut(contests []*contest) {
	c.short = true
	for _, t := range contests {
		*c.bench(t) = result.Benchmark{
			Name: t.subject.Name(), State: result.BenchmarkLeftOut,
			Detail: fmt.Sprintf("the budget of %s does not reach it; raise it with --budget or choose benchmarks with --bench", c.cfg.Budget),
		}
	}
}

// firstPass brings all to the first look. When rounds turn out dearer than they
// were said to be, the last are left out, so that the others get there.
func (c *check) firstPass(ctx context.Context, live []*contest) ([]*contest, error) {
	first := looks()[0]
	for b := range first {
		live = slices.DeleteFunc(live, func(t *contest) bool { return t.done })
		for c.left() < c.need(live, first) && len(live) > 0 {
			last := len(live) - 1
			c.leaveOut(live[last:])
			live = live[:last]
		}
		if err := c.sweep(ctx, live, Progress{Total: first * len(live), Done: b * len(live), Open: len(live)}); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(live, func(t *contest) bool { return t.done }), nil
}

// need is the time that brings all to so many blocks.
func (c *check) need(live []*contest, blocks int) (total time.Duration) {
	for _, t := range live {
		total += time.Duration(blocks-c.bench(t).Blocks()) * t.blockCost()
	}
	return total
}

// sweep runs one block of each, in random order: the blocks of one benchmark
// then lie far apart, and a disturbance hits few of any (Abedi & Brecht, ICPE
// 2017). Those for which the time does not suffice get no more blocks.
func (c *check) sweep(ctx context.Context, contests []*contest, p Progress) error {
	order := slices.Clone(contests)
	c.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	p.Phase = "measure"
	for _, t := range order {
		p.Benchmark = t.subject.Name()
		c.observe(p)
		p.Done++
		if c.left() < t.blockCost() {
			c.short, t.done = true, true
			continue // a cheaper one may still fit
		}
		if err := c.block(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// open lists what Config.Open calls undecided and what can still get blocks.
func (c *check) open(live []*contest) []*contest {
	names := c.cfg.Open(c.doc)
	return slices.DeleteFunc(slices.Clone(live), func(t *contest) bool { return t.done || !names[t.subject.Name()] })
}

// affordable are those of the open ones that what is left of the budget brings to
// their next looks, the cheapest first; one at least, so that nothing is left
// unspent.
func (c *check) affordable(open []*contest) []*contest {
	cost := func(t *contest) time.Duration {
		done := c.bench(t).Blocks()
		return time.Duration(nextLook(done)-done) * t.blockCost()
	}
	open = slices.SortedStableFunc(slices.Values(open), func(a, b *contest) int { return cmp.Compare(cost(a), cost(b)) })
	left := c.left()
	for i, t := range open {
		if left -= cost(t); left < 0 {
			return open[:max(i, 1)]
		}
	}
	return open
}

// extend brings each to its next look, or as far as the budget goes.
func (c *check) extend(ctx context.Context, contests []*contest, open int) error {
	goals := make(map[*contest]int, len(contests))
	p := Progress{Open: open}
	for _, t := range contests {
		done := c.bench(t).Blocks()
		goals[t] = nextLook(done)
		p.Total += goals[t] - done
	}
	for len(contests) > 0 {
		if err := c.sweep(ctx, contests, p); err != nil {
			return err
		}
		p.Done += len(contests)
		contests = slices.DeleteFunc(contests, func(t *contest) bool { return t.done || c.bench(t).Blocks() >= goals[t] })
	}
	return nil
}

func (c *check) observe(p Progress) {
	if c.cfg.Observe != nil {
		p.Left, p.Document = max(c.left(), 0), c.doc
		c.cfg.Observe(p)
	}
}
