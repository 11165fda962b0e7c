package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/safetext"
	"github.com/fivegate/fivegate/gate/verdict"
)

// maxMarkdown is the most that Markdown writes, in bytes. GitHub refuses a
// comment of more than 65,536 characters; the rest is left for a caller's own
// first and last lines.
const maxMarkdown = 60_000

// Markdown writes the report as GitHub-flavoured Markdown for a comment or a job
// summary, smaller than 60 kB. Texts that come from the document show as
// they are and do nothing: no markup, link, image, mention, issue reference or
// HTML. The error is that of w.
func Markdown(w io.Writer, m Model) error {
	return MarkdownWithin(w, m, maxMarkdown)
}

// MarkdownWithin is Markdown of at most size bytes, and never more than 60 kB.
func MarkdownWithin(w io.Writer, m Model, size int) error {
	p := page{left: min(size, maxMarkdown)}
	p.add(fmt.Sprintf("### %s Fivegate: %s\n\n**%s**\n\n", m.status.Symbol(), m.status, capital(text(m.headline))))
	p.gating(m, m.shownRows())
	if m.suite != nil && m.suite.rest != "" {
		p.add("and " + text(m.suite.rest) + "\n\n")
	}
	if m.caption != "" {
		p.add(text(m.caption) + "\n\n")
	}
	if m.next != "" {
		p.add("**Next:** " + text(sentence(m.next)) + "\n\n")
	}
	// The last sentence is written whatever else has to go.
	end := text(sentence(m.closing)) + "\n"
	p.left -= len(end)
	p.facts("Why", m.reasons)
	p.notes(m.notes)
	p.facts("What was measured", m.measured)
	p.details(fmt.Sprintf("%s (%d)", capital(watchedTitle), len(m.watched)), func(p *page) {
		p.table(watchedHeader, m.watched, watchedCells)
	}, len(m.watched))
	p.details("Provenance", func(p *page) { p.items(m.source, code) }, len(m.source))
	if m.suite != nil {
		p.suite(m)
	}
	_, err := io.WriteString(w, p.out.String()+end)
	return err
}

// gating is the table of metrics that are judged.
func (p *page) gating(m Model, rows []row) {
	if m.suite != nil {
		p.table(suiteHeader, rows, suiteCells)
		return
	}
	p.table(gatingHeader(m.kind), rows, func(r row) []string { return gatingCells(m.kind, r) })
}

func gatingHeader(kind result.Kind) []string {
	if kind == result.KindRun {
		return []string{"metric", "measured:", "limit:", "decision"}
	}
	return []string{"metric", "base:", "head:", "change (+ is worse):", "limit:", "MDE:", "decision"}
}

func decisionCell(r row) string {
	decision := text(string(r.decision))
	if r.words != "" && r.decision != verdict.Clear {
		decision += ", " + r.words
	}
	if r.decision == verdict.Worse || r.decision == verdict.Missing {
		decision = "**" + decision + "**"
	}
	return decision
}

func gatingCells(kind result.Kind, r row) []string {
	decision := decisionCell(r)
	if kind == result.KindRun {
		return []string{code(r.name), text(r.head), text(r.limit), decision}
	}
	return []string{code(r.name), text(r.base), text(r.head), r.effect.String(), text(r.limit), r.mde, decision}
}

var watchedHeader = []string{"metric", "base:", "head:", "change (+ is worse):"}

func watchedCells(r row) []string {
	return []string{code(r.name), text(r.base), text(r.head), r.effect.String()}
}

// page is Markdown of a bounded size.
type page struct {
	out  strings.Builder
	left int // bytes that may still be written
}

// add writes block if there is room for the whole of it, and says whether there
// was.
func (p *page) add(block string) bool {
	if len(block) > p.left {
		return false
	}
	p.left -= len(block)
	p.out.WriteString(block)
	return true
}

// leftOut is the room kept for saying what was left out.
const leftOut = 64

// rows writes as many of n blocks as there is room for and says how many are
// missing.
func (p *page) rows(n int, block func(int) string, omitted func(int) string) {
	p.left -= leftOut
	i := 0
	for i < n && p.add(block(i)) {
		i++
	}
	p.left += leftOut
	if i < n {
		p.add(omitted(n - i))
	}
}

// table writes rows under a header; a title that ends in a colon has its column
// set to the right.
func (p *page) table(header []string, rows []row, cells func(row) []string) {
	if len(rows) == 0 {
		return
	}
	rule := make([]string, len(header))
	titles := make([]string, len(header))
	for i, h := range header {
		titles[i], rule[i] = h, "---"
		if title, right := strings.CutSuffix(h, ":"); right {
			titles[i], rule[i] = title, "--:"
		}
	}
	if !p.add(tableLine(titles) + tableLine(rule)) {
		return
	}
	p.rows(
		len(rows),
		func(i int) string { return tableLine(cells(rows[i])) },
		func(n int) string { return fmt.Sprintf("\nLeft out for length: %s.\n", count(n, "metric")) },
	)
	p.add("\n")
}

func tableLine(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// items writes facts as a list; format escapes their texts.
func (p *page) items(facts []fact, format func(string) string) {
	p.rows(
		len(facts),
		func(i int) string { return "- " + text(facts[i].label) + ": " + format(facts[i].text) + "\n" },
		func(n int) string { return fmt.Sprintf("- left out for length: %s\n", count(n, "line")) },
	)
	p.add("\n")
}

func (p *page) facts(title string, facts []fact) {
	if len(facts) > 0 && p.add("**"+title+"**\n\n") {
		p.items(facts, text)
	}
}

func (p *page) notes(notes []string) {
	if len(notes) == 0 || !p.add("**Notes**\n\n") {
		return
	}
	p.rows(
		len(notes),
		func(i int) string { return "- " + text(sentence(notes[i])) + "\n" },
		func(n int) string { return fmt.Sprintf("- left out for length: %s\n", count(n, "note")) },
	)
	p.add("\n")
}

// details writes a section that a reader opens. The tags are the only HTML on
// the page that is not an escape; the room for the closing one is kept.
func (p *page) details(title string, body func(*page), n int) {
	const closing = "</details>\n\n"
	open := "<details><summary>" + title + "</summary>\n\n"
	if n == 0 || len(open)+len(closing) > p.left {
		return
	}
	p.left -= len(closing)
	p.add(open)
	body(p)
	p.left += len(closing)
	p.add(closing)
}

// text escapes a clean line.
func text(s string) string { return safetext.Markdown(s) }

// code shows a clean line in a fixed-width font.
func code(s string) string {
	if s == absent {
		return s
	}
	return safetext.Code(s)
}

// capital makes the first letter a capital, unless the first word is a name such
// as json.BenchmarkEncode.
func capital(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if s == "" || s[0] < 'a' || s[0] > 'z' || strings.ContainsAny(strings.TrimRight(word, ",.:"), "_./&") {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
