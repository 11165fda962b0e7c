package history

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"github.com/fivegate/fivegate/gate/safetext"
)

//go:embed page/trend.html.tmpl
var pageText string

//go:embed page/style.css
var styleText string

//go:embed page/zoom.js
var scriptText string

var pageTemplate = template.Must(template.New("trend").Parse(pageText))

// Bounds of the page.
const (
	plotted = 60 // series with plots; more would make a page that browsers choke on
	tabled  = 500
	newest  = 20 // runs in a series' table
)

// HTML writes the trend as one page that needs no network. Plots zoom and move by
// mouse and keyboard where scripts may run, and are whole where they may not.
func HTML(w io.Writer, t *Trend) error {
	return pageTemplate.Execute(w, newPage(t))
}

// page is what the template reads.
type page struct {
	Style                template.CSS
	Script               template.JS
	ScriptHash           string
	Class, Mark, Title   string
	Headline, Next, Note string
	Titles               []string
	Rows                 []pageRow
	Plots                []plot
	Left, PlotCount      int
}

type pageRow struct{ Cells []string }

type plot struct {
	ID, Title, Reason string
	Events            []Event
	Figures           []figure
	Runs              [][]string
}

type figure struct {
	Caption string
	SVG     template.HTML
}

// ClassOf is the style of a state's cell.
func (page) ClassOf(state string) string {
	switch State(state) {
	case Regressed:
		return "bad"
	case Improved:
		return "good"
	case Explained:
		return "open"
	case Steady, TooShort, Stale:
	}
	return ""
}

func newPage(t *Trend) page {
	hash := sha256.Sum256([]byte(scriptText))
	p := page{
		Style: template.CSS(styleText), Script: template.JS(scriptText),
		ScriptHash: "sha256-" + base64.StdEncoding.EncodeToString(hash[:]),
		Class:      "good", Mark: "✓", Title: "No unexplained regression",
		Headline: t.Headline(), Next: t.Next(), Note: t.note(), Titles: titles, PlotCount: plotted,
	}
	if n := len(t.Regressed()); n > 0 {
		p.Class, p.Mark, p.Title = "bad", "✗", counted(n, "unexplained regression")
	}
	for i := range t.Series {
		s := &t.Series[i]
		if i < tabled {
			p.Rows = append(p.Rows, pageRow{s.cells()})
		}
		if i < plotted {
			p.Plots = append(p.Plots, s.plot(t, i))
		}
	}
	p.Left = len(t.Series) - len(p.Rows)
	return p
}

func (s *Series) plot(t *Trend, number int) plot {
	p := plot{
		ID:     fmt.Sprintf("s%d", number),
		Title:  safetext.Line(s.Metric+" under "+s.Scenario+" on "+s.Class, 200),
		Reason: safetext.Line(s.Reason, 400),
		Events: s.Events(t.From),
	}
	if len(p.Events) > shownEvents {
		p.Events = p.Events[:shownEvents]
	}
	from := 0
	for from < len(s.Runs)-1 && s.Runs[from].At.Before(t.From) {
		from++
	}
	p.Figures = append(p.Figures, figure{"The window, from " + t.From.Format(dateLayout), template.HTML(s.chart(p.ID+"w", from))})
	if from > 0 {
		p.Figures = append(p.Figures, figure{"All runs, from " + s.Runs[0].At.Format(dateLayout), template.HTML(s.chart(p.ID+"a", 0))})
	}
	for i := len(s.Runs) - 1; i >= max(0, len(s.Runs)-newest); i-- {
		r := s.Runs[i]
		p.Runs = append(p.Runs, []string{r.At.Format("2006-01-02 15:04"), short(r.Commit), s.value(s.Values[i]), safetext.Line(r.Release, 40)})
	}
	return p
}
