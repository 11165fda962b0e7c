package exec

import (
	"fmt"
	"slices"
	"strings"
)

// Split turns a command as it is typed into an argument list: at white space,
// except in single quotes, in double quotes, and after a backslash. In double
// quotes a backslash stands before " and \ only. There is no shell: nothing is
// expanded, and a character that only a shell would act on, outside of quotes, is
// an error, since it would be handed to the program as it is. Errors name the
// column, from 1.
func Split(text string) ([]string, error) {
	s := splitter{text: []rune(text)}
	if at := slices.Index(s.text, 0); at >= 0 {
		return nil, fmt.Errorf("column %d: an argument cannot hold a NUL character", at+1)
	}
	for s.at < len(s.text) {
		if err := s.step(); err != nil {
			return nil, err
		}
	}
	s.end()
	if len(s.args) == 0 {
		return nil, fmt.Errorf("the command is empty: give a program and its arguments, such as './tool --input big.json'")
	}
	if s.args[0] == "" {
		return nil, fmt.Errorf("the command names no program: its first argument is empty")
	}
	return s.args, nil
}

// splitter is where Split stands.
type splitter struct {
	text []rune
	at   int
	args []string
	arg  strings.Builder
	open bool // an argument has begun, an empty one perhaps
}

func (s *splitter) step() error {
	c := s.text[s.at]
	switch {
	case strings.ContainsRune(" \t\r\n", c):
		s.end()
	case c == '\'' || c == '"':
		return s.quoted(c)
	case c == '\\':
		if s.at++; s.at == len(s.text) {
			s.at--
			return s.fault("a backslash ends the command: write '\\\\' for a backslash")
		}
		s.put(s.text[s.at])
	case strings.ContainsRune("|&;<>()`$*?", c):
		return s.fault("%q means something to a shell, and there is none: write sh -c '...' around the command, or quote the character", c)
	default:
		s.put(c)
	}
	s.at++
	return nil
}

// quoted takes everything up to the quote that closes.
func (s *splitter) quoted(quote rune) error {
	s.open = true
	for i := s.at + 1; i < len(s.text); i++ {
		c := s.text[i]
		switch {
		case c == quote:
			s.at = i + 1
			return nil
		case c == '\\' && quote == '"' && i+1 < len(s.text) && strings.ContainsRune(`"\`, s.text[i+1]):
			i++
			c = s.text[i]
		}
		s.put(c)
	}
	return s.fault("the quote %c is not closed", quote)
}

func (s *splitter) put(c rune) {
	s.arg.WriteRune(c)
	s.open = true
}

func (s *splitter) end() {
	if s.open {
		s.args = append(s.args, s.arg.String())
		s.arg.Reset()
		s.open = false
	}
}

func (s *splitter) fault(format string, args ...any) error {
	return fmt.Errorf("column %d: %s", s.at+1, fmt.Sprintf(format, args...))
}
