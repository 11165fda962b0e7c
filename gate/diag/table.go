package diag

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Table is one table of a File. A method that reads a key returns its fallback
// when the key is absent and, with the fault noted in the File, when its value
// is not allowed; so a reader need not look at errors until it asks for
// File.Faults. Reading a key makes it known.
type Table struct {
	file    *File
	name    string // path from the root, as in its header; empty for the root
	at      int    // offset of its header or opening brace
	depth   int
	origin  origin
	values  map[string]*value
	order   []string // names of values, as written
	asked   map[string]bool
	missing []missingKey
	absent  bool // stands in for a table that the file does not have
	read    bool // a reader has it, and knows its keys
}

type missingKey struct{ key, hint string }

// Range is the values allowed, both ends included.
type Range[T int64 | float64 | time.Duration] struct {
	Min, Max T
	Unit     string // for messages, such as "operations a second"; may be empty
}

// contains is false for NaN.
func (r Range[T]) contains(v T) bool { return v >= r.Min && v <= r.Max }

// Text is a text value and where it stands.
type Text struct {
	Value string
	file  *File
	value *value
}

// At returns the position of the byte of Value at an offset. A text with
// escapes or of several lines is not laid out as its value is; there, and for
// an offset beyond the end, it is the position of its opening quote.
func (x Text) At(offset int) Position {
	if x.value.plain && offset >= 0 && offset <= len(x.Value) {
		return x.file.position(x.value.at + 1 + offset)
	}
	return x.file.position(x.value.at)
}

// Has reports whether the table has the key. It makes the key known.
func (t *Table) Has(key string) bool {
	t.asked[key] = true
	return t.values[key] != nil
}

// Names returns the keys of the table in the order of the file and makes all
// of them known: a table of free keys.
func (t *Table) Names() []string {
	for _, name := range t.order {
		t.asked[name] = true
	}
	return slices.Clone(t.order)
}

// Require notes a fault when the table is in the file and lacks the key. The
// hint says what to add. A key that is only misspelt is one fault, not two.
func (t *Table) Require(key, hint string) {
	if !t.Has(key) && !t.absent {
		t.missing = append(t.missing, missingKey{key, hint})
	}
}

// Position returns where the value of a key stands; where the table begins
// when it lacks the key.
func (t *Table) Position(key string) Position {
	if v := t.values[key]; v != nil {
		return t.file.position(v.at)
	}
	return t.file.position(t.at)
}

// KeyPosition returns where the key itself stands; where the table begins when
// it lacks the key.
func (t *Table) KeyPosition(key string) Position {
	if v := t.values[key]; v != nil {
		return t.file.position(v.key)
	}
	return t.file.position(t.at)
}

// Fault notes a fault that the reader found itself.
func (t *Table) Fault(at Position, rule, format string, args ...any) {
	t.file.addFault(at, rule, format, args...)
}

// Table returns the table under a key. Where the file has none, it is an empty
// one that requires nothing.
func (t *Table) Table(key string) *Table {
	if v := t.value(key, kindTable); v != nil {
		v.table.read = true
		return v.table
	}
	empty := t.detached(keyPart{name: key, at: t.at})
	empty.absent = true
	return empty
}

// Text returns a text; the zero Text and false when there is none.
func (t *Table) Text(key string) (Text, bool) {
	if v := t.value(key, kindText); v != nil {
		return Text{v.data, t.file, v}, true
	}
	return Text{}, false
}

// Choice returns a text that must be one of those allowed.
func (t *Table) Choice(key, fallback string, allowed ...string) string {
	x, ok := t.Text(key)
	if !ok {
		return fallback
	}
	if !slices.Contains(allowed, x.Value) {
		t.Fault(x.At(-1), "value", "%s is %s: %s", t.path(key), brief(x.Value), Suggest(x.Value, allowed))
		return fallback
	}
	return x.Value
}

// List returns the elements of a list of texts, without those that are not
// texts, which are faults; nil when there is no list, not nil when it is empty.
func (t *Table) List(key string) []Text {
	v := t.value(key, kindList)
	if v == nil {
		return nil
	}
	texts := make([]Text, 0, len(v.list))
	for i, e := range v.list {
		if e.kind != kindText {
			t.Fault(t.file.position(e.at), "type", "element %d of %s must be text in double quotes, not %s", i+1, t.path(key), describe(e))
			continue
		}
		texts = append(texts, Text{e.data, t.file, e})
	}
	return texts
}

// Bool returns true or false.
func (t *Table) Bool(key string, fallback bool) bool {
	if v := t.value(key, kindBool); v != nil {
		return v.data == "true"
	}
	return fallback
}

// Int returns a whole number within a range.
func (t *Table) Int(key string, fallback int64, allowed Range[int64]) int64 {
	v := t.value(key, kindInteger)
	if v == nil {
		return fallback
	}
	n, err := parseInteger(v)
	if err != nil || !allowed.contains(n) {
		t.outOfRange(key, v, limits(allowed, formatInteger))
		return fallback
	}
	return n
}

// Number returns a number, with a fraction or whole, within a range.
func (t *Table) Number(key string, fallback float64, allowed Range[float64]) float64 {
	v := t.value(key, kindFloat, kindInteger)
	if v == nil {
		return fallback
	}
	x, err := parseNumber(v)
	if err != nil || !allowed.contains(x) {
		t.outOfRange(key, v, limits(allowed, formatNumber))
		return fallback
	}
	return x
}

// Duration returns a duration, written as text with units ("5m", "1h30m"),
// within a range. A bare number is a fault, since its unit would be a guess.
func (t *Table) Duration(key string, fallback time.Duration, allowed Range[time.Duration]) time.Duration {
	return parsed(t, key, fallback, "a duration in double quotes, such as \"30s\" or \"5m\"",
		func(s string) (time.Duration, error) { return ParseDuration(s, allowed) })
}

// Percent returns a fraction, written as text with a percent sign ("5%" is
// 0.05), within a range of fractions. A bare number is a fault: 5 and 0.05
// would both be read as five per cent by someone.
func (t *Table) Percent(key string, fallback float64, allowed Range[float64]) float64 {
	return parsed(t, key, fallback, "a percentage in double quotes, such as \"5%\"",
		func(s string) (float64, error) { return ParsePercent(s, allowed) })
}

// parsed reads a text and what it stands for.
func parsed[T any](t *Table, key string, fallback T, want string, parse func(string) (T, error)) T {
	if v := t.values[key]; v != nil && v.kind != kindText {
		t.asked[key] = true
		t.Fault(t.file.position(v.at), "type", "%s must be %s, not %s", t.path(key), want, describe(v))
		return fallback
	}
	x, ok := t.Text(key)
	if !ok {
		return fallback
	}
	result, err := parse(x.Value)
	if err != nil {
		t.Fault(x.At(-1), "value", "%s is %s: %s", t.path(key), brief(x.Value), err)
		return fallback
	}
	return result
}

// value returns the value of a key when it is of one of the kinds; nil, with
// the fault noted, when it is of another, and nil when it is absent.
func (t *Table) value(key string, want ...kind) *value {
	t.asked[key] = true
	v := t.values[key]
	if v == nil || slices.Contains(want, v.kind) {
		return v
	}
	t.Fault(t.file.position(v.at), "type", "%s must be %s, not %s", t.path(key), wanted[want[0]], describe(v))
	return nil
}

// wanted words the kinds that can be asked for.
var wanted = map[kind]string{
	kindText:    "text in double quotes",
	kindInteger: "a whole number, without point or exponent",
	kindFloat:   "a number",
	kindBool:    "true or false, without quotes",
	kindList:    "a list, such as [\"a\", \"b\"]",
	kindTables:  "a list of tables, each under a header in double brackets, such as [[name]]",
	kindTable:   "a table",
}

// describe words what a value is.
func describe(v *value) string {
	switch v.kind {
	case kindText:
		return "the text " + brief(v.data)
	case kindInteger, kindFloat:
		return "the number " + v.data
	case kindBool:
		return v.data
	default:
		return string(v.kind)
	}
}

func (t *Table) outOfRange(key string, v *value, allowed string) {
	t.Fault(t.file.position(v.at), "range", "%s is %s: %s", t.path(key), v.data, allowed)
}

func parseNumber(v *value) (float64, error) {
	digits := strings.ReplaceAll(v.data, "_", "")
	if v.kind == kindInteger {
		n, err := strconv.ParseInt(digits, 0, 64) // knows 0x, 0o and 0b
		return float64(n), err
	}
	if strings.HasSuffix(digits, "nan") {
		return math.NaN(), nil // TOML lets it have a sign, strconv does not
	}
	return strconv.ParseFloat(digits, 64)
}

// unread returns the faults that show only when reading is over: keys that
// nobody asked for, and required ones that nothing stands for.
func (t *Table) unread() Faults {
	var faults Faults
	known := slices.Sorted(maps.Keys(t.asked))
	meant := map[string]bool{}
	for _, name := range t.order {
		v := t.values[name]
		if t.asked[name] {
			faults = append(faults, v.unread()...)
			continue
		}
		meant[nearest(name, known)] = true
		faults = append(faults, t.faultAt(v.key, "unknown-key", fmt.Sprintf("unknown %s: %s", t.describeKey(name), Suggest(name, known))))
	}
	for _, m := range t.missing {
		if !meant[m.key] && !t.file.cut {
			faults = append(faults, t.faultAt(t.at, "missing-key", fmt.Sprintf("missing %s: %s", t.describeKey(m.key), m.hint)))
		}
	}
	return faults
}

// unread returns the faults of the tables that a value is or holds.
func (v *value) unread() (faults Faults) {
	if v.table != nil && v.table.read {
		faults = v.table.unread()
	}
	for _, e := range v.list {
		faults = append(faults, e.unread()...)
	}
	return faults
}

func (t *Table) faultAt(offset int, rule, message string) Fault {
	at := t.file.position(offset)
	return Fault{File: t.file.name, Line: at.Line, Column: at.Column, Rule: rule, Message: message}
}

// describeKey words a key of the table for a message.
func (t *Table) describeKey(key string) string {
	if t.name == "" {
		return "key " + brief(key)
	}
	return fmt.Sprintf("key %s in [%s]", brief(key), t.name)
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,60}$`)

// path returns the dotted name of a key of the table.
func (t *Table) path(key string) string {
	if !bareKey.MatchString(key) {
		key = brief(key)
	}
	if t.name == "" {
		return key
	}
	return t.name + "." + key
}

func (t *Table) add(name string, v *value) {
	t.values[name] = v
	t.order = append(t.order, name)
}

// addTable adds an empty table.
func (t *Table) addTable(part keyPart, by origin) *Table {
	table := t.detached(part)
	table.origin = by
	t.add(part.name, &value{kind: kindTable, key: part.at, at: part.at, table: table})
	return table
}

// detached returns an empty table that is named as if it were in t.
func (t *Table) detached(part keyPart) *Table {
	return &Table{
		file: t.file, name: t.path(part.name), at: part.at, depth: t.depth + 1, origin: originHeader,
		values: map[string]*value{}, asked: map[string]bool{},
	}
}

// seal makes an inline table, and the tables within it, unable to be added to.
func (t *Table) seal() {
	t.origin = originInline
	for _, v := range t.values {
		if v.table != nil {
			v.table.seal()
		}
	}
}
