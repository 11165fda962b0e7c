package report

import "fmt"

var suiteHeader = []string{"benchmark", "measure", "base:", "head:", "change (+ is worse):", "MDE:", "decision"}

func suiteCells(r row) []string {
	return []string{code(r.title), text(r.unit), text(r.base), text(r.head), r.effect.String(), r.mde, decisionCell(r)}
}

// suite writes what is folded of benchmarks: those that were not compared, and the
// measures that do not stand open.
func (p *page) suite(m Model) {
	for _, g := range m.suite.groups {
		p.details(text(g.title()), func(p *page) {
			p.rows(
				len(g.names),
				func(i int) string { return named(g.names[i]) },
				func(n int) string { return fmt.Sprintf("- left out for length: %s\n", count(n, "benchmark")) },
			)
			p.add("\n")
		}, len(g.names))
	}
	rest := m.foldedRows()
	p.details(fmt.Sprintf("The other measures (%d)", len(rest)), func(p *page) { p.gating(m, rest) }, len(rest))
}

// named is a list item for a benchmark and what is known of it.
func named(f fact) string {
	if f.text == "" {
		return "- " + code(f.label) + "\n"
	}
	return "- " + code(f.label) + ": " + text(f.text) + "\n"
}
