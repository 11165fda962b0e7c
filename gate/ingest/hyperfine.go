package ingest

import (
	"fmt"

	"github.com/fivegate/fivegate/gate/result"
)

func isHyperfine(f *file) bool {
	return f.starts("{") && f.mentions("results", "command", "mean", "times")
}

// readHyperfine reads hyperfine's export. Each run is a process of its own; of user
// and system time the file holds means only, which are not read.
func readHyperfine(f *file, s *Side) {
	const unit = "sec"
	s.unit(unit, result.LowerIsBetter)
	seen := map[string]bool{}
	for _, n := range f.json().member("results").elements() {
		name := n.member("command").str()
		if seen[name] {
			n.fault("duplicate", "is command %q for the second time: give the commands names of their own (hyperfine -n)", name)
		}
		seen[name] = true
		if failed := failedRun(n.find("exit_codes")); failed != "" {
			s.Failed = append(s.Failed, Failure{Name: name, Detail: failed})
			continue
		}
		times := n.member("times").elements()
		for i, t := range times {
			if x, ok := t.measured(); ok {
				s.add(Record{Name: name, Process: s.processes + i, Values: []Value{{unit, x}}})
			}
		}
	}
}

// failedRun says which run of a command failed. A command that fails at once is
// not a fast one.
func failedRun(codes *node) string {
	if codes == nil { // of older versions
		return ""
	}
	for i, c := range codes.elements() {
		if c.kind != '0' || c.text != "0" {
			code := c.text
			if code == "" {
				code = "none, it was killed"
			}
			return fmt.Sprintf("exit code of run %d: %s", i+1, code)
		}
	}
	return ""
}
