package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/result/resulttest"
)

// A result document becomes a run of the history, once; one that cannot be taken
// leaves everything as it was.
func TestTrendAdd(t *testing.T) {
	dir := t.TempDir()
	good, bad, history := filepath.Join(dir, "good.json"), filepath.Join(dir, "bad.json"), filepath.Join(dir, "history")
	if err := resulttest.Check(resulttest.Options{Seed: 1, Blocks: 8}).WriteFile(good); err != nil {
		t.Fatal(err)
	}
	if err := resulttest.Check(resulttest.Options{Seed: 1, Blocks: 8, ErrorRate: 1}).WriteFile(bad); err != nil {
		t.Fatal(err)
	}
	gate := func(args ...string) (int, string) {
		var out strings.Builder
		code := run(append([]string{"trend", "--dir", history}, args...), strings.NewReader(""), &out, &out)
		return code, out.String()
	}
	if code, out := gate("add", good, bad); code != 3 || !strings.Contains(out, "bad.json: the measurement is invalid") {
		t.Errorf("one bad of two: %d, %s", code, out)
	}
	if files, err := filepath.Glob(filepath.Join(history, "*")); err != nil || len(files) > 0 {
		t.Errorf("one bad of two left %v, %v", files, err)
	}
	for _, want := range []string{"1 of 1 run(s) added", "0 of 1 run(s) added"} {
		if code, out := gate("add", "--release", "v1", good); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%d, %s; want %s", code, out, want)
		}
	}
	if code, out := gate(); code != 0 || !strings.Contains(out, "no unexplained regression") || !strings.Contains(out, "latency.p50") {
		t.Errorf("%d, %s", code, out)
	}
}
