package simulate

import (
	"math/rand/v2"

	"github.com/fivegate/fivegate/gate/parallel"
	"github.com/fivegate/fivegate/gate/stats"
)

// Suite is how a check of many benchmarks is looked at: each is measured until it
// is decided, at most so many blocks, and all are judged together at the end.
type Suite struct {
	Looks    []int   // of each benchmark, in blocks; the last is what the plan allows
	Most     int     // blocks that the budget reaches
	Alpha    float64 // one-sided family error
	Rule     stats.Rule
	LayoutSD float64 // declared to Estimate
}

// StandardSuite is the rule and the looks of a check of benchmarks.
func StandardSuite(most int) Suite {
	p := Standard()
	return Suite{Looks: []int{7, 10, 14, 19, 24, 28}, Most: most, Alpha: p.Alpha, Rule: p.Rule, LayoutSD: p.LayoutSD}
}

// SuiteTally counts what came of many checks of many benchmarks.
type SuiteTally struct {
	Tally
	Slower, Found  int64 // metrics that are slower, and those of them that were found
	FalselyBlocked int64 // checks in which another one was found
}

// RunSuite measures and judges so many checks; every metric of the world is a
// benchmark.
func RunSuite(world World, suite Suite, checks int, seed uint64) (SuiteTally, error) {
	plan, err := stats.Boundaries(suite.fractions(suite.Looks), suite.Alpha/float64(len(world.Metrics)))
	if err != nil {
		return SuiteTally{}, err
	}
	results, tallies := make([]result, checks), make([]SuiteTally, checks)
	parallel.For(checks, func(i int) {
		results[i] = suite.check(world, plan, rand.New(rand.NewPCG(seed, uint64(i))), &tallies[i])
	})
	var out SuiteTally
	for _, t := range tallies {
		out.Slower += t.Slower
		out.Found += t.Found
		out.FalselyBlocked += t.FalselyBlocked
	}
	out.Tally, err = total(results, world.Blocks*len(world.Metrics))
	return out, err
}

func (s Suite) fractions(looks []int) (out []float64) {
	for _, n := range looks {
		out = append(out, float64(n)/float64(s.Looks[len(s.Looks)-1]))
	}
	return out
}

// check measures each benchmark up to its last look, and judges all.
func (s Suite) check(world World, plan []float64, rng *rand.Rand, t *SuiteTally) (r result) {
	state := world.start(rng)
	state.extend(s.Most)
	evidence, looks := make([]stats.MetricEvidence, len(world.Metrics)), make([]stats.LooksApart, len(world.Metrics))
	for i := range world.Metrics {
		blocks, err := s.measure(state, i, plan, &evidence[i])
		if err != nil {
			return result{err: err}
		}
		r.blocks += blocks
		looks[i] = s.over(blocks)
	}
	d, err := stats.DecideApart(evidence, s.Rule, s.Alpha, looks)
	if err != nil {
		return result{err: err}
	}
	for i, m := range d.Metrics {
		slower, found := world.Metrics[i].Effect > 0, m.State == stats.Regressed
		switch {
		case slower && found:
			t.Found++
		case found:
			t.FalselyBlocked = 1
		}
		if slower {
			t.Slower++
		}
	}
	r.outcome = d.Outcome
	return r
}

// measure looks at benchmark i until it is decided at the level of a family of
// which nothing is rejected yet, or the budget is over, and returns the blocks.
func (s Suite) measure(state *state, i int, plan []float64, out *stats.MetricEvidence) (blocks int, err error) {
	for k, n := range s.Looks {
		if blocks = min(n, s.Most); blocks < stats.MinBlocks {
			continue
		}
		if *out, err = state.first(blocks, i, s.LayoutSD); err != nil {
			return 0, err
		}
		d, err := stats.Decide([]stats.MetricEvidence{*out}, s.Rule, stats.Look{Level: plan[k], PassLevel: s.Alpha, Final: n == s.Looks[len(s.Looks)-1]})
		if err != nil || blocks == s.Most || d.Metrics[0].State != stats.Open {
			return blocks, err
		}
	}
	return blocks, nil
}

// over are the looks of a benchmark that has so many blocks when the check is over:
// what is left of its level is spent there.
func (s Suite) over(blocks int) stats.LooksApart {
	var made []int
	for _, n := range s.Looks {
		if n < blocks {
			made = append(made, n)
		}
	}
	made = append(made, blocks)
	return stats.LooksApart{Fractions: s.fractions(made), At: len(made) - 1}
}
