package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// contest is one subject on its way through a check.
type contest struct {
	subject Subject
	at      int // index into the document's benchmarks
	method  Method
	blocks  []block
	took    time.Duration // by a block, lately; 0 before the first
	done    bool          // no more blocks: it failed, or the budget is too small for one
}

// begin lays out the blocks.
func (t *contest) begin(method Method, cfg Config) {
	t.method = method
	t.blocks = schedule(cfg.Seed, t.subject.Name(), method.Mode, [2]int{len(cfg.Arms[0].Layouts), len(cfg.Arms[1].Layouts)})
}

// blockCost is what a block is expected to take: what the subject said, or what
// blocks took, once there are any.
func (t *contest) blockCost() time.Duration {
	if t.took == 0 {
		return time.Duration(len(t.blocks[0].rounds)) * t.method.Cost
	}
	return t.took
}

// block runs the next block of a contest and records it if it is complete.
func (c *check) block(ctx context.Context, t *contest) error {
	b, began := c.bench(t), c.cfg.now()
	blk := t.blocks[b.Blocks()]
	var pairs [][2]Sample
	for _, places := range blk.rounds {
		pair, err := c.round(ctx, t, places)
		if done, err := c.failed(ctx, t, err); done || err != nil {
			return err
		}
		pairs = append(pairs, pair)
	}
	b.Mode, b.Iterations, b.Rounds = t.method.Mode, t.method.Iterations, len(blk.rounds)
	if err := record(b, blk, c.cfg.Arms, pairs); err != nil {
		return fmt.Errorf("%s: %w", t.subject.Name(), err)
	}
	// A mean that forgets, so that the budget holds on a machine that slows down.
	took := c.cfg.now().Sub(began)
	if t.took == 0 {
		t.took = took
	}
	t.took += (took - t.took) / 4
	return nil
}

// round measures both places, at once in a duet and else in turn, and returns the
// samples of base and head.
func (c *check) round(ctx context.Context, t *contest, places []Place) (pair [2]Sample, err error) {
	groups := [][]Place{places}
	if t.method.Mode == result.ModeAlternating {
		groups = [][]Place{places[:1], places[1:]}
	}
	for _, group := range groups {
		samples, err := t.subject.Run(ctx, group...)
		if err != nil {
			return pair, err
		}
		for i, place := range group {
			pair[place.Arm] = samples[i]
		}
	}
	return pair, nil
}

// failed records a benchmark's failure and reports whether it was one. Where head
// failed, base is run once more, alone: it may fail by now as well, and then the
// change is not to blame.
func (c *check) failed(ctx context.Context, t *contest, err error) (bool, error) {
	var failure *Failure
	if !errors.As(err, &failure) {
		return false, err
	}
	state := result.BenchmarkFailedBase
	if failure.Arm == 1 {
		state = result.BenchmarkFailedHead
		_, err := t.subject.Run(ctx, Place{Arm: 0})
		var also *Failure
		if errors.As(err, &also) {
			state, failure = result.BenchmarkFailedBase, also
		} else if err != nil {
			return false, err
		}
	}
	*c.bench(t) = result.Benchmark{Name: t.subject.Name(), State: state, Detail: failure.Detail}
	t.done = true
	return true, nil
}

// record appends a block to the columns. A unit must be in every sample; the
// first block says which there are, and one that is missing later is taken out.
func record(b *result.Benchmark, blk block, arms []result.Arm, pairs [][2]Sample) error {
	if b.State != result.BenchmarkMeasured {
		b.State, b.Detail, b.Measures = result.BenchmarkMeasured, "", nil
		for _, v := range slices.Concat(pairs[0][0], pairs[0][1]) {
			if !slices.ContainsFunc(b.Measures, func(m result.Measure) bool { return m.Unit == v.Unit }) {
				b.Measures = append(b.Measures, result.Measure{Unit: v.Unit, Better: v.Better})
			}
		}
	}
	missing := func(unit string) bool {
		return slices.ContainsFunc(pairs, func(pair [2]Sample) bool { return !pair[0].has(unit) || !pair[1].has(unit) })
	}
	b.Measures = slices.DeleteFunc(b.Measures, func(m result.Measure) bool {
		if !missing(m.Unit) {
			return false
		}
		b.Detail = strings.TrimPrefix(b.Detail+"; "+m.Unit+" is not reported by every run", "; ")
		return true
	})
	if len(b.Measures) == 0 {
		return errors.New("the samples of a block have no unit in common with those before")
	}
	for _, pair := range pairs {
		for i := range b.Measures {
			m := &b.Measures[i]
			m.Base = append(m.Base, pair[0].value(m.Unit))
			m.Head = append(m.Head, pair[1].value(m.Unit))
		}
	}
	for _, places := range blk.rounds {
		b.First += [2]string{"b", "h"}[places[0].Arm]
	}
	for arm, ids := range []*[]int{&b.BaseLayouts, &b.HeadLayouts} {
		*ids = append(*ids, arms[arm].Layouts[blk.layouts[arm]].ID)
	}
	return nil
}

func (s Sample) has(unit string) bool {
	return slices.ContainsFunc(s, func(v Value) bool { return v.Unit == unit })
}

// value is that of a unit which the sample has.
func (s Sample) value(unit string) float64 {
	return s[slices.IndexFunc(s, func(v Value) bool { return v.Unit == unit })].Value
}
