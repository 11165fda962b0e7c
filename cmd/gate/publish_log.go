package main

import (
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// logWriter writes to the log of a job, in which lines can be commands. What
// publish prints may hold a stranger's text, so what would begin a command is
// taken apart: "::" at the beginning of a line, and "##[" anywhere.
type logWriter struct{ to io.Writer }

// newLogWriter guards w when it is the log of a job.
func newLogWriter(w io.Writer) io.Writer {
	if os.Getenv("GITHUB_ACTIONS") != "true" {
		return w
	}
	return logWriter{w}
}

// rawWriter is the writer that a logWriter guards, for commands that are meant.
func rawWriter(w io.Writer) io.Writer {
	if guarded, ok := w.(logWriter); ok {
		return guarded.to
	}
	return w
}

func (l logWriter) Write(text []byte) (int, error) {
	lines := strings.SplitAfter(string(text), "\n")
	for i, line := range lines {
		line = strings.ReplaceAll(line, "##[", "# #[")
		if strings.HasPrefix(strings.TrimSpace(line), "::") {
			line = strings.Replace(line, "::", ": :", 1)
		}
		lines[i] = line
	}
	if _, err := io.WriteString(l.to, strings.Join(lines, "")); err != nil {
		return 0, err
	}
	return len(text), nil
}

// oneLine makes a text one line of printable characters, of at most 500.
func oneLine(s string) string {
	const most = 500
	line := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return utf8.RuneError
		}
		return r
	}, s)
	if runes := []rune(line); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return line
}
