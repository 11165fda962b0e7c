package stats

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

const (
	// minProbeRounds is the fewest rounds in which a probe must have been
	// measured in both arms. A lower quartile of fewer is close to a minimum,
	// which the sample size alone moves.
	minProbeRounds = 8
	// minProbes is the fewest probes that make a 99th percentile: with fewer
	// than 100 it would be little but the slowest probe.
	minProbes = 100
	// resamples is the number of bootstrap samples; 200 know the standard
	// error to 5%.
	resamples = 200
	// tailQuantile is the quantile over probes that is compared.
	tailQuantile = 0.99
)

// Latencies holds the latency of each probe operation in each round.
type Latencies struct {
	Probes int       // number of probe operations
	Blocks []int     // block of each round; 0 … R−1, every block at least once
	Base   []float64 // latency of probe p in round r at index r·Probes+p, any unit; 0, NaN, negative or infinite: not measured
	Head   []float64
}

// TailEffect is the effect on the de-noised tail.
type TailEffect struct {
	Effect
	Used    int // probes compared
	LeftOut int // probes measured in both arms in fewer than 8 rounds
}

// Tail compares the de-noised 99th percentile: every probe operation is
// replayed in each round, and the lower quartile over rounds is its latency
// without the machine's stalls,
//
//	v_q = lower quartile over rounds, θ = ln(Q99(v head)/Q99(v base))
//
// so that data-dependent tails and slow paths remain and random stalls do not.
// A round counts for a probe when both arms measured it there. Q99 is the
// Harrell–Davis estimate (Biometrika 69, 1982), a weighted mean of the
// logarithms of the upper order statistics.
//
// The error comes from resampling blocks (200 samples drawn with rng),
//
//	SE_B = SD·√(R/(R−1)), df = R − 1
//
// plus the layouts' part as in Estimate; there is no error by rounds. The same
// rng state gives the same bits.
//
// ErrTooFewBlocks under 3 blocks; ErrProbes when the lengths do not match, a
// block number is out of range, or fewer than 100 probes are left.
func Tail(l Latencies, layouts Layouts, layoutSD float64, rng *rand.Rand) (TailEffect, error) {
	blocks, err := l.check()
	if err != nil {
		return TailEffect{}, err
	}
	sizes := make([]float64, blocks)
	for _, b := range l.Blocks {
		sizes[b]++
	}
	share, err := layouts.share(sizes)
	if err != nil {
		return TailEffect{}, err
	}
	probes := l.probes(blocks)
	used := len(probes)
	if used < minProbes {
		return TailEffect{}, fmt.Errorf("%w: %d of %d probes were measured in %d rounds or more, %d are needed", ErrProbes, used, l.Probes, minProbeRounds, minProbes)
	}
	upper := newUpperQuantile(used)
	e := Effect{
		Theta:   upper.logRatio(probes, slices.Repeat([]int{1}, blocks)),
		SEBlock: upper.bootstrapSE(probes, blocks, rng), DFBlock: blocks - 1,
		Blocks: blocks, Rounds: len(l.Blocks),
	}
	if e, err = e.withLayoutError(layoutSD, share, kish(sizes)); err != nil {
		return TailEffect{}, err
	}
	return TailEffect{Effect: e, Used: used, LeftOut: l.Probes - used}, nil
}

// check returns the number of blocks.
func (l Latencies) check() (int, error) {
	rounds := len(l.Blocks)
	if l.Probes < 1 || len(l.Base) != rounds*l.Probes || len(l.Head) != rounds*l.Probes {
		return 0, fmt.Errorf("%w: %d and %d latencies for %d rounds of %d probes", ErrProbes, len(l.Base), len(l.Head), rounds, l.Probes)
	}
	seen := map[int]bool{}
	for r, b := range l.Blocks {
		if b < 0 || b >= rounds {
			return 0, fmt.Errorf("%w: round %d is in block %d", ErrProbes, r, b)
		}
		seen[b] = true
	}
	blocks := len(seen)
	for b := range blocks {
		if !seen[b] {
			return 0, fmt.Errorf("%w: block %d", ErrEmptyBlock, b)
		}
	}
	if blocks < minBlocks {
		return 0, fmt.Errorf("%w: %d, at least %d are needed to know the error", ErrTooFewBlocks, blocks, minBlocks)
	}
	return blocks, nil
}

// readings are the latencies of one probe in one arm, as logarithms in
// ascending order, each with its block: sorted once, weighted anew in every
// resample. Two slices, since the walk of lowerQuartile is the hot loop and
// needs the blocks only.
type readings struct {
	logs   []float64
	blocks []uint32
}

// probe is one operation's paired readings.
type probe struct {
	base, head readings
	perBlock   []int // readings of each arm by block
}

// probes returns the probes that were measured often enough.
func (l Latencies) probes(blocks int) []probe {
	var all []probe
	var base, head []reading // scratch
	for i := range l.Probes {
		p := probe{perBlock: make([]int, blocks)}
		base, head = base[:0], head[:0]
		for r, block := range l.Blocks {
			x, y := math.Log(l.Base[r*l.Probes+i]), math.Log(l.Head[r*l.Probes+i])
			if usable(x) && usable(y) { // logs of 0, negative, NaN and infinite values are not
				base = append(base, reading{x, block})
				head = append(head, reading{y, block})
				p.perBlock[block]++
			}
		}
		if len(base) >= minProbeRounds {
			p.base, p.head = ranked(base), ranked(head)
			all = append(all, p)
		}
	}
	return all
}

type reading struct {
	log   float64
	block int
}

func ranked(all []reading) readings {
	slices.SortFunc(all, func(a, b reading) int { return cmp.Compare(a.log, b.log) })
	r := readings{logs: make([]float64, len(all)), blocks: make([]uint32, len(all))}
	for i, x := range all {
		r.logs[i], r.blocks[i] = x.log, uint32(x.block)
	}
	return r
}

// lowerQuartiles returns the lower quartile of each arm with block b counted
// weights[b] times; false when no reading has weight.
func (p *probe) lowerQuartiles(weights []int) (base, head float64, ok bool) {
	total := 0
	for b, n := range p.perBlock {
		total += n * weights[b]
	}
	if total == 0 {
		return 0, 0, false
	}
	return p.base.lowerQuartile(weights, total), p.head.lowerQuartile(weights, total), true
}

// lowerQuartile returns the smallest reading that more than a quarter of the
// weighted readings do not exceed, halved with the one before where a quarter
// is met exactly. total > 0 is the sum of the readings' weights.
func (r *readings) lowerQuartile(weights []int, total int) float64 {
	sum, at := 0, 0
	for ; at < len(r.blocks)-1; at++ {
		if sum += 4 * weights[r.blocks[at]]; sum >= total {
			break
		}
	}
	if sum != total {
		return r.logs[at]
	}
	for next := at + 1; next < len(r.blocks); next++ {
		if weights[r.blocks[next]] > 0 {
			return midpoint(r.logs[at], r.logs[next])
		}
	}
	return r.logs[at]
}
