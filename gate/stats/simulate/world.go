package simulate

import (
	"math"
	"math/rand/v2"

	"github.com/fivegate/fivegate/gate/stats"
)

// Metric is one gating metric of a world.
type Metric struct {
	Name   string
	Noise  float64 // standard deviation of one round's log ratio
	Effect float64 // true log effect, + is worse
}

// World is a pair of arms on a machine. Its zero disturbances are off; all
// sizes are log ratios.
type World struct {
	Blocks, Rounds int // planned blocks, rounds a block
	Metrics        []Metric

	Outliers     float64 // share of rounds whose noise is OutlierSize times larger
	OutlierSize  float64
	LaunchSD     float64 // luck of one pair of launches
	LayoutSD     float64 // of the log ratio between two random layouts
	Layouts      int     // layouts an arm and run, used in turn in shuffled order, of which runs share the first; 0: every block has its own
	DriftSD      float64 // of the ratio's linear change over the planned blocks of a run
	Correlation  float64 // of the noise of successive rounds, across blocks
	Position     float64 // cost of being second; each arm is second in half of the rounds of a block
	BurstShare   float64 // share of rounds in which one arm alone is hit
	BurstSize    float64 // mean of the exponential size of a burst
	BurstOneSide bool    // bursts hit head only, else either arm
	Order        bool    // the order of the arms is handed to RemoveOrder
}

// common is the share of the variance of luck that all metrics have together:
// a launch that is slow in CPU per operation is slow in its latencies too.
const common = 0.5

// state is one check in progress.
type state struct {
	world      World
	rng        *rand.Rand
	run, began int       // number of the run, from 0, and of its first block
	drift      []float64 // per metric, in this run
	base, head arm
	previous   []float64     // noise of the last round, per metric
	rounds     [][][]float64 // [metric][block][round]
	second     [][]bool      // [block][round]: head was second
	odd        int           // of the last block: 0 when head was second in its odd round
}

func (w World) start(rng *rand.Rand) *state {
	s := &state{world: w, rng: rng, rounds: make([][][]float64, len(w.Metrics)), previous: make([]float64, len(w.Metrics))}
	s.drift = s.luck(w.DriftSD)
	for i := range s.previous {
		s.previous[i] = rng.NormFloat64()
	}
	return s
}

// again begins another run of the pair: another day's drift, and other layouts.
func (s *state) again() {
	s.run++
	s.began = len(s.base.used)
	s.drift = s.luck(s.world.DriftSD)
	s.base.queue, s.head.queue = nil, nil
}

// forget drops what was measured.
func (s *state) forget() {
	s.rounds, s.second = make([][][]float64, len(s.world.Metrics)), nil
	s.base.used, s.head.used = nil, nil
}

// luck draws one value per metric, correlated between metrics.
func (s *state) luck(sd float64) []float64 {
	shared := s.rng.NormFloat64()
	values := make([]float64, len(s.world.Metrics))
	for i := range values {
		values[i] = sd * (math.Sqrt(common)*shared + math.Sqrt(1-common)*s.rng.NormFloat64())
	}
	return values
}

// extend measures until there are so many blocks.
func (s *state) extend(blocks int) {
	for len(s.base.used) < blocks {
		s.block()
	}
}

func (s *state) block() {
	w, b := s.world, len(s.base.used)
	baseLuck, headLuck := s.base.next(s), s.head.next(s)
	launch := s.luck(w.LaunchSD)
	second := s.order()
	s.second = append(s.second, second)
	bursts := s.bursts()
	for i, m := range w.Metrics {
		at := m.Effect + launch[i] + headLuck[i] - baseLuck[i] + s.drift[i]*(float64(b-s.began)/float64(w.Blocks)-0.5)
		rounds := make([]float64, w.Rounds)
		for j := range rounds {
			rounds[j] = at + m.Noise*s.noise(i) + bursts[j]
			if second[j] {
				rounds[j] += w.Position
			} else {
				rounds[j] -= w.Position
			}
		}
		s.rounds[i] = append(s.rounds[i], rounds)
	}
}

// arm is what one arm's layouts have come to.
type arm struct {
	used  []int       // layout of each block
	queue []int       // layouts still to use in this pass
	luck  [][]float64 // of each layout, per metric
}

// next takes the layout of the next block and returns its luck. Each pass
// through the layouts is shuffled anew.
func (a *arm) next(s *state) []float64 {
	id := len(a.used)
	if n := s.world.Layouts; n > 0 {
		if len(a.queue) == 0 {
			a.queue = s.rng.Perm(n)
		}
		id, a.queue = a.queue[0], a.queue[1:]
		if id > 0 {
			id += s.run * n
		}
	}
	a.used = append(a.used, id)
	for len(a.luck) <= id {
		a.luck = append(a.luck, s.luck(s.world.LayoutSD/math.Sqrt2))
	}
	return a.luck[id]
}

// order returns which rounds of a block head is second in: half of them,
// shuffled; of two blocks in a row, the odd one in one of them.
func (s *state) order() []bool {
	second := make([]bool, s.world.Rounds)
	if len(s.second)%2 == 0 {
		s.odd = s.rng.IntN(2)
	} else {
		s.odd = 1 - s.odd
	}
	for j := range second {
		second[j] = (j+s.odd)%2 == 0
	}
	s.rng.Shuffle(len(second), func(i, j int) { second[i], second[j] = second[j], second[i] })
	return second
}

// bursts returns what bursts add to the log ratio of each round of a block.
func (s *state) bursts() []float64 {
	sizes := make([]float64, s.world.Rounds)
	for j := range sizes {
		if s.world.BurstShare == 0 || s.rng.Float64() >= s.world.BurstShare {
			continue
		}
		sizes[j] = s.world.BurstSize * s.rng.ExpFloat64()
		if !s.world.BurstOneSide && s.rng.IntN(2) == 0 {
			sizes[j] = -sizes[j]
		}
	}
	return sizes
}

// noise returns the next round's noise of metric i, of standard deviation 1
// without outliers.
func (s *state) noise(i int) float64 {
	rho := s.world.Correlation
	s.previous[i] = rho*s.previous[i] + math.Sqrt(1-rho*rho)*s.rng.NormFloat64()
	if s.world.Outliers > 0 && s.rng.Float64() < s.world.Outliers {
		return s.previous[i] * s.world.OutlierSize
	}
	return s.previous[i]
}

// evidence estimates every metric from what was measured so far.
func (s *state) evidence(layoutSD float64) ([]stats.MetricEvidence, error) {
	evidence := make([]stats.MetricEvidence, len(s.world.Metrics))
	for i := range evidence {
		var err error
		if evidence[i], err = s.first(len(s.base.used), i, layoutSD); err != nil {
			return nil, err
		}
	}
	return evidence, nil
}

// first estimates metric i from the first blocks.
func (s *state) first(blocks, i int, layoutSD float64) (stats.MetricEvidence, error) {
	rounds := s.rounds[i][:blocks]
	if s.world.Order {
		var err error
		if rounds, _, err = stats.RemoveOrder(rounds, s.second[:blocks]); err != nil {
			return stats.MetricEvidence{}, err
		}
	}
	e, err := stats.Estimate(rounds, stats.Layouts{Base: s.base.used[:blocks], Head: s.head.used[:blocks]}, layoutSD)
	return stats.MetricEvidence{Name: s.world.Metrics[i].Name, Effect: e}, err
}
