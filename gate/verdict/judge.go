package verdict

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/fivegate/fivegate/gate/parallel"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
)

// power is the chance by which the minimum detectable effect is defined.
const power = 0.95

// Judge gives the verdict on a document.
func Judge(doc *result.Document) Verdict {
	v := Verdict{onInconclusive: doc.Plan.Policy.OnInconclusive}
	if doc.Kind == result.KindRun {
		return judgeRun(doc, v)
	}
	if doc.Kind == result.KindCompare {
		return judgeCompare(doc, v)
	}
	if len(doc.Benchmarks) > 0 {
		return judgeBenchmarks(doc, v)
	}
	e, err := collect(doc)
	if err != nil {
		return v.invalid(err.Error())
	}
	v.Notes = e.notes()
	if doc.Outcome.Ended == result.RunIdentical {
		v.Status, v.Final = Pass, true
		v.Reason = "identical builds: base and head are the same bytes, so there is nothing to measure"
		v.Next = "nothing to do; --measure-anyway measures all the same"
		return v
	}
	if why := e.broken(); why != "" {
		v.Metrics = e.quoted()
		return v.invalid(why)
	}
	look, err := lookOf(doc)
	if err != nil {
		return v.invalid(err.Error())
	}
	v.Look = look
	return e.judge(v)
}

// judge estimates the declared metrics and applies the rule.
func (e *evidence) judge(v Verdict) Verdict {
	plan := e.doc.Plan
	evidence, missing := e.estimate()
	if missing.why != "" {
		others := slices.DeleteFunc(e.quoted(), func(m Metric) bool { return m.Name == missing.name })
		v.Metrics = append(others, Metric{Name: missing.name, Gating: true, Decision: Missing, Reason: missing.why})
		if missing.early {
			return v.inconclusive(missing.why)
		}
		return v.invalid(fmt.Sprintf("the declared metric %s is missing: %s", missing.name, missing.why))
	}
	final := e.doc.Outcome.Ended != "" && e.doc.Outcome.Ended != result.RunDecided || v.Look.Blocks == plan.Blocks
	decided, err := stats.Decide(evidence, ruleOf(plan.Policy), stats.Look{Level: v.Look.Alpha, PassLevel: v.Look.PassAlpha, Final: final})
	if err != nil {
		return v.invalid(err.Error())
	}
	for i, d := range decided.Metrics {
		v.Metrics = append(v.Metrics, e.describe(evidence[i], d))
	}
	v.Metrics = append(v.Metrics, e.watched()...)
	return e.conclude(v, decided)
}

// ruleOf is a document's policy in logarithms.
func ruleOf(p result.Policy) stats.Rule {
	return stats.Rule{
		Threshold: math.Log1p(p.Threshold), PassBound: math.Log1p(max(p.PassBound, p.Threshold)), MaxMDE: p.MaxMDE,
		ErrorThreshold: errorMargin, ErrorPassBound: errorPassBound,
	}
}

// absence says which declared metric cannot be computed, and why.
type absence struct {
	name, why string
	early     bool // only because too few blocks were measured
}

// estimate computes the evidence for every declared metric, in the plan's order,
// or says which one is missing.
func (e *evidence) estimate() (out []stats.MetricEvidence, missing absence) {
	names := e.doc.Plan.Metrics
	out, errs := make([]stats.MetricEvidence, len(names)), make([]error, len(names))
	parallel.For(len(names), func(i int) { out[i], errs[i] = e.one(names[i]) })
	for i, err := range errs {
		if err != nil {
			return nil, absence{name: names[i], why: err.Error(), early: errors.Is(err, stats.ErrTooFewBlocks)}
		}
	}
	return out, absence{}
}

func (e *evidence) one(name string) (stats.MetricEvidence, error) {
	switch name {
	case LatencyP99:
		effect, err := e.tail()
		return stats.MetricEvidence{Name: name, Effect: effect}, err
	case ErrorRate:
		test, err := e.errorTest()
		return stats.MetricEvidence{Name: name, Rates: &test}, err
	}
	for _, def := range ratioMetrics {
		if def.name == name {
			effect, err := e.ratio(def)
			return stats.MetricEvidence{Name: name, Effect: effect}, err
		}
	}
	return stats.MetricEvidence{}, fmt.Errorf("this version knows no metric %q", name)
}

// minRounds is the least share of measured rounds in which a metric must have a
// value in both arms; below it something else than the metric is wrong.
const minRounds = 0.75

// ratio estimates a metric from the rounds' log ratios.
func (e *evidence) ratio(def metricDef) (stats.Effect, error) {
	r := e.rounds(def)
	var have, want int
	for _, ratios := range r.ratios {
		have += len(ratios)
	}
	for _, b := range e.blocks {
		want += len(def.pairs(b))
	}
	if len(e.blocks) == 0 {
		return stats.Effect{}, fmt.Errorf("%w: no block was completed", stats.ErrTooFewBlocks)
	}
	if want == 0 || float64(have) < minRounds*float64(want) {
		return stats.Effect{}, fmt.Errorf("%d of %d rounds have a value in both arms%s", have, want, e.silentArm())
	}
	return e.effect(r)
}

// silentArm names an arm that answered nothing at all.
func (e *evidence) silentArm() string {
	for arm, a := range e.doc.Arms {
		c := e.errorCount(arm)
		if c.Total > 0 && c.Errors == c.Total {
			return fmt.Sprintf("; %s answered none of its %d requests as expected", a.Name, c.Total)
		}
	}
	return ""
}

// errorTest compares the error rates block by block.
func (e *evidence) errorTest() (stats.RateTest, error) {
	var counts [2][]stats.Count
	for arm := range counts {
		for _, b := range e.blocks {
			counts[arm] = append(counts[arm], b.count(arm))
		}
	}
	return stats.ErrorRate(counts[base], counts[head])
}

// count adds up the requests of an arm in the paired slices of a block. Those of
// late rounds count too: their latency is the engine's, their failures are not.
func (b block) count(arm int) (c stats.Count) {
	for _, pairs := range [][]pair{b.open, b.closed, b.late} {
		for _, p := range pairs {
			c.Errors += failed(p.arm[arm])
			c.Total += completed(p.arm[arm])
		}
	}
	c.Total += c.Errors
	return c
}

// errorCount adds up the requests of an arm over all blocks.
func (e *evidence) errorCount(arm int) (c stats.Count) {
	for _, b := range e.blocks {
		n := b.count(arm)
		c.Errors += n.Errors
		c.Total += n.Total
	}
	return c
}

// tail estimates the de-noised P99 from the probes.
func (e *evidence) tail() (stats.Effect, error) {
	probes := e.doc.Plan.Probes
	if probes == 0 {
		return stats.Effect{}, errors.New("the scenario has no probe set; set [probes] count, or do not gate on latency.p99")
	}
	l := stats.Latencies{Probes: probes}
	var layouts stats.Layouts
	for _, b := range e.blocks {
		if len(b.open) == 0 {
			continue // the engine was the limit in all its rounds
		}
		for _, launch := range b.launch {
			if launch.Probes == nil {
				return stats.Effect{}, fmt.Errorf("launch %d has no probes", launch.ID)
			}
		}
		for _, p := range b.open {
			l.Blocks = append(l.Blocks, len(layouts.Base))
			for q := range probes {
				l.Base = append(l.Base, b.launch[base].Probes.At(p.round, q))
				l.Head = append(l.Head, b.launch[head].Probes.At(p.round, q))
			}
		}
		layouts.Base = append(layouts.Base, b.launch[base].Layout)
		layouts.Head = append(layouts.Head, b.launch[head].Layout)
	}
	rng := rand.New(rand.NewPCG(e.doc.Provenance.Seed, 0x7a11))
	t, err := stats.Tail(l, layouts, e.layoutSD(), rng)
	return t.Effect, err
}

// lookOf finds the look that the document is judged at and its nominal level. A
// check that ran out of time between two looks is judged there, with what is left
// of what its run may spend: the clock ended it, not the data.
func lookOf(doc *result.Document) (Look, error) {
	planned, blocks := doc.Plan.Looks, doc.Outcome.Blocks
	if len(planned) == 0 || doc.Plan.Blocks < 1 {
		return Look{}, errors.New("the plan has no looks")
	}
	look := Look{Number: 1, Of: len(planned), Blocks: blocks}
	for _, n := range planned {
		if n < blocks {
			look.Number++
		}
	}
	if blocks == doc.PriorBlocks() {
		return look, nil // nothing of this run can be looked at
	}
	levels, err := stats.RunLevels(runsOf(doc), doc.Plan.Policy.Alpha, doc.Plan.Policy.Reserve)
	if err != nil {
		return look, fmt.Errorf("the plan's looks are unusable: %w", err)
	}
	look.Alpha = levels[min(look.Number, len(levels))-1]
	look.PassAlpha = doc.Plan.Policy.Alpha
	return look, nil
}
