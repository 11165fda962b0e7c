package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/baseline"
	"github.com/fivegate/fivegate/gate/calibration"
	"github.com/fivegate/fivegate/workloads/experiment"
)

// calibrationKey is what a calibration of checks with this configuration holds for.
func calibrationKey(x experiment.Config, cfg *fileConfig) calibration.Key {
	p := x.Provenance
	return calibration.Key{
		Tool: p.Tool.Version, RunnerClass: p.Runner.Class, Scenario: p.Scenario.Name, ScenarioSHA256: p.Scenario.SHA256,
		Target: targetDigest(cfg), Policy: cfg.Policy, Metrics: cfg.Gating, BudgetS: cfg.Budget.Seconds(),
	}
}

// targetDigest tells targets apart by how they are built, started and spoken to.
func targetDigest(cfg *fileConfig) string {
	t := cfg.Target
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q %q %q %q %d %q", t.Driver, t.Build, t.Start, t.Env, t.Ready, t.Artifacts, t.Layouts, cfg.Transport.Protocol)
	return hex.EncodeToString(sum.Sum(nil))
}

// calibrationCache is where calibrations of a key are kept on this machine: by
// runner class, scenario and target.
func calibrationCache(k calibration.Key) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for the calibration: %w; name a file with --out", err)
	}
	return filepath.Join(cache, "fivegate", "calibrations", k.RunnerClass, fmt.Sprintf("%.16s-%.8s.json", k.ScenarioSHA256, k.Target)), nil
}

// committedCalibration is where a calibration that all checks of a repository are
// to use stands in it, beside the baseline of the same scenario.
func committedCalibration(k calibration.Key) string {
	name := strings.TrimSuffix(baseline.Path(k.RunnerClass, k.Scenario), ".json")
	return filepath.Join(baselineDir, filepath.FromSlash(name)+".calibration.json")
}

// useCalibration puts what is known of checks like this one into its plan: the
// file that gate.toml names, the one committed beside the baselines, or the one
// that gate calibrate left on this machine. One that was made for something else
// is not used, and said so.
func useCalibration(x *experiment.Config, cfg *fileConfig, p *progress) error {
	key := calibrationKey(*x, cfg)
	path, c, err := findCalibration(key, cfg, p)
	if err != nil || c == nil {
		return err
	}
	why := c.Key.Mismatch(key)
	if why == "" && x.Alternate {
		why = "it was made for a duet, and this check measures the arms in turn"
	}
	if why != "" {
		p.note("the calibration %s is not used: %s; gate calibrate makes a new one", filepath.Base(path), why)
		return nil
	}
	applyCalibration(x, c)
	if c.TooNoisy {
		p.note("by its calibration every metric of speed is too noisy on this runner; the check will probably end inconclusive")
	}
	return nil
}

// applyCalibration copies what a check uses of a calibration into its plan.
func applyCalibration(x *experiment.Config, c *calibration.Calibration) {
	plan := c.Plan()
	x.Calibration = plan
	if plan.LayoutSD > 0 {
		x.Policy.LayoutSD = plan.LayoutSD
	}
	for _, d := range plan.Demoted {
		x.Metrics = slices.DeleteFunc(slices.Clone(x.Metrics), func(m string) bool { return m == d.Metric })
	}
}

// findCalibration reads the first calibration that there is; nil when there is
// none. One in the user's cache that cannot be read is only noted.
func findCalibration(key calibration.Key, cfg *fileConfig, p *progress) (path string, c *calibration.Calibration, err error) {
	if cfg.Calibration != "" {
		c, err = readCalibration(cfg.Calibration)
		return cfg.Calibration, c, err
	}
	path = committedCalibration(key)
	if c, err = readCalibration(path); !errors.Is(err, fs.ErrNotExist) {
		return path, c, err
	}
	if path, err = calibrationCache(key); err != nil {
		return "", nil, nil // a check needs no cache
	}
	c, err = readCalibration(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.note("the calibration in the cache is not used: %v", err)
	}
	if err != nil {
		return "", nil, nil
	}
	return path, c, nil
}

func readCalibration(path string) (*calibration.Calibration, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the calibration: %w", err)
	}
	defer f.Close()
	c, err := calibration.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}
