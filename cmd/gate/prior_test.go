package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

// anEarlierRun is a document of a pair as check writes it.
func anEarlierRun(change func(*result.Document)) *result.Document {
	d := resulttest.Check(resulttest.Options{Seed: 3, Blocks: 8, Rounds: 2, RatePerS: 60, Probes: -1})
	d.Plan.Metrics = []string{"cpu_per_op", "latency.p50"}
	d.Plan.Policy.Reserve = 0.2
	if change != nil {
		change(d)
	}
	return d
}

func writeDocument(t *testing.T, d *result.Document, elements ...string) string {
	t.Helper()
	path := filepath.Join(elements...)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := d.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadPrior(t *testing.T) {
	like := anEarlierRun(nil)
	dir := t.TempDir()
	same := writeDocument(t, anEarlierRun(nil), dir, "results", "1", resultFile)
	other := writeDocument(t, anEarlierRun(func(d *result.Document) { d.Provenance.Runner.Class = "darwin-arm64" }), dir, "results", "2", resultFile)
	broken := writeDocument(t, anEarlierRun(func(d *result.Document) { d.Plan.Metrics, d.Outcome.Ended = nil, result.RunBudget }), dir, "broken", resultFile)
	cut := filepath.Join(dir, "cut", resultFile)
	if err := os.Mkdir(filepath.Dir(cut), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, []byte(`{"schema": "fivegate/result/v1",`), 0o666); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for _, c := range []struct {
		name   string
		paths  []string
		want   int
		note   string
		refuse string
	}{
		{"a file", []string{same}, 1, "", ""},
		{"a file and a directory", []string{same, filepath.Join(dir, "results")}, 2, "", ""},
		{"a directory in which one of two is of another class", []string{filepath.Join(dir, "results")}, 1, "", ""},
		{"a directory of others", []string{filepath.Dir(other)}, 0, "none is an earlier run of this pair", ""},
		{"a directory with a measurement that is invalid", []string{filepath.Dir(broken)}, 0, "is left out: it cannot be pooled: its measurement is invalid: the plan declares no gating metric", ""},
		{"a file of another class", []string{other}, 0, "", "/provenance/runner/class is \"darwin-arm64\" there"},
		{"a file of an invalid measurement", []string{broken}, 0, "", "its measurement is invalid"},
		{"a file that is cut", []string{cut}, 0, "", "cut or damaged"},
		{"a directory with a file that is cut", []string{filepath.Dir(cut)}, 0, "", "cut or damaged"},
		{"nothing", []string{filepath.Join(dir, "none")}, 0, "", "no such file"},
		{"an empty directory", []string{empty}, 0, "", "there is no result.json below it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			earlier, notes, err := readPrior(c.paths, like)
			if c.refuse != "" {
				if err == nil || !strings.Contains(err.Error(), c.refuse) || !strings.Contains(err.Error(), c.paths[0]) {
					t.Errorf("%v; want one that says %q and names the file", err, c.refuse)
				}
				return
			}
			if err != nil || len(earlier) != c.want || !strings.Contains(strings.Join(notes, "\n"), c.note) || (c.note == "") != (len(notes) == 0) {
				t.Errorf("%d runs, notes %q, %v; want %d and %q", len(earlier), notes, err, c.want, c.note)
			}
		})
	}
}

func TestKnownRun(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	like := anEarlierRun(nil)
	if path, _, found := knownRun("", like); found {
		t.Errorf("%s is known where nothing was measured", path)
	}
	writeDocument(t, anEarlierRun(nil), resultsDir(), "20261101T000000.000Z", resultFile)
	newest := writeDocument(t, anEarlierRun(nil), resultsDir(), "20261102T000000.000Z", resultFile)
	writeDocument(t, anEarlierRun(func(d *result.Document) { d.Plan.Policy.Threshold = 0.2 }), resultsDir(), "20261103T000000.000Z", resultFile)
	if path, _, found := knownRun("", like); !found || path != newest {
		t.Errorf("%q, %v; want the newest run of the pair, %s", path, found, newest)
	}
	out := t.TempDir()
	here := writeDocument(t, anEarlierRun(nil), out, resultFile)
	if path, _, found := knownRun(out, like); !found || path != here {
		t.Errorf("%q, %v; want the one that would be overwritten, %s", path, found, here)
	}
}

// A run of a pair after others has layouts of its own, beside the one by which
// equal builds are recognised.
func TestLayoutSeedsOfAnotherRun(t *testing.T) {
	first, second := layoutSeeds(7, 8, 0), layoutSeeds(7, 8, 1)
	for arm := range first {
		if first[arm][0] != second[arm][0] {
			t.Error("the layout that both arms share is another one")
		}
		for _, seed := range second[arm][1:] {
			if slices.Contains(first[arm], seed) {
				t.Errorf("layout %d of both runs", seed)
			}
		}
	}
}
