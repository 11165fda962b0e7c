package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/calibration"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/experiment"
)

// calibrationWorld is a check that is about to be planned, in a directory and with
// a cache of its own, and a calibration that fits it.
type calibrationWorld struct {
	cfg  *fileConfig
	x    experiment.Config
	c    *calibration.Calibration
	said bytes.Buffer
}

func newCalibrationWorld(t *testing.T) *calibrationWorld {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CACHE_HOME", filepath.Join(t.TempDir(), "cache"))
	w := &calibrationWorld{cfg: storeConfig("gate", 5*time.Minute)}
	w.x = experiment.Config{Policy: w.cfg.Policy, Metrics: w.cfg.Gating, Provenance: result.Provenance{
		Tool: result.Tool{Version: "v1"}, Scenario: result.Scenario{Name: "ci/fast", SHA256: strings.Repeat("a", 64)}, Runner: result.Runner{Class: "class"},
	}}
	rare := result.Share{Value: 0.002, High: 0.009}
	w.c = &calibration.Calibration{
		Schema: calibration.Schema, MeasuredAt: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC), Key: calibrationKey(w.x, w.cfg), Blocks: 60, LayoutSD: 0.013,
		Check: calibration.Shape{Blocks: 28, Looks: []int{28}}, Drawn: calibration.Drawn{Checks: 1000, Blocks: 28},
		Outcomes: []calibration.Row{{Blocked: rare}, {Effect: 0.08, Blocked: result.Share{Value: 0.99, Low: 0.9, High: 1}}},
		Demoted:  []result.Demotion{{Metric: "latency.p90", Reason: "too noisy"}},
	}
	for _, name := range w.cfg.Gating {
		w.c.Metrics = append(w.c.Metrics, calibration.Metric{Name: name, FalseAlarms: rare, Disturbances: []calibration.Disturbance{}})
	}
	return w
}

func (w *calibrationWorld) write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := result.Replace(path, w.c.Write); err != nil {
		t.Fatal(err)
	}
}

func (w *calibrationWorld) use() error { return useCalibration(&w.x, w.cfg, newProgress(&w.said)) }

func (w *calibrationWorld) cache(t *testing.T) string {
	t.Helper()
	path, err := calibrationCache(w.c.Key)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCalibrationIsFound(t *testing.T) {
	for name, place := range map[string]func(*testing.T, *calibrationWorld){
		"in the cache": func(t *testing.T, w *calibrationWorld) { w.write(t, w.cache(t)) },
		"committed":    func(t *testing.T, w *calibrationWorld) { w.write(t, "baselines/class/ci/fast.calibration.json") },
		"named":        func(t *testing.T, w *calibrationWorld) { w.write(t, "mine.json"); w.cfg.Calibration = "mine.json" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newCalibrationWorld(t)
			place(t, w)
			if err := w.use(); err != nil {
				t.Fatal(err)
			}
			if c := w.x.Calibration; c == nil || c.FalseAlarms.Value != 0.002 || len(c.Power) != 1 || c.LayoutSD != 0.013 || w.x.Policy.LayoutSD != 0.013 {
				t.Errorf("the plan has %+v, and the policy %+v", c, w.x.Policy)
			}
			if slices.Contains(w.x.Metrics, "latency.p90") || len(w.x.Metrics) != len(w.cfg.Gating)-1 || !slices.Contains(w.cfg.Gating, "latency.p90") {
				t.Errorf("gating are %v, configured %v", w.x.Metrics, w.cfg.Gating)
			}
			if w.said.Len() > 0 {
				t.Errorf("said %q", w.said.String())
			}
		})
	}
}

func TestCalibrationOfSomethingElseIsNotUsed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*calibrationWorld)
		want   string
	}{
		"class":    {func(w *calibrationWorld) { w.c.Key.RunnerClass = "other" }, "it was made for runner class other, and this check has class"},
		"version":  {func(w *calibrationWorld) { w.c.Key.Tool = "v0" }, "it was made for gate v0"},
		"target":   {func(w *calibrationWorld) { w.c.Key.Target = "x" }, "built or started in another way"},
		"in turn":  {func(w *calibrationWorld) { w.x.Alternate = true }, "made for a duet"},
		"by hand":  {func(w *calibrationWorld) { w.c.Key.Metrics = []string{"cpu_per_op"} }, "other metrics gate now"},
		"scenario": {func(w *calibrationWorld) { w.c.Key.ScenarioSHA256 = strings.Repeat("b", 64) }, "it was made for scenario"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCalibrationWorld(t)
			c.change(w)
			w.write(t, "mine.json")
			w.cfg.Calibration = "mine.json"
			if err := w.use(); err != nil {
				t.Fatal(err)
			}
			if w.x.Calibration != nil || !slices.Equal(w.x.Metrics, w.cfg.Gating) || w.x.Policy != w.cfg.Policy {
				t.Error("it is used")
			}
			if !strings.Contains(w.said.String(), c.want) {
				t.Errorf("said %q, want %q", w.said.String(), c.want)
			}
		})
	}
}

func TestBrokenCalibration(t *testing.T) {
	spoil := func(t *testing.T, path string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(`{"schema": `), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	w := newCalibrationWorld(t)
	if err := w.use(); err != nil || w.x.Calibration != nil || w.said.Len() > 0 {
		t.Errorf("without any: %v, %q", err, w.said.String())
	}
	spoil(t, w.cache(t))
	if err := w.use(); err != nil || !strings.Contains(w.said.String(), "the calibration in the cache is not used") {
		t.Errorf("in the cache: %v, %q", err, w.said.String())
	}
	spoil(t, "baselines/class/ci/fast.calibration.json")
	if err := w.use(); err == nil || !strings.Contains(err.Error(), "fast.calibration.json: ") {
		t.Errorf("committed: %v", err)
	}
	w.cfg.Calibration = "absent.json"
	if err := w.use(); err == nil || !strings.Contains(err.Error(), "absent.json") {
		t.Errorf("named and absent: %v", err)
	}
}
