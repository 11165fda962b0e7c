package verdict

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/parallel"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
)

// suite is a document of benchmarks taken apart: the measures that are judged and
// those that are only reported.
type suite struct {
	doc     *result.Document
	gating  []sample
	watched []sample
}

// sample is one measure of one benchmark.
type sample struct {
	benchmark *result.Benchmark
	measure   *result.Measure
	effect    stats.Effect
	err       error // why there is no effect
}

// newSuite estimates every measure of the benchmarks that were measured in pairs.
func newSuite(doc *result.Document) *suite {
	s := &suite{doc: doc}
	for i := range doc.Benchmarks {
		b := &doc.Benchmarks[i]
		if b.State != result.BenchmarkMeasured {
			continue
		}
		for j := range b.Measures {
			m := &b.Measures[j]
			if gates(doc.Plan.Metrics, m) {
				s.gating = append(s.gating, sample{benchmark: b, measure: m})
			} else {
				s.watched = append(s.watched, sample{benchmark: b, measure: m})
			}
		}
	}
	for _, list := range [][]sample{s.gating, s.watched} {
		parallel.For(len(list), func(i int) { list[i].estimate(doc.Plan.Policy.LayoutSD) })
	}
	return s
}

// gates says whether a measure is judged: its unit is declared, or none is, and
// it is known which way it is better.
func gates(declared []string, m *result.Measure) bool {
	return m.Better != "" && (len(declared) == 0 || slices.Contains(declared, m.Unit))
}

// estimate computes the effect from the pairs.
func (s *sample) estimate(layoutSD float64) {
	b := s.benchmark
	if b.Blocks() == 0 || b.Rounds == 0 {
		s.err = fmt.Errorf("%w: no block was completed", stats.ErrTooFewBlocks)
		return
	}
	r := s.rounds()
	if !timed(s.measure.Unit) {
		layoutSD = 0 // where functions lie in memory changes no count
	} else if b.Rounds > 1 { // order is balanced; of single rounds its cost would be estimated from too few
		if r.ratios, _, s.err = stats.RemoveOrder(r.ratios, r.headSecond); s.err != nil {
			return
		}
	}
	s.effect, s.err = stats.Estimate(r.ratios, r.layouts, layoutSD)
}

// rounds are the log ratios of the pairs, block by block, + being worse.
func (s *sample) rounds() rounds {
	b := s.benchmark
	r := rounds{
		ratios: make([][]float64, b.Blocks()), headSecond: make([][]bool, b.Blocks()), blocks: make([]int, b.Blocks()),
		layouts: stats.Layouts{Base: b.BaseLayouts, Head: b.HeadLayouts},
	}
	for block := range r.ratios {
		r.blocks[block] = block
		for round := range b.Rounds {
			i := block*b.Rounds + round
			d := logRatio(s.measure.Base[i], s.measure.Head[i])
			if s.measure.Better == result.HigherIsBetter {
				d = -d
			}
			r.ratios[block] = append(r.ratios[block], d)
			r.headSecond[block] = append(r.headSecond[block], b.First[i] == 'b')
		}
	}
	return r
}

// logRatio is ln(head/base). Of counts, either may be 0: two zeros are equal, and
// beside one zero the other is beyond all bounds.
func logRatio(base, head float64) float64 {
	switch {
	case base == head:
		return 0
	case base == 0:
		return math.Log1p(Unbounded)
	case head == 0:
		return -math.Log1p(Unbounded)
	}
	return min(max(math.Log(head/base), -math.Log1p(Unbounded)), math.Log1p(Unbounded))
}

// timed says whether a unit is of time, and so subject to the luck of layouts and
// to who went first. Foreign units of time end in what x/perf's benchunit leaves
// of them: sec.
func timed(unit string) bool {
	return strings.Contains(unit, "sec") || strings.HasSuffix(unit, "/s")
}

// judgeBenchmarks gives the verdict on a document of benchmarks measured in pairs.
func judgeBenchmarks(doc *result.Document, v Verdict) Verdict {
	s := newSuite(doc)
	v.Notes = s.notes()
	if why := s.broken(); why != "" {
		v.Metrics = s.rows(nil)
		return v.invalid(why)
	}
	if len(s.gating) == 0 {
		v.Status, v.Final = Pass, true
		v.Reason = fmt.Sprintf("identical builds: %s in both arms, so there is nothing to measure", plural(len(doc.Benchmarks), "benchmark runs the same bytes", "benchmarks run the same bytes"))
		v.Next = "nothing to do; --measure-anyway measures them all the same"
		return v
	}
	decided, err := s.decide()
	if err != nil {
		return v.invalid(err.Error())
	}
	p := doc.Plan
	v.Look = Look{Number: len(p.Looks), Of: len(p.Looks), Blocks: doc.Outcome.Blocks, Alpha: p.Policy.Alpha, PassAlpha: p.Policy.Alpha}
	for i, n := range p.Looks {
		if n >= doc.Outcome.Blocks {
			v.Look.Number = i + 1
			break
		}
	}
	v.Metrics = s.rows(decided.Metrics)
	return s.conclude(v, decided)
}

// decide applies the rule, each measure at its own look.
func (s *suite) decide() (stats.Decision, error) {
	evidence, looks := make([]stats.MetricEvidence, len(s.gating)), make([]stats.LooksApart, len(s.gating))
	over := s.doc.Outcome.Ended != ""
	for i := range s.gating {
		m := &s.gating[i]
		evidence[i] = stats.MetricEvidence{Name: m.name(), Effect: m.effect}
		looks[i] = looksOf(s.doc.Plan, m.benchmark.Blocks(), over)
	}
	return stats.DecideApart(evidence, ruleOf(s.doc.Plan.Policy), s.doc.Plan.Policy.Alpha, looks)
}

// looksOf are the looks of a benchmark with so many blocks. When the measurement
// is over, the look is its last, and what is left of the level is spent on it:
// the clock ended it, not its own data.
func looksOf(p result.Plan, blocks int, over bool) stats.LooksApart {
	var l stats.LooksApart
	for _, n := range p.Looks {
		if over && n >= blocks {
			break
		}
		l.Fractions = append(l.Fractions, float64(n)/float64(p.Blocks))
		if n < blocks {
			l.At++
		}
	}
	if over {
		l.Fractions = append(l.Fractions, float64(max(blocks, 1))/float64(p.Blocks))
		l.At = len(l.Fractions) - 1
	}
	return l
}

// Undecided names the benchmarks of a check under way that need more blocks.
func Undecided(doc *result.Document) map[string]bool {
	s := newSuite(doc)
	open := map[string]bool{}
	decided, err := s.decide()
	worse := map[string]bool{}
	for i := range s.gating {
		name := s.gating[i].benchmark.Name
		switch {
		case err != nil || decided.Metrics[i].State == stats.Open:
			open[name] = true
		case decided.Metrics[i].State == stats.Regressed:
			worse[name] = true
		}
	}
	for name := range worse {
		delete(open, name) // more blocks would not make it better
	}
	return open
}

// broken says why the benchmarks cannot be judged at all, or nothing.
func (s *suite) broken() string {
	doc := s.doc
	switch doc.Outcome.Ended {
	case result.RunFailed:
		return "the measurement failed: " + doc.Outcome.Detail
	case result.RunInterrupted:
		return "the measurement was cut off: " + doc.Outcome.Detail
	case result.RunDecided, result.RunComplete, result.RunBudget, result.RunIdentical, "":
	}
	if failed := s.inState(result.BenchmarkFailedHead); len(failed) > 0 {
		return fmt.Sprintf("%s in head, and not in base: %s%s", plural(len(failed), "benchmark fails", "benchmarks fail"), some(failed), s.detail(failed[0]))
	}
	if len(s.inState(result.BenchmarkMeasured))+len(s.inState(result.BenchmarkIdentical)) == 0 {
		return "nothing was compared: no benchmark of base and head could be measured" + s.firstFailure()
	}
	if len(doc.Plan.Looks) == 0 || doc.Plan.Blocks < 1 {
		if len(s.gating) > 0 {
			return "the plan has no looks"
		}
	}
	for i := range doc.Benchmarks {
		b := &doc.Benchmarks[i]
		judged := func(m sample) bool { return m.benchmark == b }
		if b.State == result.BenchmarkMeasured && !slices.ContainsFunc(s.gating, judged) {
			return fmt.Sprintf("the declared measures are missing: %s has none of %s", b.Name, strings.Join(doc.Plan.Metrics, ", "))
		}
	}
	return ""
}

// firstFailure is what became of the first benchmark that fails in base.
func (s *suite) firstFailure() string {
	failed := s.inState(result.BenchmarkFailedBase)
	if len(failed) == 0 {
		return ""
	}
	return "; " + failed[0] + " fails in base" + s.detail(failed[0])
}

// inState are the names of the benchmarks in a state.
func (s *suite) inState(state result.BenchmarkState) (names []string) {
	for i := range s.doc.Benchmarks {
		if s.doc.Benchmarks[i].State == state {
			names = append(names, s.doc.Benchmarks[i].Name)
		}
	}
	return names
}

// detail is what is known about a benchmark's state.
func (s *suite) detail(name string) string {
	for i := range s.doc.Benchmarks {
		if b := &s.doc.Benchmarks[i]; b.Name == name && b.Detail != "" {
			return ": " + b.Detail
		}
	}
	return ""
}

// name is how reports call the measure.
func (s sample) name() string { return s.benchmark.Name + " " + s.measure.Unit }
