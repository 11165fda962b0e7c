package verdict

import (
	"math"
	"testing"

	"github.com/fivegate/fivegate/gate/result/resulttest"
)

// The last step of a trace is what the verdict says, of exact measures too.
func TestTraceBenchmark(t *testing.T) {
	doc := resulttest.Suite(quiet(resulttest.SuiteOptions{Seed: 31, Rounds: 2, Slow: map[int]float64{1: math.Log(1.1)}, Alloc: map[int]float64{2: 11}}))
	for _, m := range Judge(doc).Metrics {
		trace, ok := TraceBenchmark(doc, m.Benchmark, string(m.Unit))
		if !ok || trace.Name != m.Name || len(trace.Blocks) != m.Blocks {
			t.Fatalf("%s: found %v, name %q, %d blocks of %d", m.Name, ok, trace.Name, len(trace.Blocks), m.Blocks)
		}
		if last := trace.Steps[len(trace.Steps)-1]; math.Abs(last.Effect-m.Effect) > 1e-12 || last.Blocks != m.Blocks || last.Look == 0 {
			t.Errorf("%s: the last step is %+v, the verdict's effect %v", m.Name, last, m.Effect)
		}
	}
	for _, of := range [][2]string{{"B009", "sec/op"}, {"B001", "sec"}} {
		if _, ok := TraceBenchmark(doc, of[0], of[1]); ok {
			t.Errorf("%s has a trace", of)
		}
	}
}

func TestPairNoise(t *testing.T) {
	for _, c := range []struct {
		why          string
		o            resulttest.SuiteOptions
		block, round float64
	}{
		{"one round a block: all is between blocks", resulttest.SuiteOptions{Seed: 32, Blocks: 200, PlanBlocks: 200, RoundSD: 0.03, BlockSD: 0.04}, 0.05, 0},
		{"two rounds a block: it is split", resulttest.SuiteOptions{Seed: 33, Blocks: 200, PlanBlocks: 200, Rounds: 2, RoundSD: 0.03, BlockSD: 0.04}, 0.04, 0.03},
		{"one block: nothing is known", resulttest.SuiteOptions{Seed: 34, Blocks: 1, RoundSD: 0.03}, 0, 0},
	} {
		trace, ok := TraceBenchmark(resulttest.Suite(c.o), "B000", "sec/op")
		if n := trace.Noise; !ok || math.Abs(n.Block-c.block) > 0.01 || math.Abs(n.Round-c.round) > 0.01 {
			t.Errorf("%s: found %v, %+v; want about %v and %v", c.why, ok, n, c.block, c.round)
		}
	}
}
