package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

var update = flag.Bool("update", false, "write the golden reports, and the documents that are not there, instead of comparing")

// verdictDocuments are small documents, one for each verdict, that stand in
// testdata/report.
var verdictDocuments = []struct {
	name string
	exit int
	make func() *result.Document
}{
	{"pass", 0, func() *result.Document { return smallCheck(1, 0) }},
	{"improvement", 0, func() *result.Document { return smallCheck(2, -0.15) }},
	{"regression", 1, func() *result.Document { return smallCheck(3, 0.12) }},
	{"invalid", 3, func() *result.Document {
		d := smallCheck(4, 0)
		d.Outcome.Ended, d.Outcome.Blocks = result.RunFailed, 5
		d.Outcome.Detail = "head crashed in block 6: exit status 134; its last output:\nthread 'main' panicked"
		d.Launches[11].Ended = result.EndedCrashed
		return d
	}},
	{"inconclusive", 4, func() *result.Document {
		return resulttest.Check(resulttest.Options{Seed: 5, Blocks: 8, Rounds: 2, Probes: 120, RatePerS: 60, RoundSD: 0.2, LaunchSD: 0.1})
	}},
}

func smallCheck(seed uint64, log float64) *result.Document {
	return resulttest.Check(resulttest.Options{
		Seed: seed, Blocks: 8, Rounds: 4, Layouts: 4, Probes: 120, RatePerS: 300,
		CommonSD: 0.05, RoundSD: 0.008, LaunchSD: 0.003, LayoutSD: 0.003,
		Effects: map[string]float64{"cpu_per_op": log, "throughput": log, "latency.p50": log, "latency.p90": log, "latency.p99": log},
	})
}

// A committed document of each verdict gives the committed report: in every
// format, with the verdict's exit code.
func TestReportOfEachVerdict(t *testing.T) {
	for _, d := range verdictDocuments {
		t.Run(d.name, func(t *testing.T) {
			document := filepath.Join("testdata", "report", d.name+".json")
			if _, err := os.Stat(document); err != nil && *update {
				if err := d.make().WriteFile(document); err != nil {
					t.Fatal(err)
				}
			}
			for format, suffix := range map[string]string{"terminal": ".txt", "markdown": ".md", "json": ".verdict.json"} {
				var out, errs bytes.Buffer
				code := run([]string{"report", "--format", format, document}, strings.NewReader(""), &out, &errs)
				if code != d.exit {
					t.Errorf("%s: exit code %d, want %d: %s", format, code, d.exit, errs.String())
				}
				compareGolden(t, filepath.Join("testdata", "report", d.name+suffix), out.Bytes())
			}
		})
	}
}

func compareGolden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test ./cmd/gate -update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestReportOfABrokenDocument(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "report", "pass.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(string) string{
		"schema":  func(s string) string { return strings.Replace(s, "result/v1", "result/v9", 1) },
		"blocks":  func(s string) string { return strings.Replace(s, `"rounds"`, `"sounds"`, 1) },
		"at byte": func(s string) string { return s[:len(s)/2] },
	} {
		path := filepath.Join(t.TempDir(), "broken.json")
		if err := os.WriteFile(path, []byte(change(string(data))), 0o666); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if code := run([]string{"report", path}, strings.NewReader(""), &out, &errs); code != 3 || out.Len() > 0 {
			t.Errorf("%s: exit code %d and %d bytes on standard output, want 3 and none", name, code, out.Len())
		}
		if !strings.Contains(errs.String(), path) || len(errs.String()) > 2000 {
			t.Errorf("%s: the error does not name the file, or is endless: %s", name, errs.String())
		}
	}
}
