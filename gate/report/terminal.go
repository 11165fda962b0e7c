package report

import (
	"io"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// TerminalOptions say what the terminal can do.
type TerminalOptions struct {
	Width  int  // columns; 0 means 100
	Colour bool // only for a terminal, and never with NO_COLOR
}

// Widths of a report, in columns. Below the least the table would lose its
// numbers; above the most, lines of text become hard to read.
const (
	defaultWidth = 100
	leastWidth   = 50
	mostWidth    = 120
)

// Terminal writes the report for a person at a terminal: the verdict, the table,
// what was measured, what to do next, and the verdict in one sentence as the
// last line. Without TerminalOptions.Colour the output holds no escape sequence. No line
// is wider than TerminalOptions.Width, so long as that is 50 or more. The error is that
// of w.
func Terminal(w io.Writer, m Model, o TerminalOptions) error {
	s := newScreen(o)
	s.line(s.verdict(m.status).Render(strings.ToUpper(string(m.status))) + "  " + m.headline)
	if m.suite != nil {
		s.suite(m)
	} else {
		s.table(m)
	}
	s.facts("why", m.reasons)
	s.watched(m.watched)
	s.list("notes", m.notes)
	s.facts("measured", m.measured)
	s.list("next", nonEmpty(m.next))
	s.blank()
	s.line(m.closing)
	_, err := io.WriteString(w, s.out.String())
	return err
}

// screen collects lines of a bounded width.
type screen struct {
	out           strings.Builder
	width         int
	renderer      *lipgloss.Renderer
	strong, faint lipgloss.Style
}

func newScreen(o TerminalOptions) *screen {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.Ascii)
	if o.Colour {
		r.SetColorProfile(termenv.ANSI)
	}
	return &screen{
		width:    min(max(o.Width, leastWidth), mostWidth),
		renderer: r,
		strong:   r.NewStyle().Bold(true),
		faint:    r.NewStyle().Faint(true),
	}
}

// The colours are the basic eight, which every terminal has and every theme
// makes readable.
func (s *screen) colour(c string) lipgloss.Style {
	return s.renderer.NewStyle().Foreground(lipgloss.Color(c)).Bold(true)
}

func (s *screen) verdict(status verdict.Status) lipgloss.Style {
	switch status {
	case verdict.Pass, verdict.Improvement:
		return s.colour("2")
	case verdict.Inconclusive:
		return s.colour("3")
	case verdict.Regression, verdict.Invalid:
	}
	return s.colour("1")
}

func (s *screen) decision(d verdict.Decision) lipgloss.Style {
	switch d {
	case verdict.Better:
		return s.colour("2")
	case verdict.Open:
		return s.colour("3")
	case verdict.Worse, verdict.Missing:
		return s.colour("1")
	case verdict.Clear, verdict.Watching:
	}
	return s.renderer.NewStyle()
}

func (s *screen) blank() { s.out.WriteByte('\n') }

func (s *screen) line(text string) { s.item("", text) }

// item writes text after prefix, wrapped; what does not fit on the first line
// stands under the text.
func (s *screen) item(prefix, text string) {
	margin := lipgloss.Width(prefix)
	wrapped := s.renderer.NewStyle().Width(s.width - margin).Render(text)
	for line := range strings.SplitSeq(wrapped, "\n") {
		s.out.WriteString(strings.TrimRight(prefix+line, " "))
		s.blank()
		prefix = strings.Repeat(" ", margin)
	}
}

func (s *screen) heading(title string) {
	s.blank()
	s.line(s.strong.Render(title))
}

func (s *screen) list(title string, texts []string) {
	if len(texts) == 0 {
		return
	}
	s.heading(title)
	for _, text := range texts {
		s.item("  ", sentence(text))
	}
}

func (s *screen) facts(title string, facts []fact) {
	if len(facts) == 0 {
		return
	}
	s.heading(title)
	labels := 0
	for _, f := range facts {
		labels = max(labels, min(lipgloss.Width(f.label), s.width/3))
	}
	for _, f := range facts {
		label := cutLeft(f.label, labels)
		label += strings.Repeat(" ", labels-lipgloss.Width(label))
		s.item("  "+s.faint.Render(label)+"  ", f.text)
	}
}

// table writes the metrics that matter most and the caption.
func (s *screen) table(m Model) {
	if len(m.rows) == 0 {
		return
	}
	s.blank()
	effects := alignEffects(m.rows)
	t := grid{}
	t.column("metric", false, names, func(i int) string { return m.rows[i].name })
	if m.kind == result.KindRun {
		t.column("measured", true, keep, func(i int) string { return m.rows[i].head })
	} else {
		t.column("base", true, 2, func(i int) string { return m.rows[i].base })
		t.column("head", true, 2, func(i int) string { return m.rows[i].head })
		t.column("change", true, keep, func(i int) string { return effects[i] })
		t.column("in words", false, 1, func(i int) string { return m.rows[i].words })
	}
	t.column("limit", true, 3, func(i int) string { return m.rows[i].limit })
	t.column("decision", false, keep, func(i int) string {
		if m.kind == result.KindRun && !m.rows[i].judged() {
			return ""
		}
		return string(m.rows[i].decision)
	})
	t.style(len(t.columns)-1, func(i int) lipgloss.Style { return s.decision(m.rows[i].decision) })
	s.grid(t, len(m.rows), 0)
	if m.caption != "" {
		s.line(s.faint.Render(m.caption))
	}
}

// maxWatched bounds the watched metrics on a terminal; scenarios with many
// operations have hundreds, and the Markdown and JSON forms hold more of them.
const maxWatched = 24

// watchedTitle heads the other metrics. They get no words such as "slower": of
// many intervals of 90%, some miss zero by chance.
const watchedTitle = "watched, not judged; each with its own 90% interval"

func (s *screen) watched(rows []row) {
	if len(rows) == 0 {
		return
	}
	s.heading(watchedTitle)
	shown := rows[:min(len(rows), maxWatched)]
	effects := alignEffects(shown)
	t := grid{}
	t.column("", false, names, func(i int) string { return shown[i].name })
	t.column("", true, 2, func(i int) string { return shown[i].base })
	t.column("", true, keep, func(i int) string { return shown[i].head })
	t.column("", true, 3, func(i int) string { return effects[i] })
	s.grid(t, len(shown), 2)
	if left := len(rows) - len(shown); left > 0 {
		s.item("  ", "and "+count(left, "more metric"))
	}
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
