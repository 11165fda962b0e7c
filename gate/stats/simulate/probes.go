package simulate

import (
	"math"
	"math/rand/v2"

	"github.com/fivegate/fivegate/gate/parallel"
	"github.com/fivegate/fivegate/gate/stats"
)

// ProbeWorld is a pair of arms as the probe operations of the de-noised tail
// see them.
type ProbeWorld struct {
	Blocks, Rounds, Probes int
	Spread                 float64 // standard deviation of the log cost between operations: the data-dependent tail
	All                    float64 // factor of head's cost, all operations; 0 counts as 1
	Share, Factor          float64 // share of operations, drawn at random, that head does at Factor times the cost
	Stalls                 float64 // share of readings that the machine stalls, by an exponential of mean 3 service times
	Noise                  float64 // standard deviation of the log of one reading
	LaunchSD               float64 // of one launch, all its operations
	PlacementSD            float64 // of one operation in one launch
}

// NoisyProbes is a world as rough as the ones measured: 28 blocks of 4 rounds
// of 600 operations, which gives an identical pair a standard error of 0.7%.
func NoisyProbes() ProbeWorld {
	return ProbeWorld{
		Blocks: 28, Rounds: 4, Probes: 600, Spread: 0.2, All: 1,
		Stalls: 0.15, Noise: 0.08, LaunchSD: 0.01, PlacementSD: 0.03,
	}
}

// Latencies draws one check.
func (w ProbeWorld) Latencies(rng *rand.Rand) stats.Latencies {
	base, head := make([]float64, w.Probes), make([]float64, w.Probes)
	for p := range base {
		base[p] = math.Exp(w.Spread * rng.NormFloat64())
		head[p] = base[p]
		if w.All > 0 {
			head[p] *= w.All
		}
		if rng.Float64() < w.Share {
			head[p] *= w.Factor
		}
	}
	l := stats.Latencies{Probes: w.Probes}
	for b := range w.Blocks {
		costBase, costHead := w.launch(base, rng), w.launch(head, rng)
		for range w.Rounds {
			l.Blocks = append(l.Blocks, b)
			for p := range base {
				l.Base = append(l.Base, w.reading(costBase[p], rng))
				l.Head = append(l.Head, w.reading(costHead[p], rng))
			}
		}
	}
	return l
}

// launch returns the costs of the operations in one launch.
func (w ProbeWorld) launch(costs []float64, rng *rand.Rand) []float64 {
	luck := w.LaunchSD * rng.NormFloat64()
	out := make([]float64, len(costs))
	for p, c := range costs {
		out[p] = c * math.Exp(luck+w.PlacementSD*rng.NormFloat64())
	}
	return out
}

func (w ProbeWorld) reading(cost float64, rng *rand.Rand) float64 {
	const serviceNS = 300e3
	x := serviceNS * cost * math.Exp(w.Noise*rng.NormFloat64())
	if rng.Float64() < w.Stalls {
		x *= 1 + 3*rng.ExpFloat64()
	}
	return x
}

// TailTally sums up many estimates of the tail.
type TailTally struct {
	Checks, Significant, Blocked int64   // lower bound over 0; and estimate over the threshold
	Theta, SD, SE                float64 // mean and standard deviation of the estimates, mean of their standard errors
}

// RunTail estimates the tail of so many checks, each at one-sided level.
func RunTail(world ProbeWorld, level, threshold float64, checks int, seed uint64) (TailTally, error) {
	effects := make([]stats.TailEffect, checks)
	errs := make([]error, checks)
	parallel.For(checks, func(i int) {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		effects[i], errs[i] = stats.Tail(world.Latencies(rng), stats.Layouts{}, 0, rng)
	})
	t := TailTally{Checks: int64(checks)}
	n := float64(checks)
	for i, e := range effects {
		if errs[i] != nil {
			return TailTally{}, errs[i]
		}
		t.Theta += e.Theta / n
		t.SE += e.SEBlock / n
		if e.Lower(level) > 0 {
			t.Significant++
			if e.Theta > threshold {
				t.Blocked++
			}
		}
	}
	for _, e := range effects {
		t.SD += (e.Theta - t.Theta) * (e.Theta - t.Theta) / (n - 1)
	}
	t.SD = math.Sqrt(t.SD)
	return t, nil
}
