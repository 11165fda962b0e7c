// Package safetext makes texts harmless that a stranger may have written: names,
// refs and error texts of a document come from a pull request. Line is for every
// place, Markdown and Code are for GitHub. The package is pure.
package safetext

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line makes one printable line of s, of at most limit characters. Runs of
// white space become one space; control characters, which act on a terminal,
// format characters, which hide or reorder text, and bytes that are not UTF-8
// become U+FFFD.
func Line(s string, limit int) string {
	var b strings.Builder
	space, n := false, 0
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = b.Len() > 0
			continue
		}
		if !unicode.IsPrint(r) {
			r = utf8.RuneError
		}
		if space {
			b.WriteByte(' ')
			space = false
			n++
		}
		if n >= limit-1 {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// harmless is the punctuation that means nothing to Markdown, HTML and GitHub's
// own patterns.
const harmless = " %,;/()'\"?"

// Markdown escapes s, one clean line, so that GitHub shows it as it is, in running
// text and table cells, and nothing in it becomes markup, link, mention or
// reference. ASCII punctuation that could act becomes a character reference, which
// Markdown never reads as markup. Mentions and references are looked for after
// that, in what is shown: there a word joiner (U+2060), which does not show, takes
// the pattern apart.
func Markdown(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf, alphanumeric(c), strings.IndexByte(harmless, c) >= 0, readable(s, i):
			b.WriteByte(c)
		case strings.IndexByte("@#.:-", c) >= 0:
			fmt.Fprintf(&b, "&#%d;\u2060", c)
		default:
			fmt.Fprintf(&b, "&#%d;", c)
		}
	}
	return b.String()
}

// readable says whether the punctuation at i is harmless where it stands, so that
// cpu_per_op, linux-amd64, +7.9% and "reason: text" stay readable in the source.
func readable(s string, i int) bool {
	before := s[:i]
	letterBefore := i > 0 && alphanumeric(s[i-1])
	var next byte
	if i+1 < len(s) {
		next = s[i+1]
	}
	switch s[i] {
	case '_':
		return letterBefore && alphanumeric(next)
	case '-':
		// GH-12 is a reference to an issue.
		return (letterBefore && alphanumeric(next) || digit(next)) && !endsIn(before, "gh")
	case '+':
		return digit(next)
	case ':':
		// What opens :name: is escaped, so that what closes it may stay.
		return i > 0 && next == ' '
	case '.':
		// www.example is a link, and 1. begins a list.
		ends := next == 0 || next == ' '
		return i > 0 && !endsIn(before, "www") && (letterBefore && alphanumeric(next) || !digit(s[i-1]) && (letterBefore || ends))
	}
	return false
}

// endsIn says whether s ends in a word, whatever its case.
func endsIn(s, word string) bool {
	return len(s) >= len(word) && strings.EqualFold(s[len(s)-len(word):], word)
}

func alphanumeric(c byte) bool {
	return digit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// Code shows a name, one clean line, in a fixed-width font, where GitHub looks for
// no markup, mention or link. A name that could end the code span, or its table
// cell, is escaped instead.
func Code(s string) string {
	if s == "" || strings.Trim(s, " ") != s || strings.ContainsAny(s, "`|\\") {
		return Markdown(s)
	}
	return "`" + s + "`"
}
