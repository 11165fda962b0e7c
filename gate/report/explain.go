package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// Explain writes a document and its verdict in plain words, for someone who has
// not read how the gate works: what was measured, why the verdict, what would
// change it, where the noise came from, and what to do. v must be the verdict of
// doc. The error is that of w.
func Explain(w io.Writer, doc *result.Document, v verdict.Verdict, o TerminalOptions) error {
	s := newScreen(o)
	status := v.Status.Known()
	s.line(s.verdict(status).Render(strings.ToUpper(string(status))) + "  " + headline(doc, v))
	s.list("What was measured", cleaned(explainMeasured(doc, v)))
	s.list("Why the verdict is "+string(status), cleaned(explainWhy(doc, v)))
	s.list("What would change it", cleaned(explainChange(doc, v)))
	s.list("Where the noise came from", cleaned(explainNoise(doc)))
	s.list("What to do", cleaned(explainNext(doc, v)))
	_, err := io.WriteString(w, s.out.String())
	return err
}

func cleaned(texts []string) (out []string) {
	for _, t := range texts {
		if t = clean(t, 2*maxSentence); t != "" {
			out = append(out, t)
		}
	}
	return out
}

func explainMeasured(doc *result.Document, v verdict.Verdict) []string {
	if isSuite(doc) {
		return explainSuiteMeasured(doc)
	}
	p := doc.Plan
	if doc.Outcome.Ended == result.RunIdentical {
		return []string{"Base and head were built and came out as the same bytes, so nothing was run."}
	}
	if doc.Kind == result.KindRun {
		return []string{fmt.Sprintf("One target under the scenario %q for %s, at %s requests a second: %s.",
			doc.Provenance.Scenario.Name, elapsed(doc.Provenance.DurationS), significant(p.RatePerS), tally(doc).requests())}
	}
	how := "Both were driven at the same time, on the same cores, with the same requests, so what disturbs one disturbs the other."
	if p.Mode == result.ModeAlternating {
		how = "They were driven in turn, in short slices, since they cannot run side by side; what disturbs the machine falls on one of them, which makes the intervals wide."
	}
	return []string{
		fmt.Sprintf("Two builds of %s: base (%s) and head (%s), under the scenario %q, for %s.", subject(doc), short(doc.Arms, 0), short(doc.Arms, 1), doc.Provenance.Scenario.Name, elapsed(doc.Provenance.DurationS)),
		how,
		fmt.Sprintf("%s: each is a freshly started process of base beside one of head, in another layout of the same code where the toolchain can, because two launches of the very same program differ by some percent. Each block held %s.", capital(count(v.Look.Blocks, "block")), count(p.Rounds, "round")),
		"Requests: " + tally(doc).requests() + ".",
	}
}

// subject names what was built.
func subject(doc *result.Document) string {
	if doc.Provenance.Repository.Path != "" {
		return doc.Provenance.Repository.Path
	}
	return "the target"
}

func short(arms []result.Arm, i int) string {
	if i >= len(arms) {
		return absent
	}
	if c := arms[i].Commit; len(c) >= 12 {
		return c[:12]
	}
	return join(arms[i].Ref, arms[i].Commit)
}

func explainWhy(doc *result.Document, v verdict.Verdict) []string {
	if isSuite(doc) {
		return explainSuiteWhy(doc, v)
	}
	out := []string{sentence(v.Reason)}
	if doc.Kind == result.KindRun || v.Status == verdict.Invalid {
		return out
	}
	for _, m := range v.Metrics {
		if m.Gating {
			out = append(out, explainMetric(m))
		}
	}
	if v.Look.Of > 0 && v.Look.Number < v.Look.Of {
		out = append(out, fmt.Sprintf("It was clear at look %d of %d, so the rest of the time was saved; the bounds at early looks are stricter to pay for it.", v.Look.Number, v.Look.Of))
	}
	return out
}

// explainMetric says in a sentence what an effect and its interval mean.
func explainMetric(m verdict.Metric) string {
	name := clean(m.Name, maxMeasure)
	if !m.HasEffect {
		return fmt.Sprintf("%s: %s", name, m.Reason)
	}
	unit, limit := effectUnit(m), formatLimit(result.KindCheck, m)
	size := func(v float64) string { return strings.TrimLeft(signed(m, v), "+-") + unit }
	change := "no change at all was measured"
	switch {
	case m.Effect > 0:
		change = "measured as " + size(m.Effect) + " worse"
	case m.Effect < 0:
		change = "measured as " + size(m.Effect) + " better"
	}
	most := "and no worse than base"
	if m.High > 0 {
		most = "and at most " + size(m.High) + " worse"
	}
	switch m.Decision {
	case verdict.Worse:
		least := ""
		if m.Low > 0 {
			least = "; at the least it is " + size(m.Low)
		}
		return fmt.Sprintf("%s: %s, which is beyond the limit of %s and not chance%s", name, change, limit, least)
	case verdict.Better:
		return fmt.Sprintf("%s: %s, at the least %s, which is not chance either", name, change, size(m.High))
	case verdict.Clear:
		return fmt.Sprintf("%s: %s, %s; nothing speaks for a regression beyond the limit of %s", name, change, most, limit)
	case verdict.Open:
		return fmt.Sprintf("%s: %s, %s; that leaves room for no change as well as for one beyond the limit of %s", name, change, most, limit)
	case verdict.Missing, verdict.Watching:
	}
	return fmt.Sprintf("%s: %s", name, m.Reason)
}

func explainChange(doc *result.Document, v verdict.Verdict) []string {
	switch {
	case doc.Outcome.Ended == result.RunIdentical:
		return []string{"Any change that reaches the built files."}
	case doc.Kind == result.KindRun:
		return []string{"Other values than the scenario's limits allow; see the limits in its [validation] table."}
	}
	limit := percent(doc.Plan.Policy.Threshold)
	switch v.Status {
	case verdict.Regression:
		return []string{
			fmt.Sprintf("A head whose estimates stay under %s, or whose lower bounds reach zero.", limit),
			"Running it again changes the numbers a little and, with a difference as clear as this one, not the answer.",
		}
	case verdict.Pass, verdict.Improvement:
		return []string{fmt.Sprintf("A gating metric whose estimate is beyond %s and whose interval leaves out zero.", limit), smallest(v)}
	case verdict.Inconclusive:
		return []string{"More evidence: more blocks (a longer --budget), or less noise in each.", capital(sentence(v.Next))}
	case verdict.Invalid:
	}
	return []string{"A measurement that ends as planned: an invalid one says nothing about head, neither good nor bad."}
}

// smallest says what the run could have missed.
func smallest(v verdict.Verdict) string {
	most := verdict.Metric{}
	for _, m := range v.Metrics {
		if m.Gating && m.HasEffect && m.Unit != verdict.UnitFraction && m.High > most.High {
			most = m
		}
	}
	if most.Name == "" {
		return ""
	}
	return fmt.Sprintf("What may have been missed: a slow-down of up to %s%% in %s.", strings.TrimPrefix(signed(most, most.High), "+"), clean(most.Name, maxMeasure))
}

func explainNoise(doc *result.Document) (out []string) {
	if isSuite(doc) {
		return explainSuiteNoise(doc)
	}
	for _, t := range verdict.Traces(doc) {
		parts := noiseParts(t.Noise)
		if parts[0].size == 0 {
			continue
		}
		text := fmt.Sprintf("%s: most of it, %s, %s", clean(t.Name, maxName), percent(parts[0].size), parts[0].text)
		if parts[1].size > 0 {
			text += fmt.Sprintf("; then %s %s", percent(parts[1].size), parts[1].text)
		}
		out = append(out, text+".")
	}
	out = append(out, machineNotes(doc)...)
	if len(out) == 0 {
		return []string{"There are too few rounds to say."}
	}
	return out
}

// part is a share of the noise and what it is.
type part struct {
	size float64
	text string
}

// noiseParts are the parts of the noise, largest first.
func noiseParts(n verdict.Noise) []part {
	parts := []part{
		{n.Block, "between blocks (how each process happened to start and be laid out; more blocks and layouts help)"},
		{n.Round, "between rounds (the machine; a quieter one helps)"},
		{n.Within, "within rounds (so few requests in each; a higher rate or longer rounds help)"},
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.size, a.size) })
	return parts
}

// machineNotes say what the machine did beside the measurement.
func machineNotes(doc *result.Document) (out []string) {
	var wall, foreign, steal float64
	var limited, open int
	for _, s := range doc.Slices {
		if s.Phase != result.PhaseOpen {
			continue
		}
		open++
		wall += s.DurationS
		foreign += s.Engine.ForeignS
		steal += s.StealS
		if s.Engine.Limited != "" {
			limited++
		}
	}
	if wall == 0 {
		return nil
	}
	out = append(out, fmt.Sprintf("Other work kept %s cores busy on average, and the hypervisor took %s.", decimal(foreign/wall, 2), decimal(steal/wall, 2)))
	if limited > 0 {
		out = append(out, fmt.Sprintf("In %d of %d open-loop slices the load engine itself was late; their rounds were left out of both arms.", limited, open))
	}
	return out
}

func explainNext(doc *result.Document, v verdict.Verdict) []string {
	out := []string{capital(sentence(v.Next))}
	if v.Status == verdict.Regression {
		metrics := v.Metrics
		if isSuite(doc) {
			metrics = ByImportance(metrics)
		}
		for _, m := range metrics {
			if m.Decision == verdict.Worse {
				out = append(out, "Start with "+advice(m)+".")
				break
			}
		}
	}
	if lines := reproduce(doc); lines != nil && v.Status != verdict.Pass {
		out = append(out, "To measure it again: "+lines[len(lines)-1])
	}
	return out
}

// advice says where to look first for what made a metric worse.
func advice(m verdict.Metric) string {
	metric := m.Name
	switch {
	case m.Benchmark != "":
		return suiteAdvice(m)
	case strings.HasPrefix(metric, "cpu_per_op"), strings.HasPrefix(metric, "throughput"):
		return "a CPU profile of base and of head under the same scenario: the request costs more CPU"
	case strings.HasPrefix(metric, "latency"):
		return "what a request waits for (locks, I/O, other requests), since its latency grew; if cpu_per_op grew too, a CPU profile comes first"
	case metric == "error_rate":
		return "the kinds of the failed requests in the report and the target's own log"
	case metric == "rss":
		return "a heap profile of base and of head after the same load"
	}
	return "a profile of base and of head under the same scenario"
}
