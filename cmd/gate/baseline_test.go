package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/baseline"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/workloads/scenario"
)

// recorded writes a baseline of a scenario that is part of gate, for some other
// machine, and returns the directory of all baselines and the file.
func recorded(t *testing.T) (dir, path string) {
	t.Helper()
	s, err := scenario.Load("ci/fast_regression_check")
	if err != nil {
		t.Fatal(err)
	}
	doc := resulttest.Alone(resulttest.Options{Seed: 1, Blocks: 8, Rounds: 1, RatePerS: 60})
	doc.Provenance.Scenario = result.Scenario{Name: s.Name, SHA256: s.SHA256, Text: s.Text}
	run, err := baseline.NewRun(doc, true)
	if err != nil {
		t.Fatal(err)
	}
	b, err := (&baseline.Baseline{Scenario: "ci/fast_regression_check", RunnerClass: doc.Provenance.Runner.Class}).Add(run)
	if err != nil {
		t.Fatal(err)
	}
	f := baselineFlags{dir: t.TempDir()}
	path = f.place(b.RunnerClass, b.Scenario)
	if err := writeBaseline(f.dir, path, b); err != nil {
		t.Fatal(err)
	}
	return f.dir, path
}

func TestBaselineVerbs(t *testing.T) {
	dir, path := recorded(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gate := func(want int, said string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		code := run(append([]string{"baseline"}, append(args, "--dir", dir)...), strings.NewReader(""), &out, &errs)
		if all := out.String() + errs.String(); code != want || !strings.Contains(all, said) {
			t.Errorf("gate baseline %s ended with %d, want %d with %q:\n%s", strings.Join(args, " "), code, want, said, all)
		}
	}
	replace := func(with string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(with), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gate(0, "baselines in order: 1", "verify")
	gate(0, "linux-amd64-test-2c  ci/fast_regression_check", "list")
	gate(0, "cpu_per_op", "show", path)
	gate(4, "inconclusive: no baseline for this runner class", "show")
	for said, with := range map[string]string{
		"was edited by hand":             strings.Replace(string(text), `"layouts": 8`, `"layouts": 9`, 1),
		"is a merge conflict":            "<<<<<<< ours\n" + string(text),
		"is cut or damaged":              string(text[:len(text)-20]),
		"fivegate/baseline/v2, and this": strings.Replace(string(text), "baseline/v1", "baseline/v2", 1),
	} {
		replace(with)
		gate(3, said, "verify")
		gate(3, said, "show", path)
	}
	replace(string(text))
	moved := filepath.Join(dir, "linux-arm64-other-4c", "ci", filepath.Base(path))
	if err := os.MkdirAll(filepath.Dir(moved), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	gate(3, "belongs at", "verify")
}

func TestAttributesAreWrittenOnce(t *testing.T) {
	dir, _ := recorded(t)
	own := filepath.Join(dir, ".gitattributes")
	text, err := os.ReadFile(own)
	if err != nil || string(text) != attributes {
		t.Fatalf("%q, %v", text, err)
	}
	if err := os.WriteFile(own, []byte("*.json -diff\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := readBaseline(filepath.Join(dir, "linux-amd64-test-2c", "ci", "fast_regression_check.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := writeBaseline(dir, filepath.Join(dir, "again.json"), b); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(own); err != nil || string(text) != "*.json -diff\n" {
		t.Errorf("the user's own attributes became %q, %v", text, err)
	}
}
