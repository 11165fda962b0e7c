package page

import (
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/report"
	"github.com/fivegate/fivegate/gate/verdict"
)

// isSuite says whether a leg is of benchmarks.
func isSuite(l *legs.Leg) bool { return l.Document != nil && len(l.Document.Benchmarks) > 0 }

// called names a metric, and a measure by its benchmark and its unit; name lays
// out names. Of long names the end is kept, which tells sub-benchmarks apart.
func called(m verdict.Metric, name func(string) string) string {
	if m.Benchmark == "" {
		return name(m.Name)
	}
	of := []rune(plain(m.Benchmark, maxSentence))
	if over := len(of) - (maxName - 1); over > 0 {
		of = append([]rune("…"), of[over+1:]...)
	}
	return name(string(of)) + " " + name(string(m.Unit))
}

// ranked are a leg's metrics in the order of the table.
func ranked(l *legs.Leg) []verdict.Metric {
	if isSuite(l) {
		return report.ByImportance(l.Verdict.Metrics)
	}
	return l.Verdict.Metrics
}

// under is what a leg was measured by.
func under(l *legs.Leg) string {
	if isSuite(l) {
		return "benchmarks"
	}
	return l.Scenario()
}

// judged names what was judged.
func judged(c legs.Combined) string {
	for i := range c.Legs {
		if !isSuite(&c.Legs[i]) {
			return "gating metric"
		}
	}
	return "judged measure"
}

// wrongOf is what to do about a verdict that one does not believe; benchmarks have
// no load engine.
func wrongOf(c legs.Combined) string {
	if slices.ContainsFunc(c.Legs, func(l legs.Leg) bool { return !isSuite(&l) }) || len(c.Legs) == 0 {
		return wrong
	}
	return strings.Replace(wrong, " or the load engine was the limit", " or the time ran out", 1)
}
