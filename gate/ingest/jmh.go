package ingest

import (
	"strings"

	"github.com/fivegate/fivegate/gate/result"
)

func isJMH(f *file) bool {
	return f.starts("[") && f.mentions("jmhVersion", "primaryMetric")
}

// jmhSeconds are the units of time of JMH, in seconds.
var jmhSeconds = map[string]float64{
	"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "hr": 3600, "day": 86400,
}

// readJMH reads JMH's JSON. A fork is a process, an iteration in it a sample.
func readJMH(f *file, s *Side) {
	seen := map[string]bool{}
	for _, n := range f.json().elements() {
		name := jmhName(n)
		if seen[name] {
			n.fault("duplicate", "is benchmark %q for the second time", name)
		}
		seen[name] = true
		s.machine("runtime", strings.TrimSpace(n.optional("vmName")+" "+n.optional("vmVersion")))
		s.jmhMetric(n.member("primaryMetric"), name)
		// Of what profilers add, only what an operation allocates is a property of the
		// code.
		second := n.find("secondaryMetrics")
		for _, allocated := range []string{"gc.alloc.rate.norm", "·gc.alloc.rate.norm"} { // older versions write the dot
			if m := second.find(allocated); m != nil {
				s.jmhAllocated(m, name)
			}
		}
	}
}

// jmhName is the benchmark with its parameters, and the mode where that is not
// plain from the unit.
func jmhName(n *node) string {
	name := n.member("benchmark").str()
	switch mode := n.member("mode").str(); mode {
	case "thrpt", "avgt":
	default:
		name += " " + mode
	}
	if params := n.find("params"); params != nil {
		for i, p := range params.names {
			name += " " + p + "=" + params.items[i].text
		}
	}
	return name
}

// jmhMetric adds the iterations of the primary metric.
func (s *Side) jmhMetric(metric *node, name string) {
	if metric == nil {
		return
	}
	unit, factor, better := jmhUnit(metric.member("scoreUnit"))
	s.unit(unit, better)
	score, data := (*node).measured, metric.find("rawData")
	if histogram := metric.find("rawDataHistogram"); histogram != nil {
		score, data = jmhMean, histogram
	} else if data == nil {
		data = metric.member("rawData")
	}
	for fork, iterations := range data.elements() {
		for _, it := range iterations.elements() {
			if x, ok := score(it); ok {
				s.add(Record{Name: name, Process: s.processes + fork, Values: []Value{{unit, x * factor}}})
			}
		}
	}
}

// jmhAllocated adds what the profiler gc says of an operation. It writes "NaN" where
// it has nothing to say.
func (s *Side) jmhAllocated(metric *node, name string) {
	s.unit("B/op", result.LowerIsBetter)
	for fork, iterations := range metric.member("rawData").elements() {
		for _, it := range iterations.elements() {
			if it.kind == '"' {
				continue
			}
			if x, ok := it.measured(); ok {
				s.add(Record{Name: name, Process: s.processes + fork, Values: []Value{{"B/op", x}}})
			}
		}
	}
}

// jmhMean is the mean of an iteration of the mode "sample", which lists values and
// how often each was seen.
func jmhMean(n *node) (float64, bool) {
	var sum, count float64
	for _, pair := range n.elements() {
		both := pair.elements()
		if len(both) != 2 {
			pair.fault("kind", "need a pair: a value and how often it was seen")
			return 0, false
		}
		value, ok1 := both[0].measured()
		times, ok2 := both[1].measured()
		if !ok1 || !ok2 {
			return 0, false
		}
		sum += value * times
		count += times
	}
	if count == 0 {
		n.fault("empty", "holds no values")
		return 0, false
	}
	return sum / count, true
}

// jmhUnit turns ns/op or ops/ms into seconds per operation or operations per
// second.
func jmhUnit(n *node) (unit string, factor float64, better result.Better) {
	text := n.str()
	over, under, _ := strings.Cut(text, "/")
	if seconds := jmhSeconds[under]; over == "ops" && seconds > 0 {
		return "op/s", 1 / seconds, result.HigherIsBetter
	}
	if seconds := jmhSeconds[over]; under == "op" && seconds > 0 {
		return "sec/op", seconds, result.LowerIsBetter
	}
	if n != nil && text != "" {
		n.fault("unit", "is %q, need a time per op, or ops per time, as in ns/op or ops/ms", text)
	}
	return text, 1, ""
}
