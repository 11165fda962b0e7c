package history

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/fivegate/fivegate/gate/safetext"
)

// shownSteady is how many series without a finding the terminal and the comment list.
const shownSteady = 10

// listed are the series to list, and how many are left out.
func (t *Trend) listed() (shown []*Series, left int) {
	steady := 0
	for i := range t.Series {
		s := &t.Series[i]
		if s.State == Steady || s.State == TooShort || s.State == Stale {
			if steady++; steady > shownSteady {
				left++
				continue
			}
		}
		shown = append(shown, s)
	}
	return shown, left
}

// cells are a row of the table.
func (s *Series) cells() []string {
	now := s.value(s.Segments[len(s.Segments)-1].End)
	return []string{
		string(s.State), safetext.Line(s.Scenario, 60), safetext.Line(s.Metric, 80), now,
		s.Month.text(s), s.Release.text(s), safetext.Line(s.Class, 60),
	}
}

var titles = []string{"state", "scenario", "metric", "now", "4 weeks", "since", "runner class"}

// text is a comparison's effect, with its interval.
func (c *Comparison) text(s *Series) string {
	if c == nil {
		return "–"
	}
	return s.number(c.Effect) + " " + s.interval(c.Low, c.High)
}

// Terminal writes the trend for a person: the table, worst first, what was found, and
// the answer in the last line. No line is cut, and there is no colour.
func Terminal(w io.Writer, t *Trend) error {
	var b strings.Builder
	shown, left := t.listed()
	rows := [][]string{titles}
	for _, s := range shown {
		rows = append(rows, s.cells())
	}
	widths := make([]int, len(titles))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	if left > 0 {
		fmt.Fprintf(&b, "and %d more without a finding\n", left)
	}
	for _, s := range shown {
		events := s.Events(t.From)
		if s.State == Steady && len(events) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s under %s on %s: %s\n", safetext.Line(s.Metric, 80), safetext.Line(s.Scenario, 60), safetext.Line(s.Class, 60), safetext.Line(s.Reason, 400))
		for i, e := range events {
			if i == shownEvents {
				fmt.Fprintf(&b, "  and %d more\n", len(events)-i)
				break
			}
			fmt.Fprintf(&b, "  %s  %s\n", e.At.Format(dateLayout), e.Text)
		}
	}
	fmt.Fprintf(&b, "\n%s\n%s: %s\n", t.note(), t.Headline(), t.Next())
	_, err := io.WriteString(w, b.String())
	return err
}

// shownEvents is how many findings of a series are listed.
const shownEvents = 8

func (t *Trend) note() string {
	return fmt.Sprintf("threshold %.3g%%; intervals are of 99.8%%; of %d series without any change, chance alone gives %.2g findings", 100*t.Options.Threshold, len(t.Series), t.ByChance())
}

// Markdown writes the trend for a job summary.
func Markdown(w io.Writer, t *Trend) error {
	var b strings.Builder
	symbol := "✅"
	if len(t.Regressed()) > 0 {
		symbol = "❌"
	}
	fmt.Fprintf(&b, "### %s Trend: %s\n\n", symbol, safetext.Markdown(t.Headline()))
	shown, left := t.listed()
	b.WriteString("| " + strings.Join(titles, " | ") + " |\n|" + strings.Repeat("---|", len(titles)) + "\n")
	for _, s := range shown {
		cells := s.cells()
		for i := range cells {
			cells[i] = safetext.Markdown(cells[i])
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	if left > 0 {
		fmt.Fprintf(&b, "\nand %d more without a finding\n", left)
	}
	for _, s := range shown {
		events := s.Events(t.From)
		if len(events) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n**%s** under %s on %s: %s\n\n", safetext.Markdown(safetext.Line(s.Metric, 80)), safetext.Markdown(safetext.Line(s.Scenario, 60)), safetext.Markdown(safetext.Line(s.Class, 60)), safetext.Markdown(safetext.Line(s.Reason, 400)))
		for _, e := range events[:min(len(events), shownEvents)] {
			fmt.Fprintf(&b, "- %s: %s\n", e.At.Format(dateLayout), safetext.Markdown(e.Text))
		}
	}
	fmt.Fprintf(&b, "\n%s. Next: %s.\n", safetext.Markdown(t.note()), safetext.Markdown(t.Next()))
	_, err := io.WriteString(w, b.String())
	return err
}
