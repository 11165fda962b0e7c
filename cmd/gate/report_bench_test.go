package main

import (
	"bytes"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/result/resulttest"
)

// A document of benchmarks is judged again like any other, and says the same in
// every format.
func TestReportOfBenchmarks(t *testing.T) {
	doc := resulttest.Suite(resulttest.SuiteOptions{
		Seed: 3, Benchmarks: 40, RoundSD: 0.01, BlockSD: 0.01, Slow: map[int]float64{17: math.Log(1.08)},
	})
	path := filepath.Join(t.TempDir(), "result.json")
	if err := doc.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"report", path},
		{"report", "--json", path},
		{"report", "--format", "markdown", path},
		{"report", "--format", "html", path},
		{"report", "--format", "junit", path},
		{"report", "--format", "sarif", path},
		{"explain", path},
	} {
		var out, errs bytes.Buffer
		code := run(args, strings.NewReader(""), &out, &errs)
		if code != 1 && args[0] == "report" || !strings.Contains(out.String(), "B017") {
			t.Errorf("gate %s ended with %d:\n%s%s", strings.Join(args, " "), code, out.String(), errs.String())
		}
	}
}
