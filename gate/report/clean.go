package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Longest texts that are shown, in characters. Chosen: a sentence of the verdict
// and a metric's name stay far below them; what is longer was not written by
// gate, and only the JSON of the document itself keeps it whole.
const (
	maxWord     = 12 // a decision, a unit
	maxName     = 64
	maxSentence = 400
)

// clean makes one printable line of s, of at most limit characters. Runs of
// white space become one space; control characters, which act on a terminal,
// format characters, which hide or reorder text, and bytes that are not UTF-8
// become U+FFFD.
func clean(s string, limit int) string {
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

// sentence ends s with a full stop when it has no end yet.
func sentence(s string) string {
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?") {
		return s
	}
	return s + "."
}
