package verdict_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// apart is a document of kind compare with one benchmark, measured in sec/op by so
// many processes of each arm, with so many samples each.
func apart(processes, each int, effect, launchSD float64) *result.Document {
	rng := rand.New(rand.NewPCG(3, uint64(processes*1000+each)))
	b := result.Benchmark{Name: "X", State: result.BenchmarkMeasured, Mode: result.ModeSeparate}
	m := result.Measure{Unit: "sec/op", Better: result.LowerIsBetter}
	for range processes {
		b.BaseLayouts, b.HeadLayouts = append(b.BaseLayouts, 0), append(b.HeadLayouts, 0)
		base, head := launchSD*rng.NormFloat64(), effect+launchSD*rng.NormFloat64()
		for range each {
			m.Base = append(m.Base, 1e-6*math.Exp(base+0.005*rng.NormFloat64()))
			m.Head = append(m.Head, 1e-6*math.Exp(head+0.005*rng.NormFloat64()))
		}
	}
	b.Measures = []result.Measure{m}
	return &result.Document{
		Schema: result.Schema, Kind: result.KindCompare,
		Provenance: result.Provenance{StartedAt: time.Unix(1, 0).UTC(), Runner: result.Runner{Class: "c", Fingerprint: map[string]string{
			"base cpu": "one", "head cpu": "one",
		}}},
		Plan: result.Plan{
			Mode:   result.ModeSeparate,
			Policy: result.Policy{Threshold: 0.05, PassBound: 0.1, MaxMDE: 0.12, Alpha: 0.02, LayoutSD: 0.02, OnInconclusive: "warn"},
		},
		Arms:       []result.Arm{{Name: "base", Layouts: []result.Layout{{}}}, {Name: "head", Layouts: []result.Layout{{}}}},
		Benchmarks: []result.Benchmark{b}, Outcome: result.Outcome{Ended: result.RunComplete},
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name   string
		doc    *result.Document
		change func(*result.Document)
		want   verdict.Status
		words  string // in the reason or in what to do next
	}{
		{"identical, one process of 10", apart(1, 10, 0, 0), nil, verdict.Pass, "no gating metric regressed"},
		{"20% slower, one process of 10", apart(1, 10, math.Log(1.2), 0), nil, verdict.Regression, "X sec/op"},
		{"4% slower, which the luck of a build may be", apart(1, 10, math.Log(1.04), 0), nil, verdict.Pass, ""},
		{"20% faster", apart(1, 10, math.Log(0.8), 0), nil, verdict.Improvement, ""},
		{"10 processes whose spread hides all", apart(10, 3, 0, 0.2), nil, verdict.Inconclusive, "measure both at once"},
		{
			"two processes that differ by much: their spread counts", apart(2, 2, 0, 0),
			func(d *result.Document) {
				m := &d.Benchmarks[0].Measures[0]
				m.Base, m.Head = []float64{1, 1, 1.01, 1.3, 1.31, 1.3, 1.3, 1.29}, []float64{1.1, 1.11, 1.1, 1.1, 1.5, 1.51, 1.5, 1.5}
			},
			verdict.Inconclusive, "X sec/op",
		},
		{"3 samples", apart(1, 3, math.Log(2), 0), nil, verdict.Inconclusive, "3 samples; 7 of each side are needed"},
		{"3 samples, what to do", apart(1, 3, math.Log(2), 0), nil, verdict.Inconclusive, "go test -count=10"},
		{
			"one run of many parts", apart(1, 1, math.Log(2), 0),
			func(d *result.Document) { d.Benchmarks[0].Detail = "values of one run count as one sample" },
			verdict.Inconclusive, "run each side 7 times",
		},
		{
			"another processor: a time twice as long is no finding", apart(7, 1, math.Log(2), 0),
			func(d *result.Document) { d.Provenance.Runner.Fingerprint["head cpu"] = "two" },
			verdict.Inconclusive, "cpu one in base, two in head",
		},
		{
			"two processors within each side", apart(7, 1, 0, 0),
			func(d *result.Document) {
				d.Provenance.Runner.Fingerprint = map[string]string{"base cpu": "one and two", "head cpu": "one and two"}
			},
			verdict.Inconclusive, "within each side",
		},
		{
			"another processor: counts compare all the same", apart(7, 1, math.Log(2), 0),
			func(d *result.Document) {
				d.Provenance.Runner.Fingerprint["head cpu"] = "two"
				d.Benchmarks[0].Measures[0].Unit = "allocs/op"
			},
			verdict.Regression, "X allocs/op",
		},
		{
			"from none to one allocation", apart(1, 7, 0, 0),
			func(d *result.Document) {
				d.Benchmarks[0].Measures[0] = result.Measure{Unit: "allocs/op", Better: "lower", Base: make([]float64, 7), Head: []float64{1, 1, 1, 1, 1, 1, 1}}
			},
			verdict.Regression, "X allocs/op",
		},
		{
			"more is better", apart(1, 10, math.Log(0.8), 0),
			func(d *result.Document) { d.Benchmarks[0].Measures[0].Better = result.HigherIsBetter },
			verdict.Regression, "X sec/op",
		},
		{
			"no direction is known", apart(1, 10, 0, 0),
			func(d *result.Document) { d.Benchmarks[0].Measures[0].Better = "" },
			verdict.Inconclusive, "better=lower",
		},
		{
			"fails in head", apart(1, 10, 0, 0),
			func(d *result.Document) {
				d.Benchmarks = append(d.Benchmarks, result.Benchmark{Name: "Y", State: result.BenchmarkFailedHead, Detail: "exit code 1"})
			},
			verdict.Invalid, "exit code 1",
		},
		{
			"nothing in common", apart(1, 10, 0, 0),
			func(d *result.Document) {
				d.Benchmarks = []result.Benchmark{{Name: "Y", State: result.BenchmarkNew}}
			},
			verdict.Invalid, "nothing was compared",
		},
		{
			"samples that do not divide among the processes", apart(3, 3, math.Log(2), 0),
			func(d *result.Document) { d.Benchmarks[0].BaseLayouts = []int{0, 0} },
			verdict.Inconclusive, "9 samples do not divide among 2 processes",
		},
		{
			"nothing said of processes: each sample has its own", apart(7, 1, math.Log(1.2), 0),
			func(d *result.Document) { d.Benchmarks[0].BaseLayouts, d.Benchmarks[0].HeadLayouts = nil, nil },
			verdict.Regression, "X sec/op",
		},
	} {
		if c.change != nil {
			c.change(c.doc)
		}
		v := verdict.Judge(c.doc)
		var all []string
		for _, m := range v.Metrics {
			all = append(all, m.Reason)
		}
		text := v.Reason + " " + v.Next + " " + strings.Join(all, " ")
		if v.Status != c.want || !strings.Contains(text, c.words) {
			t.Errorf("%s: %s, %q; want %s with %q", c.name, v.Status, text, c.want, c.words)
		}
		if !v.Final {
			t.Errorf("%s: not final; no further look is planned", c.name)
		}
	}
}

// A change between machines is not even shown.
func TestCompareAcrossMachinesShowsNoChange(t *testing.T) {
	doc := apart(7, 1, math.Log(2), 0)
	doc.Provenance.Runner.Fingerprint["head cpu"] = "two"
	m := verdict.Judge(doc).Metrics[0]
	if m.HasEffect || m.Effect != 0 || m.High != 0 || m.MDE != 0 || !m.HasValues {
		t.Errorf("%+v, want the values of both and no change", m)
	}
}

// Whoever reads a comparison must know what it cannot show.
func TestCompareSaysWhatItCosts(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*result.Document)
		want   string
	}{
		{"always", func(*result.Document) {}, "nothing cancels what their sessions differ by"},
		{"machines differ", func(d *result.Document) { d.Provenance.Runner.Fingerprint["head cpu"] = "two" }, "DIFFERENT MACHINES: cpu one in base, two in head"},
		{"one machine is not stated", func(d *result.Document) { delete(d.Provenance.Runner.Fingerprint, "head cpu") }, "taken on trust"},
		{"runtimes differ", func(d *result.Document) { d.Provenance.Runner.Fingerprint["head runtime"] = "21" }, "head on 21"},
	} {
		doc := apart(1, 10, 0, 0)
		c.change(doc)
		if notes := verdict.Judge(doc).Notes; !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, c.want) }) {
			t.Errorf("%s: notes %q, want one with %q", c.name, notes, c.want)
		}
	}
}

// The smallest change that a comparison of single sessions can see, whatever the
// number of samples, is what their luck leaves: 2.4% of error for one measure.
func TestCompareDetects(t *testing.T) {
	mde := verdict.Judge(apart(1, 200, 0, 0)).Metrics[0].MDE
	if want := math.Expm1((2.0537 + 1.6449) * math.Sqrt(0.02*0.02+2*0.01*0.01)); math.Abs(mde-want) > 0.002 {
		t.Errorf("MDE of 200 samples of one process %.4f, want about %.4f", mde, want)
	}
}
