package verdict

import (
	"fmt"
	"math"
	"sort"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
)

// maxLimited is the share of rounds in which the engine may have been the limit
// before the whole measurement counts as broken. Such rounds are left out of
// both arms, which favours neither, and said in the notes; when they are the
// most, it is the machine or the rate that is at fault and not a passing
// disturbance. Chosen; docs/architecture.md says why it is not zero.
const maxLimited = 0.50

// broken says why the measurement cannot be judged at all, or nothing.
func (e *evidence) broken() string {
	doc := e.doc
	switch doc.Outcome.Ended {
	case result.RunFailed:
		return "the measurement failed: " + doc.Outcome.Detail
	case result.RunInterrupted:
		return "the measurement was cut off: " + doc.Outcome.Detail
	case result.RunDecided, result.RunComplete, result.RunBudget, result.RunIdentical, "":
	}
	if len(doc.Plan.Metrics) == 0 {
		return "the plan declares no gating metric"
	}
	for b, blk := range e.blocks {
		for arm, l := range blk.launch {
			name := doc.Arms[arm].Name
			if l == nil {
				return fmt.Sprintf("block %d has no launch of %s", b+1, name)
			}
			if l.Ended != result.EndedStopped {
				return fmt.Sprintf("%s %s in block %d", name, l.Ended, b+1)
			}
		}
	}
	if e.measured > 0 && float64(e.limited) > maxLimited*float64(e.measured) {
		return fmt.Sprintf("the load engine, not the target, was the limit in %d of %d rounds (%s): the machine is too busy to measure on",
			e.limited, e.measured, e.limitReason())
	}
	return e.baseBreaksLimits()
}

// limitReason is the engine's own account of the first limited slice.
func (e *evidence) limitReason() string {
	for i := range e.doc.Slices {
		if r := e.doc.Slices[i].Engine.Limited; r != "" {
			return r
		}
	}
	return ""
}

// baseBreaksLimits says how base fails the scenario's own validation limits. A
// scenario that base cannot satisfy guards nothing.
func (e *evidence) baseBreaksLimits() string {
	limits := e.doc.Plan.Limits
	if r := rate(e.errorCount(base)); limits.ErrorRateSet && r > limits.ErrorRate {
		return fmt.Sprintf("base fails %.2f%% of its requests; the scenario allows %.2f%%", 100*r, 100*limits.ErrorRate)
	}
	if fault := limitFault(limits, e.solo[base], e.drained[base]); fault != "" {
		return "base breaks the scenario's own limit: " + fault
	}
	return ""
}

// limitFault says which limit the slices of one arm break. The P99 is the median of
// the slices' P99s, so that one stall of the machine breaks nothing; throughput
// is what the closed loop reached, since the open loop is never asked for more
// than its rate.
func limitFault(limits result.Limits, open, closed []*result.Slice) string {
	if p99 := medianP99(open); limits.P99S > 0 && p99 > limits.P99S {
		return fmt.Sprintf("P99 %.2f ms, allowed %.2f ms", 1e3*p99, 1e3*limits.P99S)
	}
	if got := medianRate(closed); limits.ThroughputPerS > 0 && got < limits.ThroughputPerS {
		return fmt.Sprintf("throughput %.0f/s, required %.0f/s", got, limits.ThroughputPerS)
	}
	return ""
}

func medianP99(slices []*result.Slice) float64 {
	return median(slices, func(s *result.Slice) float64 { return histogram("", s).Quantile(0.99) / 1e9 })
}

func medianRate(slices []*result.Slice) float64 {
	if len(slices) == 0 {
		return math.Inf(1) // nothing was measured, so nothing is broken
	}
	return median(slices, func(s *result.Slice) float64 { return float64(completed(s)) / s.DurationS })
}

// median of a value over slices; 0 when there are none.
func median(slices []*result.Slice, value func(*result.Slice) float64) float64 {
	if len(slices) == 0 {
		return 0
	}
	v := make([]float64, len(slices))
	for i, s := range slices {
		v[i] = value(s)
	}
	sort.Float64s(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func rate(c stats.Count) float64 {
	if c.Total == 0 {
		return 0
	}
	return float64(c.Errors) / float64(c.Total)
}
