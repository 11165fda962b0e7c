package verdict

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
)

// launchSD is the standard deviation of the logarithm of what one process measures,
// from one process to the next of the same build, as far as no number of samples
// within it can show. Chosen: one percent.
const launchSD = 0.01

// judgeCompare gives the verdict on two results that were made apart. Nothing pairs
// their samples, so each measure gets the test of two trimmed means (see
// stats.Unpaired), and what the samples of a session share is added to its error:
// the policy's layout luck for the build, launchSD for each process. From
// MinBlocks processes on in each arm, the spread between them says it instead.
func judgeCompare(doc *result.Document, v Verdict) Verdict {
	s := &suite{doc: doc}
	for i := range doc.Benchmarks {
		b := &doc.Benchmarks[i]
		for j := range b.Measures {
			m := sample{benchmark: b, measure: &b.Measures[j]}
			m.estimateApart(doc.Plan.Policy.LayoutSD)
			if gates(doc.Plan.Metrics, m.measure) {
				s.gating = append(s.gating, m)
			} else {
				s.watched = append(s.watched, m)
			}
		}
	}
	v.Notes = append(s.notes(), apartNotes(doc)...)
	if why := s.brokenApart(); why != "" {
		v.Metrics = s.rows(nil)
		return v.invalid(why)
	}
	if len(s.gating) == 0 {
		v.Metrics = s.rows(nil)
		v = v.inconclusive("of none of the measures is it known which way it is better")
		v.Next = `say it in the benchmark's output ("Unit NAME better=lower"), or compare measures of time`
		return v
	}
	return s.judgeApart(v)
}

// judgeApart applies the rule to the measures, at one look.
func (s *suite) judgeApart(v Verdict) Verdict {
	p := s.doc.Plan.Policy
	machines := machinesDiffer(s.doc)
	evidence, open := make([]stats.MetricEvidence, len(s.gating)), make([]string, len(s.gating))
	for i := range s.gating {
		m := &s.gating[i]
		e := m.effect
		if open[i] = m.openApart(machines); open[i] != "" {
			e.Blocks = 0 // so that it is not decided
		}
		evidence[i] = stats.MetricEvidence{Name: m.name(), Effect: e}
	}
	decided, err := stats.Decide(evidence, ruleOf(p), stats.Look{Level: p.Alpha, PassLevel: p.Alpha, Final: true})
	if err != nil {
		return v.invalid(err.Error())
	}
	v.Look = Look{Number: 1, Of: 1, Alpha: p.Alpha, PassAlpha: p.Alpha}
	v.Metrics = s.rows(decided.Metrics)
	for i, why := range open {
		if why != "" {
			v.Metrics[i].Reason = why
		}
	}
	if machines != "" {
		withoutEffects(v.Metrics)
	}
	v = concludeFrom(v, decided)
	if v.Status == Inconclusive {
		v.Reason, v.Next = s.inconclusiveApart(v, open, machines)
	}
	return v
}

// withoutEffects takes out the changes of all but counts: a number compared across
// machines must not even be shown.
func withoutEffects(metrics []Metric) {
	for i := range metrics {
		if m := &metrics[i]; !counted(string(m.Unit)) {
			m.HasEffect = false
			m.Effect, m.Low, m.High, m.MDE = 0, 0, 0, 0
		}
	}
}

// estimateApart computes the effect from samples that nothing pairs.
func (s *sample) estimateApart(layoutSD float64) {
	m := s.measure
	base, err := processesOf(m.Base, s.benchmark.BaseLayouts)
	if err == nil {
		var head processes
		if head, err = processesOf(m.Head, s.benchmark.HeadLayouts); err == nil {
			s.effect, s.err = effectApart(base, head, m, layoutSD)
			return
		}
	}
	s.err = err
}

// processes are the samples of each process of an arm.
type processes [][]float64

// processesOf divides samples, which are in the order of their processes and as
// many of each. Where nothing is said of processes, each sample has its own.
func processesOf(samples []float64, layouts []int) (processes, error) {
	n := len(layouts)
	if n == 0 {
		n = len(samples)
	}
	if n == 0 || len(samples)%n != 0 {
		return nil, fmt.Errorf("%d samples do not divide among %d processes", len(samples), n)
	}
	return slices.Collect(slices.Chunk(samples, max(1, len(samples)/n))), nil
}

// values are all samples, or with medians the median of each process.
func (p processes) values(medians bool) []float64 {
	if !medians {
		return slices.Concat(p...)
	}
	out := make([]float64, len(p))
	for i, of := range p {
		out[i] = medianOf(of)
	}
	return out
}

// effectApart is the effect on the scale of logarithms, + being worse.
func effectApart(base, head processes, m *result.Measure, layoutSD float64) (stats.Effect, error) {
	many := len(base) >= stats.MinBlocks && len(head) >= stats.MinBlocks
	b, h := base.values(many), head.values(many)
	if constant(b) && constant(h) && len(b) > 0 && len(h) > 0 && (b[0] == 0 || h[0] == 0) { // of counts either may be 0
		theta := logRatio(b[0], h[0])
		return exact(asWorse(theta, m), min(len(b), len(h)), len(b)+len(h)), nil
	}
	shift := start(b, h)
	known := 0.0
	if !counted(m.Unit) { // neither layout nor luck changes a count
		known = layoutSD
		if !many {
			known = math.Hypot(known, launchSD*math.Sqrt(1/float64(len(base))+1/float64(len(head))))
		}
	}
	lb, lh := logs(b, shift, m), logs(h, shift, m)
	if len(lb) == 1 || len(lh) == 1 { // an estimate without an error, for the table
		return stats.Effect{Theta: stats.TrimmedMean(lh) - stats.TrimmedMean(lb), SEBlock: math.Inf(1), Blocks: 1, Rounds: len(b) + len(h)}, nil
	}
	e, err := stats.Unpaired(lb, lh, known)
	if err != nil || many || counted(m.Unit) || len(base) < 2 || len(head) < 2 {
		return e, err
	}
	// Few processes tell a little of their luck; when it is more than was assumed, it
	// counts, with the few degrees of freedom that it has.
	seen, err := stats.Unpaired(logs(base.values(true), shift, m), logs(head.values(true), shift, m), layoutSD)
	e.SERound, e.DFRound = e.SEBlock, e.DFBlock
	e.SEBlock, e.DFBlock = seen.SEBlock, seen.DFBlock
	return e, err
}

// exact is an effect without error.
func exact(theta float64, blocks, rounds int) stats.Effect {
	return stats.Effect{Theta: theta, DFBlock: max(1, rounds-2), Blocks: blocks, Rounds: rounds}
}

func constant(values []float64) bool {
	return !slices.ContainsFunc(values, func(x float64) bool { return x != values[0] })
}

// start is what is added to all values before their logarithms are taken: nothing,
// or where some are 0, half of the least that is not.
func start(arms ...[]float64) float64 {
	least, zero := math.Inf(1), false
	for _, x := range slices.Concat(arms...) {
		if x > 0 {
			least = min(least, x)
		} else {
			zero = true
		}
	}
	if !zero || math.IsInf(least, 1) {
		return 0
	}
	return least / 2
}

// logs are the values' logarithms, signed so that + is worse.
func logs(values []float64, shift float64, m *result.Measure) []float64 {
	out := make([]float64, len(values))
	for i, x := range values {
		out[i] = asWorse(math.Log(x+shift), m)
	}
	return out
}

// asWorse is a log ratio or a logarithm with the sign by which + is worse.
func asWorse(log float64, m *result.Measure) float64 {
	if m.Better == result.HigherIsBetter {
		return -log
	}
	return log
}

// counted says whether a unit counts something that the build alone decides.
func counted(unit string) bool { return unit == "B/op" || unit == "allocs/op" }

// openApart says why a measure cannot be decided, or nothing.
func (s *sample) openApart(machines string) string {
	n := min(len(s.measure.Base), len(s.measure.Head))
	switch {
	case machines != "" && !counted(s.measure.Unit):
		return "measured on different machines (" + machines + "): the numbers do not compare"
	case s.err != nil:
		return "not judged: " + s.err.Error()
	case n < stats.MinBlocks && s.benchmark.Detail != "": // parts of runs
		return fmt.Sprintf("%s; %d runs of each side are needed", s.benchmark.Detail, stats.MinBlocks)
	case n < stats.MinBlocks:
		return fmt.Sprintf("%s; %d of each side are needed", plural(n, "sample"), stats.MinBlocks)
	}
	return ""
}

// inconclusiveApart words an inconclusive verdict: its reason, and what to do next.
func (s *suite) inconclusiveApart(v Verdict, open []string, machines string) (reason, next string) {
	few, parts := 0, false
	for i, why := range open {
		if why == "" {
			continue
		}
		few++
		parts = parts || s.gating[i].benchmark.Detail != ""
	}
	switch {
	case machines != "":
		return "base and head were measured on different machines (" + machines + "), and times do not compare across machines",
			"measure both on one machine: gate check does, or run the benchmarks of both there"
	case few > 0 && parts:
		return fmt.Sprintf("each run counts as one sample, and %d of each side are needed: its values share one process", stats.MinBlocks),
			fmt.Sprintf("run each side %d times, best in turn, and give all files: gate compare old1,old2,… new1,new2,…", stats.MinBlocks)
	case few > 0:
		first := slices.IndexFunc(open, func(why string) bool { return why != "" })
		return fmt.Sprintf("too few samples for %s: %s has %s", plural(few, "measure"), s.gating[first].name(), open[first]),
			fmt.Sprintf("measure each side at least %d times (go test -count=10), best in turn", stats.MinBlocks)
	}
	return v.Reason, "measure both at once (gate check), or give more runs of each side, made in turn: what single sessions share no further sample removes"
}

// brokenApart says why nothing can be judged, or nothing.
func (s *suite) brokenApart() string {
	if failed := s.inState(result.BenchmarkFailedHead); len(failed) > 0 {
		return fmt.Sprintf("%s in head, and not in base: %s%s", plural(len(failed), "benchmark fails", "benchmarks fail"), some(failed), s.detail(failed[0]))
	}
	if len(s.inState(result.BenchmarkMeasured)) == 0 {
		return "nothing was compared: base and head have no benchmark in common that could be measured in both"
	}
	return ""
}

// machineFacts are what the fingerprint of a comparison says of each arm's machine,
// as "base cpu" and "head cpu"; numbers do not compare where one differs.
var machineFacts = []string{"class", "cpu", "cpus", "os", "arch"}

// machinesDiffer words in what the machines of base and head differ, or within one
// arm; "" when nothing is known to differ.
func machinesDiffer(doc *result.Document) string {
	var out []string
	fingerprint := doc.Provenance.Runner.Fingerprint
	for _, fact := range machineFacts {
		b, h := fingerprint["base "+fact], fingerprint["head "+fact]
		switch {
		case b != h && b != "" && h != "":
			out = append(out, fmt.Sprintf("%s %s in base, %s in head", fact, b, h))
		case b != h: // see apartNotes
		case strings.Contains(b, " and "):
			out = append(out, fmt.Sprintf("%s %s within each side", fact, b))
		}
	}
	return strings.Join(out, "; ")
}

// apartNotes are what a reader of a comparison must know: what unpaired data cost.
func apartNotes(doc *result.Document) (out []string) {
	if differ := machinesDiffer(doc); differ != "" {
		out = append(out, "DIFFERENT MACHINES: "+differ+". No time in this table compares; only counts do.")
	}
	fingerprint := doc.Provenance.Runner.Fingerprint
	if b, h := fingerprint["base runtime"], fingerprint["head runtime"]; b != h {
		out = append(out, fmt.Sprintf("base ran on %s and head on %s: the difference may be theirs", orUnstated(b), orUnstated(h)))
	}
	if doc.Outcome.Detail != "" {
		out = append(out, doc.Outcome.Detail)
	}
	if unstated(fingerprint) {
		out = append(out, "the files do not both say on what machine they were measured: that it was one is taken on trust")
	}
	return append(out, fmt.Sprintf("base and head were measured apart, so that nothing cancels what their sessions differ by: for that and the luck of one build %.1f%% is added to the error, and for the luck of each process %.1f%% where an arm has fewer than %d; no further sample makes that smaller. gate check measures both at once",
		100*doc.Plan.Policy.LayoutSD, 100*launchSD, stats.MinBlocks))
}

// unstated says whether the machine of an arm is not known. A fingerprint that is no
// arm's is of the one machine that both ran on.
func unstated(fingerprint map[string]string) bool {
	known := map[string]bool{}
	for key := range fingerprint {
		arm, fact, _ := strings.Cut(key, " ")
		switch {
		case arm != "base" && arm != "head":
			return false
		case slices.Contains(machineFacts, fact):
			known[arm] = true
		}
	}
	return len(known) < 2
}

func orUnstated(what string) string {
	if what == "" {
		return "what is not stated"
	}
	return what
}
