package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// maxOpen is how many measures of benchmarks stand open in a report: a screenful.
// The others are folded, and counted.
const maxOpen = 20

// maxReasons is how many of them get their reason in a sentence.
const maxReasons = 4

// suite is what a model of benchmarks has beside its rows.
type suite struct {
	shown  int     // of the model's rows, how many stand open
	rest   string  // what the other rows are, in one sentence
	groups []group // benchmarks that were not compared, or in which nothing was measured
}

// group is the benchmarks in one state.
type group struct {
	label string
	state result.BenchmarkState
	names []fact // name, and detail if there is one
}

// isSuite says whether a document is of benchmarks.
func isSuite(doc *result.Document) bool { return len(doc.Benchmarks) > 0 }

// ByImportance sorts the metrics of a verdict on benchmarks in the order in which
// they are shown: regressions, the worst first, then what is missing or open,
// improvements, and the rest by the size of the change. Metrics that do not gate
// come last, in their own order.
func ByImportance(metrics []verdict.Metric) []verdict.Metric {
	out := slices.Clone(metrics)
	slices.SortStableFunc(out, func(a, b verdict.Metric) int {
		return cmp.Or(cmp.Compare(class(a), class(b)), cmp.Compare(weight(b), weight(a)))
	})
	return out
}

// class is the place of a metric's decision in the order of importance.
func class(m verdict.Metric) int {
	if !m.Gating {
		return 6
	}
	switch m.Decision {
	case verdict.Worse:
		return 0
	case verdict.Missing:
		return 1
	case verdict.Open:
		return 2
	case verdict.Better:
		return 3
	case verdict.Clear:
		return 4
	case verdict.Watching:
	}
	return 5
}

// weight orders the metrics of one class.
func weight(m verdict.Metric) float64 {
	switch {
	case !m.Gating, !m.HasEffect:
		return 0
	case m.Decision == verdict.Worse:
		return m.Effect - m.Limit
	case m.Decision == verdict.Open:
		return m.High
	}
	return math.Abs(m.Effect)
}

// newSuite divides ranked rows into those that stand open and the others.
func newSuite(doc *result.Document, rows []row) suite {
	s := suite{groups: groups(doc)}
	for s.shown < min(maxOpen, len(rows)) {
		r := rows[s.shown]
		still := r.numbers.Effect != nil && *r.numbers.Effect == 0
		if len(rows) > maxOpen && r.decision == verdict.Clear && still {
			break // nothing is to be seen in what has not changed
		}
		s.shown++
	}
	s.rest = restOf(rows[s.shown:])
	return s
}

// restOf says what the rows are that do not stand open.
func restOf(rows []row) string {
	if len(rows) == 0 {
		return ""
	}
	counts := map[verdict.Decision]int{}
	largest := 0.0
	for _, r := range rows {
		counts[r.decision]++
		if r.numbers.Effect != nil {
			largest = max(largest, math.Abs(*r.numbers.Effect))
		}
	}
	more := count(len(rows), "more measure")
	within := fmt.Sprintf("within ±%.1f%%", 100*largest)
	switch {
	case largest >= verdict.Unbounded:
		within = "some without bounds"
	case largest == 0:
		within = "unchanged"
	}
	if counts[verdict.Clear] == len(rows) {
		return fmt.Sprintf("%s: all %s, and none is judged worse.", more, within)
	}
	var parts []string
	for _, d := range []struct {
		decision verdict.Decision
		words    string
	}{
		{verdict.Worse, "judged worse"},
		{verdict.Missing, "missing"},
		{verdict.Open, "open"},
		{verdict.Better, "judged better"},
		{verdict.Clear, "not worse"},
	} {
		if n := counts[d.decision]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, d.words))
		}
	}
	return fmt.Sprintf("%s: %s.", more, list(parts))
}

// groups are the benchmarks of which nothing was compared, state by state.
func groups(doc *result.Document) (out []group) {
	for _, g := range []group{
		{state: result.BenchmarkFailedHead, label: "fail in head"},
		{state: result.BenchmarkFailedBase, label: "fail in base"},
		{state: result.BenchmarkLeftOut, label: "left out"},
		{state: result.BenchmarkNew, label: "new in head"},
		{state: result.BenchmarkRemoved, label: "gone from head"},
		{state: result.BenchmarkIdentical, label: "the same bytes in both arms"},
	} {
		for i := range doc.Benchmarks {
			if b := &doc.Benchmarks[i]; b.State == g.state {
				g.names = append(g.names, fact{clean(b.Name, maxBenchmark), clean(b.Detail, maxSentence)})
			}
		}
		if len(g.names) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// title names a group and how many are in it.
func (g group) title() string {
	return fmt.Sprintf("%s: %s", capital(g.label), count(len(g.names), "benchmark"))
}

// shownRows are the rows that stand open, and foldedRows the others.
func (m Model) shownRows() []row {
	if m.suite == nil {
		return m.rows
	}
	return m.rows[:m.suite.shown]
}

func (m Model) foldedRows() []row {
	if m.suite == nil {
		return nil
	}
	return m.rows[m.suite.shown:]
}

// junitCases puts benchmarks that were not compared among the test cases of JUnit:
// a check that is not made is skipped, never passed.
func (s *suite) junitCases(blocks bool) (cases []junitCase) {
	for _, g := range s.groups {
		for _, b := range g.names {
			c := junitCase{Name: b.label}
			said := &junitMessage{Message: g.label}
			if b.text != "" {
				said.Message += ": " + b.text
			}
			switch {
			case g.state == result.BenchmarkIdentical:
			case g.state == result.BenchmarkFailedHead && blocks:
				said.Type = string(g.state)
				c.Error = said
			default:
				c.Skipped = said
			}
			cases = append(cases, c)
		}
	}
	return cases
}

// unique makes names that have become equal by being cleaned or cut differ: a
// report must not show two benchmarks as one.
type unique map[string]int

func (u unique) name(s string) string {
	u[s]++
	if n := u[s]; n > 1 {
		return fmt.Sprintf("%s (%d)", s, n)
	}
	return s
}
