package hook

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/verdict"
)

func TestSummary(t *testing.T) {
	v := verdict.Verdict{Status: verdict.Regression, Reason: "head is worse\nin \x1b[31mcpu", Metrics: []verdict.Metric{
		{Name: verdict.CPUPerOp, Gating: true, HasEffect: true, Effect: 0.1, Low: 0.05, High: 0.15, Decision: verdict.Worse},
		{Name: verdict.ErrorRate, Gating: true, HasEffect: true, Effect: 0.002, Unit: verdict.UnitFraction, Decision: verdict.Clear},
		{Name: verdict.Throughput, Gating: true, Decision: verdict.Missing},
		{Name: verdict.LatencyP50, HasEffect: true, Effect: -0.02, Low: -0.05, High: 0.01, Decision: verdict.Watching},
		{Name: "latency.p50/store", HasEffect: true, Effect: 0.02, Low: -0.01, High: 0.05, Decision: verdict.Watching},
		{Name: "latency.p99.raw", HasEffect: true, Decision: verdict.Watching},
		{Name: "rss", HasEffect: true, Decision: verdict.Watching},
	}}
	want := []string{
		"regression: head is worse in \ufffd[31mcpu",
		"  cpu_per_op         +10.0% [+5.0, +15.0]  regression",
		"  error_rate         +0.20 points  pass",
		"  throughput         not measured  missing",
		"times, as advice:",
		"  latency.p50        -2.0% [-5.0, +1.0]",
		"  latency.p50/store  +2.0% [-1.0, +5.0]",
	}
	if diff := cmp.Diff(want, Summary(v)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := Summary(verdict.Verdict{Status: "fine"})[0]; !strings.HasPrefix(got, "invalid: ") {
		t.Errorf("a status that is not known reads %q", got)
	}
}

func TestSummaryOfManyMetricsIsShort(t *testing.T) {
	var v verdict.Verdict
	for i := range 100 {
		v.Metrics = append(v.Metrics, verdict.Metric{Name: fmt.Sprint(i), Gating: true}, verdict.Metric{Name: fmt.Sprint(i), Benchmark: "b", Unit: "sec/op", HasEffect: true})
	}
	got := strings.Join(Summary(v), "\n")
	if lines := strings.Count(got, "\n"); lines > 2*maxLines+3 || !strings.Contains(got, "and 92 more") {
		t.Errorf("%d lines:\n%s", lines, got)
	}
}
