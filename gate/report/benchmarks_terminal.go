package report

import "github.com/charmbracelet/lipgloss"

const (
	leastName    = 32 // columns of a benchmark's name that stay beside all others
	numbersWidth = 66 // of all columns beside the name
	narrow       = 64 // below, name and unit share a column
)

// suite writes the measures of benchmarks that matter most, and what the others
// are. Of long names what tells them apart is kept.
func (s *screen) suite(m Model) {
	rows := m.shownRows()
	if len(rows) == 0 {
		return
	}
	s.blank()
	effects := alignEffects(rows)
	titles := make([]string, len(rows))
	for i, r := range rows {
		titles[i] = r.title
	}
	titles = shortened(titles, s.width-numbersWidth)
	t := grid{}
	if s.width < narrow {
		t.column("measure", false, names, func(i int) string { return rows[i].name })
	} else {
		t.column("benchmark", false, names, func(i int) string { return titles[i] })
		t.column("measure", false, keep, func(i int) string { return rows[i].unit })
	}
	t.columns[0].left, t.columns[0].least = true, leastName
	t.column("base", true, 2, func(i int) string { return rows[i].base })
	t.column("head", true, 2, func(i int) string { return rows[i].head })
	t.column("change", true, keep, func(i int) string { return effects[i] })
	t.column("in words", false, 1, func(i int) string { return rows[i].words })
	t.column("decision", false, keep, func(i int) string { return string(rows[i].decision) })
	t.style(len(t.columns)-1, func(i int) lipgloss.Style { return s.decision(rows[i].decision) })
	s.grid(t, len(rows), 0)
	if m.suite.rest != "" {
		s.line("and " + m.suite.rest)
	}
	if m.caption != "" {
		s.line(s.faint.Render(m.caption))
	}
}
