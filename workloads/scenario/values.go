package scenario

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fivegate/fivegate/gate/diag"
)

// Bounds on values. Chosen: beyond what a request holds, below what exhausts a
// machine before it is noticed.
const (
	maxNumber     = 1 << 53 // beyond it not every reader of JSON counts exactly
	maxZipf       = 1_000_000
	maxTextBytes  = 8192
	maxLines      = 1_000_000
	maxLinesBytes = 16 << 20
	maxWords      = 1000
	maxDimension  = 65_536 // as of data.embedding_dim
)

// valueName is what may stand in ${ }.
var valueName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,59}$`)

const line = "line" // in a file: a Choice whose texts are in another file

// valueTypes are what a value may be, as it is written.
var valueTypes = []string{Sequence, Integer, Choice, line, Words, Vector}

// readValues reads [values]. A value that is wrong keeps its place, so that it is
// not unknown where it is used.
func (r *httpReader) readValues(t *diag.Table) {
	for _, name := range t.Names() {
		if !valueName.MatchString(name) {
			t.Fault(t.KeyPosition(name), "value", "%q cannot be the name of a value: allowed are letters, digits, _ and -, beginning with a letter", name)
		}
		v := r.readValue(t.Table(name))
		v.Name = name
		r.index[name] = len(r.values)
		r.values = append(r.values, v)
	}
}

func (r *httpReader) readValue(t *diag.Table) Value {
	var v Value
	t.Require("type", fmt.Sprintf(`add a line such as type = "sequence"; %s`, diag.Suggest("", valueTypes)))
	kind, ok := t.Text("type")
	if !ok {
		t.Names() // which keys belong here depends on the type
		return v
	}
	switch v.Type = kind.Value; v.Type {
	case Sequence:
		v.Start = t.Int("start", 1, diag.Range[int64]{Min: 0, Max: maxNumber / 2})
	case Integer:
		readInteger(t, &v)
	case Choice:
		v.Texts = readChoice(t)
		v.Zipf = readZipf(t, int64(len(v.Texts)))
	case line:
		v.Type, v.Texts = Choice, r.readLines(t)
		v.Zipf = readZipf(t, int64(len(v.Texts)))
	case Words:
		t.Require("count", "add a line such as count = 3")
		v.Count = int(t.Int("count", 1, diag.Range[int64]{Min: 1, Max: maxWords, Unit: "words"}))
	case Vector:
		readVector(t, &v)
	default:
		t.Fault(kind.At(-1), "value", "values of type %q are not known: %s", kind.Value, diag.Suggest(kind.Value, valueTypes))
		t.Names()
	}
	return v
}

func readInteger(t *diag.Table, v *Value) {
	allowed := diag.Range[int64]{Min: -maxNumber, Max: maxNumber}
	t.Require("max", "add a line such as max = 1000; min is 1 unless you say otherwise")
	v.Min = t.Int("min", 1, allowed)
	v.Max = t.Int("max", v.Min, allowed)
	if v.Max < v.Min {
		t.Fault(t.Position("max"), "range", "max is %d and min is %d: max must not be less", v.Max, v.Min)
		v.Max = v.Min
	}
	v.Zipf = readZipf(t, v.Max-v.Min+1)
}

// readZipf reads how often each of n things is drawn: 0 is all equally often.
func readZipf(t *diag.Table, n int64) float64 {
	if t.Choice("distribution", Uniform, Uniform, "zipf") == Uniform {
		return 0
	}
	if n > maxZipf {
		t.Fault(t.Position("distribution"), "range", "a zipf distribution over %d values: at most %d are possible", n, maxZipf)
	}
	return t.Number("exponent", 1, diag.Range[float64]{Min: 0.1, Max: 10})
}

func readChoice(t *diag.Table) []string {
	t.Require("of", `add a line such as of = ["red", "green"]`)
	list := t.List("of")
	var texts []string
	for _, x := range list {
		if len(x.Value) > maxTextBytes {
			t.Fault(x.At(-1), "range", "a text of %d bytes: at most %d are allowed", len(x.Value), maxTextBytes)
		}
		texts = append(texts, x.Value)
	}
	if list != nil && len(list) == 0 {
		t.Fault(t.Position("of"), "value", "there is nothing to choose from: name one text at least")
	}
	return texts
}

// readLines reads the lines of a file that are not empty.
func (r *httpReader) readLines(t *diag.Table) []string {
	t.Require("file", `add a line such as file = "queries.txt", a file beside the scenario`)
	name, ok := t.Text("file")
	if !ok {
		return nil
	}
	data, ok := r.files.read(t, name, maxLinesBytes)
	if !ok {
		return nil
	}
	wrong := func(format string, args ...any) []string {
		t.Fault(name.At(-1), "file", "file %q %s", name.Value, fmt.Sprintf(format, args...))
		return nil
	}
	if !utf8.Valid(data) {
		return wrong("is not UTF-8 text")
	}
	var lines []string
	for i, text := range strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n") {
		text = strings.TrimSuffix(text, "\r")
		switch {
		case len(text) > maxTextBytes:
			return wrong("has %d bytes in line %d: at most %d are allowed", len(text), i+1, maxTextBytes)
		case text != "":
			lines = append(lines, text)
		}
	}
	switch {
	case len(lines) == 0:
		return wrong("has no line with something in it")
	case len(lines) > maxLines:
		return wrong("has %d lines: at most %d are allowed", len(lines), maxLines)
	}
	return lines
}

func readVector(t *diag.Table, v *Value) {
	t.Require("dimension", "add a line such as dimension = 768")
	v.Dimension = int(t.Int("dimension", 1, diag.Range[int64]{Min: 1, Max: maxDimension}))
	v.Distribution = t.Choice("distribution", Uniform, Uniform, Clustered)
	if v.Distribution != Clustered {
		return
	}
	v.Clusters = int(t.Int("clusters", 100, diag.Range[int64]{Min: 1, Max: 1_000_000}))
	v.StdDev = t.Number("std_dev", 0.2, diag.Range[float64]{Min: 0.001, Max: 10})
	if values := int64(v.Clusters) * int64(v.Dimension); values > maxClusterValues {
		t.Fault(t.Position("clusters"), "range", "clusters × dimension is %d: at most %d is allowed", values, int64(maxClusterValues))
	}
}

// sample is what may stand in the place of the value.
func (v Value) sample() string {
	switch v.Type {
	case Choice:
		if len(v.Texts) > 0 {
			return v.Texts[0]
		}
	case Words:
		return "word"
	case Vector:
		return "[0.5]"
	}
	return "1"
}

// misfit is a text of the value that does not fit; false when all do.
func (v Value) misfit(fits func(string) bool) (string, bool) {
	i := slices.IndexFunc(v.Texts, func(s string) bool { return !fits(s) })
	if i < 0 {
		return "", false
	}
	return v.Texts[i], true
}
