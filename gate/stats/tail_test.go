package stats_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/fivegate/fivegate/gate/stats"
	"github.com/fivegate/fivegate/gate/stats/simulate"
)

func smallWorld() simulate.ProbeWorld {
	w := simulate.NoisyProbes()
	w.Blocks, w.Probes = 8, 120
	return w
}

func seeded() *rand.Rand { return rand.New(rand.NewPCG(4, 2)) }

func tail(t *testing.T, l stats.Latencies) stats.TailEffect {
	t.Helper()
	e, err := stats.Tail(l, stats.Layouts{}, 0, seeded())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The Harrell–Davis estimate with nothing else in the way: all rounds equal,
// head's probes ln 1 … ln 200 as latencies e^…, base's all 1. SciPy 1.17.1:
// stats.mstats.hdquantiles(np.log(1+np.arange(200)), prob=[.99])
func TestTailAgainstSciPy(t *testing.T) {
	const probes, rounds = 200, 9
	l := stats.Latencies{Probes: probes}
	for r := range rounds {
		l.Blocks = append(l.Blocks, r/3)
		for p := range probes {
			l.Base = append(l.Base, 1)
			l.Head = append(l.Head, float64(1+(p*77)%probes))
		}
	}
	e := tail(t, l)
	if math.Abs(e.Theta-5.290750933364761) > 1e-9 || e.SEBlock > 1e-12 || e.Used != probes {
		t.Errorf("%+v, want θ = 5.290750933364761 without error", e)
	}
}

func TestTailIdentities(t *testing.T) {
	w := smallWorld()
	w.All = 1.07
	l := w.Latencies(seeded())
	e := tail(t, l)
	if again := tail(t, l); again != e {
		t.Errorf("the same seed gave %+v and %+v", e, again)
	}
	swapped := l
	swapped.Base, swapped.Head = l.Head, l.Base
	if s := tail(t, swapped); math.Abs(s.Theta+e.Theta) > 1e-12 || math.Abs(s.SEBlock-e.SEBlock) > 1e-12 {
		t.Errorf("swapped arms: %+v of %+v", s, e)
	}
	seconds := stats.Latencies{Probes: l.Probes, Blocks: l.Blocks}
	for i := range l.Base {
		seconds.Base = append(seconds.Base, l.Base[i]*1e-9)
		seconds.Head = append(seconds.Head, l.Head[i]*1e-9)
	}
	if s := tail(t, seconds); math.Abs(s.Theta-e.Theta) > 1e-12 {
		t.Errorf("in seconds: %+v of %+v", s, e)
	}
	// Rounds in reverse, with their blocks, are the same rounds.
	reversed := stats.Latencies{Probes: l.Probes}
	for r := len(l.Blocks) - 1; r >= 0; r-- {
		reversed.Blocks = append(reversed.Blocks, l.Blocks[r])
		reversed.Base = append(reversed.Base, l.Base[r*l.Probes:(r+1)*l.Probes]...)
		reversed.Head = append(reversed.Head, l.Head[r*l.Probes:(r+1)*l.Probes]...)
	}
	if s := tail(t, reversed); math.Abs(s.Theta-e.Theta) > 1e-12 || math.Abs(s.SEBlock-e.SEBlock) > 1e-12 {
		t.Errorf("rounds in another order: %+v of %+v", s, e)
	}
}

// slowTheta is the definition, without weights or presorting: lower quartile by
// averaged inverse of the distribution, then Harrell–Davis over the probes by
// numerical integration of the beta density.
func slowTheta(l stats.Latencies) float64 {
	quartile := func(values []float64, p int) float64 {
		var xs []float64
		for r := range l.Blocks {
			xs = append(xs, values[r*l.Probes+p])
		}
		slices.Sort(xs)
		if n := len(xs); n%4 == 0 {
			return (math.Log(xs[n/4-1]) + math.Log(xs[n/4])) / 2
		}
		return math.Log(xs[len(xs)/4])
	}
	upper := func(values []float64) float64 {
		var v []float64
		for p := range l.Probes {
			v = append(v, quartile(values, p))
		}
		slices.Sort(v)
		a, b := 0.99*float64(len(v)+1), 0.01*float64(len(v)+1)
		var sum, weight float64
		const steps = 2000
		for i := range v {
			for s := range steps {
				x := (float64(i) + (float64(s)+0.5)/steps) / float64(len(v))
				density := math.Exp((a-1)*math.Log(x) + (b-1)*math.Log1p(-x))
				sum += density * v[i]
				weight += density
			}
		}
		return sum / weight
	}
	return upper(l.Head) - upper(l.Base)
}

func TestTailAgainstItsDefinition(t *testing.T) {
	for _, rounds := range []int{1, 3, 4} {
		w := smallWorld()
		w.Rounds, w.Blocks, w.Share, w.Factor = rounds, 9, 0.05, 1.3
		l := w.Latencies(seeded())
		if got, want := tail(t, l).Theta, slowTheta(l); math.Abs(got-want) > 1e-5 {
			t.Errorf("%d rounds a block: θ = %v, by definition %v", rounds, got, want)
		}
	}
}

func TestTailLeavesOutWhatWasNotMeasured(t *testing.T) {
	l := smallWorld().Latencies(seeded())
	want := l
	want.Base, want.Head = slices.Clone(l.Base), slices.Clone(l.Head)
	for r := range l.Blocks {
		if r >= 7 {
			l.Base[r*l.Probes] = 0 // base failed; head's readings go as well
			l.Head[r*l.Probes+1] = math.NaN()
			l.Head[r*l.Probes+2] = math.Inf(1)
			l.Head[r*l.Probes+3] = -1
		}
	}
	e := tail(t, l)
	if e.LeftOut != 4 || e.Used != l.Probes-4 || !(e.SEBlock > 0) {
		t.Errorf("%+v, want four probes left out", e)
	}
	// Present in 8 rounds of two blocks only: resamples without them must do.
	for r := range want.Blocks {
		if r >= 8 {
			want.Head[r*want.Probes] = 0
		}
	}
	if e := tail(t, want); e.LeftOut != 0 || !(e.SEBlock > 0) || math.IsNaN(e.Theta) {
		t.Errorf("%+v, want no probe left out", e)
	}
}

func TestTailRefusesWhatItCannotKnow(t *testing.T) {
	good := smallWorld().Latencies(seeded())
	few := smallWorld()
	few.Probes = 99
	two := smallWorld()
	two.Blocks = 2
	short, gap, outside, none := good, good, good, good
	short.Base = good.Base[1:]
	gap.Blocks, outside.Blocks = slices.Clone(good.Blocks), slices.Clone(good.Blocks)
	for r, b := range gap.Blocks {
		if b == 3 {
			gap.Blocks[r] = 4
		}
	}
	outside.Blocks[0] = -1
	none.Base = make([]float64, len(good.Base))
	for _, c := range []struct {
		name string
		l    stats.Latencies
		want error
	}{
		{"nothing", stats.Latencies{}, stats.ErrProbes},
		{"lengths differ", short, stats.ErrProbes},
		{"a block number without rounds", gap, stats.ErrEmptyBlock},
		{"a negative block number", outside, stats.ErrProbes},
		{"two blocks", two.Latencies(seeded()), stats.ErrTooFewBlocks},
		{"too few probes for a 99th percentile", few.Latencies(seeded()), stats.ErrProbes},
		{"base never answered", none, stats.ErrProbes},
	} {
		if e, err := stats.Tail(c.l, stats.Layouts{}, 0, seeded()); !errors.Is(err, c.want) || e != (stats.TailEffect{}) {
			t.Errorf("%s: %+v, %v; want %v", c.name, e, err, c.want)
		}
	}
	if _, err := stats.Tail(good, stats.Layouts{Base: []int{1}}, 0, seeded()); !errors.Is(err, stats.ErrLayouts) {
		t.Errorf("layouts: %v", err)
	}
	if e, err := stats.Tail(good, stats.Layouts{}, math.NaN(), seeded()); !errors.Is(err, stats.ErrLayoutSD) || e != (stats.TailEffect{}) {
		t.Errorf("layout SD: %+v, %v", e, err)
	}
}

func BenchmarkTail(b *testing.B) {
	l := simulate.NoisyProbes().Latencies(seeded())
	for b.Loop() {
		if _, err := stats.Tail(l, stats.Layouts{}, 0, seeded()); err != nil {
			b.Fatal(err)
		}
	}
}
