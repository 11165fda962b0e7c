package report

import (
	_ "embed"
	"html/template"
	"io"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

//go:embed html/report.html.tmpl
var pageText string

//go:embed html/style.css
var styleText string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"sentence": sentence, "capital": capital,
}).Parse(pageText))

// HTML writes the report as one page that needs no network: style and plots are
// inside. It follows the reader's light or dark theme and prints. f must be of
// the same document as m. The error is that of w.
func HTML(w io.Writer, m Model, f Figures) error {
	return pageTemplate.Execute(w, newPageView(m, f))
}

// pageView is what the template reads.
type pageView struct {
	Style                     template.CSS
	Verdict, Mark, Class      string
	Headline, Next, Closing   string
	Check                     bool
	Number                    bigNumber
	Rows, Watched             []rowView
	Caption                   string
	Reasons, Measured, Source []factView
	Notes                     []string
	Overview                  []figure
	Sections                  []section
	Reproduce                 []string
	Scenario                  string
	Suite, Others             *suiteView // of benchmarks: the measures that matter most, and the others
	Rest                      string     // what the others are
	Groups                    []groupView
}

// suiteView is a table of measures of benchmarks.
type suiteView struct {
	Label string
	Rows  []rowView
}

// groupView is benchmarks that were not compared.
type groupView struct {
	Title string
	Names []factView
}

type factView struct{ Label, Text string }

type rowView struct {
	Name, Unit, Base, Head, Effect, Interval, Words, Limit, MDE, Decision, Mark, Class string
}

func newPageView(m Model, f Figures) pageView {
	v := pageView{
		Style:    template.CSS(styleText),
		Verdict:  string(m.status),
		Mark:     plainMark(m.status),
		Class:    string(m.status),
		Headline: capital(m.headline), Next: m.next, Closing: m.closing,
		Check:   m.kind != result.KindRun,
		Number:  f.number,
		Caption: m.caption, Notes: m.notes,
		Overview: f.overview, Sections: f.sections, Reproduce: f.reproduce, Scenario: cleanLines(f.scenario),
		Reasons: factViews(m.reasons), Measured: factViews(m.measured), Source: factViews(m.source),
	}
	for _, r := range m.shownRows() {
		v.Rows = append(v.Rows, newRowView(r, m.kind))
	}
	for _, r := range m.watched {
		v.Watched = append(v.Watched, newRowView(r, m.kind))
	}
	if m.suite == nil {
		return v
	}
	v.Suite, v.Rest = &suiteView{"Table of the measures that matter most", v.Rows}, m.suite.rest
	if rest := m.foldedRows(); len(rest) > 0 {
		v.Others = &suiteView{Label: "Table of the other measures"}
		for _, r := range rest {
			v.Others.Rows = append(v.Others.Rows, newRowView(r, m.kind))
		}
	}
	for _, g := range m.suite.groups {
		v.Groups = append(v.Groups, groupView{g.title(), factViews(g.names)})
	}
	return v
}

func factViews(facts []fact) (out []factView) {
	for _, f := range facts {
		out = append(out, factView{f.label, f.text})
	}
	return out
}

func newRowView(r row, kind result.Kind) rowView {
	v := rowView{
		Name: r.name, Base: r.base, Head: r.head, Effect: r.effect.point, Words: r.words, Limit: r.limit, MDE: r.mde,
		Decision: string(r.decision), Class: "open",
	}
	if r.title != "" {
		v.Name, v.Unit = r.title, r.unit
	}
	if r.effect.low != "" {
		v.Interval = "[" + r.effect.low + ", " + r.effect.high + "]"
	}
	switch r.decision {
	case verdict.Clear:
		v.Mark, v.Class = "✓", "good"
	case verdict.Better:
		v.Mark, v.Class = "▲", "good"
	case verdict.Worse, verdict.Missing:
		v.Mark, v.Class = "✗", "bad"
	case verdict.Open:
		v.Mark = "?"
	case verdict.Watching:
		v.Class = ""
	}
	if kind == result.KindRun { // held against limits, not against a base
		v.Decision = map[verdict.Decision]string{verdict.Clear: "within", verdict.Worse: "beyond the limit", verdict.Watching: ""}[r.decision]
	}
	return v
}

// plainMark is a mark beside the verdict's word that needs no colour.
func plainMark(s verdict.Status) string {
	switch s {
	case verdict.Pass, verdict.Improvement:
		return "✓"
	case verdict.Inconclusive:
		return "?"
	case verdict.Regression, verdict.Invalid:
	}
	return "✗"
}

// maxLines and maxLine bound the scenario's text on the page.
const (
	maxLines = 400
	maxLine  = 200
)

// cleanLines is clean for a text of several lines; what leads a line stays.
func cleanLines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	if len(lines) > maxLines {
		lines = append(lines[:maxLines], "…")
	}
	for i, line := range lines {
		text := strings.TrimLeft(line, " \t")
		indent := min(len(line)-len(text), 40)
		lines[i] = strings.Repeat(" ", indent) + clean(text, maxLine)
	}
	return strings.Join(lines, "\n")
}
