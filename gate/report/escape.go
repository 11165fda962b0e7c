package report

import (
	"fmt"
	"strings"
)

// text escapes s so that GitHub shows it as it is, in running text and in table
// cells. s is clean: one line, no control characters.
//
// Characters that mean something to Markdown become character references rather
// than getting a backslash, since a reference is never markup, also inside a
// table. That does not suffice for mentions, issue references and addresses,
// which GitHub looks for after the Markdown is gone: there an invisible
// character (U+200B) breaks the pattern.
func text(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case strings.IndexByte("\\`*[]<>|~!$&", c) >= 0, c == '_' && !inWord(s, i):
			reference(&b, c)
		case c == '@', c == '#':
			reference(&b, c)
			b.WriteString(zeroWidth)
		case c == ':' && i+1 < len(s) && s[i+1] != ' ':
			reference(&b, c) // a scheme: https://, mailto:
		case c == '.' && hasSuffixFold(s[:i], "www"):
			reference(&b, c)
		case c == '-' && hasSuffixFold(s[:i], "gh"):
			b.WriteByte(c) // GH-12 is a reference to issue 12
			b.WriteString(zeroWidth)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// lead is text for the beginning of a line or list item, where a dash or a
// number would begin a list.
func lead(s string) string {
	if s == "" || !strings.ContainsRune("-+=0123456789", rune(s[0])) {
		return text(s)
	}
	var b strings.Builder
	reference(&b, s[0])
	return b.String() + text(s[1:])
}

const zeroWidth = "\u200b"

func reference(b *strings.Builder, c byte) { fmt.Fprintf(b, "&#%d;", c) }

// inWord says whether the underscore at i stands between letters or digits,
// where it is no markup; cpu_per_op then stays readable in the source too.
func inWord(s string, i int) bool {
	return i > 0 && i+1 < len(s) && alphanumeric(s[i-1]) && alphanumeric(s[i+1])
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// code shows s in a fixed-width font. GitHub looks for no mentions or addresses
// there. Only a text that cannot end the code span, or its table cell, is put
// between back-quotes; any other is escaped between tags.
func code(s string) string {
	if s == "" || s == absent {
		return s
	}
	if strings.Trim(s, " ") == s && !strings.ContainsAny(s, "`|\\") {
		return "`" + s + "`"
	}
	return "<code>" + text(s) + "</code>"
}
