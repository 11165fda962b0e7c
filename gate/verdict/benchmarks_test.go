package verdict

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

// quiet is the noise of a duet of benchmarks on a good machine.
func quiet(o resulttest.SuiteOptions) resulttest.SuiteOptions {
	o.RoundSD, o.BlockSD = 0.01, 0.015
	return o
}

func TestJudgeBenchmarks(t *testing.T) {
	ln := math.Log
	state := func(i int, s result.BenchmarkState, detail string) func(*result.Document) {
		return func(d *result.Document) {
			b := &d.Benchmarks[i]
			*b = result.Benchmark{Name: b.Name, State: s, Detail: detail}
		}
	}
	all := func(s result.BenchmarkState) func(*result.Document) {
		return func(d *result.Document) {
			for i := range d.Benchmarks {
				state(i, s, "")(d)
			}
		}
	}
	for _, c := range []struct {
		name   string
		o      resulttest.SuiteOptions
		change func(*result.Document)
		want   Status
		reason string
	}{
		{"identical", quiet(resulttest.SuiteOptions{Seed: 1, Benchmarks: 50}), nil, Pass, "no gating metric regressed"},
		{"one of fifty 8% slower", quiet(resulttest.SuiteOptions{Seed: 2, Benchmarks: 50, Slow: map[int]float64{17: ln(1.08)}}), nil, Regression, "in B017 sec/op (+"},
		{"one of two hundred 8% slower", quiet(resulttest.SuiteOptions{Seed: 3, Benchmarks: 200, Slow: map[int]float64{17: ln(1.08)}}), nil, Regression, "in B017 sec/op (+"},
		{"3% is under the threshold", quiet(resulttest.SuiteOptions{Seed: 4, Slow: map[int]float64{1: ln(1.03)}}), nil, Pass, ""},
		{"one 10% faster", quiet(resulttest.SuiteOptions{Seed: 5, Slow: map[int]float64{1: -ln(1.10)}}), nil, Improvement, "B001 sec/op"},
		{"an allocation more in ten", quiet(resulttest.SuiteOptions{Seed: 6, Alloc: map[int]float64{2: 11}}), nil, Regression, "in B002 allocs/op (+10.0% [+10.0, +10.0])"},
		{"an allocation where none was", quiet(resulttest.SuiteOptions{Seed: 7}), func(d *result.Document) {
			m := &d.Benchmarks[2].Measures[1]
			clear(m.Base)
		}, Regression, "in B002 allocs/op"},
		{"no allocation in either", quiet(resulttest.SuiteOptions{Seed: 8}), func(d *result.Document) {
			clear(d.Benchmarks[2].Measures[1].Base)
			clear(d.Benchmarks[2].Measures[1].Head)
		}, Pass, ""},
		{"higher is better, and it fell", quiet(resulttest.SuiteOptions{Seed: 9, Slow: map[int]float64{3: -ln(1.2)}}), func(d *result.Document) {
			m := &d.Benchmarks[3].Measures[0]
			m.Unit, m.Better = "items/s", result.HigherIsBetter
			d.Plan.Metrics = append(d.Plan.Metrics, m.Unit)
		}, Regression, "in B003 items/s (+"},
		{"too noisy to tell", resulttest.SuiteOptions{Seed: 10, RoundSD: 0.3, BlockSD: 0.2}, nil, Inconclusive, "neither a regression nor its absence"},
		{"six blocks decide nothing", resulttest.SuiteOptions{Seed: 11, Blocks: 6, Slow: map[int]float64{0: 1}}, nil, Inconclusive, "neither"},
		{"it panics in head", quiet(resulttest.SuiteOptions{Seed: 12}), state(1, result.BenchmarkFailedHead, "panic: no such key"), Invalid, "1 benchmark fails in head, and not in base: B001: panic: no such key"},
		{"it fails in base already", quiet(resulttest.SuiteOptions{Seed: 13}), state(1, result.BenchmarkFailedBase, "exit status 1"), Pass, ""},
		{"all are new", quiet(resulttest.SuiteOptions{Seed: 14}), all(result.BenchmarkNew), Invalid, "nothing was compared"},
		{"all fail in base", quiet(resulttest.SuiteOptions{Seed: 24, Benchmarks: 1}), state(0, result.BenchmarkFailedBase, "exit status 2"), Invalid, "B000 fails in base: exit status 2"},
		{"all were left out", quiet(resulttest.SuiteOptions{Seed: 15}), all(result.BenchmarkLeftOut), Invalid, "nothing was compared"},
		{"all run the same bytes", quiet(resulttest.SuiteOptions{Seed: 16}), all(result.BenchmarkIdentical), Pass, "identical builds: 5 benchmarks run the same bytes in both arms"},
		{"no declared unit", quiet(resulttest.SuiteOptions{Seed: 17}), func(d *result.Document) { d.Plan.Metrics = []string{"sec/opp"} }, Invalid, "the declared measures are missing: B000"},
		{"the time ran out before the first block of one", quiet(resulttest.SuiteOptions{Seed: 18}), func(d *result.Document) {
			b := &d.Benchmarks[4]
			b.First, b.BaseLayouts, b.HeadLayouts = "", nil, nil
			b.Measures = []result.Measure{{Unit: "sec/op", Better: result.LowerIsBetter}}
		}, Inconclusive, "B004 sec/op"},
		{"cut off", quiet(resulttest.SuiteOptions{Seed: 19}), func(d *result.Document) {
			d.Outcome.Ended, d.Outcome.Detail = result.RunInterrupted, "interrupted by interrupt"
		}, Invalid, "the measurement was cut off: interrupted"},
		{"failed", quiet(resulttest.SuiteOptions{Seed: 20}), func(d *result.Document) {
			d.Outcome.Ended, d.Outcome.Detail = result.RunFailed, "disk full"
		}, Invalid, "the measurement failed: disk full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := resulttest.Suite(c.o)
			if c.change != nil {
				c.change(d)
			}
			v := Judge(d)
			if v.Status != c.want || !strings.Contains(v.Reason, c.reason) {
				t.Errorf("verdict %s: %s; want %s with %q", v.Status, v.Reason, c.want, c.reason)
			}
			if v.Next == "" || !v.Final {
				t.Errorf("next %q, final %v", v.Next, v.Final)
			}
		})
	}
}

func TestEveryBenchmarkIsListed(t *testing.T) {
	d := resulttest.Suite(quiet(resulttest.SuiteOptions{Seed: 21, Benchmarks: 12}))
	for i, state := range []result.BenchmarkState{
		result.BenchmarkNew, result.BenchmarkRemoved, result.BenchmarkLeftOut, result.BenchmarkFailedBase, result.BenchmarkIdentical,
	} {
		b := &d.Benchmarks[i]
		*b = result.Benchmark{Name: b.Name, State: state}
	}
	v := Judge(d)
	said := strings.Join(v.Notes, "\n")
	for _, m := range v.Metrics {
		said += "\n" + m.Name
	}
	for i := range d.Benchmarks {
		if !strings.Contains(said, d.Benchmarks[i].Name) {
			t.Errorf("%s is in state %s, and nothing says so", d.Benchmarks[i].Name, d.Benchmarks[i].State)
		}
	}
}

// A check under way asks which benchmarks need more blocks.
func TestUndecided(t *testing.T) {
	d := resulttest.Suite(quiet(resulttest.SuiteOptions{Seed: 22, Benchmarks: 4, Blocks: 14, Slow: map[int]float64{1: math.Log(1.3), 3: math.Log(1.045)}}))
	d.Outcome.Ended = ""
	if diff := cmp.Diff([]string{"B003"}, slices.Sorted(maps.Keys(Undecided(d)))); diff != "" {
		t.Error(diff)
	}
	if v := Judge(d); v.Status != Regression {
		t.Errorf("verdict %s", v.Status)
	}
	few := resulttest.Suite(quiet(resulttest.SuiteOptions{Seed: 22, Benchmarks: 4, Blocks: 3}))
	few.Outcome.Ended = ""
	if n := len(Undecided(few)); n != 4 {
		t.Errorf("%d of 4 are undecided after three blocks", n)
	}
	if v := Judge(few); v.Final || v.Status != Inconclusive {
		t.Errorf("verdict %s, final %v, after three blocks", v.Status, v.Final)
	}
}

func TestArmsSwappedFlipTheSign(t *testing.T) {
	d := resulttest.Suite(quiet(resulttest.SuiteOptions{Seed: 23, Slow: map[int]float64{1: math.Log(1.1)}}))
	swapped := resulttest.Suite(quiet(resulttest.SuiteOptions{Seed: 23, Slow: map[int]float64{1: math.Log(1.1)}}))
	for i := range swapped.Benchmarks {
		b := &swapped.Benchmarks[i]
		b.BaseLayouts, b.HeadLayouts = b.HeadLayouts, b.BaseLayouts
		b.First = strings.NewReplacer("b", "h", "h", "b").Replace(b.First)
		for j := range b.Measures {
			b.Measures[j].Base, b.Measures[j].Head = b.Measures[j].Head, b.Measures[j].Base
		}
	}
	there, back := Judge(d), Judge(swapped)
	for i := range there.Metrics {
		if got, want := math.Log1p(back.Metrics[i].Effect), -math.Log1p(there.Metrics[i].Effect); math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: %v there, %v back", there.Metrics[i].Name, want, got)
		}
	}
}
