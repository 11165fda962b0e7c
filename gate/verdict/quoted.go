package verdict

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/parallel"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
)

// quote is a metric's row with the absolute values that may be quoted.
func (e *evidence) quote(name string) Metric {
	m := Metric{Name: name, Unit: UnitSeconds}
	if name == ErrorRate {
		m.Unit = UnitFraction
		return m
	}
	for _, def := range slices.Concat(ratioMetrics, watchedMetrics(e.doc.Plan.Operations), []metricDef{soloP99}) {
		if def.name != name {
			continue
		}
		m.Unit = def.unit
		if b, h := def.absolute(e, base), def.absolute(e, head); len(b) > 0 && len(h) > 0 {
			m.Base, m.Head = def.value(e, b...), def.value(e, h...)
			m.HasValues = usable(m.Base) && usable(m.Head)
		}
	}
	if !m.HasValues {
		m.Base, m.Head = 0, 0
	}
	return m
}

// soloP99 gives the de-noised P99 its absolute values: those of the raw one.
var soloP99 = metricDef{name: LatencyP99, unit: UnitSeconds, value: quantile(0.99, ""), absolute: soloOpen}

func usable(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// quoted are the rows of a measurement that cannot be judged: what was measured,
// without effects.
func (e *evidence) quoted() []Metric {
	var out []Metric
	for _, name := range e.doc.Plan.Metrics {
		m := e.quote(name)
		m.Gating, m.Decision, m.Reason = true, Open, "not judged"
		out = append(out, m)
	}
	return out
}

// watched are the rows that are reported and never judged.
func (e *evidence) watched() []Metric {
	defs := watchedMetrics(e.doc.Plan.Operations)
	rows := make([]Metric, len(defs))
	parallel.For(len(defs), func(i int) { rows[i] = e.watch(defs[i]) })
	// One with too few values to say anything is left out; nothing depends on it.
	rows = slices.DeleteFunc(rows, func(m Metric) bool { return m.Name == "" })
	return append(e.demoted(), rows...)
}

// watch is the row of one watched metric; the zero Metric when it cannot be
// estimated.
func (e *evidence) watch(def metricDef) Metric {
	effect, err := e.effect(e.rounds(def))
	if err != nil {
		return Metric{}
	}
	m := e.quote(def.name)
	m.setEffect(effect, oneSided95, oneSided95)
	m.MDE = finite(effect.MDE(oneSided95, power))
	m.Decision, m.Reason = Watching, "reported, not judged"
	return m
}

// notes are what a reader must know beside the verdict.
func (e *evidence) notes() []string {
	doc := e.doc
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if doc.Provenance.Repository.Dirty {
		add("the working tree had uncommitted changes; they were not measured")
	}
	if len(doc.Prior) > 0 {
		add("%s", pooledNote(doc))
	}
	if doc.Outcome.Ended == result.RunBudget {
		add("the time ran out %s", doc.Outcome.Detail)
	}
	if s := doc.Plan.RateShare; s > 0 && s < 0.995 {
		add("the arms were compared at %.0f%% of the scenario's rate (%.0f/s each): more would load this machine past the point where queueing amplifies all noise", 100*s, doc.Plan.RatePerS)
	}
	if len(e.blocks) > 0 && e.oneLayout() && !e.sameBytes() {
		add("each arm was built in one layout only, so the luck of the link order (%.0f%% standard deviation) is part of every interval", 100*doc.Plan.Policy.LayoutSD)
	}
	if n := e.repeated(); n > 0 {
		add("rounds measured again because the load engine was late in them: %d", n)
	}
	if e.limited > 0 {
		add("%d of %d rounds were left out of both arms because the load engine was late in them", e.limited, e.measured)
	}
	if f := e.foreignShare(); f > 0.10 {
		add("other work took %.0f%% of the machine while it was measured; intervals are wider for it", 100*f)
	}
	if fault := limitFault(doc.Plan.Limits, e.solo[head], e.drained[head]); fault != "" {
		add("head breaks the scenario's own limit: %s", fault)
	}
	if !slices.Contains(doc.Plan.Metrics, LatencyP99) && doc.Plan.Probes == 0 {
		add("latency.p99 is not judged: at this rate fewer than 100 requests of a round can be replayed as probes; the raw one is watched")
	}
	for _, d := range demotions(doc) {
		add("%s is watched and not judged on this runner: %s", d.Metric, d.Reason)
	}
	if doc.Plan.Mode == result.ModeAlternating {
		add("the arms were measured in turn, not at once; intervals are several times wider than a duet's")
	}
	return out
}

// repeated is the number of rounds that were measured again.
func (e *evidence) repeated() (n int) {
	for _, b := range e.blocks {
		if b.launch[base] == nil {
			continue
		}
		for _, event := range b.launch[base].Events {
			if event.Name == result.EventRoundRepeated {
				n++
			}
		}
	}
	return n
}

func (e *evidence) oneLayout() bool {
	return len(e.doc.Arms[base].Layouts) == 1 || len(e.doc.Arms[head].Layouts) == 1
}

// foreignShare is the mean number of CPUs that other work kept busy, over those
// of the plan.
func (e *evidence) foreignShare() float64 {
	cpus := len(e.doc.Plan.TargetCPUs) + len(e.doc.Plan.EngineCPUs)
	var foreign, wall float64
	for _, b := range e.blocks {
		for _, p := range b.open {
			foreign += p.arm[base].Engine.ForeignS
			wall += p.arm[base].DurationS
		}
	}
	if wall == 0 || cpus == 0 {
		return 0
	}
	return foreign / wall / float64(cpus)
}

// judgeRun holds one arm against its scenario's limits.
func judgeRun(doc *result.Document, v Verdict) Verdict {
	v.Final = true
	switch doc.Outcome.Ended {
	case result.RunFailed, result.RunInterrupted:
		return v.invalid("the measurement failed: " + doc.Outcome.Detail)
	case result.RunDecided, result.RunComplete, result.RunBudget, result.RunIdentical, "":
	}
	var open []*result.Slice
	var limited int
	var c stats.Count
	for i := range doc.Slices {
		s := &doc.Slices[i]
		open = append(open, s)
		c.Errors += failed(s)
		c.Total += failed(s) + completed(s)
		if s.Engine.Limited != "" {
			limited++
		}
	}
	if c.Total == 0 {
		return v.invalid("nothing was measured")
	}
	v.Metrics = runRows(doc, open, c)
	limits := doc.Plan.Limits
	var broken []string
	if limited > 0 {
		broken = append(broken, fmt.Sprintf("the load engine was the limit in %d of %d slices", limited, len(open)))
	}
	if fault := limitFault(result.Limits{P99S: limits.P99S}, open, nil); fault != "" {
		broken = append(broken, fault)
	}
	if got := medianRate(open); limits.ThroughputPerS > 0 && got < limits.ThroughputPerS {
		broken = append(broken, fmt.Sprintf("throughput %.0f/s, required %.0f/s", got, limits.ThroughputPerS))
	}
	if r := rate(c); limits.ErrorRateSet && r > limits.ErrorRate {
		broken = append(broken, fmt.Sprintf("%.2f%% of the requests failed, allowed %.2f%%", 100*r, 100*limits.ErrorRate))
	}
	if len(broken) > 0 {
		return v.invalid("the scenario's limits do not hold: " + strings.Join(broken, "; "))
	}
	v.Status, v.Reason, v.Next = Pass, "the scenario's limits hold", "nothing to do"
	return v
}

// runRows are the absolute values of a run of one arm. What a server that was not
// started here uses is not known, and has no row.
func runRows(doc *result.Document, open []*result.Slice, c stats.Count) []Metric {
	row := func(name string, unit Unit, value float64) Metric {
		return Metric{Name: name, Unit: unit, HasValues: usable(value), Head: finiteOrZero(value), Decision: Watching, Reason: "one arm, nothing to compare"}
	}
	e := &evidence{doc: doc, merged: map[*result.Slice]*result.Histogram{}}
	rows := []Metric{
		row(CPUPerOp, UnitSeconds, e.cpuPerOp(open...)),
		row(LatencyP50, UnitSeconds, quantile(0.50, "")(e, open...)),
		row(LatencyP90, UnitSeconds, quantile(0.90, "")(e, open...)),
		row("latency.p99.raw", UnitSeconds, quantile(0.99, "")(e, open...)),
		row(ErrorRate, UnitFraction, rate(c)),
		row("rss", UnitBytes, e.meanRSS(open...)),
	}
	rows = slices.DeleteFunc(rows, func(m Metric) bool { return !m.HasValues && (m.Name == CPUPerOp || m.Name == "rss") })
	for _, op := range doc.Plan.Operations {
		rows = append(rows, row("latency.p50/"+op, UnitSeconds, quantile(0.50, op)(e, open...)))
	}
	return rows
}

func finiteOrZero(v float64) float64 {
	if !usable(v) {
		return 0
	}
	return v
}
