package verdict

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/fivegate/fivegate/gate/stats"
)

func (v Verdict) invalid(why string) Verdict {
	v.Status, v.Final, v.Reason = Invalid, true, why
	v.Next = "mend what the reason names and run the check again; nothing can be said about the change"
	return v
}

func (v Verdict) inconclusive(why string) Verdict {
	v.Status, v.Final, v.Reason = Inconclusive, true, why
	v.Next = "give the check more time (--budget), or a quieter machine"
	return v
}

// conclude turns the rule's answer into the verdict.
func (e *evidence) conclude(v Verdict, d stats.Decision) Verdict {
	v = concludeFrom(v, d)
	if v.Status == Inconclusive {
		v.Final = d.Outcome != stats.Continue
		v.Next = e.moreTime(v)
	}
	return v
}

// concludeFrom words the rule's answer.
func concludeFrom(v Verdict, d stats.Decision) Verdict {
	v.Final = true
	switch d.Outcome {
	case stats.Regression:
		v.Status = Regression
		v.Reason = "head is worse than base in " + v.list(Worse)
		v.Next = "find what became slower and mend it, or let whoever owns the limit accept it"
	case stats.Improvement:
		v.Status = Improvement
		v.Reason = "head is better than base in " + v.list(Better) + ", and no gating metric regressed"
		v.Next = "nothing to do"
	case stats.Pass:
		v.Status = Pass
		v.Reason = fmt.Sprintf("no gating metric regressed; %s", v.bounded())
		v.Next = "nothing to do"
	default:
		v = v.inconclusive("neither a regression nor its absence is shown for " + v.list(Open))
	}
	return v
}

// list names the metrics with a decision and their effects.
func (v Verdict) list(d Decision) string {
	of := slices.DeleteFunc(slices.Clone(v.Metrics), func(m Metric) bool { return m.Decision != d })
	if len(of) > mostNamed { // then those that changed most are named
		slices.SortStableFunc(of, func(a, b Metric) int { return cmp.Compare(math.Abs(b.Effect), math.Abs(a.Effect)) })
	}
	parts := make([]string, len(of))
	for i, m := range of {
		parts[i] = fmt.Sprintf("%s (%s)", m.Name, m.effect())
	}
	return some(parts)
}

// effect is the metric's change in words of one glance.
func (m Metric) effect() string {
	if m.Unit == UnitFraction {
		return fmt.Sprintf("%+.2f points", 100*m.Effect)
	}
	return fmt.Sprintf("%s%% [%s, %s]", signed(m.Effect), signed(m.Low), signed(m.High))
}

// signed words a relative change in percent.
func signed(change float64) string {
	if change >= Unbounded {
		return "+∞"
	}
	return fmt.Sprintf("%+.1f", 100*change)
}

// bounded says how much slower head may still be: the largest upper bound.
func (v Verdict) bounded() string {
	var most float64
	name := ""
	for _, m := range v.Metrics {
		if m.Gating && m.Unit != UnitFraction && m.High > most {
			most, name = m.High, m.Name
		}
	}
	if name == "" {
		return "none may be slower at all"
	}
	return fmt.Sprintf("none is worse by more than %.1f%% (%s), at an error of %.0f%% each", 100*most, name, 100*v.Look.PassAlpha)
}

// moreTime says how many blocks the open metrics would need.
func (e *evidence) moreTime(v Verdict) string {
	worst, name := 0, ""
	for _, m := range v.Metrics {
		if m.Decision != Open || m.Name == ErrorRate {
			continue
		}
		ev, err := e.one(m.Name)
		if err != nil {
			continue
		}
		n, ok := ev.Effect.BlocksNeeded(v.Look.Alpha/float64(len(e.doc.Plan.Metrics)), power, e.doc.Plan.Policy.MaxMDE)
		if !ok {
			return fmt.Sprintf("%s is too noisy on this machine for any budget; use a quieter machine, more layouts, or do not gate on it", m.Name)
		}
		if n > worst {
			worst, name = n, m.Name
		}
	}
	if worst <= v.Look.Blocks {
		return "run the check again, or give it more time (--budget)"
	}
	return fmt.Sprintf("%s needs about %d blocks where %d were measured: raise the budget by that factor, or use a quieter machine", name, worst, v.Look.Blocks)
}

// describe turns the rule's answer for one metric into the report's row.
func (e *evidence) describe(ev stats.MetricEvidence, d stats.MetricDecision) Metric {
	m := e.quote(ev.Name)
	m.Gating = true
	m.Limit = e.doc.Plan.Policy.Threshold
	m.Decision = decisions[d.State]
	if ev.Rates != nil {
		e.describeErrors(&m, ev.Rates, d)
		return m
	}
	m.setEffect(ev.Effect, d.Level, e.doc.Plan.Policy.Alpha)
	m.Low = finite(math.Expm1(d.Lower)) // Holm's later steps may know more
	m.MDE = finite(d.MDE)
	m.Reason = reason(m)
	return m
}

var decisions = map[stats.MetricState]Decision{
	stats.Regressed: Worse, stats.Improved: Better, stats.Clear: Clear, stats.Open: Open,
}

// reason is one sentence on a metric that is judged by its effect.
func reason(m Metric) string {
	switch m.Decision {
	case Worse:
		sure := "significantly worse, and the estimate is beyond the limit"
		if m.Low > m.Limit {
			sure = "confirmed above the limit: the whole interval is"
		}
		return fmt.Sprintf("%s: %s; limit %.1f%%", m.effect(), sure, 100*m.Limit)
	case Better:
		return fmt.Sprintf("%s: significantly better, by more than %.1f%%", m.effect(), 100*m.Limit)
	case Clear:
		return fmt.Sprintf("%s: no regression beyond the limit of %.1f%%; at most %+.1f%%", m.effect(), 100*m.Limit, 100*m.High)
	case Open, Missing, Watching:
	}
	if m.Blocks < stats.MinBlocks {
		return fmt.Sprintf("%s: not decided, since there are %d blocks and at least %d are needed", m.effect(), m.Blocks, stats.MinBlocks)
	}
	if m.Effect > m.Limit {
		return fmt.Sprintf("%s: beyond the limit of %.1f%%, but not significant", m.effect(), 100*m.Limit)
	}
	return fmt.Sprintf("%s: not shown to be within the limit; only a change of %.1f%% would have been seen", m.effect(), 100*m.MDE)
}

// describeErrors fills the row of the error rate, whose effect is a difference of
// shares.
func (e *evidence) describeErrors(m *Metric, t *stats.RateTest, d stats.MetricDecision) {
	m.HasEffect, m.HasValues = true, true
	m.Base, m.Head = rate(t.Base), rate(t.Head)
	m.Effect, m.Low, m.High = d.Estimate, max(-1, d.Lower), min(1, d.Upper)
	m.Limit = errorMargin
	m.Blocks = len(e.blocks)
	m.Reason = fmt.Sprintf("%d of %d requests failed in base, %d of %d in head (p = %.2g)", t.Base.Errors, t.Base.Total, t.Head.Errors, t.Head.Total, t.P)
	if d.State == stats.Regressed {
		m.Reason += fmt.Sprintf("; allowed is a rise of %.1f points", 100*errorMargin)
	}
}

// errorMargin is the rise of the error rate beyond which a significant rise
// blocks: 0.1 points. Chosen: far under any scenario's limit, and above what a
// handful of resets in a long run makes.
const errorMargin = 0.001

// errorPassBound is the rise that a pass must exclude: 1 point. Chosen: what a
// few hundred failures in a check's tens of thousands of requests can still
// exclude.
const errorPassBound = 0.01
