package calibration_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/calibration"
	"github.com/fivegate/fivegate/gate/result"
)

// written is a calibration without a measurement.
func written() *calibration.Calibration {
	share := result.Share{Value: 0.002, Low: 0, High: 0.009}
	return &calibration.Calibration{
		Schema: calibration.Schema, MeasuredAt: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), DurationS: 600,
		Key: calibration.Key{
			Tool: "v1.0.0", RunnerClass: "linux-test", Scenario: "ci/<b>", ScenarioSHA256: "ab", Target: "cd", BudgetS: 300,
			Metrics: []string{"cpu_per_op", "latency.p90", "error_rate"}, Policy: result.Policy{Threshold: 0.05, Alpha: 0.02, MaxMDE: 0.12, OnInconclusive: "warn"},
		},
		Ended: "complete", Blocks: 60, Layouts: 15,
		Check: calibration.Shape{Blocks: 28, Rounds: 4, Looks: []int{10, 14, 19, 24, 28}, BlockS: 9, PrepareS: 8},
		Drawn: calibration.Drawn{Checks: 1000, Blocks: 28, NoiseF: 50},
		Outcomes: []calibration.Row{
			{Effect: 0, Blocked: share, Blocks: 12, Apart: calibration.Apart{Checks: 2, High: 0.84}},
			{Effect: 0.08, Blocked: result.Share{Value: 0.987, Low: 0.951, High: 1}, Blocks: 11, Apart: calibration.Apart{Checks: 2, Blocked: 2, Low: 0.16, High: 1}},
		},
		Metrics: []calibration.Metric{
			{Name: "cpu_per_op", FalseAlarms: share, MDE: 0.03, BlocksFor5: 14, MinutesFor5: 2.2, Noise: calibration.Noise{Layout: 0.01, Launch: 0.01, Round: 0.02}, Disturbances: []calibration.Disturbance{{Name: "steal", QuietSD: 0.01, LoudSD: 0.03}}},
			{Name: "latency.p90", FalseAlarms: share, MDE: 0.19, Disturbances: []calibration.Disturbance{}},
			{Name: "error_rate", FalseAlarms: share, Disturbances: []calibration.Disturbance{}},
		},
		Demoted:     []result.Demotion{{Metric: "latency.p90", Reason: "a full check sees only slow-downs of 19% or more, and the policy asks for 12%"}},
		Attenuation: []calibration.Attenuation{{Metric: "cpu_per_op", Planted: 0.2, Duet: 0.19, Solo: 0.21, Kappa: 0.95, Low: 0.9, High: 1.01}},
		Advice:      []string{"more blocks"},
	}
}

func text(t testing.TB, c *calibration.Calibration) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFileIsReadAsWritten(t *testing.T) {
	c := written()
	back, err := calibration.Read(strings.NewReader(text(t, c)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, back); diff != "" {
		t.Error(diff)
	}
}

func TestFileFaults(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"another version": {`calibration/v1`, `calibration/v2`, `/schema: is "fivegate/calibration/v2"`},
		"unknown member":  {`"blocks": 60`, `"blocks": 60, "colour": 1`, "colour"},
		"wrong kind":      {`"blocks": 60`, `"blocks": "60"`, "/blocks: cannot be read as int"},
		"cut":             {"\n}\n", "", "not JSON at byte"},
		"share":           {`"value": 0.987`, `"value": 0.2`, "/outcomes/1/blocked: is 0.2"},
		"negative":        {`"mde": 0.03`, `"mde": -0.03`, "/metrics/0: has -0.03"},
		"no class":        {`"linux-test"`, `""`, "/key/runner_class: is empty"},
		"unknown demoted": {`"metric": "latency.p90"`, `"metric": "latency.p50"`, "/demoted/0"},
		"no identical":    {`"effect": 0,`, `"effect": 0.01,`, "/outcomes: must begin"},
	} {
		whole := text(t, written())
		spoilt := strings.Replace(whole, c.old, c.new, 1)
		if spoilt == whole {
			t.Fatalf("%s: the file has no %s", name, c.old)
		}
		if _, err := calibration.Read(strings.NewReader(spoilt)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	all := written()
	all.Demoted = []result.Demotion{{Metric: "cpu_per_op", Reason: "x"}, {Metric: "latency.p90", Reason: "x"}, {Metric: "error_rate", Reason: "x"}}
	if _, err := calibration.Read(strings.NewReader(text(t, all))); err == nil {
		t.Error("a file that demotes every metric is read")
	}
	if _, err := calibration.Read(strings.NewReader(strings.Repeat(" ", 2<<20))); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("two megabytes: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	whole := text(f, written())
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(strings.Replace(whole, "0.987", "1e999", 1))
	f.Add("{}")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := calibration.Read(strings.NewReader(s))
		if err != nil {
			return
		}
		// What is read can be used, written and read again.
		_ = calibration.Sentence(c.Plan())
		if err := c.HTML(new(bytes.Buffer)); err != nil {
			t.Fatal(err)
		}
		back, err := calibration.Read(strings.NewReader(text(t, c)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestSentence(t *testing.T) {
	want := "on this runner identical builds are blocked 2 times in 1,000 (0 to 9); a slow-down of 8% is caught in 99 of 100 (95 to 100)"
	if got := calibration.Sentence(written().Plan()); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMismatch(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*calibration.Key)
		want   string
	}{
		"the same":              {func(*calibration.Key) {}, ""},
		"class":                 {func(k *calibration.Key) { k.RunnerClass = "other" }, "it was made for runner class linux-test, and this check has other"},
		"version":               {func(k *calibration.Key) { k.Tool = "v2.0.0" }, "it was made for gate v1.0.0, and this check has v2.0.0"},
		"scenario":              {func(k *calibration.Key) { k.ScenarioSHA256 = "ff" }, "it was made for scenario ci/<b> (ab), and this check has ci/<b> (ff)"},
		"target":                {func(k *calibration.Key) { k.Target = "x" }, "the target is built or started in another way now"},
		"threshold":             {func(k *calibration.Key) { k.Policy.Threshold = 0.03 }, "it was made for a threshold of 5%, and this check has 3%"},
		"alpha":                 {func(k *calibration.Key) { k.Policy.Alpha = 0.01 }, "the policy's numbers are others now"},
		"what inconclusive is":  {func(k *calibration.Key) { k.Policy.OnInconclusive = "block" }, ""},
		"metrics":               {func(k *calibration.Key) { k.Metrics = []string{"cpu_per_op"} }, "other metrics gate now"},
		"the tail left out":     {func(k *calibration.Key) { k.Metrics = append(k.Metrics, "latency.p99") }, ""},
		"budget":                {func(k *calibration.Key) { k.BudgetS = 120 }, "it was made for checks of 5m, and this check has 2m"},
		"a budget that is near": {func(k *calibration.Key) { k.BudgetS = 290 }, ""},
	} {
		check := written().Key
		c.change(&check)
		if got := written().Key.Mismatch(check); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestPage(t *testing.T) {
	var b bytes.Buffer
	if err := written().HTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{
		"identical builds are blocked 2 times in 1,000", "latency.p90 is watched and not judged", "ci/&lt;b&gt;",
		`class="noise-layout"`, "0.95 (0.90 to 1.01)", "<li>more blocks</li>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "<b>") {
		t.Error("a scenario's name was not escaped")
	}
}
