// Package report shows a verdict: on a terminal, as Markdown for a pull
// request, and as JSON for machines.
//
// New makes one Model of a result document and its verdict; the formats only lay
// it out. Nothing is computed while writing, so no two formats can disagree, and
// the same document gives the same bytes on any machine: the package reads no
// clock, file or environment.
//
// Whatever came from the document may have been written by a stranger (a pull
// request from a fork brings its own names, refs and error texts). New therefore
// takes control characters, bidirectional marks and over-long texts out of every
// string, and each format escapes what is left by its own rules.
//
//	m := report.New(doc, verdict.Judge(doc))
//	err := report.Terminal(os.Stdout, m, report.TerminalOptions{})
package report

import (
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// Model is a verdict and what was measured, worded and rounded, ready to be laid
// out. Its strings are single lines of printable characters.
type Model struct {
	kind     result.Kind
	status   verdict.Status // one of the five; anything else has become invalid
	headline string         // what was found, without the verdict's name
	reason   string
	next     string
	closing  string // the whole verdict in one sentence
	final    bool
	rows     []row  // the gating metrics of a check, all metrics of a run
	watched  []row  // the other metrics of a check
	reasons  []fact // metric and why it was decided so, for those that need a word
	notes    []string
	caption  string // how the table is to be read
	measured []fact // what a reader needs to trust the verdict
	source   []fact // provenance: what one needs to repeat it
	summary  summary
	suite    *suite // of benchmarks, whose rows stand in order of importance; else nil
}

// row is one metric, worded.
type row struct {
	name     string
	unit     string // of a benchmark's measure, whose name it ends
	title    string // the benchmark that it is a measure of
	base     string // in a run document: empty
	head     string // in a run document: what was measured
	effect   effect
	words    string // the effect in words, when it is one: "slower", "less memory"
	limit    string
	mde      string
	decision verdict.Decision
	reason   string
	numbers  summaryMetric // the same, unrounded, as in the JSON form
}

// judged says whether a decision was taken on the metric.
func (r row) judged() bool { return r.decision != verdict.Watching }

// fact is one labelled line.
type fact struct{ label, text string }

// New words a verdict. v must be the verdict of doc; doc is not changed and not
// kept.
func New(doc *result.Document, v verdict.Verdict) Model {
	m := Model{
		kind:   doc.Kind,
		status: v.Status.Known(),
		reason: clean(v.Reason, maxSentence),
		next:   clean(v.Next, maxSentence),
		final:  v.Final,
	}
	metrics, names := v.Metrics, unique{}
	if isSuite(doc) {
		metrics = ByImportance(metrics)
	}
	for _, metric := range metrics {
		r := newRow(doc.Kind, metric)
		if isSuite(doc) {
			r.name = names.name(r.name)
			r.numbers.Name = r.name
		}
		if !metric.Gating && doc.Kind != result.KindRun {
			m.watched = append(m.watched, r)
			continue
		}
		m.rows = append(m.rows, r)
		unjudged := m.status == verdict.Invalid && r.decision == verdict.Open // the verdict's reason says it all
		if metric.Gating && r.decision != verdict.Clear && r.reason != "" && !unjudged {
			m.reasons = append(m.reasons, fact{r.name, r.reason})
		}
	}
	if isSuite(doc) {
		s := newSuite(doc, m.rows)
		m.suite = &s
		m.reasons = m.reasons[:min(len(m.reasons), maxReasons)]
	}
	for _, note := range v.Notes {
		m.notes = append(m.notes, clean(note, maxSentence))
	}
	if !v.Final && m.status != verdict.Invalid {
		m.notes = append(m.notes, "This is not the last word: the next planned look may still change the verdict.")
	}
	m.caption = caption(doc, v)
	m.headline = headline(doc, v)
	m.closing = closing(doc, v)
	m.measured = measured(doc, v)
	m.source = provenance(doc)
	m.summary = summarize(doc, v, m)
	return m
}

func newRow(kind result.Kind, metric verdict.Metric) row {
	r := row{
		name:     clean(metric.Name, maxName),
		head:     absent,
		effect:   newEffect(metric),
		limit:    formatLimit(kind, metric),
		mde:      formatMDE(metric),
		decision: verdict.Decision(clean(string(metric.Decision), maxWord)),
		reason:   clean(metric.Reason, maxSentence),
		words:    direction(metric),
		numbers:  summarizeMetric(kind, metric),
	}
	format := formatPair
	if metric.Benchmark != "" {
		r.name, r.title, r.unit = clean(metric.Name, maxMeasure), clean(metric.Benchmark, maxBenchmark), clean(string(metric.Unit), maxName)
		format = formatMeasure
	}
	if metric.HasValues {
		r.base, r.head = format(metric.Unit, metric.Base, metric.Head)
	}
	switch {
	case kind == result.KindRun:
		r.base = ""
	case r.base == "":
		r.base = absent
	}
	return r
}
