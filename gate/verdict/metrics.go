package verdict

import "github.com/fivegate/fivegate/gate/result"

// The names of the gating metrics.
const (
	CPUPerOp   = "cpu_per_op"
	Throughput = "throughput"
	LatencyP50 = "latency.p50"
	LatencyP90 = "latency.p90"
	LatencyP99 = "latency.p99" // de-noised by probes
	ErrorRate  = "error_rate"
)

// GatingMetrics are the metrics that a policy may gate on, in the order they are
// reported.
func GatingMetrics() []string {
	return []string{CPUPerOp, Throughput, LatencyP50, LatencyP90, LatencyP99, ErrorRate}
}

// value computes a metric's value from slices of one arm.
type value = func(e *evidence, slices ...*result.Slice) float64

// metricDef says how a metric is read from slices.
type metricDef struct {
	name           string
	unit           Unit
	higherIsBetter bool
	value          value
	quantile       float64 // that the metric is of the response times; 0 when it is none
	pairs          func(block) []pair
	absolute       func(*evidence, int) []*result.Slice // slices of an arm whose value may be quoted
}

func openPairs(b block) []pair   { return b.open }
func closedPairs(b block) []pair { return b.closed }

// soloPair is the pair of solo slices of a block, if it has one.
func soloPair(b block) []pair {
	p := pair{arm: b.solo}
	if !p.complete() {
		return nil
	}
	return []pair{p}
}

func soloOpen(e *evidence, arm int) []*result.Slice   { return e.solo[arm] }
func soloClosed(e *evidence, arm int) []*result.Slice { return e.drained[arm] }

// ratioMetrics are the gating metrics that are judged by log ratios of rounds.
var ratioMetrics = []metricDef{
	{name: CPUPerOp, unit: UnitSeconds, value: (*evidence).cpuPerOp, pairs: openPairs, absolute: soloOpen},
	{name: Throughput, unit: UnitPerCPUS, higherIsBetter: true, value: (*evidence).perCPUSecond, pairs: closedPairs, absolute: soloClosed},
	{name: LatencyP50, unit: UnitSeconds, value: quantile(0.50, ""), quantile: 0.50, pairs: openPairs, absolute: soloOpen},
	{name: LatencyP90, unit: UnitSeconds, value: quantile(0.90, ""), quantile: 0.90, pairs: openPairs, absolute: soloOpen},
}

// watchedMetrics are reported and never judged: the raw tail is the machine's
// stalls more than the target's code (docs/statistics.md §5), and the solo
// slices are too few to decide anything. cpu_per_op.solo over cpu_per_op is the
// duet's attenuation κ.
func watchedMetrics(operations []string) []metricDef {
	defs := []metricDef{
		{name: "latency.p99.raw", unit: UnitSeconds, value: quantile(0.99, ""), pairs: openPairs, absolute: soloOpen},
		{name: "throughput.wall", unit: UnitPerS, higherIsBetter: true, value: (*evidence).perSecond, pairs: closedPairs, absolute: soloClosed},
		{name: "rss", unit: UnitBytes, value: (*evidence).meanRSS, pairs: openPairs, absolute: soloOpen},
		{name: "cpu_per_op.solo", unit: UnitSeconds, value: (*evidence).cpuPerOp, pairs: soloPair, absolute: soloOpen},
		{name: "latency.p50.solo", unit: UnitSeconds, value: quantile(0.50, ""), pairs: soloPair, absolute: soloOpen},
	}
	if len(operations) < 2 {
		return defs
	}
	for _, op := range operations {
		defs = append(defs, metricDef{
			name: "latency.p50/" + op, unit: UnitSeconds, value: quantile(0.50, op), pairs: openPairs, absolute: soloOpen,
		})
	}
	return defs
}
