package gobench

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// fate is what a discovery run showed of one benchmark.
type fate struct {
	line    line   // when it printed a result
	failed  string // one line: how it failed; empty when it did not
	skipped bool
}

// discovered reads the verbose output of a process that ran each of a
// benchmark's sub-benchmarks once at so many CPUs, and returns what became of
// each, by its name without that number. How says how the process ended, empty when it ended well. What began and
// did not end is where the process broke; what should have come after it cannot
// be known.
func discovered(top, output, how string, cpus int) map[string]fate {
	fates := map[string]fate{}
	var begun []string
	var said string // what was printed since the last benchmark began
	for text := range strings.Lines(output) {
		text = strings.TrimRight(text, "\r\n")
		trimmed := strings.TrimLeft(text, " ")
		switch {
		case strings.HasPrefix(text, "--- FAIL: "):
			fates[strings.TrimPrefix(text, "--- FAIL: ")] = fate{failed: failure(said)}
			said = ""
		case strings.HasPrefix(text, "--- SKIP: "):
			fates[strings.TrimPrefix(text, "--- SKIP: ")] = fate{skipped: true}
		case isName(text, top):
			begun, said = append(begun, text), ""
		case said == "":
			said = trimmed
		}
	}
	lines, err := parse(output)
	if err != nil && how == "" {
		how = err.Error()
	}
	for _, l := range lines {
		if name := strings.TrimSuffix(l.name, printed("", cpus)); isName(name, top) {
			fates[name] = fate{line: l}
		}
	}
	if how != "" {
		broken := top
		if len(begun) > 0 {
			broken = begun[len(begun)-1]
		}
		if _, known := fates[broken]; !known {
			fates[broken] = fate{failed: how}
		}
	}
	maps.DeleteFunc(fates, func(name string, _ fate) bool { return !isName(name, top) }) // text of the benchmark's own
	if len(fates) == 0 {                                                                 // TestMain ran no benchmarks, for one
		fates[top] = fate{skipped: true}
	}
	// A benchmark with sub-benchmarks has no result; one whose name only looks so has.
	maps.DeleteFunc(fates, func(name string, f fate) bool { return f.line.name == "" && isParent(name, begun) })
	return fates
}

func failure(said string) string {
	if said == "" {
		return "it failed"
	}
	return "it failed: " + said
}

// isName reports whether a text is the name of a benchmark or of one below it.
func isName(text, top string) bool {
	rest, ok := strings.CutPrefix(text, top)
	return ok && !strings.ContainsAny(text, " \t") && (rest == "" || rest[0] == '/')
}

func isParent(name string, names []string) bool {
	return slices.ContainsFunc(names, func(other string) bool { return strings.HasPrefix(other, name+"/") })
}

// brief is the line of a failed process's output that says most: the panic's, or
// the last.
func brief(status, stdout, stderr string) string {
	last := ""
	for text := range strings.Lines(stdout + "\n" + stderr) {
		text = strings.TrimSpace(text)
		if strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ") {
			return fmt.Sprintf("%s: %s", status, text)
		}
		if text != "" && text != "FAIL" && text != "PASS" {
			last = text
		}
	}
	if last == "" {
		return status
	}
	return fmt.Sprintf("%s: %s", status, last)
}
