package exec

import (
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/bench"
)

// The units that are judged. The others are watched.
const (
	unitTime         = "sec/op" // wall time in turn, CPU time in a duet
	unitMemory       = "peak-RSS-bytes"
	unitInstructions = "instructions/op"
)

// Gating are the units by which a change may be blocked.
func (c Counter) Gating() []string {
	switch c {
	case CounterCachegrind:
		return []string{unitInstructions}
	case CounterPerf:
		return []string{unitTime, unitMemory, unitInstructions}
	case CounterNone:
	}
	return []string{unitTime, unitMemory}
}

// total adds up the runs of one place in a round.
type total struct {
	runs                 float64
	wall, user, system   float64 // seconds
	peak, least          int64   // of the peak memory of the runs, bytes
	faults, switches     float64
	instructions, cycles float64
}

func (t *total) add(e exit) {
	if t.runs == 0 || e.MaxRSSBytes < t.least {
		t.least = e.MaxRSSBytes
	}
	t.runs++
	t.wall += e.Wall.Seconds()
	t.user += e.User.Seconds()
	t.system += e.System.Seconds()
	t.peak = max(t.peak, e.MaxRSSBytes)
	t.faults += float64(e.MinorFaults + e.MajorFaults)
	t.switches += float64(e.VoluntarySwitches + e.InvoluntarySwitches)
	t.instructions += e.instructions + float64(e.Instructions)
	t.cycles += float64(e.Cycles)
}

// sample is the mean of the runs, and of memory the largest.
func (s *Subject) sample(t total) bench.Sample {
	var out bench.Sample
	add := func(unit string, sum float64) {
		out = append(out, bench.Value{Unit: unit, Better: result.LowerIsBetter, Value: sum / t.runs})
	}
	if s.cfg.Counter == CounterCachegrind {
		add(unitInstructions, t.instructions)
		return out
	}
	if s.duet {
		add(unitTime, t.user+t.system)
	} else {
		add(unitTime, t.wall)
		add("cpu-sec/op", t.user+t.system)
	}
	add("user-sec/op", t.user)
	add("sys-sec/op", t.system)
	if s.memory && t.least > 0 { // 0: one of the runs was too small to tell
		out = append(out, bench.Value{Unit: unitMemory, Better: result.LowerIsBetter, Value: float64(t.peak)})
	}
	add("page-faults/op", t.faults)
	add("context-switches/op", t.switches)
	if s.cfg.Counter == CounterPerf {
		add(unitInstructions, t.instructions)
		add("cycles/op", t.cycles)
	}
	return out
}
