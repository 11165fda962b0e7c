package verdict

import (
	"errors"
	"fmt"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
)

// Pool is a measured check taken apart into its blocks, from which checks of other
// shapes can be put together and estimated just as Judge estimates one. Its
// methods may be called from several goroutines.
type Pool struct {
	e      *evidence
	ratios map[string]rounds
	place  map[string][]int // of each block in the metric's rounds; -1 where it has none
}

// Pick is a block of a pool in a check that is put together.
type Pick struct {
	Block int  // from 0
	Swap  bool // with the arms exchanged, as if base's launch had been head's
}

// NewPool takes the complete blocks of a check apart. The error says why a document
// is no check, or lacks a metric that its plan declares.
func NewPool(doc *result.Document) (*Pool, error) {
	e, err := collect(doc)
	if err != nil {
		return nil, err
	}
	for b, blk := range e.blocks {
		if blk.launch[base] == nil || blk.launch[head] == nil {
			return nil, fmt.Errorf("block %d has not a launch of each arm", b+1)
		}
	}
	p := &Pool{e: e, ratios: map[string]rounds{}, place: map[string][]int{}}
	for _, def := range ratioMetrics {
		r := e.rounds(def)
		place := make([]int, len(e.blocks))
		for b := range place {
			place[b] = -1
		}
		for i, b := range r.blocks {
			place[b] = i
		}
		p.ratios[def.name], p.place[def.name] = r, place
	}
	some := p.with(p.spread(enoughBlocks))
	if _, missing := some.estimate(); missing.why != "" {
		return nil, fmt.Errorf("%s: %s", missing.name, missing.why)
	}
	return p, nil
}

// enoughBlocks tell whether a metric is there; the tail of thousands would take
// minutes.
const enoughBlocks = 60

// spread picks at most so many blocks from all over the pool.
func (p *Pool) spread(most int) (picks []Pick) {
	n := min(most, p.Blocks())
	for i := range n {
		picks = append(picks, Pick{Block: i * p.Blocks() / n})
	}
	return picks
}

// Blocks is the number of complete blocks.
func (p *Pool) Blocks() int { return len(p.e.blocks) }

// Layouts are those of base and of head in a block.
func (p *Pool) Layouts(block int) (baseLayout, headLayout int) {
	b := p.e.blocks[block]
	return b.launch[base].Layout, b.launch[head].Layout
}

// Rule is the document's policy as the rule of a decision.
func (p *Pool) Rule() stats.Rule { return ruleOf(p.e.doc.Plan.Policy) }

// with is the evidence of the blocks picked.
func (p *Pool) with(picks []Pick) *evidence {
	e := *p.e
	e.blocks = make([]block, len(picks))
	for i, pick := range picks {
		e.blocks[i] = p.e.blocks[pick.Block]
		if pick.Swap {
			e.blocks[i] = e.blocks[i].swapped()
		}
	}
	return &e
}

// Rates compares the error rates in the blocks picked.
func (p *Pool) Rates(picks []Pick) (stats.RateTest, error) { return p.with(picks).errorTest() }

// Evidence estimates the plan's metrics, in its order, from the blocks picked. A
// metric of which they have too little, because the engine was the limit in some,
// has no effect, so that a decision leaves it open.
func (p *Pool) Evidence(picks []Pick) ([]stats.MetricEvidence, error) {
	e := p.with(picks)
	var out []stats.MetricEvidence
	for _, name := range e.doc.Plan.Metrics {
		ev := stats.MetricEvidence{Name: name}
		var err error
		if r, ok := p.ratios[name]; ok {
			ev.Effect, err = e.effect(r.picked(picks, p.place[name]))
		} else {
			ev, err = e.one(name)
		}
		switch {
		case errors.Is(err, stats.ErrTooFewBlocks), errors.Is(err, stats.ErrProbes):
			ev = stats.MetricEvidence{Name: name}
		case err != nil:
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, ev)
	}
	return out, nil
}

// picked are the rounds of the blocks picked; place finds a block's rounds.
func (r rounds) picked(picks []Pick, place []int) (out rounds) {
	for _, pick := range picks {
		i := place[pick.Block]
		if i < 0 {
			continue
		}
		ratios, second := r.ratios[i], r.headSecond[i]
		baseLayout, headLayout := r.layouts.Base[i], r.layouts.Head[i]
		if pick.Swap {
			ratios, second = make([]float64, len(ratios)), make([]bool, len(second))
			for j := range ratios {
				ratios[j], second[j] = -r.ratios[i][j], !r.headSecond[i][j]
			}
			baseLayout, headLayout = headLayout, baseLayout
		}
		out.ratios, out.headSecond = append(out.ratios, ratios), append(out.headSecond, second)
		out.blocks = append(out.blocks, len(out.blocks))
		out.layouts.Base, out.layouts.Head = append(out.layouts.Base, baseLayout), append(out.layouts.Head, headLayout)
	}
	return out
}

// swapped is the block with the arms exchanged.
func (b block) swapped() block {
	exchange := func(pairs []pair) []pair {
		out := make([]pair, len(pairs))
		for i, p := range pairs {
			out[i] = pair{round: p.round, arm: [2]*result.Slice{p.arm[head], p.arm[base]}}
		}
		return out
	}
	return block{
		launch: [2]*result.Launch{b.launch[head], b.launch[base]},
		open:   exchange(b.open), closed: exchange(b.closed), late: exchange(b.late),
		solo: [2]*result.Slice{b.solo[head], b.solo[base]},
	}
}

// Round is one round of a pool, with what may have disturbed it.
type Round struct {
	Block, BaseLayout, HeadLayout int
	Ratio                         float64 // ln(head/base), + is worse, without the cost of going second
	StealS, PressureS, ForeignS   float64 // of the whole machine while the round was measured
	LagS                          float64 // by which the engine was late, P99, the later arm
}

// Rounds are all rounds of a metric that is judged by rounds; none of another.
func (p *Pool) Rounds(name string) (out []Round) {
	def, ok := ratioMetric(name)
	if !ok {
		return nil
	}
	r := p.ratios[name]
	ratios, _, err := stats.RemoveOrder(r.ratios, r.headSecond)
	if err != nil {
		return nil
	}
	for i, blk := range r.blocks {
		pairs := def.pairs(p.e.blocks[blk])
		if len(pairs) != len(ratios[i]) {
			continue // a round without a value: which one is not known here
		}
		for j, d := range ratios[i] {
			b, h := pairs[j].arm[base], pairs[j].arm[head]
			out = append(out, Round{
				Block: blk, BaseLayout: r.layouts.Base[i], HeadLayout: r.layouts.Head[i], Ratio: d,
				StealS: max(b.StealS, h.StealS), PressureS: max(b.PressureS, h.PressureS), ForeignS: max(b.Engine.ForeignS, h.Engine.ForeignS),
				LagS: float64(max(b.Engine.LagP99NS, h.Engine.LagP99NS)) / 1e9,
			})
		}
	}
	return out
}

// Within is the standard deviation of a round's log ratio that comes of taking a
// quantile of so many requests; 0 for metrics that are none.
func (p *Pool) Within(name string) float64 {
	def, ok := ratioMetric(name)
	if !ok || def.quantile == 0 {
		return 0
	}
	return p.e.within(def)
}

func ratioMetric(name string) (metricDef, bool) {
	for _, def := range ratioMetrics {
		if def.name == name {
			return def, true
		}
	}
	return metricDef{}, false
}
