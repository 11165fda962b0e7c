package report

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// words are how a change of a metric is named.
type words struct{ worse, better string }

// wordsOf are the names of a metric's change. Metrics that are not known by name
// are worded by their unit, so that a new one needs no entry here.
func wordsOf(m verdict.Metric) words {
	switch {
	case strings.HasPrefix(m.Name, "cpu_per_op"):
		return words{"more CPU", "less CPU"}
	case strings.HasPrefix(m.Name, "throughput"):
		return words{"less throughput", "more throughput"}
	case m.Name == "rss":
		return words{"more memory", "less memory"}
	}
	switch m.Unit {
	case verdict.UnitSeconds, "sec/op":
		return words{"slower", "faster"}
	case "allocs/op":
		return words{"more", "fewer"}
	case "B/op":
		return words{"more", "less"}
	case verdict.UnitPerCPUS, verdict.UnitPerS:
		return words{"lower", "higher"}
	case verdict.UnitFraction:
		return words{"more errors", "fewer errors"}
	case verdict.UnitBytes:
		return words{"larger", "smaller"}
	}
	return words{"worse", "better"}
}

// direction is the effect of a metric in words, and empty when its interval
// holds zero: to say "faster" of noise would be to claim something.
func direction(m verdict.Metric) string {
	switch {
	case !m.HasEffect:
		return ""
	case m.Decision == verdict.Worse, m.Low > 0:
		return wordsOf(m).worse
	case m.Decision == verdict.Better, m.High < 0:
		return wordsOf(m).better
	}
	return ""
}

// higherIsBetter says whether a limit of the metric is a minimum.
func higherIsBetter(m verdict.Metric) bool {
	return strings.HasPrefix(string(m.Unit), "op/")
}

// headline is what was found, in one line, without the verdict's name.
func headline(doc *result.Document, v verdict.Verdict) string {
	reason := clean(v.Reason, maxSentence)
	if doc.Kind == result.KindRun || len(v.Metrics) == 0 {
		return reason
	}
	if isSuite(doc) {
		return cmp.Or(suiteHeadline(doc, v), reason)
	}
	line := ""
	switch v.Status.Known() {
	case verdict.Regression:
		line = worstHeadline(doc, v)
	case verdict.Improvement:
		line = bestHeadline(v)
	case verdict.Pass:
		line = passHeadline(v)
	case verdict.Inconclusive:
		line = openHeadline(v)
	case verdict.Invalid:
	}
	if line == "" {
		return reason
	}
	return line
}

func worstHeadline(doc *result.Document, v verdict.Verdict) string {
	worst, n := pick(v.Metrics, verdict.Worse, func(m verdict.Metric) float64 { return m.Effect - m.Limit })
	if n == 0 {
		return ""
	}
	line := fmt.Sprintf("head is %s in %s (limit %s)", compared(worst), clean(worst.Name, maxName), formatLimit(doc.Kind, worst))
	if n > 1 {
		line += fmt.Sprintf(", and worse in %s", count(n-1, "more metric"))
	}
	return line
}

func bestHeadline(v verdict.Verdict) string {
	best, n := pick(v.Metrics, verdict.Better, func(m verdict.Metric) float64 { return -m.Effect })
	if n == 0 {
		return ""
	}
	line := fmt.Sprintf("head is %s in %s", compared(best), clean(best.Name, maxName))
	if n > 1 {
		line += fmt.Sprintf(", and better in %s", count(n-1, "more metric"))
	}
	return line + "; nothing regressed"
}

func passHeadline(v verdict.Verdict) string {
	n := 0
	var largest verdict.Metric
	for _, m := range v.Metrics {
		if !m.Gating {
			continue
		}
		n++
		if m.HasEffect && m.Unit != verdict.UnitFraction && math.Abs(m.Effect) > math.Abs(largest.Effect) {
			largest = m
		}
	}
	line := fmt.Sprintf("head did not regress in any of %s", count(n, "gating metric"))
	if largest.HasEffect {
		line += fmt.Sprintf("; the largest change is %s in %s", newEffect(largest), clean(largest.Name, maxName))
	}
	return line
}

func openHeadline(v verdict.Verdict) string {
	widest, n := pick(v.Metrics, verdict.Open, func(m verdict.Metric) float64 { return m.High })
	if n == 0 {
		return ""
	}
	line := fmt.Sprintf("could not tell for %s: %s", clean(widest.Name, maxName), newEffect(widest))
	if mde := formatMDE(widest); mde != absent {
		line += fmt.Sprintf(", and this run would catch a change of %s", mde)
	}
	if n > 1 {
		line += fmt.Sprintf("; nor for %s", count(n-1, "more metric"))
	}
	return line
}

// compared words an effect as a comparison: "7.9% slower", "0.40 pp higher".
// The headline says slower of everything that costs time, CPU and throughput
// included, since that is the question that the gate was asked.
func compared(m verdict.Metric) string {
	w := words{"slower", "faster"}
	if m.Unit == verdict.UnitFraction || m.Unit == verdict.UnitBytes {
		w = words{"higher", "lower"}
	}
	if m.Effect < 0 {
		return magnitude(m) + " " + w.better
	}
	return magnitude(m) + " " + w.worse
}

// pick returns the gating metric with the given decision that ranks highest, and
// how many have that decision. A tie goes to the first.
func pick(metrics []verdict.Metric, d verdict.Decision, rank func(verdict.Metric) float64) (best verdict.Metric, n int) {
	for _, m := range metrics {
		if !m.Gating || m.Decision != d {
			continue
		}
		if n == 0 || rank(m) > rank(best) {
			best = m
		}
		n++
	}
	return best, n
}

// closing is the verdict in one sentence, the last line of a report.
func closing(doc *result.Document, v verdict.Verdict) string {
	reason := strings.TrimRight(clean(v.Reason, maxSentence), ". ")
	if reason == "" {
		reason = "no reason was given"
	}
	effect := ""
	switch {
	case doc.Kind == result.KindRun:
	case v.Blocks():
		effect = "the change must not merge, "
	default:
		effect = "the change may merge under this policy, "
	}
	return fmt.Sprintf("%s: %s (%sexit code %d)", v.Status.Known(), reason, effect, v.ExitCode())
}

// caption says how the table of a check is to be read.
func caption(doc *result.Document, v verdict.Verdict) string {
	if doc.Kind == result.KindRun || len(v.Metrics) == 0 {
		return ""
	}
	if isSuite(doc) {
		return suiteCaption(doc, v)
	}
	text := "Above zero is worse, whatever the metric."
	if v.Look.Alpha > 0 && finite(v.Look.Alpha) {
		text += fmt.Sprintf(" Lower ends hold at an error of %s for all gating metrics together, upper ends at %s each.",
			percent(v.Look.Alpha), percent(v.Look.PassAlpha))
	}
	for _, m := range v.Metrics {
		if m.HasValues && m.HasEffect {
			return text + " Changes come from pairs of rounds, not from the two values beside them."
		}
	}
	return text
}

// count words a number of things: "1 metric", "2 metrics".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
