package ingest

import (
	"strings"

	"github.com/fivegate/fivegate/gate/result"
)

func isPytest(f *file) bool {
	return f.starts("{") && f.mentions("machine_info", "benchmarks", "stats")
}

// readPytest reads pytest-benchmark's JSON. Its rounds are parts of one run, in
// seconds for one call. A file saved without the rounds' times has the median.
func readPytest(f *file, s *Side) {
	const unit = "sec"
	s.unit(unit, result.LowerIsBetter)
	root := f.json()
	s.pytestMachine(root.find("machine_info"))
	seen := map[string]bool{}
	for _, n := range root.member("benchmarks").elements() {
		name := n.member("fullname").str()
		if seen[name] {
			n.fault("duplicate", "is benchmark %q for the second time", name)
		}
		seen[name] = true
		stats := n.member("stats")
		data := stats.find("data")
		if data == nil {
			s.note("some files hold no times of rounds, only medians: save them with --benchmark-save-data")
			if x, ok := stats.member("median").measured(); ok {
				s.add(Record{Name: name, Process: s.processes, Values: []Value{{unit, x}}})
			}
			continue
		}
		for _, t := range data.elements() {
			if x, ok := t.measured(); ok {
				s.add(Record{Name: name, Process: s.processes, Values: []Value{{unit, x}}})
			}
		}
	}
}

// pytestMachine notes the machine; the name of the host is left out.
func (s *Side) pytestMachine(info *node) {
	cpu := info.find("cpu")
	s.machine("cpu", cpu.optional("brand_raw"))
	s.machine("os", info.optional("system"))
	s.machine("arch", info.optional("machine"))
	s.machine("runtime", strings.TrimSpace(info.optional("python_implementation")+" "+info.optional("python_version")))
}
