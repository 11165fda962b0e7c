package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// OpenMetrics writes the verdict and its numbers in the text format of
// OpenMetrics 1.0, in base units: seconds, bytes, and ratios of one. All samples
// carry the scenario, so that the files of several checks can be kept side by
// side. Changes are fractions, and above zero is worse, whatever the metric.
//
// A number that there is none of has no sample: it is never 0 or NaN. Samples
// carry no timestamp, since collectors drop samples of the past; when the
// measurement started is a metric of its own. The error is that of w.
func OpenMetrics(w io.Writer, m Model) error {
	x := &exposition{scenario: m.summary.Measured.Scenario}
	x.verdict(m)
	x.changes(m.summary)
	if m.suite != nil {
		x.suite(m)
	} else {
		x.values(m.summary)
	}
	x.measurement(m.summary)
	x.out.WriteString("# EOF\n")
	_, err := io.WriteString(w, x.out.String())
	return err
}

// exposition is text in the format of OpenMetrics, without its end.
type exposition struct {
	out      strings.Builder
	scenario string
}

// family is the metadata of samples of one name.
type family struct {
	name, kind, unit, help string
}

// addSample adds a sample to a family, unless there is no value.
type addSample func(v *float64, labels ...fact)

// family writes metadata and samples; nothing when there are none. Of samples
// with the same labels, which the format forbids, the first is kept.
func (x *exposition) family(f family, collect func(addSample)) {
	name := f.name
	if f.kind == "info" {
		name += "_info"
	}
	var lines []string
	seen := map[string]bool{}
	collect(func(v *float64, labels ...fact) {
		id := name + labelSet(append([]fact{{"scenario", x.scenario}}, labels...))
		if v == nil || seen[id] {
			return
		}
		seen[id] = true
		lines = append(lines, id+" "+strconv.FormatFloat(*v, 'g', -1, 64)+"\n")
	})
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(&x.out, "# TYPE %s %s\n", f.name, f.kind)
	if f.unit != "" {
		fmt.Fprintf(&x.out, "# UNIT %s %s\n", f.name, f.unit)
	}
	fmt.Fprintf(&x.out, "# HELP %s %s\n", f.name, f.help)
	x.out.WriteString(strings.Join(lines, ""))
}

// gauge writes a family of gauges, whose name ends in its unit if it has one.
func (x *exposition) gauge(name, unit, help string, collect func(addSample)) {
	x.family(family{name, "gauge", unit, help}, collect)
}

// labelValue escapes what would end a label's value.
var labelValue = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func labelSet(labels []fact) string {
	parts := make([]string, len(labels))
	for i, l := range labels {
		parts[i] = l.label + `="` + labelValue.Replace(l.text) + `"`
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// states adds a sample for each state that something may be in: 1 for the one
// that it is in, 0 for the others.
func states(to addSample, name, state string, all []string, labels ...fact) {
	for _, s := range all {
		to(oneIf(s == state), append(slices.Clone(labels), fact{name, s})...)
	}
}

var (
	statuses  = []string{string(verdict.Pass), string(verdict.Improvement), string(verdict.Regression), string(verdict.Inconclusive), string(verdict.Invalid)}
	decisions = []string{string(verdict.Worse), string(verdict.Better), string(verdict.Clear), string(verdict.Open), string(verdict.Missing)}
)

func (x *exposition) verdict(m Model) {
	s := m.summary
	// A state's label has the name of its family; the standard leaves no choice.
	x.family(family{"fivegate_verdict", "stateset", "", "The verdict."}, func(to addSample) {
		states(to, "fivegate_verdict", string(m.status), statuses)
	})
	x.gauge("fivegate_blocks_merge", "", "Whether the verdict stops the merge under the policy: 1 or 0.", func(to addSample) {
		to(oneIf(s.BlocksMerge))
	})
	x.gauge("fivegate_exit_code", "", "The exit code that goes with the verdict.", func(to addSample) {
		to(whole(int64(s.ExitCode)))
	})
	x.gauge("fivegate_final", "", "Whether no planned look is left that may change the verdict: 1 or 0.", func(to addSample) {
		to(oneIf(s.Final))
	})
	x.family(family{"fivegate_decision", "stateset", "", "The decision on a gating metric."}, func(to addSample) {
		for _, r := range m.gating() {
			states(to, "fivegate_decision", string(r.decision), decisions, fact{"metric", r.name})
		}
	})
}

// changes are the effects of a check; a run has none.
func (x *exposition) changes(s summary) {
	const help = "Change from base to head as a fraction, above zero is worse; of error_rate, the difference of the two rates."
	x.gauge("fivegate_effect_ratio", "ratio", help, func(to addSample) {
		for _, metric := range s.Metrics {
			name := fact{"metric", metric.Name}
			to(metric.Low, name, fact{"bound", "low"})
			to(metric.Effect, name, fact{"bound", "estimate"})
			to(metric.High, name, fact{"bound", "high"})
		}
	})
	x.gauge("fivegate_mde_ratio", "ratio", "The smallest change that would have been caught 95 times in 100.", func(to addSample) {
		for _, metric := range s.Metrics {
			to(metric.MDE, fact{"metric", metric.Name})
		}
	})
	if s.Measured.Kind == string(result.KindRun) {
		return // its limits are absolute
	}
	x.gauge("fivegate_limit_ratio", "ratio", "The change beyond which a regression blocks.", func(to addSample) {
		for _, metric := range s.Metrics {
			to(metric.Limit, fact{"metric", metric.Name})
		}
	})
}

// baseUnits are how the units of absolute values are called in names of metrics.
// A value in any other unit is left out: it cannot be said what it counts in.
var baseUnits = []struct {
	unit verdict.Unit
	name string
}{
	{verdict.UnitSeconds, "seconds"},
	{verdict.UnitBytes, "bytes"},
	{verdict.UnitFraction, "ratio"},
	{verdict.UnitPerS, "operations_per_second"},
	{verdict.UnitPerCPUS, "operations_per_cpu_second"},
}

// values are the absolute values, a family for each unit, and the limits of a
// run, which are absolute too.
func (x *exposition) values(s summary) {
	for _, base := range baseUnits {
		var of []summaryMetric
		for _, metric := range s.Metrics {
			if metric.Unit == string(base.unit) {
				of = append(of, metric)
			}
		}
		x.gauge("fivegate_value_"+base.name, base.name, "What was measured of an arm.", func(to addSample) {
			for _, metric := range of {
				to(metric.Base, fact{"metric", metric.Name}, fact{"arm", "base"})
				to(metric.Head, fact{"metric", metric.Name}, fact{"arm", "head"})
			}
		})
		if s.Measured.Kind != string(result.KindRun) {
			continue
		}
		x.gauge("fivegate_value_limit_"+base.name, base.name, "The scenario's limit of the value.", func(to addSample) {
			for _, metric := range of {
				to(metric.Limit, fact{"metric", metric.Name})
			}
		})
	}
}

// measurement is what the verdict rests on, and what one needs to repeat it.
func (x *exposition) measurement(s summary) {
	p := s.Measured
	x.family(family{"fivegate_measurement", "info", "", "What was measured, and where."}, func(to addSample) {
		to(whole(1), fact{"kind", p.Kind}, fact{"scenario_sha256", p.ScenarioSHA256}, fact{"mode", p.Mode}, fact{"ended", p.Ended},
			fact{"runner_class", p.RunnerClass}, fact{"seed", strconv.FormatUint(p.Seed, 10)}, fact{"tool", p.Tool})
	})
	x.family(family{"fivegate_arm", "info", "", "The commit of an arm."}, func(to addSample) {
		for _, arm := range p.Arms {
			to(whole(1), fact{"arm", arm.Name}, fact{"ref", arm.Ref}, fact{"commit", arm.Commit})
		}
	})
	x.gauge("fivegate_started_timestamp_seconds", "seconds", "When the measurement started, in Unix time.", func(to addSample) {
		if at, err := time.Parse(time.RFC3339, p.StartedAt); err == nil && at.Unix() > 0 {
			to(whole(at.Unix()))
		}
	})
	x.gauge("fivegate_duration_seconds", "seconds", "How long the measurement took.", func(to addSample) { to(p.DurationS) })
	x.gauge("fivegate_blocks", "", "Blocks: planned, and judged at the look that gave the verdict.", func(to addSample) {
		to(whole(int64(p.BlocksPlanned)), fact{"state", "planned"})
		to(whole(int64(s.Look.Blocks)), fact{"state", "judged"})
	})
	x.gauge("fivegate_layouts", "", "Builds of an arm that were measured, each linked in another order.", func(to addSample) {
		for _, arm := range p.Arms {
			to(whole(int64(arm.Layouts)), fact{"arm", arm.Name})
		}
	})
	x.gauge("fivegate_requests", "", "Requests in all slices: due, sent, and failed.", func(to addSample) {
		to(wholeOf(p.RequestsDue), fact{"state", "due"})
		to(wholeOf(p.RequestsSent), fact{"state", "sent"})
		to(wholeOf(p.RequestsFailed), fact{"state", "failed"})
	})
	x.gauge("fivegate_offered_requests_per_second", "requests_per_second", "The rate offered to each arm.", func(to addSample) { to(p.RatePerS) })
	x.gauge("fivegate_engine_lag_p99_seconds", "seconds", "How late the load engine sent, 99th percentile of the worst slice.", func(to addSample) {
		if lag := wholeOf(p.LagP99NS); lag != nil && *p.RequestsDue > 0 {
			to(number(*lag/1e9, true))
		}
	})
}

func whole(n int64) *float64 { return number(float64(n), true) }

// wholeOf is a count, or nil when there is none.
func wholeOf(n *int64) *float64 {
	if n == nil {
		return nil
	}
	return whole(*n)
}

func oneIf(on bool) *float64 {
	if on {
		return whole(1)
	}
	return whole(0)
}
