// Package arrival computes when requests are due.
//
// A schedule is a value, and its due times are a pure function of (seed, round,
// index): no clock, no shared generator, no state. The i-th due time does not
// depend on how many are asked for, so a schedule can be cut, split over
// machines by index, replayed and checked. Sleeping until a due time, and what
// to do when it has passed, is the load engine's work, not this package's.
//
// Example: Constant{RatePerS: 1000} is due at 0.5 ms, 1.5 ms, 2.5 ms, … With
// Jitter 0.2 each of these moves by up to 0.2 ms either way. With an offset of
// half a period a second arm is due exactly between the first one's requests:
//
//	base := arrival.Constant{RatePerS: 1000}.Due(seed, round, n, 0)
//	head := arrival.Constant{RatePerS: 1000}.Due(seed, round, n, 500*time.Microsecond)
//
// A rate that is not a positive finite number yields no due times at all;
// rejecting it with a position is the scenario parser's work.
package arrival

import (
	"math"
	"time"
)

// Constant is one request every period, each moved inside its own period.
type Constant struct {
	RatePerS float64 // requests per second

	// Jitter is the largest displacement of a request, as a fraction of the
	// period: in [0, 0.5], values outside are brought to the nearer end. It
	// breaks up phase locking with periodic work of the target (timers,
	// collectors) without changing the rate: at 0.5 a request can fall anywhere
	// in its period, and never outside it, so the order is kept.
	Jitter float64
}

// Due returns the first n due times in nanoseconds, ascending, each displaced
// by offset. Request i is due at offset + (i + 1/2 + Jitter·(2u−1)) periods,
// where u in (0,1) is drawn from (seed, round, i) alone. Every window of k
// whole periods from offset on holds exactly k requests.
func (c Constant) Due(seed, round uint64, n int, offset time.Duration) []int64 {
	if !validRate(c.RatePerS) || n <= 0 {
		return nil
	}
	period := 1e9 / c.RatePerS
	jitter := clampJitter(c.Jitter)
	draws := newStream(seed, round)
	due := make([]int64, n)
	for i := range due {
		position := float64(i) + 0.5 + jitter*(2*draws.uniform(uint64(i))-1)
		due[i] = int64(offset) + int64(position*period)
	}
	return due
}

// Poisson is the arrivals of many independent users: gaps are exponential, and
// the number of requests in a second has a variance equal to its mean.
type Poisson struct {
	RatePerS float64 // mean requests per second
}

// Due returns the first n due times in nanoseconds, ascending, each displaced
// by offset. The gap before request i is −ln(u)/RatePerS with u in (0,1) drawn
// from (seed, round, i) alone.
func (p Poisson) Due(seed, round uint64, n int, offset time.Duration) []int64 {
	if !validRate(p.RatePerS) || n <= 0 {
		return nil
	}
	meanGap := 1e9 / p.RatePerS
	draws := newStream(seed, round)
	due := make([]int64, n)
	var elapsed float64
	for i := range due {
		elapsed -= math.Log(draws.uniform(uint64(i))) * meanGap
		due[i] = int64(offset) + int64(elapsed)
	}
	return due
}

func validRate(perS float64) bool {
	return perS > 0 && !math.IsInf(perS, 1)
}

// clampJitter treats NaN as no jitter.
func clampJitter(j float64) float64 {
	if !(j > 0) {
		return 0
	}
	return math.Min(j, 0.5)
}
