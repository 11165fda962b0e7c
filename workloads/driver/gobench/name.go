package gobench

import (
	"fmt"
	"regexp"
	"strings"
)

// filter is what --bench chooses, read as `go test -bench` reads it: alternatives
// divided by |, each a list of patterns divided by /, one for every level of a
// benchmark's name. Neither divides inside brackets.
type filter [][]*regexp.Regexp

func parseFilter(text string) (filter, error) {
	var f filter
	for _, alternative := range splitOutside(text, '|') {
		var levels []*regexp.Regexp
		for _, level := range splitOutside(alternative, '/') {
			pattern, err := regexp.Compile(level)
			if err != nil {
				return nil, fmt.Errorf("--bench %q: %w", text, err)
			}
			levels = append(levels, pattern)
		}
		f = append(f, levels)
	}
	return f, nil
}

// splitOutside splits at a divider that stands neither in brackets nor after a
// backslash.
func splitOutside(text string, divider byte) []string {
	var out []string
	depth, class, from := 0, false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == divider && depth == 0:
			out = append(out, text[from:i])
			from = i + 1
		}
	}
	return append(out, text[from:])
}

// matches reports whether a name is chosen; of a name with fewer levels than
// patterns, such as a parent's, as many are compared as there are.
func (f filter) matches(name string) bool {
	elements := strings.Split(name, "/")
	for _, levels := range f {
		matched := true
		for i := range min(len(levels), len(elements)) {
			matched = matched && levels[i].MatchString(elements[i])
		}
		if matched {
			return true
		}
	}
	return false
}

// exactly is the value of -test.bench that chooses one benchmark and no other.
func exactly(name string) string {
	levels := strings.Split(name, "/")
	for i, level := range levels {
		levels[i] = "^" + regexp.QuoteMeta(level) + "$"
	}
	return strings.Join(levels, "/")
}

// printed is how the testing package prints a name at so many CPUs.
func printed(name string, cpus int) string {
	if cpus == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, cpus)
}

// label is the name of a benchmark in documents: the path of its package within
// the module, a dot, and the name that the testing package prints. Benchmarks of
// the module's root have the bare name.
func label(rel, name string) string {
	if rel == "" {
		return name
	}
	return rel + "." + name
}
