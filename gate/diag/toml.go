package diag

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

// MaxTOMLBytes is how large a TOML text may be. Chosen: a hundred times what a
// person writes, and small enough that reading a hostile text costs little.
const MaxTOMLBytes = 1 << 20

// maxTOMLDepth is how deep tables and lists may be within one another. Chosen:
// four times the deepest that any file here needs.
const maxTOMLDepth = 32

const byteOrderMark = "\xef\xbb\xbf"

// Position is a place in a text; both numbers are 1-based, columns count
// characters (Unicode code points).
type Position struct{ Line, Column int }

// File is one TOML text being read. It collects the faults that the parser
// finds and those that its tables find while values are asked for.
type File struct {
	name   string
	text   []byte
	lines  []int // offset of the start of each line
	root   *Table
	faults Faults
	cut    bool // the text could not be parsed to its end, so that keys may only seem to be missing
}

// kind is the type of a value, in the words that messages use.
type kind string

const (
	kindText    kind = "text"
	kindInteger kind = "a whole number"
	kindFloat   kind = "a number with a fraction"
	kindBool    kind = "true or false"
	kindTime    kind = "a date or time"
	kindList    kind = "a list"
	kindTables  kind = "a list of tables" // from [[headers]]
	kindTable   kind = "a table"
)

// value is a TOML value and where it stands.
type value struct {
	kind  kind
	key   int    // offset of the key; the offset of the value for an element of a list
	at    int    // offset of the value
	data  string // text: unescaped; numbers and times: as written; lists and tables: empty
	plain bool   // data stands in the source as it is, one character after at
	list  []*value
	table *Table
}

// origin says how a table came to be, which decides what may add to it.
type origin int

const (
	originImplied origin = iota // by a longer header, [a.b] makes a
	originHeader                // by its own header
	originDotted                // by a dotted key, a.b = 1 makes a
	originInline                // { … }
)

// TOML parses a text of TOML 1.0 (with the line breaks within inline tables
// that 1.1 allows). name is used in messages only. There is always a File: what
// could be parsed can be read from it, and Faults says what could not. A text
// larger than MaxTOMLBytes, not in UTF-8, or nested deeper than 32 levels is a
// fault.
func TOML(name string, text []byte) *File {
	f := &File{name: name, text: slices.Clip(bytes.TrimPrefix(text, []byte(byteOrderMark)))}
	f.root = &Table{file: f, values: map[string]*value{}, asked: map[string]bool{}, origin: originHeader}
	if len(text) > MaxTOMLBytes {
		f.cut = true
		f.faults = append(f.faults, Fault{
			File: name, Rule: "size",
			Message: fmt.Sprintf("the file has %d bytes: at most %d are allowed", len(text), MaxTOMLBytes),
		})
		return f
	}
	f.lines = lineStarts(f.text)
	if at := invalidUTF8(f.text); at >= 0 {
		f.cut = true
		f.addFault(f.position(at), "encoding", "the file is not UTF-8: byte 0x%02x is no character; save it as UTF-8", f.text[at])
		return f
	}
	f.parse()
	return f
}

// Root is the table of the whole file.
func (f *File) Root() *Table { return f.root }

// Faults returns everything wrong that has been found so far, sorted, each
// fault once: what the parser found, what the values asked for turned out to
// be, and the keys that were never asked for. Call it after all reading.
func (f *File) Faults() Faults {
	faults := slices.Clone(f.faults)
	return append(faults, f.root.unread()...).Sort()
}

// addFault notes a fault.
func (f *File) addFault(at Position, rule, format string, args ...any) {
	f.faults = append(f.faults, Fault{
		File: f.name, Line: at.Line, Column: at.Column, Rule: rule, Message: fmt.Sprintf(format, args...),
	})
}

// position converts an offset in the text.
func (f *File) position(offset int) Position {
	line := sort.Search(len(f.lines), func(i int) bool { return f.lines[i] > offset })
	start := 0
	if line > 0 {
		start = f.lines[line-1]
	}
	return Position{Line: max(line, 1), Column: utf8.RuneCount(f.text[start:min(offset, len(f.text))]) + 1}
}

func lineStarts(text []byte) []int {
	starts := []int{0}
	for i, c := range text {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// invalidUTF8 returns the offset of the first byte that is not part of a
// character, or -1.
func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// parse builds the tables. The grammar is the library's; the rules about what
// may be defined twice are applied here, since the library stops at the first
// fault and keeps no positions.
func (f *File) parse() {
	var p unstable.Parser
	p.Reset(f.text)
	current := f.root
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table:
			current = f.header(e, false)
		case unstable.ArrayTable:
			current = f.header(e, true)
		case unstable.KeyValue:
			f.keyValue(current, e)
		}
	}
	if err := p.Error(); err != nil {
		f.cut = true
		f.syntaxFault(&p, err)
	}
}

func (f *File) syntaxFault(p *unstable.Parser, err error) {
	var syntax *unstable.ParserError
	at := len(f.text)
	if errors.As(err, &syntax) {
		at = int(p.Range(syntax.Highlight).Offset)
	}
	f.addFault(f.position(at), "syntax", "not TOML: %s", syntaxMessage(err.Error()))
}

// syntaxMessage adds what to do to the parser's words for the mistakes that
// people make most.
func syntaxMessage(message string) string {
	switch {
	case strings.Contains(message, "at start of value"):
		return message + "; text stands in double quotes, lists in [ ]"
	case strings.Contains(message, "expected keyword"):
		return message + "; text stands in double quotes"
	case strings.Contains(message, "expected newline"):
		return message + "; one key = value a line"
	case strings.Contains(message, "expected '=' after key"):
		return message + "; a line is key = value or [table]"
	default:
		return message
	}
}

// keyPart is one part of a dotted key.
type keyPart struct {
	name    string
	at, end int // offsets of its first byte and of the byte after it
}

func keyParts(it unstable.Iterator) []keyPart {
	var parts []keyPart
	for it.Next() {
		n := it.Node()
		at := int(n.Raw.Offset)
		parts = append(parts, keyPart{name: string(n.Data), at: at, end: at + int(n.Raw.Length)})
	}
	return parts
}

// header finds or makes the table that [a.b] or [[a.b]] names. When it may not
// be defined here the fault is noted, and the keys below it go where they would
// be looked for, so that what is wrong with them is found too.
func (f *File) header(e *unstable.Node, list bool) *Table {
	parts := keyParts(e.Key())
	t := f.root
	for i, part := range parts {
		if !f.depthAllowed(t.depth+1, part.at) {
			return t.detached(part)
		}
		last := i == len(parts)-1
		if last && list {
			return f.listHeader(t, part)
		}
		t = f.headerPart(t, part, last)
	}
	return t
}

// headerPart steps from table t into the table that one part of a header names.
func (f *File) headerPart(t *Table, part keyPart, last bool) *Table {
	old := t.values[part.name]
	if old == nil {
		by := originImplied
		if last {
			by = originHeader
		}
		return t.addTable(part, by)
	}
	found := old.table
	if old.kind == kindTables {
		found = old.list[len(old.list)-1].table
	}
	switch {
	case found == nil, found.origin == originInline, last && old.kind == kindTables:
		f.duplicate(t, part, old)
		return t.detached(part)
	case last && found.origin != originImplied:
		f.duplicate(t, part, old)
	case last:
		found.origin, found.at = originHeader, part.at
	}
	return found
}

// listHeader adds a table to the list that [[part]] names in t.
func (f *File) listHeader(t *Table, part keyPart) *Table {
	old := t.values[part.name]
	if old == nil {
		old = &value{kind: kindTables, key: part.at, at: part.at}
		t.add(part.name, old)
	} else if old.kind != kindTables {
		f.duplicate(t, part, old)
		return t.detached(part)
	}
	table := t.detached(part)
	old.list = append(old.list, &value{kind: kindTable, key: part.at, at: part.at, table: table})
	return table
}

// keyValue adds a key and its value to table t.
func (f *File) keyValue(t *Table, e *unstable.Node) {
	parts := keyParts(e.Key())
	for _, part := range parts[:len(parts)-1] {
		if t = f.dottedPart(t, part); t == nil {
			return
		}
	}
	part := parts[len(parts)-1]
	if !f.depthAllowed(t.depth+1, part.at) {
		return
	}
	v := f.value(t, part, e.Value(), valueStart(f.text, part.end), t.depth+1)
	v.key = part.at
	if old := t.values[part.name]; old != nil {
		f.duplicate(t, part, old)
		return
	}
	t.add(part.name, v)
}

// dottedPart steps into the table that a part of a dotted key names; nil, with
// the fault noted, when that part is something else.
func (f *File) dottedPart(t *Table, part keyPart) *Table {
	if !f.depthAllowed(t.depth+1, part.at) {
		return nil
	}
	old := t.values[part.name]
	if old == nil {
		return t.addTable(part, originDotted)
	}
	if old.table == nil || old.table.origin != originDotted {
		f.duplicate(t, part, old)
		return nil
	}
	return old.table
}

// value converts the value of a key of table t, which starts at offset at.
func (f *File) value(t *Table, part keyPart, n *unstable.Node, at, depth int) *value {
	v := &value{key: at, at: at, data: string(n.Data)}
	switch n.Kind {
	case unstable.String:
		v.kind = kindText
		v.plain = n.Raw.Length == uint32(len(n.Data)+2)
	case unstable.Integer:
		v.kind = kindInteger
	case unstable.Float:
		v.kind = kindFloat
	case unstable.Bool:
		v.kind = kindBool
	case unstable.Array:
		v.kind = kindList
		f.elements(v, t, part, n, depth)
	case unstable.InlineTable:
		v.kind = kindTable
		v.table = t.detached(part)
		v.table.at, v.table.depth = at, depth
		for it := n.Children(); it.Next(); {
			f.keyValue(v.table, it.Node())
		}
		v.table.seal()
	default:
		v.kind = kindTime
	}
	return v
}

// elements converts the elements of a list. The parser gives lists within
// lists no position, so these stand where the outer one does.
func (f *File) elements(v *value, t *Table, part keyPart, n *unstable.Node, depth int) {
	for it := n.Children(); it.Next(); {
		e := it.Node()
		at := v.at
		if e.Raw.Length > 0 {
			at = int(e.Raw.Offset)
		}
		if !f.depthAllowed(depth+1, at) {
			return
		}
		v.list = append(v.list, f.value(t, part, e, at, depth+1))
	}
}

// depthAllowed notes a fault when depth is beyond the limit.
func (f *File) depthAllowed(depth, at int) bool {
	if depth <= maxTOMLDepth {
		return true
	}
	f.addFault(f.position(at), "depth", "nested too deep: at most %d levels of tables and lists are allowed", maxTOMLDepth)
	return false
}

func (f *File) duplicate(t *Table, part keyPart, old *value) {
	what := fmt.Sprintf("key %s", brief(part.name))
	if old.kind == kindTable || old.kind == kindTables {
		what = fmt.Sprintf("table [%s]", t.path(part.name))
	} else if t.name != "" {
		what += fmt.Sprintf(" in [%s]", t.name)
	}
	f.addFault(f.position(part.at), "duplicate-key", "%s is defined twice: first in line %d", what, f.position(old.key).Line)
}

// valueStart returns where the value begins of a key that ends at an offset:
// after the equals sign, and the white space around it.
func valueStart(text []byte, keyEnd int) int {
	i := keyEnd
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	i++ // the equals sign
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	return min(i, len(text))
}
