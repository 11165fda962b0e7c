package page

import "github.com/fivegate/fivegate/gate/safetext"

// Longest texts that are shown, in characters.
const (
	maxName     = 80
	maxSentence = 500
)

// plain makes one printable line of s, of at most limit characters.
func plain(s string, limit int) string { return safetext.Line(s, limit) }

// text is a stranger's sentence in Markdown.
func text(s string) string { return safetext.Markdown(plain(s, maxSentence)) }

// code is a stranger's name in Markdown.
func code(s string) string { return safetext.Code(plain(s, maxName)) }
