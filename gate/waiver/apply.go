package waiver

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/verdict"
)

// Target is what a verdict was given on.
type Target struct {
	Scenario string
	Runner   []string // the names that the runner class goes by
	Metrics  []string // the gating metrics that the plan declares
}

// State says what a waiver did to a metric.
type State string

// The states.
const (
	InUse    State = "in use"     // the metric regressed, and the waiver excuses it
	Exceeded State = "exceeded"   // the metric regressed by more than the ceiling
	Expired  State = "expired"    // the metric regressed after the last day
	Idle     State = "not needed" // the metric did not regress
)

// Use is one waiver held against one metric of one verdict.
type Use struct {
	Waiver Waiver
	State  State
	Metric string
	Effect float64 // of the metric, + is worse
	Unit   verdict.Unit
	Late   bool // the last day is over, whatever the state
}

// Apply holds a verdict against the waivers at a time. Regressions that are
// excused block no longer: what remains decides. It returns the verdict that
// remains and what each waiver that covers the target did; v is not changed.
func (s Set) Apply(now time.Time, t Target, v verdict.Verdict) (verdict.Verdict, []Use) {
	var uses []Use
	excused := map[string]Waiver{}
	for _, w := range s {
		if !w.Covers(t) {
			continue
		}
		for _, m := range v.Metrics {
			if !m.Gating || !w.names(m.Name, t.Scenario) {
				continue
			}
			use := Use{Waiver: w, State: w.state(now, m), Metric: m.Name, Effect: m.Effect, Unit: m.Unit, Late: w.expired(now)}
			if use.State == InUse {
				excused[m.Name] = w
			}
			uses = append(uses, use)
		}
	}
	return without(v, excused), uses
}

// Covers says whether the waiver holds for the scenario and the runner class.
func (w Waiver) Covers(t Target) bool {
	return (w.Scenario == "" || w.Scenario == t.Scenario) && (w.Runner == "" || slices.Contains(t.Runner, w.Runner))
}

// names says whether the waiver is about a metric. A benchmark is a scenario of
// its own, the part of a metric's name behind the slash, or that before the unit.
func (w Waiver) names(metric, scenario string) bool {
	if w.Metric != "" {
		return w.Metric == metric
	}
	return w.Benchmark == scenario || strings.HasSuffix(metric, "/"+w.Benchmark) || strings.HasPrefix(metric, w.Benchmark+" ")
}

// state holds the waiver against one metric. The estimate is what must stay
// under the ceiling, as it is the estimate that must stay under the threshold.
func (w Waiver) state(now time.Time, m verdict.Metric) State {
	switch {
	case m.Decision != verdict.Worse:
		return Idle
	case w.expired(now):
		return Expired
	case !(m.Effect <= w.Ceiling):
		return Exceeded
	}
	return InUse
}

// without is the verdict when the excused metrics are left out.
func without(v verdict.Verdict, excused map[string]Waiver) verdict.Verdict {
	if v.Status != verdict.Regression || len(excused) == 0 {
		return v
	}
	var accepted, worse, open []string
	for _, m := range v.Metrics {
		w, ok := excused[m.Name]
		switch {
		case !m.Gating:
		case ok && m.Decision == verdict.Worse:
			accepted = append(accepted, fmt.Sprintf("%s (waiver %s, until %s)", m.Name, w.Name, w.Day()))
		case m.Decision == verdict.Worse:
			worse = append(worse, m.Name)
		case m.Decision == verdict.Open, m.Decision == verdict.Missing:
			open = append(open, m.Name)
		}
	}
	note := "accepted: " + strings.Join(accepted, ", ")
	switch {
	case len(worse) > 0:
		v.Reason = fmt.Sprintf("head is worse than base in %s; %s", strings.Join(worse, ", "), note)
	case len(open) > 0:
		v.Status = verdict.Inconclusive
		v.Reason = fmt.Sprintf("%s; but nothing is shown for %s, since the check ended when the accepted regression was sure", note, strings.Join(open, ", "))
		v.Next = "leave the waived metric out of policy.gating while the waiver lasts, so that the check goes on until the others are decided"
	default:
		v.Status = verdict.Pass
		v.Reason = "no gating metric regressed beyond what is " + note
		v.Next = "nothing to do before the waiver expires"
	}
	return v
}

// NamesNothing returns a fault for each waiver that is about nothing there is: a
// mistyped name would otherwise be believed to hold. scenarios are those that
// exist beside the ones that were measured. A waiver for another scenario, or for
// a runner class that did not measure here, is no fault; nor is any when nothing
// was declared to be measured at all.
func (s Set) NamesNothing(targets []Target, scenarios []string) diag.Faults {
	metrics := verdict.GatingMetrics()
	for _, t := range targets {
		metrics = append(metrics, t.Metrics...)
		scenarios = append(scenarios, t.Scenario)
	}
	if len(metrics) == len(verdict.GatingMetrics()) {
		return nil
	}
	var faults diag.Faults
	for _, w := range s {
		why := ""
		switch {
		case w.Scenario != "" && !slices.Contains(scenarios, w.Scenario):
			why = fmt.Sprintf("there is no scenario %q: %s", w.Scenario, diag.Suggest(w.Scenario, distinct(scenarios)))
		case w.Metric != "" && !slices.Contains(metrics, w.Metric):
			why = fmt.Sprintf("there is no gating metric %q: %s", w.Metric, diag.Suggest(w.Metric, distinct(metrics)))
		case w.Benchmark != "" && w.reaches(targets) && !w.found(targets):
			why = fmt.Sprintf("no benchmark %q was measured", w.Benchmark)
		default:
			continue
		}
		faults = append(faults, diag.Fault{
			File: w.At.File, Line: w.At.Line, Column: w.At.Column, Rule: "names-nothing",
			Message: fmt.Sprintf("waiver %q names nothing: %s", w.Name, why),
		})
	}
	return faults
}

// reaches says whether any target is covered.
func (w Waiver) reaches(targets []Target) bool { return slices.ContainsFunc(targets, w.Covers) }

func (w Waiver) found(targets []Target) bool {
	return slices.ContainsFunc(targets, func(t Target) bool {
		return w.Covers(t) && slices.ContainsFunc(t.Metrics, func(m string) bool { return w.names(m, t.Scenario) })
	})
}

func distinct(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}
