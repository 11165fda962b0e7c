package load

import (
	"math"
	"runtime/metrics"
	"time"
)

// threadWaits measures how long goroutines of this process that had something to
// do waited for a thread to do it on: what a process that is short of processor
// adds to each step of a request, the taking of responses included.
type threadWaits struct {
	sample [1]metrics.Sample
	before []uint64
}

// start forgets what was before.
func (w *threadWaits) start() {
	w.sample[0].Name = "/sched/latencies:seconds"
	if h := w.read(); h != nil {
		w.before = append(w.before[:0], h.Counts...)
	}
}

// read returns the histogram since the process began; nil when this Go has none.
func (w *threadWaits) read() *metrics.Float64Histogram {
	metrics.Read(w.sample[:])
	if w.sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return nil
	}
	return w.sample[0].Value.Float64Histogram()
}

// p99 returns the wait that 1% of the wake-ups since start exceeded. Go samples
// one wake-up in eight.
func (w *threadWaits) p99() time.Duration {
	h := w.read()
	if h == nil || len(h.Counts) != len(w.before) {
		return 0
	}
	return waitP99(h.Counts, w.before, h.Buckets)
}

// waitP99 is p99 on plain numbers: counts less before are those of the intervals
// between bounds, in seconds.
func waitP99(counts, before []uint64, bounds []float64) time.Duration {
	var total uint64
	for i := range counts {
		total += counts[i] - before[i]
	}
	over := uint64(0)
	for i := len(counts) - 1; i >= 0; i-- {
		over += counts[i] - before[i]
		if 100*over > total {
			// The lower bound: of a wait that is certain to have been so long.
			if math.IsInf(bounds[i], -1) {
				return 0
			}
			return time.Duration(bounds[i] * float64(time.Second))
		}
	}
	return 0
}
