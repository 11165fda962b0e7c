package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/report"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/verdict"
)

// TestCalibrationIsInEveryReport checks that no format for people keeps back what
// a calibration says, nor which metric it took out of the judgement.
func TestCalibrationIsInEveryReport(t *testing.T) {
	doc := resulttest.Check(resulttest.Options{Seed: 3, Blocks: 12, Rounds: 3, RatePerS: 100, Probes: -1})
	doc.Plan.Metrics = []string{"cpu_per_op", "throughput", "latency.p50"}
	doc.Plan.Calibration = &result.Calibration{
		MeasuredAt: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC), Blocks: 66, Checks: 1000,
		FalseAlarms: result.Share{Value: 0.001, Low: 0, High: 0.0056},
		Power:       []result.Power{{Effect: 0.05, Blocked: result.Share{Value: 0.5, Low: 0.4, High: 0.6}}, {Effect: 0.08, Blocked: result.Share{Value: 0.994, Low: 0.97, High: 1}}},
		Demoted:     []result.Demotion{{Metric: "latency.p90", Reason: "a full check sees only slow-downs of 19% or more, and the policy asks for 12%"}},
	}
	v := verdict.Judge(doc)
	m := report.New(doc, v)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"terminal": func(b *bytes.Buffer) error { return report.Terminal(b, m, report.TerminalOptions{}) },
		"markdown": func(b *bytes.Buffer) error { return report.Markdown(b, m) },
		"html":     func(b *bytes.Buffer) error { return report.HTML(b, m, report.Illustrate(doc, v)) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		flat := strings.Join(strings.Fields(strings.ReplaceAll(b.String(), `\`, "")), " ")
		for _, want := range []string{
			"on this runner identical builds are blocked 1 time in 1,000 (0 to 6); a slow-down of 8% is caught in 99 of 100 (97 to 100); measured 2026-11-01 over 66 blocks",
			"atency.p90 is watched and not judged on this runner: a full check sees only slow-downs of 19% or more",
		} {
			if !strings.Contains(flat, want) {
				t.Errorf("%s does not say %q:\n%s", name, want, flat)
			}
		}
	}
	var b bytes.Buffer
	if err := report.JSON(&b, m); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "latency.p90 is watched and not judged on this runner") {
		t.Error("the JSON has no note of the demoted metric")
	}
}
