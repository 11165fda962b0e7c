// Package jsonpath asks of a JSON text whether something stands at a path, and
// whether it is what it should be.
//
// The language is a small part of JSONPath (RFC 9535), with an equals sign:
//
//	$.hits[0].id           there is a value: of member "id" of the first element of member "hits"
//	$.status = "ok"        … and it is this text
//	$['content-type'] = 3  a member whose name has other characters than a plain one
//	$[2] = true            the third element of the array that the text is
//	$                      the text is JSON
//
// A path is $ followed by .name, [index] from 0, ['name'] or ["name"]. A plain
// name has neither white space nor any of . [ ] = ' ". What follows the equals
// sign is a JSON string, number, true, false or null. Numbers are compared as
// numbers: 1.0 is 1. Of a member that an object has twice, the first counts.
//
// There are no wildcards, filters, negative indexes or functions: a condition is
// checked for every answer of a measurement, and must cost next to nothing.
package jsonpath

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Condition is a path, and the value that must stand there if one is asked for.
type Condition struct {
	Steps []Step
	Want  string // a JSON string, number or literal; empty: any value will do
}

// Step goes from a value into one of its parts.
type Step struct {
	Name  string // of a member of an object, where Index is −1
	Index int    // of an element of an array, from 0
}

// maxIndex bounds an index: no answer that is looked at has as many elements.
const maxIndex = 1 << 24

// SyntaxError is a text that is no condition.
type SyntaxError struct {
	Offset  int // of the byte where it goes wrong
	Message string
}

func (e *SyntaxError) Error() string { return e.Message }

// Parse reads a condition. The error is a *SyntaxError.
func Parse(text string) (Condition, error) {
	p := parser{text: text}
	c, wrong := p.condition()
	if wrong != "" {
		return Condition{}, &SyntaxError{Offset: p.at, Message: wrong}
	}
	return c, nil
}

// parser goes through a text; its methods return what is wrong at p.at, or "".
type parser struct {
	text string
	at   int
}

func (p *parser) rest() string { return p.text[p.at:] }

// accept steps over a text if it stands here.
func (p *parser) accept(token string) bool {
	if !strings.HasPrefix(p.rest(), token) {
		return false
	}
	p.at += len(token)
	return true
}

func (p *parser) skipSpace() {
	p.at = len(p.text) - len(strings.TrimLeft(p.rest(), " \t"))
}

func (p *parser) condition() (c Condition, wrong string) {
	p.skipSpace()
	if !p.accept("$") {
		return c, "a JSON path begins with $, such as $.hits[0].id"
	}
	for p.at < len(p.text) && (p.text[p.at] == '.' || p.text[p.at] == '[') {
		step, wrong := p.step()
		if wrong != "" {
			return c, wrong
		}
		c.Steps = append(c.Steps, step)
	}
	p.skipSpace()
	switch {
	case p.rest() == "":
		return c, ""
	case p.accept("="):
		c.Want, wrong = p.scalar()
		return c, wrong
	}
	return c, "expected .name, [index], ['name'], or = and a value"
}

func (p *parser) step() (Step, string) {
	if p.accept(".") {
		n := strings.IndexAny(p.rest()+" ", ".[]='\" \t\r\n")
		if n == 0 {
			return Step{}, "expected a name after the point; names with other characters are written ['like this']"
		}
		name := p.rest()[:n]
		p.at += n
		return Step{Name: name, Index: -1}, ""
	}
	p.at++ // the bracket
	for _, quote := range []string{"'", `"`} {
		if p.accept(quote) {
			name, _, closed := strings.Cut(p.rest(), quote+"]")
			if !closed {
				return Step{}, "the name in brackets does not end: write ['name']"
			}
			p.at += len(name) + 2
			return Step{Name: name, Index: -1}, ""
		}
	}
	digits, _, closed := strings.Cut(p.rest(), "]")
	index, err := strconv.ParseUint(digits, 10, 31)
	if !closed || err != nil || index > maxIndex {
		return Step{}, fmt.Sprintf("in brackets stands an index from 0 to %d, or a name in quotes", maxIndex)
	}
	p.at += len(digits) + 1
	return Step{Index: int(index)}, ""
}

// scalar reads the value after the equals sign.
func (p *parser) scalar() (string, string) {
	p.skipSpace()
	text := strings.TrimRight(p.rest(), " \t")
	value := jsontext.Value(text)
	if !value.IsValid() || value.Kind() == '{' || value.Kind() == '[' {
		return "", `after = stands a text in double quotes, a number, true, false or null`
	}
	return text, ""
}

// Holds reports whether a text is JSON, so far as it must be read, and the
// condition is true of it. It may be called from several goroutines.
func (c Condition) Holds(text []byte) bool {
	d := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for _, s := range c.Steps {
		if !s.enter(d) {
			return false
		}
	}
	value, err := d.ReadValue()
	return err == nil && (c.Want == "" || equal(value, jsontext.Value(c.Want)))
}

// enter leaves the decoder before the part that the step leads to; false if there
// is none.
func (s Step) enter(d *jsontext.Decoder) bool {
	open, shut := jsontext.Kind('{'), jsontext.Kind('}')
	if s.Index >= 0 {
		open, shut = '[', ']'
	}
	if token, err := d.ReadToken(); err != nil || token.Kind() != open {
		return false
	}
	for i := 0; ; i++ {
		if next := d.PeekKind(); next == shut || next == 0 {
			return false
		}
		if s.Index >= 0 {
			if i == s.Index {
				return true
			}
		} else if name, err := d.ReadToken(); err != nil {
			return false
		} else if name.String() == s.Name {
			return true
		}
		if d.SkipValue() != nil {
			return false
		}
	}
}

// equal compares two JSON values, of which want is a scalar.
func equal(got, want jsontext.Value) bool {
	if got.Kind() != want.Kind() {
		return false
	}
	switch got.Kind() {
	case '"':
		a, errA := jsontext.AppendUnquote(nil, got)
		b, errB := jsontext.AppendUnquote(nil, want)
		return errA == nil && errB == nil && bytes.Equal(a, b)
	case '0':
		a, errA := strconv.ParseFloat(string(got), 64)
		b, errB := strconv.ParseFloat(string(want), 64)
		return string(got) == string(want) || errA == nil && errB == nil && a == b
	}
	return true // true, false and null are kinds of their own
}
