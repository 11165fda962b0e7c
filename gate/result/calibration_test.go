package result_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

// calibrated is a check whose plan took something from a calibration.
func calibrated() *result.Document {
	d := resulttest.Check(resulttest.Options{Blocks: 8, Rounds: 2, RatePerS: 50})
	d.Plan.Metrics = []string{"cpu_per_op", "throughput", "latency.p50"}
	d.Plan.Policy.LayoutSD = 0.013
	d.Plan.Calibration = &result.Calibration{
		MeasuredAt: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC), Blocks: 66, Checks: 1000,
		FalseAlarms: result.Share{Value: 0.001, Low: 0, High: 0.006},
		Power:       []result.Power{{Effect: 0.05, Blocked: result.Share{Value: 0.5, Low: 0.4, High: 0.6}}, {Effect: 0.08, Blocked: result.Share{Value: 1, Low: 0.97, High: 1}}},
		LayoutSD:    0.013,
		Demoted:     []result.Demotion{{Metric: "latency.p90", Reason: "too noisy"}},
	}
	return d
}

func TestCalibrationIsKept(t *testing.T) {
	d := calibrated()
	var text bytes.Buffer
	if err := d.Write(&text); err != nil {
		t.Fatal(err)
	}
	back, err := result.Read(&text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.Plan.Calibration, back.Plan.Calibration); diff != "" {
		t.Error(diff)
	}
}

func TestCalibrationFaults(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*result.Calibration)
		want  string
	}{
		"no date":               {func(c *result.Calibration) { c.MeasuredAt = time.Time{} }, "/plan/calibration/measured_at: is missing"},
		"share outside":         {func(c *result.Calibration) { c.FalseAlarms.Value = 0.5 }, "/plan/calibration/false_alarms: is 0.5"},
		"share above 1":         {func(c *result.Calibration) { c.Power[1].Blocked.High = 1.5 }, "/plan/calibration/power/1/blocked/high: is 1.5"},
		"sizes do not ascend":   {func(c *result.Calibration) { c.Power[1].Effect = 0.05 }, "/plan/calibration/power/1/effect"},
		"another layout SD":     {func(c *result.Calibration) { c.LayoutSD = 0.001 }, "/plan/calibration/layout_sd: is 0.001"},
		"demoted without why":   {func(c *result.Calibration) { c.Demoted[0].Reason = "" }, "/plan/calibration/demoted/0: need"},
		"demoted twice":         {func(c *result.Calibration) { c.Demoted = append(c.Demoted, c.Demoted[0]) }, "/plan/calibration/demoted/1/metric"},
		"demoted and yet gates": {func(c *result.Calibration) { c.Demoted[0].Metric = "cpu_per_op" }, "declares as gating"},
	} {
		d := calibrated()
		c.spoil(d.Plan.Calibration)
		if err := d.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
