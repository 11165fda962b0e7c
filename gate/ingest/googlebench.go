package ingest

import (
	"strconv"

	"github.com/fivegate/fivegate/gate/result"
)

func isGoogle(f *file) bool {
	return f.starts("{") && f.mentions("context", "benchmarks", "library_build_type")
}

// googleSeconds are the units of time of Google Benchmark, in seconds.
var googleSeconds = map[string]float64{"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}

// googleMembers are what a run has beside counters of the user's own.
var googleMembers = map[string]bool{
	"family_index": true, "per_family_instance_index": true, "repetitions": true, "repetition_index": true, "threads": true,
	"iterations": true, "real_time": true, "cpu_time": true, "items_per_second": true, "bytes_per_second": true,
}

// readGoogle reads Google Benchmark's JSON: every repetition is a sample.
func readGoogle(f *file, s *Side) {
	s.unit("sec/op", result.LowerIsBetter)
	s.unit("cpu-sec/op", result.LowerIsBetter)
	s.unit("B/s", result.HigherIsBetter)
	s.unit("items/s", result.HigherIsBetter)
	root := f.json()
	if n := root.find("context").optional("num_cpus"); n != "" {
		s.machine("cpus", n)
	}
	aggregates := 0
	for _, n := range root.member("benchmarks").elements() {
		name := n.optional("run_name") // older versions have it in the name only
		if name == "" {
			name = n.member("name").str()
		}
		if n.optional("run_type") == "aggregate" {
			aggregates++
			continue
		}
		if failed := n.find("error_occurred"); failed != nil && failed.kind == 't' {
			s.Failed = append(s.Failed, Failure{Name: name, Detail: n.optional("error_message")})
			continue
		}
		s.add(Record{Name: name, Process: s.processes, Values: googleValues(n)})
	}
	if aggregates > 0 && len(s.Records) == 0 && len(s.Failed) == 0 {
		root.fault("aggregates", "holds aggregates only, and they cannot be compared: run without --benchmark_report_aggregates_only")
	}
}

func googleValues(n *node) (out []Value) {
	unit := n.member("time_unit")
	factor, known := googleSeconds[unit.str()]
	if unit != nil && !known {
		unit.fault("unit", "is %q, need one of ns, us, ms and s", unit.text)
	}
	for _, m := range []struct {
		name, unit string
		factor     float64
		needed     bool
	}{
		{"real_time", "sec/op", factor, true},
		{"cpu_time", "cpu-sec/op", factor, true},
		{"bytes_per_second", "B/s", 1, false},
		{"items_per_second", "items/s", 1, false},
	} {
		value := n.find(m.name)
		if value == nil && m.needed {
			value = n.member(m.name)
		}
		if value == nil {
			continue
		}
		if x, ok := value.measured(); ok {
			out = append(out, Value{m.unit, x * m.factor})
		}
	}
	for i, name := range n.names {
		if n.items[i].kind != '0' || googleMembers[name] {
			continue
		}
		// A counter may mean anything, and may be negative; it is shown if it can be.
		if x, err := strconv.ParseFloat(n.items[i].text, 64); err == nil && x >= 0 {
			out = append(out, Value{name, x})
		}
	}
	return out
}
