package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/fivegate/fivegate/gate/chart"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// Figures are the plots of a document with the numbers that they show, and what
// one needs to repeat the measurement. Only the HTML form has room for them.
type Figures struct {
	number    bigNumber
	overview  []figure
	sections  []section
	reproduce []string
	scenario  string // the scenario's text, several lines
}

// section is a group of figures under one heading.
type section struct {
	ID, Title, Lead string
	Figures         []figure
}

// figure is a plot and the same numbers as text.
type figure struct {
	SVG     template.HTML // by package chart, which escapes all text
	Caption string
	Table   table
}

type table struct {
	Title  string
	Header []string
	Rows   [][]string
}

// Illustrate draws what a verdict rests on. v must be the verdict of doc.
func Illustrate(doc *result.Document, v verdict.Verdict) Figures {
	f := Figures{number: theNumber(doc, v), reproduce: reproduce(doc), scenario: doc.Provenance.Scenario.Text}
	if isSuite(doc) {
		f.overview, f.sections = forest(v), suiteSections(doc, v)
		return f
	}
	if doc.Kind == result.KindCheck {
		f.overview = overview(v)
	}
	traces := verdict.Traces(doc)
	for _, s := range []section{
		blockSection(doc, traces),
		stepSection(doc, traces),
		latencySection(doc),
		timeSection(doc),
		engineSection(doc),
		noiseSection(traces),
	} {
		if len(s.Figures) > 0 {
			f.sections = append(f.sections, s)
		}
	}
	return f
}

// newFigure draws a chart and puts its table beside it.
func newFigure(c chart.Chart, caption string, t table) figure {
	t.Title = "Numbers: " + c.Title
	return figure{SVG: template.HTML(c.SVG()), Caption: caption, Table: t} // chart escapes all text
}

// slug makes an identifier of a name.
func slug(parts ...string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(strings.Join(parts, "-")))
}

// bigNumber is the one number that matters, and what it is.
type bigNumber struct{ Value, Label string }

func theNumber(doc *result.Document, v verdict.Verdict) bigNumber {
	if doc.Kind == result.KindRun {
		for _, m := range v.Metrics {
			if m.HasValues && m.Name == "latency.p99.raw" {
				_, p99 := formatPair(m.Unit, m.Head, m.Head)
				return bigNumber{p99, "P99 of all requests"}
			}
		}
		return bigNumber{}
	}
	of := func(m verdict.Metric, n int) bigNumber {
		if n == 0 || !m.HasEffect {
			return bigNumber{}
		}
		e := newEffect(m)
		label := "in " + clean(m.Name, maxName)
		if m.Benchmark != "" {
			label = "in " + clean(m.Name, maxMeasure)
		}
		if m.Decision != verdict.Better {
			label += ", limit " + formatLimit(doc.Kind, m)
		}
		if e.low != "" {
			label = fmt.Sprintf("[%s, %s] %s", e.low, e.high, label)
		}
		return bigNumber{e.point, label}
	}
	switch v.Status.Known() {
	case verdict.Regression:
		return of(pick(v.Metrics, verdict.Worse, func(m verdict.Metric) float64 { return m.Effect - m.Limit }))
	case verdict.Improvement:
		return of(pick(v.Metrics, verdict.Better, func(m verdict.Metric) float64 { return -m.Effect }))
	case verdict.Inconclusive:
		return of(pick(v.Metrics, verdict.Open, func(m verdict.Metric) float64 { return m.High }))
	case verdict.Pass:
		return of(pick(v.Metrics, verdict.Clear, func(m verdict.Metric) float64 {
			switch {
			case isSuite(doc):
				return math.Abs(m.Effect) // as in the headline
			case m.Unit == verdict.UnitFraction:
				return math.Inf(-1)
			}
			return m.High
		}))
	case verdict.Invalid:
	}
	return bigNumber{}
}

// reproduce are the commands that repeat the measurement in a clone.
func reproduce(doc *result.Document) []string {
	p := doc.Provenance
	if doc.Kind != result.KindCheck || len(doc.Arms) != 2 || doc.Arms[0].Commit == "" || doc.Arms[1].Commit == "" {
		return nil
	}
	base, head := clean(doc.Arms[0].Commit, maxName), clean(doc.Arms[1].Commit, maxName)
	check := fmt.Sprintf("gate check --base %s --head %s --seed %d", base, head, p.Seed)
	if isSuite(doc) {
		flags, leftOut := Chosen(doc)
		check = join(append([]string{check}, flags...)...)
		if len(leftOut) > 0 {
			check += " # and as it was: " + strings.Join(leftOut, ", ")
		}
	}
	return []string{fmt.Sprintf("git fetch origin %s %s", base, head), check}
}

// percents words fractions on an axis.
func percents(v float64) string { return decimal(100*v, 1) + "%" }

// plain words numbers on an axis.
func plain(v float64) string { return decimal(v, 3) }

// ticked is an axis over [low, high] with about n ticks.
func ticked(label string, low, high float64, n int, format func(float64) string) chart.Axis {
	return chart.Axis{Label: label, Min: low, Max: high, Ticks: chart.Ticks(low, high, n, format)}
}

// extent is the least and the greatest of finite values; from > to when there is
// none.
type extent struct{ low, high float64 }

func emptyExtent() extent { return extent{math.Inf(1), math.Inf(-1)} }

func (e *extent) add(values ...float64) {
	for _, v := range values {
		if finite(v) {
			e.low, e.high = min(e.low, v), max(e.high, v)
		}
	}
}

// padded widens the extent by a share of its size on both sides.
func (e extent) padded(share float64) extent {
	pad := share * (e.high - e.low)
	if pad == 0 {
		pad = max(math.Abs(e.high), 1e-9) * share
	}
	return extent{e.low - pad, e.high + pad}
}
