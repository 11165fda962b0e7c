package artifact

import (
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/fivegate/fivegate/gate/result"
)

// Bounds of a document from a stranger. They hold ten times what a check of a day
// has, and keep what judging costs within seconds.
const (
	maxLaunches   = 5_000
	maxSlices     = 50_000
	maxBlocks     = 2_500
	maxRounds     = 2_500
	maxLooks      = 100
	maxNames      = 200
	maxProbes     = 20_000
	maxNameLength = 200     // characters
	maxTextLength = 64_000  // bytes of what a process printed, and of the scenario
	maxSeconds    = 86_400  // of the whole measurement
	maxRate       = 1e7     // requests a second
	maxMemory     = 1 << 50 // bytes
	clockSlack    = 1       // s by which clocks of one measurement may differ
)

// suspicion collects the first thing that is wrong.
type suspicion struct{ err error }

func (s *suspicion) that(wrong bool, format string, args ...any) {
	if s.err == nil && wrong {
		s.err = fmt.Errorf(format, args...)
	}
}

// plausible refuses what a valid document may say and no check of a pull request
// says: other arms, names that do not show as they are, more of anything than a
// check has, and numbers beyond physical sense.
func plausible(doc *result.Document) error {
	var s suspicion
	p := &doc.Plan
	s.that(doc.Kind != result.KindCheck, "/kind is %q: a pull request is judged by checks", doc.Kind)
	for i, arm := range doc.Arms {
		s.that(i > 1 || arm.Name != []string{"base", "head"}[min(i, 1)], "/arms/%d/name is %.80q: the arms are base and head", i, arm.Name)
		s.that(len(arm.Layouts) > maxBlocks, "/arms/%d/layouts are %d, allowed are %d", i, len(arm.Layouts), maxBlocks)
	}
	s.that(len(doc.Launches) > maxLaunches, "/launches are %d, allowed are %d", len(doc.Launches), maxLaunches)
	s.that(len(doc.Slices) > maxSlices, "/slices are %d, allowed are %d", len(doc.Slices), maxSlices)
	s.that(p.Blocks > maxBlocks, "/plan/blocks is %d, allowed are %d", p.Blocks, maxBlocks)
	s.that(p.Rounds > maxRounds, "/plan/rounds is %d, allowed are %d", p.Rounds, maxRounds)
	s.that(len(p.Looks) > maxLooks, "/plan/looks are %d, allowed are %d", len(p.Looks), maxLooks)
	s.that(p.Probes > maxProbes, "/plan/probes is %d, allowed are %d", p.Probes, maxProbes)
	s.that(!(p.RatePerS <= maxRate), "/plan/rate_per_s is %g, allowed is %g", p.RatePerS, maxRate)
	s.that(!(doc.Provenance.DurationS <= maxSeconds), "/provenance/duration_s is %g, allowed is a day", doc.Provenance.DurationS)
	if s.err == nil {
		s.texts(doc)
		s.slices(doc)
	}
	return s.err
}

// name demands a text that shows as it is: printable, which also rules out marks
// that reorder or hide text.
func (s *suspicion) name(at, text string) {
	s.that(!utf8.ValidString(text) || utf8.RuneCountInString(text) > maxNameLength, "%s is longer than %d characters, or not UTF-8", at, maxNameLength)
	for _, r := range text {
		s.that(!unicode.IsPrint(r), "%s is %.80q: it has characters that do not show", at, text)
	}
}

func (s *suspicion) names(at string, texts []string) {
	s.that(len(texts) > maxNames, "%s are %d, allowed are %d", at, len(texts), maxNames)
	for _, text := range texts[:min(len(texts), maxNames)] {
		s.name(at, text)
	}
}

func (s *suspicion) table(at string, table map[string]string) {
	s.that(len(table) > maxNames, "%s has %d entries, allowed are %d", at, len(table), maxNames)
	if s.err != nil {
		return
	}
	for key, value := range table {
		s.name(at, key)
		s.name(at, value)
	}
}

func (s *suspicion) texts(doc *result.Document) {
	p := &doc.Provenance
	s.names("/provenance/tool", []string{p.Tool.Version, p.Tool.Commit, p.Tool.Go})
	s.name("/provenance/scenario/name", p.Scenario.Name)
	s.name("/provenance/runner/class", p.Runner.Class)
	s.name("/provenance/repository/path", p.Repository.Path)
	s.table("/provenance/runner/fingerprint", p.Runner.Fingerprint)
	s.names("/provenance/command", p.Command)
	s.names("/plan/metrics", doc.Plan.Metrics)
	s.names("/plan/operations", doc.Plan.Operations)
	for i := range doc.Arms {
		s.name("/arms/ref", doc.Arms[i].Ref)
	}
	s.that(len(p.Scenario.Text) > maxTextLength, "/provenance/scenario/text has more than %d bytes", maxTextLength)
	s.that(len(doc.Outcome.Detail) > maxTextLength, "/outcome/detail has more than %d bytes", maxTextLength)
	for i := range doc.Prior {
		s.name(fmt.Sprintf("/prior/%d/verdict", i), doc.Prior[i].Verdict)
		s.that(len(doc.Prior[i].Detail) > maxTextLength, "/prior/%d/detail has more than %d bytes", i, maxTextLength)
		s.that(len(doc.Prior[i].Looks) > maxLooks, "/prior/%d/looks are %d, allowed are %d", i, len(doc.Prior[i].Looks), maxLooks)
	}
}

func (s *suspicion) slices(doc *result.Document) {
	longest := doc.Provenance.DurationS + clockSlack
	for i := range doc.Slices {
		slice := &doc.Slices[i]
		s.that(float64(slice.Sent) > maxRate*(slice.DurationS+clockSlack), "/slices/%d/sent is %d in %g s, which no machine does", i, slice.Sent, slice.DurationS)
		s.that(slice.RSSBytes > maxMemory, "/slices/%d/rss_bytes is %d, more than any machine has", i, slice.RSSBytes)
		s.that(len(slice.Engine.Limited) > maxTextLength, "/slices/%d/engine/limited has more than %d bytes", i, maxTextLength)
		e := &slice.Engine
		slowest := slices.Max([]int64{e.LagMaxNS, e.LagP999NS, e.WaitP99NS, e.ServiceP99NS})
		s.that(float64(slowest) > longest*1e9, "/slices/%d/engine has %d ns, longer than the whole measurement", i, slowest)
		s.table(fmt.Sprintf("/slices/%d/conditions", i), slice.Conditions)
		for j := range slice.Operations {
			o := &slice.Operations[j]
			s.that(len(o.Errors) > maxNames, "/slices/%d/operations/%d/errors are of %d kinds, allowed are %d", i, j, len(o.Errors), maxNames)
			s.that(o.Response.Total() > 0 && o.Response.Quantile(1) > longest*1e9, "/slices/%d/operations/%d/response holds a latency longer than the whole measurement", i, j)
			for kind := range o.Errors {
				s.name(fmt.Sprintf("/slices/%d/operations/%d/errors", i, j), kind)
			}
		}
		if s.err != nil {
			return
		}
	}
}
