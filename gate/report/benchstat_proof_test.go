//go:build proof

package report_test

import (
	"path/filepath"
	"testing"
)

// Every pair of all files of benchmarks in x/perf's own test data.
func TestProofBenchstatOnEveryPair(t *testing.T) {
	tool, perf := benchstat(t), perfModule(t)
	var files []string
	for _, dir := range []string{
		"cmd/benchstat/testdata", "benchfmt/testdata/bent", "benchproc/testdata",
		"cmd/benchseries/testdata/odd", "cmd/benchseries/testdata/even",
	} {
		files = append(files, benchmarkFiles(t, filepath.Join(perf, dir))...)
	}
	pairs, rows := 0, 0
	for i, old := range files {
		for _, new := range files[i+1:] {
			rows += sameAsBenchstat(t, tool, old, new)
			pairs++
		}
	}
	t.Logf("%d rows of %d pairs of %d files", rows, pairs, len(files))
}
