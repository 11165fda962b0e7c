package report_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/ingest"
	"github.com/fivegate/fivegate/gate/report"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// benchstat builds the one of the version of x/perf in go.mod.
func benchstat(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "benchstat")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "golang.org/x/perf/cmd/benchstat").CombinedOutput(); err != nil {
		t.Fatalf("build benchstat: %v\n%s", err, out)
	}
	return path
}

// perfModule is the directory of x/perf's source, whose test data are read in place.
func perfModule(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/perf").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// Every number that benchstat prints stands in the same row of the table, with the
// same digits.
func TestBenchstatPrintsTheSameNumbers(t *testing.T) {
	tool, perf := benchstat(t), perfModule(t)
	var pairs [][2]string
	for _, dir := range []string{"cmd/benchstat/testdata", "benchfmt/testdata/bent", "benchproc/testdata"} { // the proof has the others, of 470 kB each
		pairs = append(pairs, neighbours(benchmarkFiles(t, filepath.Join(perf, dir)))...)
	}
	for _, name := range []string{"counts", "spread", "sets", "units"} {
		pairs = append(pairs, [2]string{"testdata/benchstat/" + name + "-old.txt", "testdata/benchstat/" + name + "-new.txt"})
	}
	rows := 0
	for _, p := range pairs {
		rows += sameAsBenchstat(t, tool, p[0], p[1])
	}
	if rows < 300 {
		t.Errorf("%d rows were compared; the test data hold more", rows)
	}
	t.Logf("%d rows of %d pairs of files", rows, len(pairs))
}

// neighbours are the files, each with the next one of its kind, in both directions.
func neighbours(files []string) (pairs [][2]string) {
	last := map[string]string{}
	for _, path := range files {
		kind := filepath.Ext(path)
		if before := last[kind]; before != "" {
			pairs = append(pairs, [2]string{before, path}, [2]string{path, before})
		}
		last[kind] = path
	}
	return pairs
}

// benchmarkFiles are the files of a directory that hold results of benchmarks.
func benchmarkFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no test data in %s: %v", dir, err)
	}
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // a directory
		}
		if bytes.HasPrefix(text, []byte("Benchmark")) || bytes.Contains(text, []byte("\nBenchmark")) {
			files = append(files, path)
		}
	}
	return files
}

// sameAsBenchstat compares the table with benchstat's, and returns the number of
// rows. A pair that is refused must be one that benchstat complains of, or one
// without a benchmark in common.
func sameAsBenchstat(t *testing.T, tool, old, new string) (rows int) {
	t.Helper()
	name := filepath.Base(old) + " and " + filepath.Base(new)
	c, err := compared(t, old, new)
	args := []string{old, new}
	if err == nil && len(c.Constant()) > 0 {
		args = append([]string{"-ignore", strings.Join(c.Constant(), ",")}, args...)
	}
	cmd := exec.CommandContext(t.Context(), tool, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if runErr := cmd.Run(); runErr != nil {
		t.Fatalf("%s: benchstat: %v", name, runErr)
	}
	if err != nil {
		if complaints.Len() == 0 && strings.Contains(out.String(), "p=") {
			t.Errorf("%s: refused, and benchstat compares them: %v", name, err)
		}
		return 0
	}
	var table bytes.Buffer
	if err := report.Benchstat(&table, c, verdict.Judge(c.Document)); err != nil {
		t.Fatal(err)
	}
	ours := numbers(table.String())
	for _, want := range numbers(out.String()) {
		i := slices.IndexFunc(ours, func(have string) bool { return have == want || strings.HasPrefix(have, want+" ") })
		if i < 0 {
			t.Fatalf("%s: benchstat has the row\n%s\nand the table has not, in its place:\n%s\n%s", name, want, strings.Join(ours[:min(len(ours), 5)], "\n"), out.String())
		}
		ours = ours[i+1:]
		rows++
	}
	return rows
}

// numbers are the rows of a table with single spaces, without its borders, titles
// and footnotes.
func numbers(text string) (rows []string) {
	for line := range strings.Lines(text) {
		line = strings.Map(func(r rune) rune {
			if strings.ContainsRune("⁰¹²³⁴⁵⁶⁷⁸⁹", r) {
				return -1
			}
			return r
		}, line)
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.Contains(line, "│") || !strings.Contains(line, "±") && fields[0] != "geomean" {
			continue
		}
		rows = append(rows, strings.Join(fields, " "))
	}
	return rows
}

// compared reads two files of Go benchmarks.
func compared(t *testing.T, old, new string) (*ingest.Comparison, error) {
	t.Helper()
	var sides [2]*ingest.Side
	for i, path := range []string{old, new} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if sides[i], err = ingest.Read([]ingest.Input{{Name: path, Data: text}}, "benchfmt"); err != nil {
			var faults diag.Faults
			if !errors.As(err, &faults) || faults[0].Line == 0 {
				t.Errorf("%s: the error has no place: %v", path, err)
			}
			return nil, err
		}
	}
	return ingest.Compare(sides[0], sides[1], ingest.Options{
		At: time.Unix(0, 0).UTC(), Old: old, New: new,
		Policy: result.Policy{Threshold: 0.05, PassBound: 0.1, MaxMDE: 0.12, Alpha: 0.02, LayoutSD: 0.02, OnInconclusive: "warn"},
	})
}
