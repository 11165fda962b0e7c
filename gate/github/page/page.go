// Package page lays a combined verdict out for GitHub: the comment, the job
// summary, the text of a check run, and annotations.
//
// The first line holds the verdict and the one number that matters; then comes at
// most a screenful; the rest is folded. Nothing depends on colour or pictures.
// What does not fit is left out in whole parts, least important first, and the
// page says what is missing and where it is.
//
// Texts from documents, branches and waivers may be a stranger's, and are escaped
// (escape.go). The package is pure.
package page

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/verdict"
)

// Sizes that a page may have, in characters. GitHub takes 65,536 in a comment and
// 65,535 in a check run; of a job summary 1 MiB, in bytes, of which a character
// may take four.
const (
	CommentSize = 60_000
	SummarySize = 225_000
)

// Context is what a page says beside the verdict. Its links come from the event
// and the command line, not from documents.
type Context struct {
	Head     string   // commit of the pull request; empty when there is none
	Pull     int      // number of the pull request; 0 when there is none
	Run      string   // what to call the run: "123.1"
	RunURL   string   // of the workflow run; may be empty
	Report   string   // URL of the full report; may be empty
	Guarded  []string // changed files that decide what this check is worth
	Unlisted bool     // not all changed files could be looked at
	Notices  []string // what publishing itself has to say
}

// Body lays out the page in at most size characters.
func Body(c legs.Combined, x Context, size int) string {
	p := &paper{left: size - utf8.RuneCountInString(x.leftOut(1000))}
	p.add("### " + c.Status.Symbol() + " Fivegate: " + headline(c, code) + "\n\n")
	p.add(opening(c))
	p.add(guard(x))
	p.add(table(c))
	p.add(waivers(c))
	p.list("Notes", append(plainNotes(c), x.Notices...))
	p.add(footer(x))
	parts := 0
	for _, part := range folded(c, x, size) {
		if !p.add(part) {
			parts++
		}
	}
	if parts > 0 {
		p.out.WriteString(x.leftOut(parts))
	}
	return p.out.String()
}

// leftOut says how many parts did not fit, and where they are.
func (x Context) leftOut(parts int) string {
	where := "in the result documents"
	switch {
	case x.Report != "":
		where = fmt.Sprintf("in [the full report](%s)", x.Report)
	case x.RunURL != "":
		where = fmt.Sprintf("in the artifacts of [the run](%s)", x.RunURL)
	}
	return fmt.Sprintf("Left out for length: %s, which are %s.\n", count(parts, "part"), where)
}

// paper is Markdown of a bounded size.
type paper struct {
	out  strings.Builder
	left int // characters that may still be written
}

// add writes a part if there is room for the whole of it, and says whether there
// was.
func (p *paper) add(part string) bool {
	n := utf8.RuneCountInString(part)
	if n > p.left {
		return false
	}
	p.left -= n
	p.out.WriteString(part)
	return true
}

// maxListed bounds a list that stands open on the page.
const maxListed = 12

// list writes texts as a list, the first of many.
func (p *paper) list(title string, texts []string) {
	if len(texts) == 0 {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n\n", title)
	for _, t := range texts[:min(len(texts), maxListed)] {
		fmt.Fprintf(&b, "- %s\n", text(t))
	}
	if n := len(texts) - maxListed; n > 0 {
		fmt.Fprintf(&b, "- and %d more\n", n)
	}
	b.WriteString("\n")
	p.add(b.String())
}

// Title is the headline without markup: for a check run, and for the terminal.
func Title(c legs.Combined) string {
	const most = 250 // GitHub takes 255 characters in the title of a check run
	return plain("Fivegate: "+headline(c, func(name string) string { return plain(name, maxName) }), most)
}

// headline is the verdict and the one number that matters; name lays out names.
func headline(c legs.Combined, name func(string) string) string {
	word := string(c.Status.Known())
	if n := inUse(c); n > 0 && !c.Blocks {
		return fmt.Sprintf("%s, %s waived", word, count(n, "regression"))
	}
	m, leg, ok := telling(c)
	if !ok {
		return word
	}
	line := fmt.Sprintf("%s %s", called(m, name), effect(m))
	switch c.Status {
	case verdict.Regression:
		line = fmt.Sprintf("%s, %s (limit %s)", word, line, limit(m))
	case verdict.Inconclusive:
		line = fmt.Sprintf("%s, %s (%s)", word, line, interval(m))
	case verdict.Pass:
		line = fmt.Sprintf("%s, largest change %s", word, line)
	case verdict.Improvement, verdict.Invalid:
		line = fmt.Sprintf("%s, %s", word, line)
	}
	if len(c.Legs) > 1 {
		line += " on " + name(leg.Label)
	}
	return line
}

// telling finds the metric that the verdict hangs on: of a regression the one
// that is furthest beyond its limit, of an open check the one that is least known,
// of an improvement the best, of a pass the one that changed most.
func telling(c legs.Combined) (best verdict.Metric, leg *legs.Leg, found bool) {
	rank := func(m verdict.Metric) (float64, bool) { return m.Effect, m.HasEffect && m.Unit != verdict.UnitFraction }
	switch c.Status {
	case verdict.Regression:
		rank = func(m verdict.Metric) (float64, bool) { return m.Effect - m.Limit, m.Decision == verdict.Worse }
	case verdict.Inconclusive:
		rank = func(m verdict.Metric) (float64, bool) { return m.High, m.Decision == verdict.Open && m.HasEffect }
	case verdict.Improvement:
		rank = func(m verdict.Metric) (float64, bool) { return -m.Effect, m.Decision == verdict.Better }
	case verdict.Pass:
	default:
		return best, nil, false
	}
	most := 0.0
	for i := range c.Legs {
		for _, m := range c.Legs[i].Verdict.Metrics {
			if by, ok := rank(m); m.Gating && ok && !waived(&c.Legs[i], m.Name) && (!found || by > most) {
				best, leg, most, found = m, &c.Legs[i], by, true
			}
		}
	}
	return best, leg, found
}

// opening says in plain words what was found and what follows from it.
func opening(c legs.Combined) string {
	follows := "This change may merge."
	if c.Blocks {
		follows = "This change must not merge as it is."
	}
	found := capital(text(c.Reason))
	// The reason names them all, and so does the table below.
	switch regressed, improved, gating := tally(c); {
	case c.Status == verdict.Regression && regressed > 0:
		found = fmt.Sprintf("%d of %s regressed beyond the limit", regressed, count(gating, judged(c)))
	case c.Status == verdict.Improvement && improved > 0 && inUse(c) == 0:
		found = fmt.Sprintf("%d of %s improved, and none regressed", improved, count(gating, judged(c)))
	}
	out := fmt.Sprintf("%s %s.\n\n", follows, strings.TrimRight(found, "."))
	if next := strings.TrimRight(text(c.Next), "."); next != "" {
		out += fmt.Sprintf("**Next:** %s.\n\n", next)
	}
	return out
}

// tally counts the gating metrics of all legs, those that regressed without a
// waiver, and those that improved.
func tally(c legs.Combined) (regressed, improved, gating int) {
	for i := range c.Legs {
		for _, m := range c.Legs[i].Verdict.Metrics {
			switch {
			case !m.Gating:
				continue
			case m.Decision == verdict.Worse && !waived(&c.Legs[i], m.Name):
				regressed++
			case m.Decision == verdict.Better:
				improved++
			}
			gating++
		}
	}
	return regressed, improved, gating
}

// inUse counts the regressions that waivers excuse.
func inUse(c legs.Combined) (n int) {
	for i := range c.Legs {
		for _, m := range c.Legs[i].Verdict.Metrics {
			if waived(&c.Legs[i], m.Name) {
				n++
			}
		}
	}
	return n
}

// guard tells a reviewer that the change decides about its own check.
func guard(x Context) string {
	if len(x.Guarded) == 0 && !x.Unlisted {
		return ""
	}
	var b strings.Builder
	if len(x.Guarded) > 0 {
		b.WriteString("> **Look at this first:** this pull request changes what its own check is made of:")
		for i, name := range x.Guarded[:min(len(x.Guarded), maxListed)] {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(" " + code(name))
		}
		if n := len(x.Guarded) - maxListed; n > 0 {
			fmt.Fprintf(&b, " and %d more", n)
		}
		b.WriteString(". A green check proves nothing about that part.\n")
	}
	if x.Unlisted {
		b.WriteString("> The changed files could not all be looked at, so whether this pull request changes its own check is not known.\n")
	}
	return b.String() + "\n"
}

// footer says what was measured where.
func footer(x Context) string {
	var parts []string
	if len(x.Head) >= 7 {
		parts = append(parts, "commit "+code(x.Head[:7]))
	}
	switch {
	case x.RunURL != "":
		parts = append(parts, fmt.Sprintf("[run %s](%s)", x.Run, x.RunURL))
	case x.Run != "":
		parts = append(parts, "run "+x.Run)
	}
	if x.Report != "" {
		parts = append(parts, fmt.Sprintf("[full report](%s)", x.Report))
	}
	if len(parts) == 0 {
		return ""
	}
	return capital(strings.Join(parts, ", ")) + ".\n\n"
}

func plainNotes(c legs.Combined) []string {
	var notes []string
	if len(c.Absent) > 0 {
		notes = append(notes, "no result from "+strings.Join(c.Absent, ", ")+", which may stay away")
	}
	notes = append(notes, c.Notes...)
	for i := range c.Legs {
		if second := c.Legs[i].Confirmation; second != nil {
			notes = append(notes, second.Note)
		}
	}
	return notes
}

// capital makes the first letter a capital, unless the first word is a name such
// as cpu_per_op or gate.toml.
func capital(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if s == "" || s[0] < 'a' || s[0] > 'z' || strings.ContainsAny(strings.TrimRight(word, ",.:"), "_.-/&") {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
