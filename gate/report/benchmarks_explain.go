package report

import (
	"fmt"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// Of the measures, those that are judged other than a pass are explained one by
// one, up to maxTold; of passes, the largest changes, so that there are leastTold.
const (
	maxTold   = 8
	leastTold = 3
)

func explainSuiteMeasured(doc *result.Document) []string {
	if doc.Outcome.Ended == result.RunIdentical {
		return []string{"Base and head were built and run the same bytes in every benchmark, so nothing was run."}
	}
	p := doc.Provenance
	out := []string{
		fmt.Sprintf("Two builds of %s: base (%s) and head (%s), by their benchmarks, for %s.", subject(doc), short(doc.Arms, 0), short(doc.Arms, 1), elapsed(p.DurationS)),
	}
	if doc.Kind == result.KindCompare {
		out[0] = fmt.Sprintf("Results of two measurements: base (%s) and head (%s).", short(doc.Arms, 0), short(doc.Arms, 1))
	}
	out = append(out, fmt.Sprintf("Benchmarks: %s.", tallied(doc)))
	all := measuredBenchmarks(doc)
	if len(all) == 0 {
		return out
	}
	out = append(out, "How: "+modes(doc)+".")
	if doc.Kind == result.KindCompare {
		return append(out, "Nothing pairs the two: what the machine did differently in between, and how each happened to be built and started, looks like a change and cannot be taken out.")
	}
	low, high := span(all, (*result.Benchmark).Blocks)
	out = append(out, fmt.Sprintf("%s of each: a fresh process of base beside one of head, in another layout of the same code where the toolchain can, because two processes of the very same program differ by some percent.", between(low, high, "block")))
	if low < high {
		out = append(out, "The time went to those whose answer was open; those that were clear got no more of it.")
	}
	return out
}

func explainSuiteWhy(doc *result.Document, v verdict.Verdict) []string {
	out := []string{sentence(v.Reason)}
	if v.Status == verdict.Invalid {
		return out
	}
	m := New(doc, v)
	told := 0
	for told < min(m.suite.shown, maxTold) && (m.rows[told].decision != verdict.Clear || told < leastTold) {
		told++
	}
	for _, metric := range ByImportance(v.Metrics)[:told] {
		out = append(out, explainMetric(metric))
	}
	if rest := restOf(m.rows[told:]); rest != "" {
		out = append(out, capital("and "+rest))
	}
	if v.Look.Alpha > 0 && doc.Kind != result.KindCompare {
		out = append(out, fmt.Sprintf("The chance that any measure is judged worse though it became no worse is at most %s, over all %s together and however often they were looked at: the more there are, the clearer each must be (Holm 1979, over group-sequential tests). So one in hundreds that merely looks worse does not block the change.",
			percent(v.Look.Alpha), count(gatingCount(v), "judged measure")))
	}
	return out
}

func explainSuiteNoise(doc *result.Document) []string {
	all := spreads(doc)
	if len(all) == 0 {
		if len(measuredBenchmarks(doc)) == 0 || doc.Kind == result.KindCompare {
			return []string{"There are no pairs to say it from."}
		}
		return []string{"There was none: no measure varied."}
	}
	half, most := all[len(all)/2], all[0]
	out := []string{fmt.Sprintf("In half of the %s that vary, the pairs differ by a standard deviation of %s or less; in the noisiest, %s, by %s.",
		count(len(all), "measure"), percents(half.size()), most.name(), percents(most.size()))}
	split, machine := 0, 0
	for _, s := range all {
		if s.rounds > 1 {
			split++
			if s.noise.Round > s.noise.Block {
				machine++
			}
		}
	}
	if split > 0 {
		out = append(out, fmt.Sprintf("Of %s with several pairs in a block, %d differ most between the pairs (the machine; a quieter one helps) and %d between blocks (how each process happened to start and be laid out; more blocks help).",
			count(split, "measure"), machine, split-machine))
	}
	if split < len(all) {
		out = append(out, "Where a block has one pair, how a process happened to start and be laid out cannot be told from what the machine did meanwhile; more blocks help against both.")
	}
	return out
}

// suiteAdvice says where to look first for what made a measure worse.
func suiteAdvice(m verdict.Metric) string {
	profile := "-cpuprofile"
	if m.Unit == "B/op" || m.Unit == "allocs/op" {
		profile = "-memprofile"
	}
	return fmt.Sprintf("%s: its profile in base and in head (go test -bench with %s) shows where they differ", clean(m.Benchmark, maxBenchmark), profile)
}
