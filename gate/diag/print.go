package diag

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// snippetWidth is how many characters of a source line are shown on either
// side of the caret. Chosen: a whole snippet then fits a wide terminal, and a
// generated line of a megabyte does not flood it.
const snippetWidth = 60

// Print writes each fault followed by its source line and a caret under its
// column. source is the text of the file that the faults are about; a fault
// without a line, or with a line that source does not have, is written without
// a snippet. Characters that would act on a terminal rather than show are
// written as U+FFFD. The error is that of w.
func (fs Faults) Print(w io.Writer, source []byte) error {
	lines := bytes.Split(source, []byte("\n"))
	for _, f := range fs {
		if _, err := fmt.Fprintln(w, f.Error()); err != nil {
			return err
		}
		if f.Line < 1 || f.Line > len(lines) {
			continue
		}
		if _, err := io.WriteString(w, snippet(f, lines[f.Line-1])); err != nil {
			return err
		}
	}
	return nil
}

// snippet returns the line of a fault, numbered, and the line with the caret.
func snippet(f Fault, line []byte) string {
	if f.Line == 1 {
		line = bytes.TrimPrefix(line, []byte(byteOrderMark))
	}
	before, after := split(strings.TrimSuffix(string(line), "\r"), f.Column)
	number := fmt.Sprintf("%5d", f.Line)
	text := fmt.Sprintf("%s | %s%s\n", number, before, after)
	if f.Column < 1 {
		return text
	}
	return text + fmt.Sprintf("%s | %s^\n", strings.Repeat(" ", len(number)), blank(before))
}

// split cuts a line before its column-th character and shortens both parts,
// marking what was left out. A column beyond the end counts as the end.
func split(line string, column int) (before, after string) {
	at := len(line)
	for i, n := 0, 1; i < len(line); n++ {
		if n >= column {
			at = i
			break
		}
		_, size := utf8.DecodeRuneInString(line[i:])
		i += size
	}
	before, after = visible(line[:at]), visible(line[at:])
	if n := utf8.RuneCountInString(before); n > snippetWidth {
		before = "…" + string([]rune(before)[n-snippetWidth:])
	}
	if utf8.RuneCountInString(after) > snippetWidth {
		after = string([]rune(after)[:snippetWidth]) + "…"
	}
	return before, after
}

// blank returns white space as wide as s is on a terminal. Tabs stay tabs, so
// that the caret stands right whatever their width.
func blank(s string) string {
	parts := strings.Split(s, "\t")
	for i, part := range parts {
		parts[i] = strings.Repeat(" ", uniseg.StringWidth(part))
	}
	return strings.Join(parts, "\t")
}

// visible replaces what does not show: control characters, which could act on
// the terminal; bidirectional marks, which could reorder the line; and bytes
// that are not UTF-8. Line breaks go too: a fault is one line.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s)
}
