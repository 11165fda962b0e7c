package scenario

import (
	"strings"
)

// templateError is a text that is no template.
type templateError struct {
	offset  int // of the byte where it goes wrong
	message string
}

// cutTemplate takes a text apart into literal text and the names of values, in
// turn, beginning and ending with text: ${name} is a value, $$ a dollar sign, and
// a dollar sign before anything else is itself. at holds the offset of each
// name's ${.
func cutTemplate(text string) (literals, names []string, at []int, wrong *templateError) {
	var literal strings.Builder
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "$$"):
			literal.WriteByte('$')
			i += 2
		case strings.HasPrefix(text[i:], "${"):
			name, _, closed := strings.Cut(text[i+2:], "}")
			if !closed || !valueName.MatchString(name) {
				return nil, nil, nil, &templateError{i, "${ begins a value, which is written ${name}; for the characters themselves write $${"}
			}
			literals, names, at = append(literals, literal.String()), append(names, name), append(at, i)
			literal.Reset()
			i += len(name) + len("${}")
		default:
			literal.WriteByte(text[i])
			i++
		}
	}
	return append(literals, literal.String()), names, at, nil
}

// escapeTemplate writes a text as a template that stands for it.
func escapeTemplate(text string) string { return strings.ReplaceAll(text, "$", "$$") }
