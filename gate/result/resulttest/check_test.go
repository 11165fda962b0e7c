package resulttest_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

func TestCheckIsTheSameForTheSameOptions(t *testing.T) {
	text := func(seed uint64) []byte {
		var b bytes.Buffer
		if err := resulttest.Check(resulttest.Options{Seed: seed, Blocks: 2, RoundSD: 0.1}).Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if !bytes.Equal(text(1), text(1)) {
		t.Error("one seed gives two documents")
	}
	if bytes.Equal(text(1), text(2)) {
		t.Error("two seeds give one document")
	}
}

// pooled is what an arm's slices of a phase give together.
type pooled struct {
	cpuS              float64
	completed, failed float64
	slices            int
	latency           *result.Histogram
}

func pool(d *result.Document, arm string, phase result.Phase, mode result.Mode) (p pooled) {
	var responses []*result.Histogram
	for _, s := range d.Slices {
		if d.Launches[s.Launch].Arm != arm || s.Phase != phase || s.Mode != mode {
			continue
		}
		p.slices++
		p.cpuS += s.CPUS
		for _, o := range s.Operations {
			p.completed += float64(o.Completed)
			for _, n := range o.Errors {
				p.failed += float64(n)
			}
			responses = append(responses, o.Response)
		}
	}
	p.latency = result.MergeHistograms(responses...)
	return p
}

// tail returns the 99% quantile over probes of the lower quartile over rounds.
func tail(d *result.Document, arm string) float64 {
	values := make([][]float64, d.Plan.Probes)
	for _, l := range d.Launches {
		for round := range d.Plan.Rounds {
			for q := range values {
				if l.Arm == arm {
					values[q] = append(values[q], l.Probes.At(round, q))
				}
			}
		}
	}
	var quartiles []float64
	for _, v := range values {
		slices.Sort(v)
		quartiles = append(quartiles, v[len(v)/4])
	}
	slices.Sort(quartiles)
	return quartiles[len(quartiles)*99/100]
}

// TestEffectsAreRealised checks that what is asked for is in the document, to
// within what sampling leaves open.
func TestEffectsAreRealised(t *testing.T) {
	effects := map[string]float64{
		"cpu_per_op": 0.05, "throughput": 0.08, "latency.p50": 0.10, "latency.p90": 0.20, "latency.p99": 0.30, "error_rate": 0.02,
	}
	d := resulttest.Check(resulttest.Options{Seed: 3, Blocks: 16, Rounds: 4, RatePerS: 2000, Effects: effects, ErrorRate: 0.01})
	open := [2]pooled{pool(d, "base", result.PhaseOpen, result.ModeDuet), pool(d, "head", result.PhaseOpen, result.ModeDuet)}
	closed := [2]pooled{pool(d, "base", result.PhaseClosed, result.ModeDuet), pool(d, "head", result.PhaseClosed, result.ModeDuet)}
	perOp := func(p pooled) float64 { return p.cpuS / p.completed }
	failed := func(p pooled) float64 { return p.failed / (p.failed + p.completed) }
	for _, c := range []struct {
		metric         string
		got, tolerance float64
	}{
		{"cpu_per_op", math.Log(perOp(open[1]) / perOp(open[0])), 1e-9},
		{"throughput", math.Log(perOp(closed[1]) / perOp(closed[0])), 1e-9},
		{"latency.p50", math.Log(open[1].latency.Quantile(0.5) / open[0].latency.Quantile(0.5)), 0.01},
		{"latency.p90", math.Log(open[1].latency.Quantile(0.9) / open[0].latency.Quantile(0.9)), 0.015},
		{"latency.p99", math.Log(open[1].latency.Quantile(0.99) / open[0].latency.Quantile(0.99)), 0.03},
		{"latency.p99", math.Log(tail(d, "head") / tail(d, "base")), 0.03},
		{"error_rate", failed(open[1]) - failed(open[0]), 0.002},
	} {
		if want := effects[c.metric]; math.Abs(c.got-want) > c.tolerance {
			t.Errorf("effect on %s is %v, want %v ± %v", c.metric, c.got, want, c.tolerance)
		}
	}
}

func TestSlicesOfACheck(t *testing.T) {
	d := resulttest.Check(resulttest.Options{Blocks: 9, Rounds: 3})
	for _, arm := range []string{"base", "head"} {
		for _, phase := range []result.Phase{result.PhaseOpen, result.PhaseClosed} {
			if got := pool(d, arm, phase, result.ModeDuet).slices; got != 27 {
				t.Errorf("%d slices of %s in a duet's %s phase, want 27", got, arm, phase)
			}
		}
		if got := pool(d, arm, result.PhaseOpen, result.ModeSolo).slices; got != 3 {
			t.Errorf("%d solo slices of %s, want one in every fourth of 9 blocks", got, arm)
		}
	}
}
