package history

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

func text(t testing.TB, runs ...Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, runs); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWriteAndReadAgree(t *testing.T) {
	runs := daily([]float64{1, 2, 3})
	runs[1].Release = "v1"
	runs[2].Values["b sec/op"] = Value{Value: 1e-9, Spread: 1e-10, Unit: "sec/op", Better: result.LowerIsBetter}
	written := text(t, runs[2], runs[0], runs[1], runs[0])
	got, err := Read("x.jsonl", strings.NewReader(written))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(runs, got); diff != "" {
		t.Errorf("(-written +read)\n%s", diff)
	}
	if text(t, got...) != written {
		t.Error("the same runs give other bytes")
	}
}

// What a union merge of two clones leaves: lines of both, some twice, out of order.
func TestMergedClonesLoseNothing(t *testing.T) {
	runs := daily([]float64{1, 2, 3, 4})
	merged := text(t, runs[0], runs[3]) + text(t, runs[0], runs[1], runs[2])
	got, err := Read("x.jsonl", strings.NewReader(merged))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(runs, got); diff != "" {
		t.Errorf("(-both +read)\n%s", diff)
	}
}

func TestFaultsNamePlaceReasonAndRemedy(t *testing.T) {
	runs := daily([]float64{1, 2})
	a, b := text(t, runs[0]), text(t, runs[1])
	other := runs[1]
	other.Class = "another"
	elsewhere := text(t, other)
	tests := []struct {
		why, text, want string
	}{
		{"conflict", a + "<<<<<<< HEAD\n" + b + "=======\n>>>>>>> theirs\n", "x.jsonl:2:1: a merge left its marker: keep the lines of both sides"},
		{"cut", a + b[:len(b)/2], "x.jsonl:2:"},
		{"cut, remedy", a + b[:len(b)/2], "take it from git again"},
		{"two classes", a + elsewhere, `x.jsonl:2:1: a run of another under ci/fast among runs of lab under ci/fast`},
		{"edited", a + strings.Replace(a, `"value":1`, `"value":9`, 1), "x.jsonl:2:1: line 1 says something else of the same result"},
		{"of a later version", strings.Replace(a, "history/v1", "history/v2", 1), `schema is "fivegate/history/v2"`},
		{"unknown member", strings.Replace(a, `"at":`, `"extra":1,"at":`, 1), "/extra"},
		{"a member twice", strings.Replace(a, `"at":`, `"class":"lab","at":`, 1), "x.jsonl:1:"},
		{"empty line", a + "\n" + b, "x.jsonl:2:1: an empty line: delete it"},
		{"not UTF-8", a[:20] + "\xff" + a[21:], "x.jsonl:1:1: not UTF-8"},
		{"not an object", "[]\n", "x.jsonl:1:1"},
		{"no commit", strings.Replace(a, runs[0].Commit, "", 1), `commit is ""`},
		{"no hash", strings.Replace(a, runs[0].Result, "abc", 1), `result is "abc"`},
		{"no time", strings.Replace(a, "2026-01-01T06:00:00Z", "yesterday", 1), "/at"},
		{"no direction", strings.Replace(a, `"lower"`, `"sideways"`, 1), "better is"},
		{"not finite", strings.Replace(a, `"value":1`, `"value":1e999`, 1), "x.jsonl:1:"},
		{"a control character", strings.Replace(a, `"tool":"1.0"`, `"tool":"1\u001b[0m"`, 1), "do not show"},
	}
	for _, tt := range tests {
		runs, err := Read("x.jsonl", strings.NewReader(tt.text))
		var faults diag.Faults
		if !errors.As(err, &faults) || runs != nil {
			t.Errorf("%s: %v with %d runs; want faults and nothing beside them", tt.why, err, len(runs))
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", tt.why, err, tt.want)
		}
	}
}

func TestAdd(t *testing.T) {
	runs := daily([]float64{1, 2, 3})
	all, added, err := Add(runs[:2:2], runs[2])
	if err != nil || !added || len(all) != 3 {
		t.Errorf("%d runs, %v, %v", len(all), added, err)
	}
	if all, added, err = Add(all, runs[1]); err != nil || added || len(all) != 3 {
		t.Errorf("added twice: %d runs, %v, %v", len(all), added, err)
	}
	other := runs[1]
	other.Scenario = "another"
	if _, _, err = Add(all, other); err == nil {
		t.Error("a run of another scenario was added")
	}
}

func TestPathStaysInside(t *testing.T) {
	if got, err := Path("linux-amd64-amd-25.17.1-2cpu", "ci/fast_check"); err != nil || got != "linux-amd64-amd-25.17.1-2cpu/ci/fast_check.jsonl" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range [][2]string{{"a", "../b"}, {"..", "b"}, {"a", "/b"}, {"a/b", "c"}, {"", "b"}, {"a", ""}, {"a", "b\\c"}, {"a", ".git/x"}, {"a", "b\x00"}, {"a", "b:c"}} {
		if got, err := Path(bad[0], bad[1]); err == nil {
			t.Errorf("%q gives %q", bad, got)
		}
	}
}

func TestReadAll(t *testing.T) {
	runs := daily([]float64{1, 2})
	dir := fstest.MapFS{
		"lab/ci/fast.jsonl":   {Data: []byte(text(t, runs...))},
		".gitattributes":      {Data: []byte("*.jsonl merge=union\n")},
		"README.md":           {Data: []byte("notes")},
		"lab/.fast.jsonl.tmp": {Data: []byte("x")},
		"explained.jsonl":     {Data: []byte(`{"schema":"fivegate/history/v1","commit":"abcdef1","reason":"r","by":"b"}` + "\n")},
	}
	files, explanations, err := ReadAll(dir)
	if err != nil || len(files) != 1 || len(files[0]) != 2 || len(explanations) != 1 {
		t.Fatalf("%d files, %d explanations, %v", len(files), len(explanations), err)
	}
	dir["lab/other.jsonl"] = dir["lab/ci/fast.jsonl"]
	if _, _, err = ReadAll(dir); err == nil || !strings.Contains(err.Error(), "lab/other.jsonl:1:1: the runs are of lab under ci/fast: the file belongs at lab/ci/fast.jsonl") {
		t.Errorf("a file under another name: %v", err)
	}
	dir["explained.jsonl"].Data = []byte(`{"schema":"fivegate/history/v1","commit":"abcdef1","reason":"","by":"b"}`)
	if _, _, err = ReadAll(dir); err == nil || !strings.Contains(err.Error(), "explained.jsonl:1:1: the reason is empty") {
		t.Errorf("an explanation without a reason: %v", err)
	}
}

func TestRunOfADocument(t *testing.T) {
	doc := resulttest.Check(resulttest.Options{Seed: 3})
	head, err := FromDocument(doc, "", "v1.4.0")
	if err != nil {
		t.Fatal(err)
	}
	base, err := FromDocument(doc, "base", "")
	if err != nil {
		t.Fatal(err)
	}
	if head.Commit != doc.Arms[1].Commit || base.Commit != doc.Arms[0].Commit || head.Release != "v1.4.0" || head.Result != base.Result {
		t.Errorf("head %+v, base %+v", head, base)
	}
	p50 := head.Values["latency.p50"]
	if p50.Value <= 0 || p50.Unit != "s" || p50.Better != result.LowerIsBetter {
		t.Errorf("values %+v", head.Values)
	}
	if _, err := FromDocument(doc, "rival", ""); err == nil || !strings.Contains(err.Error(), "it has base, head") {
		t.Errorf("an arm that is not there: %v", err)
	}
	doc.Arms[1].Commit = ""
	if _, err := FromDocument(doc, "", ""); err == nil || !strings.Contains(err.Error(), "no commit") {
		t.Errorf("no commit: %v", err)
	}
	failing := resulttest.Check(resulttest.Options{Seed: 3, ErrorRate: 1})
	if _, err := FromDocument(failing, "", ""); err == nil || !strings.Contains(err.Error(), "invalid") {
		t.Errorf("all requests failed: %v", err)
	}
}

func TestRunOfBenchmarks(t *testing.T) {
	doc := resulttest.Suite(resulttest.SuiteOptions{Seed: 3, RoundSD: 0.02})
	r, err := FromDocument(doc, "", "")
	if err != nil {
		t.Fatal(err)
	}
	v, found := r.Values["B000 sec/op"]
	if !found || v.Value <= 0 || v.Spread <= 0 || v.Better != result.LowerIsBetter {
		t.Errorf("%+v, %v of %d values", v, found, len(r.Values))
	}
}

func TestImport(t *testing.T) {
	table := "time,commit,p50,rate,release\n2026-01-01,aaa0,1.5,100,\n2026-01-02,aaa1,,101,v1\n"
	runs, err := Import("t.csv", strings.NewReader(table), ImportOptions{Class: "lab", Scenario: "s", Higher: []string{"rate"}})
	if err != nil || len(runs) != 2 {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	if runs[0].Values["p50"].Value != 1.5 || runs[0].Values["rate"].Better != result.HigherIsBetter || len(runs[1].Values) != 1 || runs[1].Release != "v1" || runs[0].Commit != "aaa0" {
		t.Errorf("%+v", runs)
	}
	for _, at := range []string{"2026-01-01T00:00:00Z", "2026-01-01 01:00:00 +0100", "2026.01.01 1:00:00 +0100", "1767225600"} {
		if got, err := parseTime(at); err != nil || got.Unix() != 1767225600 {
			t.Errorf("%s is %v, %v", at, got, err)
		}
	}
	for _, tt := range []struct{ why, table, want string }{
		{"empty", "", "t.csv:1:1: the table is empty"},
		{"no time", "a,b\n1,2\n", `no column "time"`},
		{"semicolons", "time;a\n", "separate them by commas"},
		{"a column twice", "time,a,a\n", `the column "a" is there twice`},
		{"not a number", "time,a\n2026-01-01,fast\n", `t.csv:2:12: a is "fast"`},
		{"not a time", "time,a\nnoon,1\n", `t.csv:2:1: time is "noon"`},
		{"ragged", "time,a\n2026-01-01\n", "t.csv:2:1"},
		{"no values", "time,a\n2026-01-01,\n", "nothing to import"},
		{"unknown higher", "time,b\n2026-01-01,1\n", `no column "rate"`},
	} {
		o := ImportOptions{Class: "lab", Scenario: "s"}
		if tt.why == "unknown higher" {
			o.Higher = []string{"rate"}
		}
		if _, err := Import("t.csv", strings.NewReader(tt.table), o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.why, err, tt.want)
		}
	}
}

// Whatever a file holds, reading it gives runs or faults with a place; what was read
// can be written and is the same when it is read again.
func FuzzRead(f *testing.F) {
	runs := daily([]float64{1, 2})
	f.Add([]byte(text(f, runs...)))
	f.Add([]byte("<<<<<<< HEAD\n"))
	f.Add([]byte(`{"schema":"fivegate/history/v1"}`))
	f.Add([]byte(`{"schema":"fivegate/history/v1","commit":"abcdef1","reason":"r","by":"b"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := ReadExplanations("x", bytes.NewReader(data)); err != nil {
			checkFaults(t, err)
		}
		runs, err := Read("x", bytes.NewReader(data))
		if err != nil {
			checkFaults(t, err)
			return
		}
		again, err := Read("x", strings.NewReader(text(t, runs...)))
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if diff := cmp.Diff(runs, again); diff != "" {
			t.Fatalf("(-read +again)\n%s", diff)
		}
		if _, err := Analyse([][]Run{runs}[:min(1, len(runs))], nil, quarter); err != nil {
			t.Fatalf("what was read cannot be analysed: %v", err)
		}
	})
}

func FuzzImport(f *testing.F) {
	f.Add([]byte("time,commit,p50\n2026-01-01,aaa0,1.5\n"))
	f.Add([]byte("time;p50\n"))
	f.Add([]byte("time,\"a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		runs, err := Import("x", bytes.NewReader(data), ImportOptions{Class: "lab", Scenario: "s"})
		if err != nil {
			checkFaults(t, err)
			return
		}
		for _, r := range runs {
			if err := r.fault(); err != nil {
				t.Fatalf("a run that the reader would refuse: %v", err)
			}
		}
	})
}

func checkFaults(t *testing.T, err error) {
	var faults diag.Faults
	if !errors.As(err, &faults) || len(faults) == 0 {
		t.Fatalf("%T: %v; want faults", err, err)
	}
	for _, fault := range faults {
		if fault.Line < 1 || fault.Column < 1 || fault.Rule == "" || fault.Message == "" {
			t.Fatalf("a fault without a place: %+v", fault)
		}
	}
}
