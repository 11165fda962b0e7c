package verdict

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/runner"
)

// The traps that need a document: what a naive gate makes of it, and what this one
// does. The others are in gate/stats/simulate; docs/why.md tells them all.

// naiveGate is what many gates are: numbers of two runs, and an alarm for each that
// rose by more than 5%.
func naiveGate(before, after map[string]float64) (slower []string) {
	for name, was := range before {
		if is, ok := after[name]; ok && is > 1.05*was {
			slower = append(slower, name)
		}
	}
	return slower
}

// numbers are what a naive gate keeps of one arm: CPU per operation and the
// latencies of all requests, and failures are requests too.
func numbers(d *result.Document, arm int) map[string]float64 {
	out := map[string]float64{}
	for _, m := range Judge(d).Metrics {
		if m.HasValues && m.Unit == UnitSeconds {
			out[m.Name] = []float64{m.Base, m.Head}[arm]
		}
	}
	return out
}

// slowedBy makes the whole machine slower, for both arms.
func slowedBy(d *result.Document, factor float64) {
	for i := range d.Slices {
		d.Slices[i].CPUS *= factor
	}
	d.Provenance.Runner.Class = "linux-amd64-another-2c"
	d.Provenance.Runner.Fingerprint["cpu_model"] = "another"
}

// A baseline that another CPU model recorded: the naive gate reports the difference
// of the machines. Here base is measured again beside head, on the same cores at
// the same time, and documents of two classes are never put together.
func TestTrapBaselineOfAnotherCPU(t *testing.T) {
	recorded, today := again(1, noise(resulttest.Options{Blocks: 14})), again(2, noise(resulttest.Options{Blocks: 14}))
	slowedBy(today, 1.3)
	if slower := naiveGate(numbers(recorded, base), numbers(today, head)); len(slower) == 0 {
		t.Error("the naive gate does not fall for the recorded baseline")
	}
	if v := Judge(today); v.Status != Pass {
		t.Errorf("base and head on the same machine: %s, %s", v.Status, v.Reason)
	}
	e, err := Earlier(recorded)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := result.Pool(today, e); !errors.Is(err, result.ErrOtherPair) || !strings.Contains(err.Error(), "/provenance/runner/class") {
		t.Errorf("runs on two classes are pooled: %v", err)
	}
	if _, err := result.Merge(today, recorded); err == nil || !strings.Contains(err.Error(), "/provenance/runner/class") {
		t.Errorf("shards of two classes are merged: %v", err)
	}
}

// Runners that go by one label have several CPU models, on which the very same
// binary is 13% apart. The class, inside which numbers may be compared, holds the
// model.
func TestTrapIdenticalBinaries13PercentApart(t *testing.T) {
	milan := runner.Machine{OS: "linux", Arch: "amd64", CPU: runner.CPU{Vendor: "amd", Model: "25.1.1"}}
	genoa := milan
	genoa.CPU.Model = "25.17.1"
	if milan.Class() == genoa.Class() {
		t.Errorf("two CPU models have one class, %s", milan.Class())
	}
	one, other := again(1, noise(resulttest.Options{Blocks: 14})), again(2, noise(resulttest.Options{Blocks: 14}))
	slowedBy(other, 1.13)
	was, is := numbers(one, head)[CPUPerOp], numbers(other, head)[CPUPerOp]
	if slower := naiveGate(map[string]float64{CPUPerOp: was}, map[string]float64{CPUPerOp: is}); len(slower) == 0 {
		t.Errorf("the naive gate sees nothing between %v and %v", was, is)
	}
	for _, d := range []*result.Document{one, other} {
		v := Judge(d)
		if cpu := v.Metrics[0]; v.Status != Pass || math.Abs(cpu.Effect) > 0.02 {
			t.Errorf("%s: %s, %s %+.3f", d.Provenance.Runner.Class, v.Status, cpu.Name, cpu.Effect)
		}
	}
}

// A run that measured nothing has nothing that became slower: green, to a gate that
// looks for regressions among what it finds. Here what was to be measured is
// declared before, and its absence is the verdict.
func TestTrapNothingWasMeasured(t *testing.T) {
	full := again(1, noise(resulttest.Options{Blocks: 14}))
	if slower := naiveGate(numbers(full, base), nil); len(slower) > 0 {
		t.Errorf("the naive gate finds %v in nothing", slower)
	}
	for name, empty := range map[string]func(*result.Document){
		"no slices":          func(d *result.Document) { d.Slices = nil },
		"no launches":        func(d *result.Document) { d.Launches, d.Slices = nil, nil },
		"no blocks":          func(d *result.Document) { d.Outcome.Blocks, d.Launches, d.Slices = 0, nil, nil },
		"no requests":        noRequests,
		"no declared metric": func(d *result.Document) { d.Plan.Metrics = nil },
		"only benchmarks that one arm has": func(d *result.Document) {
			d.Launches, d.Slices = nil, nil
			d.Benchmarks = []result.Benchmark{{Name: "BenchmarkA", State: result.BenchmarkNew}, {Name: "BenchmarkB", State: result.BenchmarkRemoved}}
		},
		"only benchmarks that the budget did not reach": func(d *result.Document) {
			d.Launches, d.Slices = nil, nil
			d.Benchmarks = []result.Benchmark{{Name: "BenchmarkA", State: result.BenchmarkLeftOut}}
		},
	} {
		d := again(1, noise(resulttest.Options{Blocks: 14}))
		empty(d)
		if v := Judge(d); v.Status != Invalid && v.Status != Inconclusive || v.ExitCode() == 0 {
			t.Errorf("%s: %s (exit %d), %s", name, v.Status, v.ExitCode(), v.Reason)
		}
	}
	if v := Judge(&result.Document{Kind: result.KindCheck}); v.ExitCode() == 0 {
		t.Errorf("an empty document: %s", v.Status)
	}
}

// noRequests leaves slices in which nothing was sent.
func noRequests(d *result.Document) {
	for i := range d.Slices {
		s := &d.Slices[i]
		s.Due, s.Sent, s.Operations, s.CPUS = 0, 0, nil, 0
	}
}

// A base that fails every request, and fails fast, is a baseline that any head
// keeps up with, if failures are timed like answers. Here a failed request has no
// latency, and a base that breaks the scenario's own limits guards nothing.
func TestTrapBaselineOfErrors(t *testing.T) {
	const refused, answered = 80e-6, 400e-6 // s
	if slower := naiveGate(map[string]float64{"latency": refused}, map[string]float64{"latency": refused * 1.01}); len(slower) > 0 {
		t.Errorf("the naive gate stops %v", slower)
	}
	if slower := naiveGate(map[string]float64{"latency": refused}, map[string]float64{"latency": answered}); len(slower) != 1 {
		t.Error("the naive gate lets the head pass that mended base")
	}
	for name, arms := range map[string][]string{"base": {"base"}, "both": {"base", "head"}} {
		d := again(1, noise(resulttest.Options{Blocks: 14}))
		for _, arm := range arms {
			answersNothing(d, arm)
		}
		if v := Judge(d); v.Status != Invalid || !strings.Contains(v.Reason, "base") {
			t.Errorf("%s fails every request: %s, %s", name, v.Status, v.Reason)
		}
		d.Plan.Limits.ErrorRateSet = true
		if v := Judge(d); v.Status != Invalid || !strings.Contains(v.Reason, "base fails 100.00%") {
			t.Errorf("%s fails every request, and none may: %s, %s", name, v.Status, v.Reason)
		}
	}
}
