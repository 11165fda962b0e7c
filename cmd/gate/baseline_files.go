package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/baseline"
	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/scenario"
)

// readBaseline reads a baseline file.
func readBaseline(path string) (*baseline.Baseline, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, baseline.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	b, faults := baseline.Parse(path, text)
	return b, faults.Err()
}

// attributes let git join two baselines that each got a run.
const attributes = "*.json merge=union\n"

// writeBaseline writes the file, and the attributes beside it if there are none.
func writeBaseline(dir, path string, b *baseline.Baseline) error {
	text, err := b.Format()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	write := func(text []byte) func(io.Writer) error {
		return func(w io.Writer) error { _, err := w.Write(text); return err }
	}
	if err := result.Replace(path, write(text)); err != nil {
		return err
	}
	beside := filepath.Join(dir, ".gitattributes")
	if _, err := os.Stat(beside); errors.Is(err, fs.ErrNotExist) {
		return result.Replace(beside, write([]byte(attributes)))
	}
	return nil
}

func (f *baselineFlags) show(w io.Writer, paths []string) error {
	if len(paths) == 0 {
		machine, err := detectMachine()
		if err != nil {
			return err
		}
		paths, err = filesUnder(filepath.Join(f.dir, machine.Class()))
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(paths) == 0 {
			return inconclusiveWithout(w, &baseline.Unusable{Why: "no baseline for this runner class, " + machine.Class()})
		}
		if err != nil {
			return err
		}
	}
	for _, path := range paths {
		b, err := readBaseline(path)
		if err != nil {
			return err
		}
		printBaseline(w, path, b)
	}
	return nil
}

// filesUnder are all baseline files under a directory.
func filesUnder(dir string) (paths []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasSuffix(path, ".json") && !strings.HasSuffix(path, ".calibration.json") {
			paths = append(paths, path)
		}
		return err
	})
	return paths, err
}

func (f *baselineFlags) verify(w io.Writer) error {
	paths, err := filesUnder(f.dir)
	if err != nil {
		return err
	}
	var faults diag.Faults
	for _, path := range paths {
		faults = append(faults, f.verifyFile(path)...)
	}
	if err := faults.Err(); err != nil {
		return err
	}
	fmt.Fprintf(w, "baselines in order: %d\n", len(paths))
	return nil
}

// verifyFile says what is wrong with one committed baseline.
func (f *baselineFlags) verifyFile(path string) diag.Faults {
	b, err := readBaseline(path)
	var faults diag.Faults
	if errors.As(err, &faults) {
		return faults
	}
	fault := func(rule, format string, args ...any) diag.Faults {
		return diag.Faults{{File: path, Rule: rule, Message: fmt.Sprintf(format, args...)}}
	}
	if err != nil {
		return fault("read", "%v", err)
	}
	rel, err := filepath.Rel(f.dir, path)
	want := filepath.FromSlash(baseline.Path(b.RunnerClass, b.Scenario))
	if err != nil || rel != want {
		return fault("place", "is the baseline of %s on %s and belongs at %s: move it back; a baseline counts inside its runner class only", b.Scenario, b.RunnerClass, filepath.Join(f.dir, want))
	}
	if b.Scenario == readyScenario {
		return nil // made of gate.toml
	}
	s, err := scenario.Load(b.Scenario)
	switch runs := b.Current(); {
	case err != nil:
		return fault("scenario", "its scenario %s cannot be read (%v): restore it, or delete the baseline", b.Scenario, err)
	case s.SHA256 != runs[len(runs)-1].ScenarioSHA256:
		return fault("scenario", "its scenario %s has changed since it was recorded: record it again", b.Scenario)
	}
	return nil
}

func (f *baselineFlags) list(w io.Writer, now time.Time) error {
	paths, err := filesUnder(f.dir)
	if err != nil {
		return err
	}
	for _, path := range paths {
		b, err := readBaseline(path)
		if err != nil {
			return err
		}
		runs := b.Current()
		last := runs[len(runs)-1]
		fmt.Fprintf(w, "%s  %s  %s  runs: %d, launches: %d, recorded %s (%d days ago)\n", b.RunnerClass, b.Scenario, short(last.Commit),
			len(runs), len(last.Metrics[0].Launches), last.RecordedAt.Format(time.DateOnly), int(now.Sub(last.RecordedAt).Hours()/24))
	}
	return nil
}

func printBaseline(w io.Writer, path string, b *baseline.Baseline) {
	runs := b.Current()
	last := runs[len(runs)-1]
	fmt.Fprintf(w, "%s\n  %s on %s\n  commit %s, recorded %s, %.0f requests a second, layouts: %d, runs of this commit: %d\n",
		path, b.Scenario, b.RunnerClass, short(last.Commit), last.RecordedAt.Format(time.RFC3339), last.RatePerS, last.Layouts, len(runs))
	for _, m := range last.Metrics {
		fmt.Fprintf(w, "  %-12s %12.5g %-8s  launches: %d, which differ by %.1f%% (%.5g to %.5g)\n",
			m.Name, m.Median, m.Unit, len(m.Launches), 100*m.Spread(), slices.Min(m.Launches), slices.Max(m.Launches))
	}
}
