package verdict

import (
	"math"
	"slices"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
)

// Trace shows how the evidence for one gating metric came together. It decides
// nothing: intervals are 90% ones, each by itself. Effects are relative changes, +
// being worse, as in Metric.
type Trace struct {
	Name   string
	Blocks []BlockEffect
	Steps  []Step // the estimate after each block from the third on
	Noise  Noise
}

// BlockEffect is what one block says by itself, from the spread of its rounds.
type BlockEffect struct {
	Block                  int // from 1
	BaseLayout, HeadLayout int
	Rounds                 int
	Effect, Low, High      float64
}

// Step is the estimate from the first blocks.
type Step struct {
	Blocks            int // complete blocks
	Look              int // number of the planned look at this many blocks, from 1; 0 when it is none
	Effect, Low, High float64
}

// Noise splits the spread of the rounds' ratios into standard deviations, as
// fractions of the value.
type Noise struct {
	Block  float64 // between blocks: launches and layouts
	Round  float64 // between rounds of a block, beyond Within
	Within float64 // within rounds: of a quantile of so many requests; 0 when not known
}

// maxSteps bounds the work on a long measurement: of more blocks, every so many
// steps and all looks are shown.
const maxSteps = 60

// Traces returns the traces of the gating metrics that are judged by rounds, in
// the plan's order of metrics; none where a document has no rounds to trace.
func Traces(doc *result.Document) []Trace {
	e, err := collect(doc)
	if err != nil {
		return nil
	}
	var out []Trace
	for _, def := range ratioMetrics {
		if !slices.Contains(doc.Plan.Metrics, def.name) {
			continue
		}
		if t := e.trace(def); len(t.Blocks) > 0 {
			out = append(out, t)
		}
	}
	return out
}

func (e *evidence) trace(def metricDef) Trace {
	t := Trace{Name: def.name}
	r := e.rounds(def)
	ratios, _, err := stats.RemoveOrder(r.ratios, r.headSecond)
	if err != nil {
		return t
	}
	for i, rounds := range ratios {
		t.Blocks = append(t.Blocks, blockEffect(r, i, rounds))
	}
	t.Steps = e.steps(r)
	if c, err := stats.Decompose(ratios); err == nil {
		within := e.within(def)
		t.Noise = Noise{Block: c.Block, Within: within, Round: math.Sqrt(max(0, c.Round*c.Round-within*within))}
	}
	return t
}

func blockEffect(r rounds, i int, ratios []float64) BlockEffect {
	b := BlockEffect{
		Block: r.blocks[i] + 1, BaseLayout: r.layouts.Base[i], HeadLayout: r.layouts.Head[i], Rounds: len(ratios),
		Low: -1, High: Unbounded, // of one round nothing is known
	}
	l, err := stats.Yuen(ratios)
	if err != nil {
		b.Effect = math.Expm1(ratios[0])
		return b
	}
	half := l.HalfWidth(oneSided95)
	b.Effect, b.Low, b.High = math.Expm1(l.Estimate), finite(math.Expm1(l.Estimate-half)), finite(math.Expm1(l.Estimate+half))
	return b
}

// steps estimates the effect anew after each block.
func (e *evidence) steps(r rounds) (out []Step) {
	stride := 1 + len(r.ratios)/maxSteps
	for n := 1; n <= len(r.ratios); n++ {
		blocks := r.blocks[n-1] + 1
		look := slices.Index(e.doc.Plan.Looks, blocks) + 1
		if n%stride != 0 && look == 0 && n != len(r.ratios) {
			continue
		}
		effect, err := e.effect(r.first(n))
		if err != nil {
			continue // fewer than three blocks
		}
		out = append(out, Step{
			Blocks: blocks, Look: look, Effect: math.Expm1(effect.Theta),
			Low: finite(math.Expm1(effect.Lower(oneSided95))), High: finite(math.Expm1(effect.Upper(oneSided95))),
		})
	}
	return out
}

// first are the rounds of the first n blocks.
func (r rounds) first(n int) rounds {
	return rounds{
		ratios: r.ratios[:n], headSecond: r.headSecond[:n], blocks: r.blocks[:n],
		layouts: stats.Layouts{Base: r.layouts.Base[:n], Head: r.layouts.Head[:n]},
	}
}

// within is the standard deviation of a round's log ratio that comes of taking a
// quantile of so many requests, by the order statistics at q ± √(q(1−q)/n) (David &
// Nagaraja, Order Statistics, 2003, §7.1); 0 for metrics that are no quantile.
func (e *evidence) within(def metricDef) float64 {
	if def.quantile == 0 {
		return 0
	}
	var squares float64
	var pairs int
	for _, b := range e.blocks {
		for _, p := range def.pairs(b) {
			sd := math.Hypot(quantileError(e.responses(p.arm[base]), def.quantile), quantileError(e.responses(p.arm[head]), def.quantile))
			if usable(sd) {
				squares += sd * sd
				pairs++
			}
		}
	}
	if pairs == 0 {
		return 0
	}
	return math.Sqrt(squares / float64(pairs))
}

// quantileError is the standard error of the logarithm of a quantile.
func quantileError(h *result.Histogram, q float64) float64 {
	d := math.Sqrt(q * (1 - q) / float64(h.Total()))
	return math.Log(h.Quantile(min(1, q+d))/h.Quantile(max(0, q-d))) / 2
}
