package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of a JSON input, so that a small file cannot take much memory or stack.
const (
	maxDepth  = 64
	maxValues = 3_000_000
)

// node is one JSON value and where it begins. Other tools add members whenever
// they like, so that a reader asks for those that it knows, and no others are
// faults; but what it asks for must be there, and of the right kind.
type node struct {
	file   *file
	offset int
	path   string // as $.results[2].times
	kind   jsontext.Kind
	text   string // of a string or a number
	names  []string
	items  []*node // members, in the order of names, or elements
}

// parseJSON reads one JSON value that begins at an offset of the file and ends
// at end. It returns nil after a fault.
func (f *file) parseJSON(offset, end int) *node {
	p := jsonParser{file: f, base: offset, dec: jsontext.NewDecoder(bytes.NewBuffer(f.data[offset:end]))}
	n, err := p.value("$", 0)
	if err == nil {
		more := p.next()
		if _, err = p.dec.ReadToken(); errors.Is(err, io.EOF) {
			return n
		}
		if err == nil {
			err = &misfit{offset: more, message: "more text follows where the JSON value ends: give one file for each result"}
		}
	}
	p.fault(err)
	return nil
}

type jsonParser struct {
	file   *file
	base   int
	dec    *jsontext.Decoder
	values int
}

// misfit is a fault of the document that is none of JSON's.
type misfit struct {
	offset  int
	message string
}

func (m *misfit) Error() string { return m.message }

func (p *jsonParser) fault(err error) {
	var m *misfit
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &m):
		p.file.fault(m.offset, "json", "%s", m.message)
	case errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF):
		p.file.fault(p.base+int(syntax.ByteOffset), "json", "not JSON: %v; is the file damaged, or not of this tool?", syntax.Err)
	default: // the end came too early
		p.file.fault(len(p.file.data), "json", "the file ends in the middle of its JSON: is it cut off?")
	}
}

// next is where the next value begins.
func (p *jsonParser) next() int {
	at := p.base + int(p.dec.InputOffset())
	for at < len(p.file.data) && strings.IndexByte(" \t\r\n,:", p.file.data[at]) >= 0 {
		at++
	}
	return at
}

func (p *jsonParser) value(path string, depth int) (*node, error) {
	kind := p.dec.PeekKind()
	start := p.next()
	if p.values++; p.values > maxValues {
		return nil, &misfit{start, fmt.Sprintf("more than %d values: not the result of a benchmark", maxValues)}
	}
	if depth > maxDepth {
		return nil, &misfit{start, fmt.Sprintf("nested more than %d deep: not the result of a benchmark", maxDepth)}
	}
	token, err := p.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	n := &node{file: p.file, offset: start, path: path, kind: kind}
	switch kind {
	case '"', '0':
		n.text = token.String()
	case '[':
		for p.dec.PeekKind() != ']' {
			item, err := p.value(path+"["+strconv.Itoa(len(n.items))+"]", depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		_, err = p.dec.ReadToken()
	case '{':
		for p.dec.PeekKind() != '}' {
			name, err := p.dec.ReadToken()
			if err != nil {
				return nil, err
			}
			text := name.String()
			item, err := p.value(path+"."+text, depth+1)
			if err != nil {
				return nil, err
			}
			n.names, n.items = append(n.names, text), append(n.items, item)
		}
		_, err = p.dec.ReadToken()
	}
	return n, err
}

// fault notes that the value is wrong.
func (n *node) fault(rule, format string, args ...any) {
	n.file.fault(n.offset, rule, "%s %s", n.path, fmt.Sprintf(format, args...))
}

// find is a member, or nil when there is none.
func (n *node) find(name string) *node {
	if n == nil || n.kind != '{' {
		return nil
	}
	for i, have := range n.names {
		if have == name {
			return n.items[i]
		}
	}
	return nil
}

// member is a member that has to be there; nil after a fault.
func (n *node) member(name string) *node {
	if n == nil {
		return nil
	}
	if n.kind != '{' {
		n.fault("kind", "is %s, need an object with %q", kindName(n.kind), name)
		return nil
	}
	m := n.find(name)
	if m == nil {
		n.fault("missing", "lacks %q: is the file cut off, or of another version of the tool?", name)
	}
	return m
}

// elements are those of an array that has to be one.
func (n *node) elements() []*node {
	if n == nil {
		return nil
	}
	if n.kind != '[' {
		n.fault("kind", "is %s, need an array", kindName(n.kind))
		return nil
	}
	return n.items
}

// str is a string that has to be one.
func (n *node) str() string {
	if n == nil {
		return ""
	}
	if n.kind != '"' {
		n.fault("kind", "is %s, need a string", kindName(n.kind))
		return ""
	}
	return n.text
}

// optional is the text of a member, where it is a string or a number.
func (n *node) optional(name string) string {
	if m := n.find(name); m != nil {
		return m.text
	}
	return ""
}

// measured is a number that was measured: finite, and not negative.
func (n *node) measured() (float64, bool) {
	if n == nil {
		return 0, false
	}
	if n.kind != '0' {
		n.fault("kind", "is %s%s, need a number", kindName(n.kind), quoted(n))
		return 0, false
	}
	x, err := strconv.ParseFloat(n.text, 64)
	switch {
	case err != nil || math.IsInf(x, 0) || math.IsNaN(x):
		n.fault("number", "is %s, which is no finite number", n.text)
	case x < 0:
		n.fault("number", "is %s, need 0 or more: nothing takes less than no time", n.text)
	default:
		return x, true
	}
	return 0, false
}

func quoted(n *node) string {
	if n.kind == '"' && len(n.text) < 40 {
		return " " + strconv.Quote(n.text)
	}
	return ""
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	}
	return "an array"
}
