package verdict

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
)

// rows are the measures as the report shows them: those judged first, in the
// document's order. Without decisions nothing is judged.
func (s *suite) rows(decided []stats.MetricDecision) []Metric {
	p := s.doc.Plan.Policy
	out := make([]Metric, 0, len(s.gating)+len(s.watched))
	for i := range s.gating {
		g := &s.gating[i]
		m := g.quote()
		m.Gating, m.Limit = true, p.Threshold
		if decided == nil {
			m.Decision, m.Reason = Open, "not judged"
			out = append(out, m)
			continue
		}
		d := decided[i]
		m.Decision = decisions[d.State]
		if g.err == nil {
			m.setEffect(g.effect, d.Level, p.Alpha)
			m.Low = finite(math.Expm1(d.Lower))
			m.MDE = finite(d.MDE)
			m.Reason = reason(m)
		} else {
			m.Reason = g.err.Error()
		}
		out = append(out, m)
	}
	for i := range s.watched {
		w := &s.watched[i]
		m := w.quote()
		m.Decision, m.Reason = Watching, "reported, not judged"
		if w.err == nil {
			m.setEffect(w.effect, oneSided95, oneSided95)
			m.MDE = finite(w.effect.MDE(oneSided95, power))
		}
		out = append(out, m)
	}
	return out
}

// quote is the measure's row with its medians.
func (s sample) quote() Metric {
	m := Metric{Name: s.name(), Benchmark: s.benchmark.Name, Unit: Unit(s.measure.Unit)}
	if len(s.measure.Base) > 0 && len(s.measure.Head) > 0 {
		m.HasValues = true
		m.Base, m.Head = medianOf(s.measure.Base), medianOf(s.measure.Head)
	}
	return m
}

func medianOf(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// conclude turns the rule's answer into the verdict.
func (s *suite) conclude(v Verdict, d stats.Decision) Verdict {
	v = concludeFrom(v, d)
	if v.Status == Inconclusive {
		v.Final = s.doc.Outcome.Ended != ""
		v.Next = s.moreTime(d)
	}
	return v
}

// moreTime says what the open measures need.
func (s *suite) moreTime(d stats.Decision) string {
	worst, name := 0, ""
	for i, m := range d.Metrics {
		g := s.gating[i]
		if m.State != stats.Open || g.err != nil {
			continue
		}
		n, ok := g.effect.BlocksNeeded(m.Level, power, s.doc.Plan.Policy.MaxMDE)
		if !ok {
			return fmt.Sprintf("%s is too noisy on this machine for any budget: use a quieter machine, or leave it out (--bench)", g.name())
		}
		if n > worst {
			worst, name = n, g.name()
		}
	}
	if worst == 0 {
		return "give the check more time (--budget), or choose fewer benchmarks (--bench)"
	}
	return fmt.Sprintf("%s needs about %d blocks: raise the budget (--budget), choose fewer benchmarks (--bench), or use a quieter machine", name, worst)
}

// notes are what a reader must know beside the verdict.
func (s *suite) notes() (out []string) {
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if s.doc.Provenance.Repository.Dirty {
		add("the working tree had uncommitted changes; they were not measured")
	}
	if s.doc.Outcome.Ended == result.RunBudget && s.doc.Outcome.Detail != "" {
		add("%s", s.doc.Outcome.Detail)
	}
	for _, group := range []struct {
		state     result.BenchmarkState
		one, many string
	}{
		{result.BenchmarkFailedHead, "benchmark fails in head", "benchmarks fail in head"},
		{result.BenchmarkFailedBase, "benchmark fails in base, and was not compared", "benchmarks fail in base, and were not compared"},
		{result.BenchmarkLeftOut, "benchmark was left out, since the budget does not reach it", "benchmarks were left out, since the budget does not reach them"},
		{result.BenchmarkNew, "benchmark is new in head", "benchmarks are new in head"},
		{result.BenchmarkRemoved, "benchmark is gone from head", "benchmarks are gone from head"},
		{result.BenchmarkIdentical, "benchmark runs the same bytes in both arms, and was not measured", "benchmarks run the same bytes in both arms, and were not measured"},
	} {
		if names := s.inState(group.state); len(names) > 0 {
			add("%s: %s", plural(len(names), group.one, group.many), some(names))
		}
	}
	return out
}

// mostNamed is how many names a sentence holds.
const mostNamed = 6

// some lists names, the first few and how many more.
func some(names []string) string {
	if len(names) <= mostNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNamed], ", "), len(names)-mostNamed)
}

// plural counts things: "1 benchmark", "3 benchmarks", with another plural where
// it is given.
func plural(n int, one string, many ...string) string {
	switch {
	case n == 1:
		return "1 " + one
	case len(many) > 0:
		return fmt.Sprintf("%d %s", n, many[0])
	}
	return fmt.Sprintf("%d %ss", n, one)
}
