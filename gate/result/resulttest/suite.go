package resulttest

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
)

// SuiteOptions say what a synthetic check of benchmarks holds. Zero values are an
// identical pair without noise.
type SuiteOptions struct {
	Seed       uint64
	Benchmarks int             // named B000 to …; default 5
	Blocks     int             // measured of each benchmark; default 28
	PlanBlocks int             // most blocks; default 28
	Rounds     int             // of each block; default 1
	RoundSD    float64         // of the log ratio of one round
	BlockSD    float64         // of the log ratio of one block: launch and layout luck
	Slow       map[int]float64 // log effect on sec/op, by benchmark
	Alloc      map[int]float64 // allocations of head; base has 10
}

// Suite returns a valid document of a check of benchmarks with sec/op and
// allocs/op, each benchmark in layouts of its own in every block.
func Suite(o SuiteOptions) *result.Document {
	o.fill()
	d := Check(Options{Seed: o.Seed})
	d.Launches, d.Slices = []result.Launch{}, []result.Slice{}
	p := &d.Plan
	p.Metrics, p.Operations, p.Probes, p.ProbeOperation = []string{"sec/op", "B/op", "allocs/op"}, []string{}, 0, nil
	p.Blocks, p.Rounds, p.Looks = o.PlanBlocks, o.Rounds, looksOf(o.PlanBlocks)
	d.Outcome = result.Outcome{Ended: result.RunBudget, Blocks: o.Blocks}
	random := rand.New(rand.NewPCG(o.Seed, 0x5017e))
	for arm := range d.Arms {
		d.Arms[arm].Layouts = nil
		for id := range o.PlanBlocks {
			d.Arms[arm].Layouts = append(d.Arms[arm].Layouts, result.Layout{ID: id, Seed: random.Uint64(), SHA256: strings.Repeat(strconv.Itoa(arm), 60) + four(id)})
		}
	}
	for i := range o.Benchmarks {
		d.Benchmarks = append(d.Benchmarks, o.benchmark(random, i))
	}
	return d
}

func (o *SuiteOptions) fill() {
	for _, d := range []struct {
		v        *int
		fallback int
	}{{&o.Benchmarks, 5}, {&o.Blocks, 28}, {&o.PlanBlocks, 28}, {&o.Rounds, 1}} {
		if *d.v == 0 {
			*d.v = d.fallback
		}
	}
}

// looksOf are looks at a quarter, a half, three quarters and all of the blocks.
func looksOf(blocks int) []int { return []int{blocks / 4, blocks / 2, blocks * 3 / 4, blocks} }

func four(n int) string { return strings.Repeat("0", 4-len(strconv.Itoa(n))) + strconv.Itoa(n) }

func (o *SuiteOptions) benchmark(random *rand.Rand, i int) result.Benchmark {
	b := result.Benchmark{
		Name: "B" + four(i)[1:], State: result.BenchmarkMeasured, Mode: result.ModeDuet, Iterations: 1000, Rounds: o.Rounds,
	}
	var first strings.Builder
	sec := result.Measure{Unit: "sec/op", Better: result.LowerIsBetter}
	alloc := result.Measure{Unit: "allocs/op", Better: result.LowerIsBetter}
	for block := range o.Blocks {
		b.BaseLayouts, b.HeadLayouts = append(b.BaseLayouts, block), append(b.HeadLayouts, o.PlanBlocks-1-block)
		luck := o.BlockSD * random.NormFloat64()
		for round := range o.Rounds {
			first.WriteByte("bh"[(block+round)%2])
			ratio := o.Slow[i] + luck + o.RoundSD*random.NormFloat64()
			base := 1e-6 * math.Exp(0.05*random.NormFloat64())
			sec.Base, sec.Head = append(sec.Base, base), append(sec.Head, base*math.Exp(ratio))
			allocs, ok := o.Alloc[i]
			if !ok {
				allocs = 10
			}
			alloc.Base, alloc.Head = append(alloc.Base, 10), append(alloc.Head, allocs)
		}
	}
	b.First, b.Measures = first.String(), []result.Measure{sec, alloc}
	return b
}
