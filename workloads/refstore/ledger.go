package refstore

import (
	"math"
	"runtime"
	"sync"
	"time"
)

const (
	// settleEvery is the number of requests between two looks at the CPU clocks. One
	// look, with what surrounds it, costs about 5 µs; at each request that would be a
	// slowdown of its own. It is a prime, to meet all requests of a periodic stream.
	settleEvery = 61
	// longest is how many times the mean a request's duration may count: one that was
	// descheduled has not worked for that long.
	longest = 4
)

// ledger makes a process burn a given share more CPU than its work needs. Its
// account is the process's CPU clock, so everything counts: network, runtime,
// garbage collection. Each request, before it is answered, burns in proportion to
// the time that it has taken; the proportion is corrected every 61 requests such
// that the account comes out even, so the total is right however the time relates
// to the CPU. The fault's own bookkeeping, about 0.3 µs a request, comes on top.
type ledger struct {
	share float64

	mu       sync.Mutex
	begun    bool
	start    time.Duration // process CPU at the first request: starting up is free
	burnt    float64       // ns, in all
	needed   float64       // ns, in all, as of the last settlement
	elapsed  float64       // ns that requests have taken since then
	requests int           // since then
	mean     float64       // ns that a request takes
	ratio    float64       // CPU needed per time that requests take
	rate     float64       // ns to burn per ns that a request takes
	fraction float64       // of a unit of burning, not burnt yet
	unit     float64       // ns of CPU per unit of burning
	clock    float64       // ns that reading the thread's clock adds to what it measures
}

// newLedger measures what burning and measuring cost.
func newLedger(share float64) *ledger {
	l := &ledger{share: share, ratio: 1, rate: share}
	const units = 2000
	l.clock = measured(0, 0)
	for range 100 {
		l.clock = min(l.clock, measured(0, 0))
	}
	l.unit = measured(units, l.clock) / units
	return l
}

// pay burns what a request owes that has taken so long.
func (l *ledger) pay(took time.Duration) {
	l.mu.Lock()
	units, settled := l.due(float64(took))
	l.mu.Unlock()
	if !settled || units == 0 {
		burn(units)
		return
	}
	unit := measured(units, l.clock) / float64(units)
	l.mu.Lock()
	l.unit += (unit - l.unit) / 16
	l.mu.Unlock()
}

// due is how many units a request has to burn, and whether it settled the account.
func (l *ledger) due(took float64) (units int, settled bool) {
	if !l.begun {
		l.begun, l.start, l.mean = true, processCPU(), took
	}
	took = min(took, longest*l.mean)
	l.mean += (took - l.mean) / settleEvery
	l.elapsed += took
	if l.requests++; l.requests == settleEvery {
		l.settle()
		settled = true
	}
	owed := l.rate*took/l.unit + l.fraction
	units = int(owed)
	l.fraction = owed - float64(units)
	l.burnt += float64(units) * l.unit
	return units, settled
}

// settle reads the account, and sets the rate for the next requests: what these
// will need as far as the last ones tell, and a quarter of what is still owed.
func (l *ledger) settle() {
	needed := float64(processCPU()-l.start) - l.burnt
	if l.elapsed > 0 {
		l.ratio += ((needed-l.needed)/l.elapsed - l.ratio) / 8
		owed := l.share*needed - l.burnt
		l.rate = min(max(0, l.share*l.ratio+owed/4/l.elapsed), 4*l.share*l.ratio)
	}
	l.needed, l.elapsed, l.requests = needed, 0, 0
}

// measured is the thread CPU that burning takes, in nanoseconds, less what the
// clock adds.
func measured(units int, clock float64) float64 {
	runtime.LockOSThread() // the thread's clock has to be that of this goroutine
	defer runtime.UnlockOSThread()
	began := threadCPU()
	burn(units)
	return math.Max(0, float64(threadCPU()-began)-clock)
}

// burnVector is what burn works on; nobody writes to it.
var burnVector = make([]float32, defaultDimension)

// burn does inner products, as a search does: about 0.1 µs a unit.
func burn(units int) {
	for range units {
		sink(dot(burnVector, burnVector))
	}
}

// sink keeps the compiler from leaving out the work.
//
//go:noinline
func sink(float32) {}
