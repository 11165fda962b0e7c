package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/target"
)

// fileConfig is what gate.toml, the environment and the flags together say,
// checked and with defaults filled in.
type fileConfig struct {
	Target    target.Config
	Transport transport
	Bench     benchFlags    // which Go benchmarks are measured, where the driver is gobench
	Scenario  string        // name of an embedded scenario, or a path; empty: a GET of the page that tells whether the target is ready
	Budget    time.Duration // for measuring, builds not counted
	Seed      uint64        // 0: the scenario's
	Policy    result.Policy
	Gating    []string // metrics that are judged, in the order of verdict.GatingMetrics

	Calibration string // file of one that is to be used; empty: the one that is found
}

// overrides are values as typed on the command line; empty ones are not given.
type overrides struct {
	Scenario, Budget, Threshold, Seed string
}

// What gate.toml may leave out. The numbers of the policy and their evidence
// are in docs/statistics.md §3 to §6.
func defaultConfig() *fileConfig {
	return &fileConfig{
		Transport: transport{Protocol: load.HTTP1},
		Scenario:  "ci/fast_regression_check",
		Budget:    5 * time.Minute,
		Policy: result.Policy{
			Threshold: 0.05, PassBound: 0.10, MaxMDE: 0.12, Alpha: 0.02, Reserve: 0.2, LayoutSD: 0.02,
			OnInconclusive: onInconclusive[0],
		},
		Gating: verdict.GatingMetrics(),
	}
}

// onInconclusive are the answers to a check that could not tell; the first is
// the default.
var onInconclusive = []string{"warn", "block"}

// What the settings may be, wherever they are given.
var (
	budgetRange    = diag.Range[time.Duration]{Min: time.Second, Max: 24 * time.Hour}
	thresholdRange = diag.Range[float64]{Min: 0.001, Max: 1}
)

// configExample is a whole gate.toml, for the user to start from.
const configExample = `[target]
driver = "engram"
build  = ["cargo", "build", "--release", "-p", "engram-cli"]
start  = ["target/release/engram", "--log-level", "warn", "start", "--port", "{port}", "--grpc-port", "{port2}"]
env    = { ENGRAM_DATA_DIR = "{data}", ENGRAM_PID_PATH = "{data}/engram.pid" }
ready  = "http://127.0.0.1:{port}/health/alive"

[check]
scenario = "ci/fast_regression_check"
budget   = "5m"

[policy]
threshold = "5%"
`

// loadConfig reads the file and puts the GATE_* variables and the flags over
// it: a non-empty flag beats a non-empty variable, which beats the file, which
// beats the default. The error is a diag.Faults with everything that is wrong
// in any of them; when the file is absent, an error that wraps fs.ErrNotExist
// and shows an example.
func loadConfig(path string, flags overrides, getenv func(string) string) (*fileConfig, error) {
	text, err := readConfig(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w\n%s says how the target is built and started. An example to begin with:\n\n%s", err, path, configExample)
	}
	if err != nil {
		return nil, err
	}
	cfg, faults := parseConfig(path, text)
	faults = append(faults, cfg.override(flags, getenv)...)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// readConfig reads no more than what the parser needs to see that a file is too
// large.
func readConfig(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, diag.MaxTOMLBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return text, nil
}

// parseConfig reads the text of a gate.toml. With faults, the rest of the
// configuration is not to be used.
func parseConfig(path string, text []byte) (*fileConfig, diag.Faults) {
	f := diag.TOML(path, text)
	root := f.Root()
	cfg := defaultConfig()
	root.Require("target", `add a table [target] with start = ["bin/server", "--port", "{port}"]`)
	t := root.Table("target")
	cfg.Target = readTarget(t)
	if cfg.Target.Driver == driverGobench {
		cfg.Bench = readBenchmarks(t)
	} else {
		cfg.Transport = readTransport(t, cfg.Target.Driver)
	}
	check := root.Table("check")
	if cfg.Target.Driver == driverHTTP {
		cfg.Scenario = ""
	}
	if x, ok := check.Text("scenario"); ok {
		cfg.Scenario = x.Value
		if strings.TrimSpace(x.Value) == "" {
			check.Fault(x.At(-1), "value", "check.scenario is blank: give a name or a path, or leave the key out")
		}
	}
	cfg.Budget = check.Duration("budget", cfg.Budget, budgetRange)
	if x, ok := check.Text("calibration"); ok {
		cfg.Calibration = x.Value
		if strings.TrimSpace(x.Value) == "" {
			check.Fault(x.At(-1), "value", "check.calibration is blank: give the file that gate calibrate --out wrote, or leave the key out")
		}
	}
	cfg.readPolicy(root.Table("policy"))
	return cfg, f.Faults()
}

func (cfg *fileConfig) readPolicy(t *diag.Table) {
	cfg.Policy.Threshold = t.Percent("threshold", cfg.Policy.Threshold, thresholdRange)
	cfg.Policy.OnInconclusive = t.Choice("on_inconclusive", cfg.Policy.OnInconclusive, onInconclusive...)
	if t.Has("gating") {
		cfg.Gating = readGating(t)
	}
}

// readGating returns the metrics in the order in which they are reported,
// whatever order they are written in, so that equal policies give equal bytes.
func readGating(t *diag.Table) []string {
	allowed := verdict.GatingMetrics()
	names := t.List("gating")
	var gating []string
	for _, name := range names {
		switch {
		case !slices.Contains(allowed, name.Value):
			t.Fault(name.At(-1), "value", "unknown metric %q in policy.gating: %s", name.Value, diag.Suggest(name.Value, allowed))
		case slices.Contains(gating, name.Value):
			t.Fault(name.At(-1), "value", "metric %q stands in policy.gating twice", name.Value)
		default:
			gating = append(gating, name.Value)
		}
	}
	if names != nil && len(names) == 0 {
		t.Fault(t.Position("gating"), "value", "policy.gating names no metric, so nothing would be judged: leave it out to judge all; %s", diag.Suggest("", allowed))
	}
	slices.SortFunc(gating, func(a, b string) int { return slices.Index(allowed, a) - slices.Index(allowed, b) })
	return gating
}

// override puts flags and GATE_* variables over the configuration. Faults name
// the flag or variable.
func (cfg *fileConfig) override(flags overrides, getenv func(string) string) diag.Faults {
	var faults diag.Faults
	for _, s := range []struct {
		flag, value string
		set         func(string) error
	}{
		{"scenario", flags.Scenario, func(v string) error { cfg.Scenario = v; return nil }},
		{"budget", flags.Budget, func(v string) (err error) { cfg.Budget, err = diag.ParseDuration(v, budgetRange); return err }},
		{"threshold", flags.Threshold, func(v string) (err error) {
			cfg.Policy.Threshold, err = diag.ParsePercent(v, thresholdRange)
			return err
		}},
		{"seed", flags.Seed, func(v string) (err error) { cfg.Seed, err = parseSeed(v); return err }},
	} {
		source, value := "--"+s.flag, strings.TrimSpace(s.value)
		if value == "" {
			source = "GATE_" + strings.ToUpper(s.flag)
			value = strings.TrimSpace(getenv(source))
		}
		if value == "" {
			continue
		}
		if err := s.set(value); err != nil {
			faults = append(faults, diag.Fault{File: source, Rule: "value", Message: fmt.Sprintf("%q: %v", value, err)})
		}
	}
	return faults
}

// parseSeed accepts what a scenario's seed may be, and the upper half of 64
// bits, which TOML cannot hold.
func parseSeed(s string) (uint64, error) {
	seed, err := strconv.ParseUint(s, 10, 64)
	if err != nil || seed == 0 {
		return 0, fmt.Errorf("not a seed; allowed is a whole number from 1 to %d", uint64(math.MaxUint64))
	}
	return seed, nil
}
