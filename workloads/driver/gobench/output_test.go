package gobench

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/bench"
)

func TestSole(t *testing.T) {
	const head = "goos: linux\npkg: example.com/x\nUnit p99-sec better=lower\n"
	for _, test := range []struct {
		why, output string
		want        bench.Sample
		err         string
	}{
		{"times, sizes and units of its own, in base units", head + "BenchmarkA-2\nBenchmarkA-2  \t 100\t 250.0 ns/op\t 3.00 p99-ns\t 40.00 MB/s\t 16 B/op\t 1 allocs/op\nPASS\n", bench.Sample{
			{Unit: "sec/op", Better: result.LowerIsBetter, Value: 250e-9},
			{Unit: "p99-sec", Better: result.LowerIsBetter, Value: 3e-9},
			{Unit: "B/s", Better: result.HigherIsBetter, Value: 40e6},
			{Unit: "B/op", Better: result.LowerIsBetter, Value: 16},
			{Unit: "allocs/op", Better: result.LowerIsBetter, Value: 1},
		}, ""},
		{"text of the benchmark's own on the line", "BenchmarkA-2\nhello BenchmarkA-2\t1\t2 ns/op\n", bench.Sample{{Unit: "sec/op", Better: result.LowerIsBetter, Value: 2e-9}}, ""},
		{"a unit of unknown direction", "BenchmarkA-2 1 2 ns/op 7 hits\n", bench.Sample{{Unit: "sec/op", Better: result.LowerIsBetter, Value: 2e-9}, {Unit: "hits", Value: 7}}, ""},
		{"no result", "BenchmarkA-2\n--- SKIP: BenchmarkA-2\nPASS\n", nil, "printed no result"},
		{"another's result", "BenchmarkAB-2 1 2 ns/op\n", nil, "printed no result"},
		{"two results", "BenchmarkA-2 1 2 ns/op\nBenchmarkA-2 1 2 ns/op\n", nil, "printed 2 results"},
		{"not a number", "BenchmarkA-2 1 NaN ns/op\n", nil, "is no measurement"},
		{"a negative time", "BenchmarkA-2 1 -3 ns/op\n", nil, "is no measurement"},
	} {
		got, err := sole(test.output, "BenchmarkA-2")
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: error %v, want %q", test.why, err, test.err)
			}
			continue
		}
		if diff := cmp.Diff(test.want, got.values, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b) })); diff != "" || err != nil {
			t.Errorf("%s: %v %s", test.why, err, diff)
		}
	}
}

func TestDerived(t *testing.T) {
	at := func(seconds, speed float64) line {
		return line{values: bench.Sample{{Unit: unitTime, Value: seconds}, {Unit: unitSpeed, Value: speed}}}
	}
	if !derived(at(1e-3, 2e6), at(1.25e-3, 1.6e6)) {
		t.Error("the same bytes in another time are not seen as SetBytes")
	}
	if derived(at(1e-3, 2e6), at(1.25e-3, 2e6)) {
		t.Error("a speed that does not go with the time is taken for SetBytes")
	}
}

func TestIsTime(t *testing.T) {
	for unit, want := range map[string]bool{
		"sec/op": false, "B/op": false, "allocs/op": false, "B/s": false, "hits": false, "errors/req": false,
		"p99-ns": true, "p99-sec": true, "req/s": true, "ns/query": true, "qps": true, "latency_ms": true,
	} {
		if isTime(unit) != want {
			t.Errorf("%s: %t", unit, isTime(unit))
		}
	}
}

func FuzzOutput(f *testing.F) {
	f.Add("goos: linux\nBenchmarkA\nBenchmarkA-2  \t 100\t 250.0 ns/op\t 40.00 MB/s\nPASS\n")
	f.Add("BenchmarkA\n    x_test.go:6: why not\n--- SKIP: BenchmarkA\n--- FAIL: BenchmarkA/b\n")
	f.Add("Unit ns better=higher\nBenchmarkA 1 1e999 ns/op\nBenchmarkA/b 99999999999999999999 x y")
	f.Fuzz(func(t *testing.T, output string) {
		lines, err := parse(output)
		if err == nil {
			for _, l := range lines {
				for _, v := range l.values {
					if v.Unit == "" || math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
						t.Errorf("value %+v of %q", v, l.name)
					}
				}
			}
		}
		if _, err := sole(output, "BenchmarkA"); err == nil && !strings.Contains(output, "BenchmarkA") {
			t.Error("a result out of nothing")
		}
		for name, fate := range discovered("BenchmarkA", output, "exit status 2", 2) {
			if !strings.HasPrefix(name, "BenchmarkA") || fate.line.name != "" && fate.failed != "" {
				t.Errorf("%q: %+v", name, fate)
			}
		}
	})
}
