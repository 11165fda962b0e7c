package hook

import (
	"fmt"
	"strings"

	"github.com/fivegate/fivegate/gate/safetext"
	"github.com/fivegate/fivegate/gate/verdict"
)

// How many metrics a summary lists, and how much of their names and of the reason, in
// bytes. Chosen: what is read at a glance.
const (
	maxLines  = 8
	maxName   = 60
	maxReason = 400
)

// Summary is a verdict in a few lines: what it was decided by, then the times, which
// are only advice after so short a measurement.
func Summary(v verdict.Verdict) []string {
	var judged, advice []verdict.Metric
	width := 0
	for _, m := range v.Metrics {
		switch {
		case m.Gating:
			judged = append(judged, m)
		case m.HasEffect && isTime(m) && len(advice) < maxLines:
			advice = append(advice, m)
		default:
			continue
		}
		width = max(width, min(len(m.Name), maxName))
	}
	row := func(m verdict.Metric) string {
		return fmt.Sprintf("  %-*s  %s", width, safetext.Line(m.Name, maxName), change(m))
	}
	lines := []string{fmt.Sprintf("%s: %s", v.Status.Known(), safetext.Line(v.Reason, maxReason))}
	for _, m := range judged[:min(len(judged), maxLines)] {
		lines = append(lines, row(m)+"  "+string(m.Decision))
	}
	if left := len(judged) - maxLines; left > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", left))
	}
	if len(advice) > 0 {
		lines = append(lines, "times, as advice:")
	}
	for _, m := range advice {
		lines = append(lines, row(m))
	}
	return lines
}

// isTime says whether a metric is a time of the target or of a benchmark. The raw
// tail is the machine's more than theirs, and solo slices are too few to advise.
func isTime(m verdict.Metric) bool {
	if strings.HasSuffix(m.Name, ".raw") || strings.HasSuffix(m.Name, ".solo") {
		return false
	}
	return strings.HasPrefix(m.Name, "latency.") || m.Benchmark != "" && m.Unit == "sec/op"
}

// change is a metric's effect with its interval, + being worse.
func change(m verdict.Metric) string {
	switch {
	case !m.HasEffect:
		return "not measured"
	case m.Unit == verdict.UnitFraction:
		return fmt.Sprintf("%+.2f points", 100*m.Effect)
	}
	return fmt.Sprintf("%+.1f%% [%+.1f, %+.1f]", 100*m.Effect, 100*m.Low, 100*m.High)
}
