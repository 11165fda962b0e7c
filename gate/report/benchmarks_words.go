package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// suiteHeadline is what was found in benchmarks, in one line: the number that
// matters most and how many more there are.
func suiteHeadline(doc *result.Document, v verdict.Verdict) string {
	n := func(d verdict.Decision) (verdict.Metric, int) {
		ranked := ByImportance(v.Metrics)
		of := slices.DeleteFunc(ranked, func(m verdict.Metric) bool { return !m.Gating || m.Decision != d })
		if len(of) == 0 {
			return verdict.Metric{}, 0
		}
		return of[0], len(of)
	}
	switch v.Status.Known() {
	case verdict.Regression:
		if worst, many := n(verdict.Worse); many > 0 {
			return fmt.Sprintf("%s (limit %s)%s", changed(worst), percent(worst.Limit), more(many, "is worse", "are worse"))
		}
	case verdict.Improvement:
		if best, many := n(verdict.Better); many > 0 {
			return changed(best) + more(many, "is better", "are better") + "; nothing regressed"
		}
	case verdict.Pass:
		if largest, many := n(verdict.Clear); many > 0 && largest.HasEffect {
			return fmt.Sprintf("none of %s regressed; the largest change is %s in %s",
				count(len(measuredBenchmarks(doc)), "benchmark"), newEffect(largest), clean(largest.Name, maxMeasure))
		}
	case verdict.Inconclusive:
		if open, many := n(verdict.Open); many > 0 {
			line := fmt.Sprintf("could not tell for %s: %s", clean(open.Name, maxMeasure), orNothing(open))
			if mde := formatMDE(open); mde != absent {
				line += fmt.Sprintf(", and this run would catch a change of %s", mde)
			}
			return line + more(many, "is open", "are open")
		}
	case verdict.Invalid:
	}
	return ""
}

func orNothing(m verdict.Metric) string {
	if !m.HasEffect {
		return "nothing was measured"
	}
	return newEffect(m).String()
}

// more says how many measures there are beside the first.
func more(n int, one, many string) string {
	switch n {
	case 1:
		return ""
	case 2:
		return "; 1 more measure " + one
	}
	return fmt.Sprintf("; %d more measures %s", n-1, many)
}

// changed says in a clause how a measure changed: "B017 is 8.2% slower".
func changed(m verdict.Metric) string {
	name, unit := clean(m.Benchmark, maxBenchmark), clean(string(m.Unit), maxName)
	if math.Abs(m.Effect) >= float64(verdict.Unbounded)/(verdict.Unbounded+1) && m.HasValues {
		base, head := formatMeasure(m.Unit, m.Base, m.Head)
		return fmt.Sprintf("%s goes from %s to %s %s", name, base, head, unit)
	}
	size := magnitude(m)
	pick := func(worse, better string) string {
		if m.Effect < 0 {
			return better
		}
		return worse
	}
	switch {
	case m.Unit == "sec/op":
		return fmt.Sprintf("%s is %s %s", name, size, pick("slower", "faster"))
	case m.Unit == "B/op":
		return fmt.Sprintf("%s allocates %s %s bytes", name, size, pick("more", "fewer"))
	case m.Unit == "allocs/op":
		return fmt.Sprintf("%s makes %s %s allocations", name, size, pick("more", "fewer"))
	}
	return fmt.Sprintf("%s is %s %s in %s", name, size, pick("worse", "better"), unit)
}

// suiteCaption says how the table is to be read.
func suiteCaption(doc *result.Document, v verdict.Verdict) string {
	if len(v.Metrics) == 0 {
		return ""
	}
	text := "Above zero is worse, whatever the measure."
	if limit := doc.Plan.Policy.Threshold; limit > 0 && finite(limit) {
		text += fmt.Sprintf(" The limit is %s of each.", percent(limit))
	}
	if v.Look.Alpha > 0 && finite(v.Look.Alpha) {
		text += fmt.Sprintf(" Lower ends hold at an error of %s for all judged measures together, upper ends at %s each.",
			percent(v.Look.Alpha), percent(v.Look.PassAlpha))
	}
	if doc.Kind == result.KindCompare {
		return text + " Base and head are medians of results that were made apart, so nothing pairs them."
	}
	return text + " Changes come from pairs of runs, not from the two medians beside them."
}

// measuredBenchmarks are the benchmarks with samples.
func measuredBenchmarks(doc *result.Document) (out []*result.Benchmark) {
	for i := range doc.Benchmarks {
		if b := &doc.Benchmarks[i]; b.State == result.BenchmarkMeasured {
			out = append(out, b)
		}
	}
	return out
}

// suiteFacts are what a reader of benchmarks needs to know to trust the verdict.
func suiteFacts(doc *result.Document, v verdict.Verdict) []fact {
	return []fact{
		{"benchmarks", tallied(doc)},
		{"how", modes(doc)},
		{"design", suiteDesign(doc)},
		{"judged", judgedUnits(doc, v)},
		{"layouts", suiteLayouts(doc)},
	}
}

// tallied counts the benchmarks by what became of them.
func tallied(doc *result.Document) string {
	parts := []string{fmt.Sprintf("%d measured", len(measuredBenchmarks(doc)))}
	for _, g := range groups(doc) {
		parts = append(parts, fmt.Sprintf("%d %s", len(g.names), g.label))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return fmt.Sprintf("%d: %s", len(doc.Benchmarks), strings.Join(parts, ", "))
}

// modes say how benchmarks were measured, and what their sec/op then is.
func modes(doc *result.Document) string {
	var out []string
	counts := map[result.Mode]int{}
	all := measuredBenchmarks(doc)
	for _, b := range all {
		counts[b.Mode]++
	}
	for _, m := range []struct {
		mode  result.Mode
		words string
	}{
		{result.ModeDuet, "both arms at once on the same core, where sec/op is CPU time of the process per operation"},
		{result.ModeAlternating, "arms in turn, where sec/op is time on the clock"},
		{result.ModeSeparate, "each arm by itself, at another time"},
	} {
		switch n := counts[m.mode]; {
		case n == len(all) && n > 0:
			out = append(out, m.words)
		case n > 0:
			out = append(out, fmt.Sprintf("%d with %s", n, m.words))
		}
	}
	return strings.Join(out, "; ")
}

// suiteDesign words how much was measured of each benchmark.
func suiteDesign(doc *result.Document) string {
	all := measuredBenchmarks(doc)
	if len(all) == 0 {
		return "nothing was measured"
	}
	if doc.Kind == result.KindCompare {
		low, high := span(all, func(b *result.Benchmark) int {
			return min(len(b.Measures[0].Base), len(b.Measures[0].Head))
		})
		return between(low, high, "sample") + " of each arm"
	}
	low, high := span(all, (*result.Benchmark).Blocks)
	text := between(low, high, "block") + " of each benchmark"
	if high < doc.Plan.Blocks {
		text += fmt.Sprintf(" (at most %d)", doc.Plan.Blocks)
	}
	text += "; a block is a process of base and one of head"
	if _, rounds := span(all, func(b *result.Benchmark) int { return b.Rounds }); rounds > 1 {
		text += ", or of those in turn " + count(rounds, "pair")
	}
	if low < high {
		text += "; those that were open got more"
	}
	return text
}

// span is the least and the most of something.
func span(all []*result.Benchmark, of func(*result.Benchmark) int) (low, high int) {
	low = math.MaxInt
	for _, b := range all {
		low, high = min(low, of(b)), max(high, of(b))
	}
	return low, high
}

func between(low, high int, thing string) string {
	if low == high {
		return count(low, thing)
	}
	return fmt.Sprintf("%d to %s", low, count(high, thing))
}

// judgedUnits are the units that decide.
func judgedUnits(doc *result.Document, v verdict.Verdict) string {
	var units []string
	for _, m := range v.Metrics {
		if unit := clean(string(m.Unit), maxName); m.Gating && !slices.Contains(units, unit) {
			units = append(units, unit)
		}
	}
	if n := gatingCount(v); n > 0 {
		return fmt.Sprintf("%s in %s of %s", strings.Join(units, ", "), count(n, "measure"), count(len(measuredBenchmarks(doc)), "benchmark"))
	}
	return ""
}

func gatingCount(v verdict.Verdict) (n int) {
	for _, m := range v.Metrics {
		if m.Gating {
			n++
		}
	}
	return n
}

// suiteLayouts words the builds of each arm, where any is known.
func suiteLayouts(doc *result.Document) string {
	for _, arm := range doc.Arms {
		if len(arm.Layouts) > 0 {
			return layouts(doc)
		}
	}
	return ""
}

// suiteMDEs words the smallest change that would have been seen, for each unit
// that varies: in half of the benchmarks, and in all.
func suiteMDEs(v verdict.Verdict) string {
	var units []string
	of := map[string][]verdict.Metric{}
	for _, m := range v.Metrics {
		if m.Gating && formatMDE(m) != absent {
			unit := clean(string(m.Unit), maxName)
			if of[unit] == nil {
				units = append(units, unit)
			}
			of[unit] = append(of[unit], m)
		}
	}
	var parts []string
	for _, unit := range units {
		all := of[unit]
		slices.SortStableFunc(all, func(a, b verdict.Metric) int { return cmp.Compare(a.MDE, b.MDE) })
		half, most := formatMDE(all[(len(all)-1)/2]), formatMDE(all[len(all)-1])
		if half == most {
			parts = append(parts, fmt.Sprintf("%s %s", unit, most))
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %s in half of the benchmarks, %s in all (%s)", unit, half, most, clean(all[len(all)-1].Benchmark, maxName)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "caught 95 times in 100: " + strings.Join(parts, "; ")
}

// list joins parts as a sentence does: "a, b and c".
func list(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}
