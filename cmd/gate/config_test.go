package main

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/target"
)

var updateConfig = flag.Bool("update-config", false, "rewrite the expected faults of testdata/config")

func noEnvironment(string) string { return "" }

// loadConfigText loads a gate.toml of this text.
func loadConfigText(t *testing.T, text string, flags overrides, getenv func(string) string) (*fileConfig, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return loadConfig(path, flags, getenv)
}

// TestConfigBadFiles compares what is printed about each bad file with the .out
// file beside it.
func TestConfigBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/config/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/config: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, faults := parseConfig(filepath.Base(file), text)
			if len(faults) == 0 {
				t.Fatal("no faults")
			}
			var got bytes.Buffer
			if err := faults.Print(&got, text); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".toml") + ".out"
			if *updateConfig {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("(-want +got; -update-config rewrites):\n%s", diff)
			}
		})
	}
}

func TestConfigExampleIsValid(t *testing.T) {
	got, err := loadConfigText(t, configExample, overrides{}, noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.Target = target.Config{
		Driver: "engram",
		Build:  []string{"cargo", "build", "--release", "-p", "engram-cli"},
		Start:  []string{"target/release/engram", "--log-level", "warn", "start", "--port", "{port}", "--grpc-port", "{port2}"},
		Env:    map[string]string{"ENGRAM_DATA_DIR": "{data}", "ENGRAM_PID_PATH": "{data}/engram.pid"},
		Ready:  "http://127.0.0.1:{port}/health/alive", ReadyTimeout: target.DefaultReadyTimeout, Layouts: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConfigEveryKey(t *testing.T) {
	got, err := loadConfigText(t, `
[target]
driver = "engram"
build = ["make", "SEED={layout}", "-C", "{worktree}"]
start = ["server", "--listen", "127.0.0.1:{port}", "--json", '{"a": {"b": 1}}']
env = { DATA = "{data}" }
ready = 'log:listening on [0-9]{2,5}$'
ready_timeout = "90s"
artifacts = ["bin/server", "share"]
layouts = 3
[check]
scenario = "./load.toml"
budget = "90s"
[policy]
threshold = "3%"
on_inconclusive = "block"
gating = ["latency.p99", "cpu_per_op"]
`, overrides{}, noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.Target = target.Config{
		Driver:    "engram",
		Build:     []string{"make", "SEED={layout}", "-C", "{worktree}"},
		Start:     []string{"server", "--listen", "127.0.0.1:{port}", "--json", `{"a": {"b": 1}}`},
		Env:       map[string]string{"DATA": "{data}"},
		Ready:     "log:listening on [0-9]{2,5}$",
		Artifacts: []string{"bin/server", "share"}, ReadyTimeout: 90 * time.Second, Layouts: 3,
	}
	want.Scenario, want.Budget = "./load.toml", 90*time.Second
	want.Policy.Threshold, want.Policy.OnInconclusive = 0.03, "block"
	want.Gating = []string{verdict.CPUPerOp, verdict.LatencyP99} // in the order of reports
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConfigLayouts(t *testing.T) {
	for _, tt := range []struct {
		name, lines string
		want        int
	}{
		{"nothing is built", "", 1},
		{"go build is shuffled", `build = ["go", "build", "-o", "bin/s", "."]`, defaultLayouts},
		{"whatever go it is", `build = ["/opt/go/bin/go", "build", "."]`, defaultLayouts},
		{"go generate is no build", `build = ["go", "generate"]`, 1},
		{"a placeholder in build", `build = ["make", "SEED={layout}"]`, defaultLayouts},
		{"a placeholder in the build's environment", "build = ['make']\nenv = { SEED = '{layout}' }", defaultLayouts},
		{"a placeholder that only a launch knows", "build = ['make']\nenv = { DIR = '{data}/{layout}' }", 1},
		{"as told", "build = ['go', 'build', '.']\nlayouts = 2", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := loadConfigText(t, "[target]\nstart = ['./bin/s', '{port}']\n"+tt.lines, overrides{}, noEnvironment)
			if err != nil {
				t.Fatal(err)
			}
			if got.Target.Layouts != tt.want {
				t.Errorf("%d layouts, want %d", got.Target.Layouts, tt.want)
			}
		})
	}
}

func TestConfigReady(t *testing.T) {
	for _, tt := range []struct{ ready, want, reason string }{
		{"", "http://127.0.0.1:{port}/health/alive", "the default"},
		{"tcp", "tcp://127.0.0.1:{port}", "short for a connection"},
		{"tcp://127.0.0.1:{port2}", "tcp://127.0.0.1:{port2}", "another port"},
		{"http://localhost:{port}/ready?x=1", "http://localhost:{port}/ready?x=1", "an address"},
		{"https://[::1]:{port}/", "https://[::1]:{port}/", "with brackets"},
	} {
		text := "[target]\nstart = ['server', '{port}']\n"
		if tt.ready != "" {
			text += "ready = '" + tt.ready + "'\n"
		}
		got, err := loadConfigText(t, text, overrides{}, noEnvironment)
		if err != nil {
			t.Errorf("%s: %v", tt.reason, err)
		} else if got.Target.Ready != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got.Target.Ready, tt.want)
		}
	}
}

func TestConfigHTTP(t *testing.T) {
	got, err := loadConfigText(t, "[target]\ndriver = 'http'\nstart = ['./bin/s', '{port}']\n", overrides{}, noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	if got.Scenario != "" || got.Target.Ready != readyConnection || got.Transport != (transport{Protocol: load.HTTP1}) {
		t.Errorf("defaults are %+v", got)
	}
	got, err = loadConfigText(t, `
[target]
driver = "http"
start = ["./bin/s", "{port}"]
ready = "https://127.0.0.1:{port}/health"
protocol = "h2"
ca = "ca.pem"
[check]
scenario = "http/get"
`, overrides{}, noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	if got.Scenario != "http/get" || got.Transport != (transport{Protocol: load.H2, CA: "ca.pem"}) {
		t.Errorf("got %+v", got)
	}
}

// TestDefaultHTTPScenario: without a scenario, the page is asked for that tells
// whether the target is ready.
func TestDefaultHTTPScenario(t *testing.T) {
	for ready, want := range map[string]string{
		"http://127.0.0.1:{port}/health?full=1": "/health?full=1",
		"https://localhost:{port2}":             "/",
		readyConnection:                         "/",
		"log:listening on /x":                   "/",
	} {
		cfg := defaultConfig()
		cfg.Scenario, cfg.Target = "", target.Config{Driver: driverHTTP, Ready: ready}
		s, err := loadScenario(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if path, ok := s.HTTP.Requests[0].Path.Fixed(); !ok || path != want || s.Arrival.RatePerS != defaultRatePerS || cfg.Seed != s.Seed {
			t.Errorf("%s: %s at %v/s, want %s", ready, path, s.Arrival.RatePerS, want)
		}
	}
}

func TestScenarioMustFitTheDriver(t *testing.T) {
	for driver, name := range map[string]string{driverHTTP: "ci/fast_regression_check", driverEngram: "http/get"} {
		cfg := defaultConfig()
		cfg.Scenario, cfg.Target.Driver = name, driver
		if _, err := loadScenario(cfg); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), driver) {
			t.Errorf("driver %s with scenario %s: %v", driver, name, err)
		}
	}
}

func TestConfigPrecedence(t *testing.T) {
	const text = "[target]\nstart = ['server', '{port}']\n[check]\nscenario = 'file'\nbudget = '1m'\n[policy]\nthreshold = '1%'\n"
	environment := map[string]string{"GATE_SCENARIO": "variable", "GATE_BUDGET": "2m", "GATE_THRESHOLD": "2%", "GATE_SEED": "2"}
	fromEnvironment := func(name string) string { return environment[name] }
	flags := overrides{Scenario: "flag", Budget: "3m", Threshold: "3%", Seed: "3"}
	type settings struct {
		Scenario  string
		Budget    time.Duration
		Threshold float64
		Seed      uint64
	}
	for _, tt := range []struct {
		name, text string
		flags      overrides
		getenv     func(string) string
		want       settings
	}{
		{"defaults", text[:strings.Index(text, "[check]")], overrides{}, noEnvironment, settings{"ci/fast_regression_check", 5 * time.Minute, 0.05, 0}},
		{"the file", text, overrides{}, noEnvironment, settings{"file", time.Minute, 0.01, 0}},
		{"the environment beats the file", text, overrides{}, fromEnvironment, settings{"variable", 2 * time.Minute, 0.02, 2}},
		{"flags beat the environment", text, flags, fromEnvironment, settings{"flag", 3 * time.Minute, 0.03, 3}},
		{"each for itself", text, overrides{Budget: "3m"}, fromEnvironment, settings{"variable", 3 * time.Minute, 0.02, 2}},
		{"blank is not given, as inputs of an action are", text, overrides{Budget: " "}, func(string) string { return "\t" }, settings{"file", time.Minute, 0.01, 0}},
		{"all 64 bits", text, overrides{Seed: "18446744073709551615"}, noEnvironment, settings{"file", time.Minute, 0.01, 1<<64 - 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := loadConfigText(t, tt.text, tt.flags, tt.getenv)
			if err != nil {
				t.Fatal(err)
			}
			got := settings{cfg.Scenario, cfg.Budget, cfg.Policy.Threshold, cfg.Seed}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestConfigFaultsAreCollected: the file, the variables and the flags are
// reported together, each by its name.
func TestConfigFaultsAreCollected(t *testing.T) {
	environment := map[string]string{"GATE_BUDGET": "5", "GATE_THRESHOLD": "ten", "GATE_SEED": "-1"}
	_, err := loadConfigText(t, "[target]\nstart = ['server', '{port}']\nlayout = 2\n",
		overrides{Threshold: "0%"}, func(name string) string { return environment[name] })
	var faults diag.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("got %v, want faults", err)
	}
	var got []string
	for _, f := range faults {
		f.File = filepath.Base(f.File)
		got = append(got, f.Error())
	}
	want := []string{
		`--threshold: "0%": allowed is 0.1% to 100% [value]`,
		`gate.toml:3:1: unknown key "layout" in [target]: did you mean "layouts"? Allowed are "artifacts", "build", "ca", "driver", "env", "insecure", "layouts", "protocol", "ready", "ready_timeout", "start" [unknown-key]`,
		`GATE_BUDGET: "5": not a duration; write numbers with units, such as 30s, 5m or 1h30m [value]`,
		`GATE_SEED: "-1": not a seed; allowed is a whole number from 1 to 18446744073709551615 [value]`,
	}
	for _, w := range want {
		found := false
		for _, g := range got {
			found = found || g == w
		}
		if !found {
			t.Errorf("not reported: %s\ngot %s", w, strings.Join(got, "\n"))
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d faults, want %d: a variable that a flag beats is not looked at", len(got), len(want))
	}
}

func TestConfigAbsent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.toml")
	_, err := loadConfig(path, overrides{}, noEnvironment)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), path) || !strings.HasSuffix(err.Error(), configExample) {
		t.Errorf("neither path nor example in: %v", err)
	}
	if _, err := loadConfig(t.TempDir(), overrides{}, noEnvironment); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory: got %v", err)
	}
}

func TestConfigTooLarge(t *testing.T) {
	_, err := loadConfigText(t, strings.Repeat("#", diag.MaxTOMLBytes+1), overrides{}, noEnvironment)
	var faults diag.Faults
	if !errors.As(err, &faults) || faults[0].Rule != "size" {
		t.Errorf("got %v, want a fault about the size", err)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(configExample))
	files, err := filepath.Glob("testdata/config/*.toml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no files in testdata/config: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		cfg, faults := parseConfig("gate.toml", text)
		if len(faults) > 0 {
			return
		}
		if len(cfg.Target.Start) == 0 || cfg.Target.Layouts < 1 || cfg.Budget <= 0 || len(cfg.Gating) == 0 || !(cfg.Policy.Threshold > 0) {
			t.Errorf("accepted, and not usable: %+v", cfg)
		}
	})
}
