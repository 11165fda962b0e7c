package page

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Longest texts that are shown, in characters.
const (
	maxName     = 80
	maxSentence = 500
)

// plain makes one printable line of s, of at most limit characters: what acts on
// a terminal, hides or reorders text becomes U+FFFD.
func plain(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, word := range strings.FieldsFunc(s, unicode.IsSpace) {
		if b.Len() > 0 {
			b.WriteByte(' ')
			n++
		}
		for _, r := range word {
			if n++; n >= limit {
				b.WriteRune('…')
				return b.String()
			}
			if !unicode.IsPrint(r) {
				r = utf8.RuneError
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// harmless is the punctuation that means nothing to Markdown, HTML and GitHub's
// own patterns.
const harmless = " %,;/()'\"?"

// text escapes s so that GitHub shows it as it is, in running text and table
// cells, and nothing in it becomes markup, link, mention or reference. Other ASCII
// punctuation becomes a character reference, which Markdown never reads as markup.
// Mentions and references are looked for after that, in what is shown: there a
// word joiner (U+2060), which does not show, takes the pattern apart.
func text(s string) string {
	s = plain(s, maxSentence)
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
		return letterBefore && next == ' '
	case '.':
		// www.example is a link, and 1. begins a list.
		return letterBefore && (alphanumeric(next) || !digit(s[i-1])) && !endsIn(before, "www")
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

// code shows a name in a fixed-width font, where GitHub looks for no markup,
// mention or link. A name that could end the code span, or its table cell, is
// escaped instead.
func code(s string) string {
	s = plain(s, maxName)
	if s == "" || strings.ContainsAny(s, "`|\\") {
		return text(s)
	}
	return "`" + s + "`"
}
