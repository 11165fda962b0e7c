package ingest_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/ingest"
)

// mostSeed keeps inputs small that the fuzzer changes and shortens.
const mostSeed = 10 << 10

// fuzz feeds a reader; whatever it takes must compare with itself and make a valid
// document, and whatever it refuses must have a file.
func fuzz(f *testing.F, format string) {
	for _, s := range samples {
		in := load(f, s.old[0])
		if s.format != format && format != "" || len(in.Files) > 0 {
			continue
		}
		if len(in.Data) > mostSeed && format == "k6-stream" {
			in.Data = in.Data[:bytes.LastIndexByte(in.Data[:mostSeed], '\n')+1]
		}
		if len(in.Data) <= mostSeed {
			f.Add(in.Data)
		}
	}
	f.Add([]byte(`{"context": {"num_cpus": 2, "library_build_type": "release"}, "benchmarks": [{"name": "x", "run_name": "x", "run_type": "iteration", "real_time": 1.5, "cpu_time": 1, "time_unit": "us", "widgets": 3}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		taken(t, ingest.Input{Name: "f", Data: data}, format)
	})
}

func taken(t *testing.T, in ingest.Input, format string) {
	t.Helper()
	side, err := ingest.Read([]ingest.Input{in}, format)
	if err != nil {
		var faults diag.Faults
		if !errors.As(err, &faults) || faults[0].File == "" || faults[0].Message == "" {
			t.Fatalf("refused without a place: %v", err)
		}
		return
	}
	c, err := ingest.Compare(side, side, ingest.Options{At: time.Unix(1, 0).UTC(), Old: "old", New: "new", Policy: policy})
	if err != nil {
		var faults diag.Faults
		if !errors.As(err, &faults) {
			t.Fatalf("what was read makes no document: %v", err)
		}
		return
	}
	if len(c.Document.Benchmarks) == 0 {
		t.Fatal("a document without benchmarks")
	}
}

func FuzzBenchfmt(f *testing.F)          { fuzz(f, "benchfmt") }
func FuzzCriterionMessages(f *testing.F) { fuzz(f, "criterion-messages") }
func FuzzJMH(f *testing.F)               { fuzz(f, "jmh") }
func FuzzK6(f *testing.F)                { fuzz(f, "k6") }
func FuzzK6Stream(f *testing.F)          { fuzz(f, "k6-stream") }
func FuzzHyperfine(f *testing.F)         { fuzz(f, "hyperfine") }
func FuzzGoogle(f *testing.F)            { fuzz(f, "google-benchmark") }
func FuzzPytest(f *testing.F)            { fuzz(f, "pytest-benchmark") }
func FuzzOwn(f *testing.F)               { fuzz(f, "fivegate") }

// FuzzFormats is of how the format is recognised.
func FuzzFormats(f *testing.F) { fuzz(f, "") }

func FuzzCriterion(f *testing.F) {
	for _, in := range []ingest.Input{load(f, "criterion/old"), load(f, "criterion/new")} {
		f.Add(in.Files[0].Data, in.Files[1].Data)
	}
	f.Fuzz(func(t *testing.T, names, sample []byte) {
		taken(t, ingest.Input{Name: "f", Files: []ingest.Input{
			{Name: "a/new/benchmark.json", Data: names}, {Name: "a/new/sample.json", Data: sample},
		}}, "criterion")
	})
}
