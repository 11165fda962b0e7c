package ingest_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/ingest"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

var update = flag.Bool("update", false, "rewrite the golden file")

var policy = result.Policy{Threshold: 0.05, PassBound: 0.1, MaxMDE: 0.12, Alpha: 0.02, LayoutSD: 0.02, OnInconclusive: "warn"}

// load reads a file or Criterion's directory of testdata.
func load(t testing.TB, name string) ingest.Input {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	input := ingest.Input{Name: name}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !info.IsDir() {
		if input.Data, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		return input
	}
	err = filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		relative, err := filepath.Rel(path, at)
		if err != nil || !ingest.CriterionFile(filepath.ToSlash(relative)) {
			return err
		}
		data, err := os.ReadFile(at)
		input.Files = append(input.Files, ingest.Input{Name: filepath.ToSlash(relative), Data: data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return input
}

func read(t testing.TB, names ...string) *ingest.Side {
	t.Helper()
	var inputs []ingest.Input
	for _, name := range names {
		inputs = append(inputs, load(t, name))
	}
	side, err := ingest.Read(inputs, "")
	if err != nil {
		t.Fatalf("%v: %v", names, err)
	}
	return side
}

func compare(t testing.TB, old, new *ingest.Side) *ingest.Comparison {
	t.Helper()
	c, err := ingest.Compare(old, new, ingest.Options{At: time.Unix(1, 0).UTC(), Old: "old", New: "new", Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// samples are files that the real tools wrote, by format.
var samples = []struct {
	format   string
	old, new []string
}{
	{"benchfmt", []string{"benchfmt/old.txt"}, []string{"benchfmt/new.txt"}},
	{"benchfmt", []string{"benchfmt/seven-runs-old.txt"}, []string{"benchfmt/seven-runs-new.txt"}},
	{"benchfmt", []string{"benchfmt/old.txt", "benchfmt/seven-runs-old.txt"}, []string{"benchfmt/new.txt"}},
	{"criterion", []string{"criterion/old"}, []string{"criterion/new"}},
	{"criterion-messages", []string{"criterion-messages/old.json"}, []string{"criterion-messages/old.json"}},
	{"jmh", []string{"jmh/old.json"}, []string{"jmh/new.json"}},
	{"jmh", []string{"jmh/gc.json"}, []string{"jmh/gc.json"}},
	{"k6", []string{"k6/old-export.json"}, []string{"k6/new-export.json"}},
	{"k6", []string{"k6/old-handle.json"}, []string{"k6/new-handle.json", "k6/new-export.json"}},
	{"k6-stream", []string{"k6-stream/old.json"}, []string{"k6-stream/new.json"}},
	{"hyperfine", []string{"hyperfine/old.json"}, []string{"hyperfine/old.json"}},
	{"hyperfine", []string{"hyperfine/parameters.json"}, []string{"hyperfine/parameters.json"}},
	{"google-benchmark", []string{"google-benchmark/old.json"}, []string{"google-benchmark/new.json"}},
	{"pytest-benchmark", []string{"pytest-benchmark/old.json"}, []string{"pytest-benchmark/new.json"}},
}

// What is read of each tool's output: benchmarks, units, directions, and how many
// samples of how many processes.
func TestFilesOfRealTools(t *testing.T) {
	var out bytes.Buffer
	for _, s := range samples {
		old, new := read(t, s.old...), read(t, s.new...)
		if old.Format != s.format || new.Format != s.format {
			t.Errorf("%v, %v: read as %s and %s, want %s", s.old, s.new, old.Format, new.Format, s.format)
		}
		c := compare(t, old, new)
		fmt.Fprintf(&out, "== %s: %s | %s\n", s.format, strings.Join(s.old, " "), strings.Join(s.new, " "))
		describe(&out, c.Document)
	}
	const golden = "testdata/read.golden"
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("what was read (-golden +now); go test -update rewrites it:\n%s", diff)
	}
}

func describe(out *bytes.Buffer, doc *result.Document) {
	runner := doc.Provenance.Runner
	fmt.Fprintf(out, "class %s\n", runner.Class)
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for k := range runner.Fingerprint {
			if !yield(k) {
				return
			}
		}
	}) {
		fmt.Fprintf(out, "%s = %s\n", key, runner.Fingerprint[key])
	}
	for _, b := range doc.Benchmarks {
		fmt.Fprintf(out, "%s: %s, processes %d and %d, %s\n", b.Name, b.State, len(b.BaseLayouts), len(b.HeadLayouts), b.Detail)
		for _, m := range b.Measures {
			fmt.Fprintf(out, "  %s (%s) %d samples from %.6g | %d from %.6g\n", m.Unit, m.Better, len(m.Base), m.Base[0], len(m.Head), m.Head[0])
		}
	}
}

// Numbers that were taken from the files by eye.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		file, name, unit string
		want             float64
	}{
		{"benchfmt/old.txt", "Sum/n=100-2", "sec/op", 54.71e-9},
		{"benchfmt/old.txt", "Sum/n=100-2", "B/s", 1827.88e6},
		{"hyperfine/old.json", "sort /etc/passwd", "sec", 0.0038564470000000003},
		{"google-benchmark/old.json", "BM_Sum/64", "sec/op", 1.8262903975277816e-8},
		{"google-benchmark/old.json", "BM_Sum/64", "width", 4},
		{"criterion/old", "sum 1000", "sec/op", 27894791e-9 / 22289},
		{"criterion-messages/old.json", "sum 1000", "sec/op", 62896836e-9 / 10287},
		{"jmh/gc.json", "bench.Sums.sum n=100", "sec/op", 734.3308382258193e-9},
		{"k6/old-export.json", "http_req_duration", "avg-sec", 1.2511203749999997e-3},
		{"k6/old-handle.json", "http_req_duration", "p(90)-sec", 1.8950047000000003e-3},
		{"k6-stream/old.json", "http_req_duration", "sec", 1.876637e-3},
	} {
		got := -1.0
		for _, r := range read(t, c.file).Records {
			for _, v := range r.Values {
				if r.Name == c.name && v.Unit == c.unit && got < 0 {
					got = v.Amount
				}
			}
		}
		if diff := got/c.want - 1; !(diff < 1e-12 && diff > -1e-12) {
			t.Errorf("%s: %s %s begins with %v, want %v", c.file, c.name, c.unit, got, c.want)
		}
	}
}

// The documents of this tool are read too: of a server the solo slices of head, of
// benchmarks the samples of head.
func TestOwnDocuments(t *testing.T) {
	for _, c := range []struct {
		name string
		doc  *result.Document
		want []string
	}{
		{"server", resulttest.Check(resulttest.Options{Seed: 1}), []string{"cpu_per_op sec/op", "latency.p50 sec", "latency.p90 sec"}},
		{"benchmarks", resulttest.Suite(resulttest.SuiteOptions{Seed: 1, Benchmarks: 1}), []string{"B000 allocs/op", "B000 sec/op"}},
	} {
		var text bytes.Buffer
		if err := c.doc.Write(&text); err != nil {
			t.Fatal(err)
		}
		side, err := ingest.Read([]ingest.Input{{Name: c.name, Data: text.Bytes()}}, "")
		if err != nil {
			t.Fatal(err)
		}
		doc := compare(t, side, side).Document
		var got []string
		for _, b := range doc.Benchmarks {
			for _, m := range b.Measures {
				got = append(got, b.Name+" "+m.Unit)
				if len(b.HeadLayouts) < 7 || len(m.Head)%len(b.HeadLayouts) != 0 {
					t.Errorf("%s: %s has %d samples of %d processes", c.name, m.Unit, len(m.Head), len(b.HeadLayouts))
				}
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: measures (-want +got):\n%s", c.name, diff)
		}
	}
}

// A file to which runs were appended has a process for each.
func TestProcessesOfGoBenchmarks(t *testing.T) {
	const run = "pkg: a\nBenchmarkX 1 10 ns/op\nBenchmarkX 1 11 ns/op\npkg: b\nBenchmarkY 1 10 ns/op\n"
	for _, c := range []struct {
		name   string
		inputs []string
		want   [2]int // processes of X and of Y
	}{
		{"one run", []string{run}, [2]int{1, 1}},
		{"three runs appended", []string{run + run + run}, [2]int{3, 3}},
		{"two files", []string{run, run + run}, [2]int{3, 3}},
	} {
		var inputs []ingest.Input
		for i, text := range c.inputs {
			inputs = append(inputs, ingest.Input{Name: fmt.Sprint(i), Data: []byte(text)})
		}
		side, err := ingest.Read(inputs, "")
		if err != nil {
			t.Fatal(err)
		}
		b := compare(t, side, side).Document.Benchmarks
		if len(b) != 2 || b[0].Name != "a.X" || len(b[0].BaseLayouts) != c.want[0] || len(b[1].BaseLayouts) != c.want[1] {
			t.Errorf("%s: %+v, want %v processes", c.name, b, c.want)
		}
	}
}

func TestCompareRefuses(t *testing.T) {
	side := func(text string) *ingest.Side {
		s, err := ingest.Read([]ingest.Input{{Name: "f", Data: []byte(text)}}, "")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	gobench := side("BenchmarkX 1 10 ns/op\n")
	for _, c := range []struct {
		name     string
		old, new *ingest.Side
		want     string
	}{
		{"formats differ", gobench, read(t, "hyperfine/old.json"), "of the format benchfmt and new of hyperfine"},
		{"nothing in common", gobench, side("BenchmarkY 1 10 ns/op\n"), `no benchmark in common: old has ["X"]; new has ["Y"]`},
		{"units differ", gobench, side("BenchmarkX 1 10 widgets\n"), `"X" is measured in sec/op in one side and in widgets in the other`},
	} {
		_, err := ingest.Compare(c.old, c.new, ingest.Options{At: time.Unix(1, 0).UTC(), Old: "old", New: "new", Policy: policy})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// What is wrong is said with its place.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "f:1:1: is empty"},
		{"another text", "hello\n", "f:1:1: is of no format that is known here"},
		{"not UTF-8", "BenchmarkX 1 10 ns/op\nBenchmark\xff 1 1 ns/op\n", "f:2:10: is not UTF-8"},
		{"Go: no unit", "pkg: x\nBenchmarkX 1 10\n", "f:2:1: missing units: is the line cut off"},
		{"Go: cut off", "BenchmarkX 1 10 ns/op\nBenchmarkX 1 10 n", "f:2:1: the file ends in the middle of a line"},
		{"Go: negative", "BenchmarkX 1 -10 ns/op\n", "f:1:1: X sec/op is -1e-08, need 0 or more"},
		{"Go: NaN", "BenchmarkX 1 NaN ns/op\n", "f:1:1: X sec/op is NaN, which is no finite number"},
		{"Go: infinite", "BenchmarkX 1 +Inf ns/op\n", "f:1:1: X ns/op is +Inf"},
		{"Go: two scales", "BenchmarkX 1 10 ns/op\nBenchmarkX 1 10 ms/op\n", `f: "X" is measured in sec/op and in ms/op`},
		{"Go: a unit twice", "BenchmarkX 1 10 ns/op 3 ns/op\n", "f:1:1: X has two values of the unit sec/op"},
		{"Go: only failures to build", "pkg: x\nFAIL x [build failed]\nBenchmark\n", "f:1:1: holds no measurement"},
		{"Go: settings without end", manySettings() + "BenchmarkX 1 10 ns/op\n", "f:101:1: there are 100 settings"},
		{"JSON: cut off", `{"results": [{"command": "x", "mean": 1, "times": [1,`, "the file ends in the middle of its JSON"},
		{"JSON: two values", `{"results": [{"command": "x", "mean": 1, "times": [1]}]} {}`, "f:1:58: more text follows"},
		{"JSON: too deep", `{"results": "command mean times", "command":1,"mean":1,"times":` + strings.Repeat("[", 100), "nested more than 64 deep"},
		{"hyperfine: text", "{\"results\": [\n{\"command\": \"x\", \"mean\": 1, \"times\": [1, \"2\"]}]}", `f:2:42: $.results[0].times[1] is a string "2", need a number`},
		{"hyperfine: negative", `{"results": [{"command": "x", "mean": 1, "times": [-1]}]}`, "$.results[0].times[0] is -1, need 0 or more"},
		{"hyperfine: beyond all numbers", `{"results": [{"command": "x", "mean": 1, "times": [1e999]}]}`, "is 1e999, which is no finite number"},
		{"hyperfine: a name twice", `{"results": [{"command": "x", "mean": 1, "times": [1]}, {"command": "x", "mean": 1, "times": [1]}]}`, `$.results[1] is command "x" for the second time`},
		{"hyperfine: no times", `{"results": [{"command": "x", "mean": 1, "times_": [1]}], "times": 1}`, `$.results[0] lacks "times"`},
		{"Google: unit", `{"context": {"library_build_type": "release"}, "benchmarks": [{"name": "x", "real_time": 1, "cpu_time": 1, "time_unit": "fortnight"}]}`, `time_unit is "fortnight", need one of ns, us, ms and s`},
		{"pytest: no median", `{"machine_info": {}, "benchmarks": [{"fullname": "x", "stats": {}}]}`, `$.benchmarks[0].stats lacks "median"`},
		{"JMH: unit", `[{"jmhVersion": "1", "benchmark": "x", "mode": "avgt", "primaryMetric": {"scoreUnit": "ns per op", "rawData": [[1]]}}]`, `scoreUnit is "ns per op", need a time per op`},
		{"JMH: NaN", `[{"jmhVersion": "1", "benchmark": "x", "mode": "avgt", "primaryMetric": {"scoreUnit": "ns/op", "rawData": [["NaN"]]}}]`, `rawData[0][0] is a string "NaN", need a number`},
		{"k6: failed requests", `{"root_group": {}, "metrics": {"http_req_failed": {"value": 0.5}}}`, "50.00% of the requests failed"},
		{"k6 stream: undeclared", `{"metric": "x", "type": "Point", "data": {"value": 1}}` + "\n", `is a point of "x", which no line before it declares`},
		{"k6 stream: cut off", `{"metric": "x", "type": "Metric", "data": {"type": "trend"}}` + "\n{\"metric\"", "f:2:1: the file ends in the middle of a line"},
		{"Criterion message: unit", `{"reason": "benchmark-complete", "id": "x", "unit": "cycles", "measured_values": [1], "iteration_count": [1]}` + "\n", `$.unit is "cycles", need one of ns, us, ms and s`},
		{"Criterion message: counts", `{"reason": "benchmark-complete", "id": "x", "unit": "ns", "measured_values": [1, 2], "iteration_count": [1]}` + "\n", "has 2 values and 1 counts of iterations"},
		{"own: another version", `{"schema": "fivegate/result/v1", "kind": "gift"}`, "document"},
	} {
		_, err := ingest.Read([]ingest.Input{{Name: "f", Data: []byte(c.text)}}, "")
		var faults diag.Faults
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func manySettings() (text string) {
	for i := range 100 {
		text += fmt.Sprintf("key%d: value\n", i)
	}
	return text
}

// No part of a file is taken for the whole, unless it ends where a line of text
// does: a text file does not say how long it is.
func TestCutAndDamagedFiles(t *testing.T) {
	for _, s := range samples {
		in := load(t, s.old[0])
		if len(in.Files) > 0 { // Criterion: each file by itself
			for i := range in.Files {
				whole := in.Files[i].Data
				for cut := 1; cut < 10; cut++ {
					in.Files[i].Data = whole[:len(whole)*cut/10]
					refused(t, s.format, in)
				}
				in.Files[i].Data = append([]byte{0xff, 0xfe}, whole...)
				refused(t, s.format, in)
				in.Files[i].Data = whole
			}
			continue
		}
		whole := in.Data
		for cut := 1; cut < 10; cut++ {
			in.Data = whole[:len(whole)*cut/10]
			if n := bytes.LastIndexByte(in.Data, '\n') + 1; s.format == "benchfmt" && !bytes.HasPrefix(in.Data[n:], []byte("Benchmark")) {
				continue
			}
			refused(t, s.format, in)
		}
		in.Data = slices.Concat(whole[:len(whole)/2], []byte{0xff}, whole[len(whole)/2:])
		refused(t, s.format, in)
	}
	large := load(t, "hyperfine/old.json")
	large.Data = append(large.Data, make([]byte, ingest.MaxSize)...)
	refused(t, "", large)
}

func refused(t *testing.T, format string, in ingest.Input) {
	t.Helper()
	_, err := ingest.Read([]ingest.Input{in}, format)
	var faults diag.Faults
	if !errors.As(err, &faults) || faults[0].File == "" || faults[0].Line == 0 {
		t.Errorf("%s of %d bytes: %v, want a fault with its place", in.Name, len(in.Data), err)
	}
}

// Inputs of one side have one format.
func TestMixedFormats(t *testing.T) {
	_, err := ingest.Read([]ingest.Input{load(t, "benchfmt/old.txt"), load(t, "hyperfine/old.json")}, "")
	if err == nil || !strings.Contains(err.Error(), "of the format hyperfine, and the files before it are of benchfmt") {
		t.Errorf("%v, want a fault that names both formats", err)
	}
	if _, err := ingest.Read([]ingest.Input{load(t, "benchfmt/old.txt")}, "csv"); err == nil || !strings.Contains(err.Error(), `format "csv" is not known`) {
		t.Errorf("%v, want a fault that lists the formats", err)
	}
}

func TestOnlyAggregates(t *testing.T) {
	_, err := ingest.Read([]ingest.Input{load(t, "google-benchmark/aggregates.json")}, "")
	if err == nil || !strings.Contains(err.Error(), "run without --benchmark_report_aggregates_only") {
		t.Errorf("%v, want what to do", err)
	}
}

// A benchmark that fails is never a fast one.
func TestFailures(t *testing.T) {
	for _, c := range []struct{ format, good, bad, name string }{
		{"hyperfine", `{"results": [{"command": "x", "mean": 1, "times": [1], "exit_codes": [0]}]}`, `{"results": [{"command": "x", "mean": 1, "times": [1], "exit_codes": [1]}]}`, "x"},
		{
			"google-benchmark", `{"context": {}, "benchmarks": [{"name": "x", "real_time": 1, "cpu_time": 1, "time_unit": "ns"}]}`,
			`{"context": {}, "benchmarks": [{"name": "x", "error_occurred": true, "error_message": "no", "real_time": 1, "cpu_time": 1, "time_unit": "ns"}]}`, "x",
		},
		{"benchfmt", "BenchmarkX 1 10 ns/op\n", "--- FAIL: BenchmarkX\n    x_test.go:1: no\n", "X"},
	} {
		good, err := ingest.Read([]ingest.Input{{Name: "good", Data: []byte(c.good)}}, c.format)
		if err != nil {
			t.Fatal(err)
		}
		bad, err := ingest.Read([]ingest.Input{{Name: "bad", Data: []byte(c.bad)}}, c.format)
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range []struct {
			old, new *ingest.Side
			want     result.BenchmarkState
		}{{good, bad, result.BenchmarkFailedHead}, {bad, good, result.BenchmarkFailedBase}} {
			b := compare(t, dir.old, dir.new).Document.Benchmarks
			if len(b) != 1 || b[0].Name != c.name || b[0].State != dir.want {
				t.Errorf("%s: %+v, want %s %s", c.format, b, c.name, dir.want)
			}
		}
	}
}
