package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
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
			for format, suffix := range map[string]string{
				"terminal": ".txt", "markdown": ".md", "json": ".verdict.json", "junit": ".junit.xml", "sarif": ".sarif", "openmetrics": ".metrics.txt",
			} {
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

// Every format that the help names can be written, to a file as to standard
// output, and all of them at once.
func TestReportToFiles(t *testing.T) {
	document, dir := filepath.Join("testdata", "report", "regression.json"), filepath.Join(t.TempDir(), "made", "if need be")
	var out, errs bytes.Buffer
	if code := run([]string{"report", "--out", dir, document}, strings.NewReader(""), &out, &errs); code != 1 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	if !strings.HasPrefix(out.String(), "REGRESSION") {
		t.Errorf("with --out, standard output begins with %.40q", out.String())
	}
	want := reportFiles()
	for _, f := range formats {
		var direct bytes.Buffer
		run([]string{"report", "--format", f.name, document}, strings.NewReader(""), &direct, &errs)
		path := filepath.Join(t.TempDir(), "one")
		out.Reset()
		if code := run([]string{"report", "--format", f.name, "-o", path, document}, strings.NewReader(""), &out, &errs); code != 1 || out.Len() > 0 {
			t.Errorf("%s: exit code %d and %d bytes on standard output, want 1 and none: %s", f.name, code, out.Len(), errs.String())
		}
		sameFile(t, path, direct.Bytes())
		if f.file != "" {
			sameFile(t, filepath.Join(dir, f.file), direct.Bytes())
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files in the directory (-want +got):\n%s", diff)
	}
}

func sameFile(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(want) == 0 || !bytes.Equal(got, want) {
		t.Errorf("%s differs from what is written to standard output, or both are empty", path)
	}
}

// Wrong usage is found before the document is read, and writes nothing.
func TestReportOfWrongUsage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "untouched")
	for words, args := range map[string][]string{
		`format "yaml" is not known; allowed are terminal, `: {"--format", "yaml", "-o", path, "missing.json"},
		"none of the others can be":                          {"--json", "--format", "junit", "-o", path, "missing.json"},
		"no such file or directory":                          {"-o", path, "missing.json"},
	} {
		var out, errs bytes.Buffer
		if code := run(append([]string{"report"}, args...), strings.NewReader(""), &out, &errs); code != 3 || out.Len() > 0 {
			t.Errorf("%v: exit code %d and %d bytes on standard output, want 3 and none", args, code, out.Len())
		}
		if !strings.Contains(errs.String(), words) {
			t.Errorf("%v: the error does not say %q: %s", args, words, errs.String())
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was written")
	}
	document := filepath.Join("testdata", "report", "pass.json")
	var out, errs bytes.Buffer
	if code := run([]string{"report", "-o", filepath.Join(path, "no", "such", "directory"), document}, strings.NewReader(""), &out, &errs); code != 3 {
		t.Errorf("a report that cannot be written ends with %d, want 3", code)
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
