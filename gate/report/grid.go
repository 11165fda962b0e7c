package report

import (
	"slices"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
)

// grid is a table without lines whose least important columns go when it is too
// wide. lipgloss/table is not used: it squeezes every column alike, so the
// numbers would be cut before the names.
type grid struct{ columns []column }

type column struct {
	title string
	right bool
	rank  int  // columns with the lowest rank go first; keep and names stay
	left  bool // what is too wide is cut on the left
	least int  // of the first column: made as narrow as this before another one goes
	cell  func(row int) string
	style func(row int) lipgloss.Style
	width int
}

const (
	keep     = 1 << 10
	names    = keep + 1
	gap      = 2 // columns between two columns
	leastCut = 8 // the first column is never made narrower
)

func (g *grid) column(title string, right bool, rank int, cell func(int) string) {
	g.columns = append(g.columns, column{title: title, right: right, rank: rank, cell: cell})
}

func (g *grid) style(column int, style func(int) lipgloss.Style) { g.columns[column].style = style }

// fit measures the columns, drops the ones that are empty or that do not fit
// into width, and at last cuts the first one.
func (g *grid) fit(rows, width int) {
	for i := range g.columns {
		c := &g.columns[i]
		c.width = lipgloss.Width(c.title)
		for r := range rows {
			c.width = max(c.width, lipgloss.Width(c.cell(r)))
		}
	}
	g.columns = slices.DeleteFunc(g.columns, func(c column) bool { return empty(c, rows) })
	slack := 0
	if first := g.columns[0]; first.least > 0 {
		slack = max(0, first.width-first.least)
	}
	for g.excess(width) > slack {
		least := slices.MinFunc(g.columns, func(a, b column) int { return a.rank - b.rank }).rank
		if least >= keep {
			break
		}
		g.columns = slices.DeleteFunc(g.columns, func(c column) bool { return c.rank == least })
	}
	first := &g.columns[0]
	first.width = max(first.width-max(g.excess(width), 0), leastCut)
}

// empty says whether a column has nothing to show in any row. The first one
// names the rows, and stays.
func empty(c column, rows int) bool {
	for r := range rows {
		if s := c.cell(r); s != "" && s != absent {
			return false
		}
	}
	return c.rank != names
}

// excess is by how many columns of the terminal the grid is wider than width.
func (g *grid) excess(width int) int {
	total := (len(g.columns) - 1) * gap
	for _, c := range g.columns {
		total += c.width
	}
	return total - width
}

func (s *screen) grid(g grid, rows, indent int) {
	g.fit(rows, s.width-indent)
	titled := slices.ContainsFunc(g.columns, func(c column) bool { return c.title != "" })
	if titled {
		s.cells(g, indent, func(c column) (string, lipgloss.Style) { return c.title, s.faint })
	}
	for r := range rows {
		s.cells(g, indent, func(c column) (string, lipgloss.Style) {
			if c.style == nil {
				return c.cell(r), s.renderer.NewStyle()
			}
			return c.cell(r), c.style(r)
		})
	}
}

// cells writes one line of a grid.
func (s *screen) cells(g grid, indent int, cell func(column) (string, lipgloss.Style)) {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", indent))
	for i, c := range g.columns {
		text, style := cell(c)
		if c.left {
			text = cutLeft(text, c.width)
		}
		text = ansi.Truncate(text, c.width, "…")
		padding := strings.Repeat(" ", c.width-lipgloss.Width(text))
		if i > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		if c.right {
			b.WriteString(padding + style.Render(text))
		} else {
			b.WriteString(style.Render(text) + padding)
		}
	}
	s.out.WriteString(strings.TrimRight(b.String(), " "))
	s.blank()
}

// alignEffects words the effects of a column so that points, brackets and
// commas stand under each other.
func alignEffects(rows []row) []string {
	var low, high int
	for _, r := range rows {
		low, high = max(low, lipgloss.Width(r.effect.low)), max(high, lipgloss.Width(r.effect.high))
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		e := r.effect
		switch {
		case e.low != "":
			e.low = strings.Repeat(" ", low-lipgloss.Width(e.low)) + e.low
			e.high = strings.Repeat(" ", high-lipgloss.Width(e.high)) + e.high
			out[i] = e.String()
		case low > 0:
			// As wide as " [low, high]", so that the point stands under the others.
			out[i] = e.String() + strings.Repeat(" ", low+high+5)
		default:
			out[i] = e.String()
		}
	}
	return out
}
