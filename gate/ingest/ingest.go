// Package ingest reads what other benchmark tools write, and puts two such results
// side by side.
//
// Read takes the files of one side. Each format has a file of its own here, which
// says what a sample is and which process it came from; Compare pairs the
// benchmarks of both sides and makes the result document that package verdict
// judges. docs/formats.md says what is read of each format.
//
// What is read was written by strangers: a file that is cut, damaged, too large or
// of another kind is refused, with the place of the fault and what to do. The
// package is pure: bytes come in, and neither clock, disk nor network is touched.
package ingest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/result"
)

// MaxSize is the most bytes of one input, the files of a directory together.
const MaxSize = 64 << 20

// maxRecords bounds what a side may take of memory.
const maxRecords = 1_000_000

// mostFaults is how many faults are told of one file: one mistake in a writer
// shows in every sample.
const mostFaults = 20

// Input is one file, or one directory of files, that a tool wrote in one session.
type Input struct {
	Name  string // as the user named it
	Data  []byte
	Files []Input // of a directory, instead of Data; names are relative to it, with slashes
}

// Record is one measurement of a benchmark: one value for each of its units.
type Record struct {
	Config  []Setting // what the file says of it beside the name: pkg, goos, …
	Name    string
	Process int // of the side, from 0: samples of one process share its luck
	Values  []Value
}

// Setting is a key and its value.
type Setting struct{ Key, Value string }

// Value is one number, in base units: seconds, bytes.
type Value struct {
	Unit   string
	Amount float64
}

// Unit is what is known of a unit beside its name.
type Unit struct {
	Better result.Better
	Exact  bool // a measurement has no noise, as the size of a file has none
}

// Side is what was read of one side of a comparison.
type Side struct {
	Format  string // name of the format
	Inputs  int
	Records []Record
	Units   map[string]Unit
	Failed  []Failure
	Watched map[string]bool     // benchmarks that are shown, and not judged
	Machine map[string][]string // cpu, os, arch, runtime: all values that the files name, in order
	Parts   bool                // values of one process are parts of one run, and no repetitions of it
	Notes   []string            // what a reader must know of these files

	processes int
}

// Failure is a benchmark that ran and failed.
type Failure struct{ Name, Detail string }

// format is one kind of file.
type format struct {
	name  string
	title string
	parts bool
	is    func(f *file) bool // by content
	read  func(f *file, s *Side)
}

// formats in the order in which they are tried.
var formats = []format{
	{name: "fivegate", title: "Fivegate's result documents", is: isOwn, read: readOwn},
	{name: "jmh", title: "JMH (-rf json)", is: isJMH, read: readJMH},
	{name: "hyperfine", title: "hyperfine (--export-json)", is: isHyperfine, read: readHyperfine},
	{name: "pytest-benchmark", title: "pytest-benchmark (--benchmark-json)", parts: true, is: isPytest, read: readPytest},
	{name: "google-benchmark", title: "Google Benchmark (--benchmark_format=json)", is: isGoogle, read: readGoogle},
	{name: "k6", title: "k6's summary (--summary-export or handleSummary)", parts: true, is: isK6, read: readK6},
	{name: "k6-stream", title: "k6's JSON stream (--out json)", parts: true, is: isK6Stream, read: readK6Stream},
	{name: "criterion", title: "Criterion (the directory target/criterion)", parts: true, is: isCriterion, read: readCriterion},
	{name: "criterion-messages", title: "cargo criterion --message-format=json", parts: true, is: isCriterionMessages, read: readCriterionMessages},
	{name: "benchfmt", title: "Go benchmarks (go test -bench)", is: isBenchfmt, read: readBenchfmt},
}

// Formats are the names of the formats.
func Formats() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// Describe is a format in a person's words.
func Describe(name string) string {
	for _, f := range formats {
		if f.name == name {
			return f.title
		}
	}
	return name
}

// Read reads the inputs of one side. The format is recognised by what the files
// hold, unless it is named. All inputs of a side have one format; each is a session
// of its own, and so at least one process.
//
// The error is diag.Faults, with file, line and column.
func Read(inputs []Input, name string) (*Side, error) {
	s := &Side{Units: map[string]Unit{}, Watched: map[string]bool{}, Machine: map[string][]string{}, Inputs: len(inputs)}
	var faults diag.Faults
	for _, input := range inputs {
		f := newFile(input)
		if f.sound() {
			s.read(f, name)
		}
		faults = append(faults, f.faults...)
	}
	if len(faults) == 0 {
		faults = s.check(inputs)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// read recognises the format of a file and reads it.
func (s *Side) read(f *file, name string) {
	i := slices.IndexFunc(formats, func(k format) bool { return k.name == name || name == "" && k.is(f) })
	switch {
	case i < 0 && name == "":
		f.fault(0, "format", "is of no format that is known here (%s): name it with --format if it is, and see docs/formats.md", strings.Join(Formats(), ", "))
		return
	case i < 0:
		f.fault(0, "format", "format %q is not known; allowed are %s", name, strings.Join(Formats(), ", "))
		return
	case s.Format != "" && s.Format != formats[i].name:
		f.fault(0, "format", "is of the format %s, and the files before it are of %s: one side has one format", formats[i].name, s.Format)
		return
	}
	s.Format, s.Parts = formats[i].name, formats[i].parts
	before := len(s.Records)
	formats[i].read(f, s)
	for _, r := range s.Records[before:] {
		s.processes = max(s.processes, r.Process+1)
	}
	if len(s.Records) >= maxRecords {
		f.fault(len(f.data), "size", "holds, with the files before it, %d measurements or more: not the result of a benchmark, or one to be split", maxRecords)
	}
	if len(f.faults) == 0 && len(s.Records) == before && len(s.Failed) == 0 {
		f.fault(0, "empty", "holds no measurement: was the benchmark run, and did it end well?")
	}
}

// check looks for what no single file can show.
func (s *Side) check(inputs []Input) (faults diag.Faults) {
	add := func(format string, args ...any) {
		if len(faults) < mostFaults {
			faults = append(faults, diag.Fault{File: inputs[0].Name, Rule: "unit", Message: fmt.Sprintf(format, args...)})
		}
	}
	scales := map[string]string{} // benchmark and kind of unit → unit
	for _, r := range s.Records {
		for _, v := range r.Values {
			kind, ok := scaled(v.Unit)
			if !ok {
				continue
			}
			key := r.key() + "\x00" + kind
			if have, seen := scales[key]; seen && have != v.Unit {
				add("%q is measured in %s and in %s: one of them is wrong, or two benchmarks have one name", r.Name, have, v.Unit)
			}
			scales[key] = v.Unit
		}
	}
	return faults
}

// key tells benchmarks apart.
func (r *Record) key() string {
	var b strings.Builder
	b.WriteString(r.Name)
	for _, c := range r.Config {
		b.WriteString("\x00" + c.Key + "\x00" + c.Value)
	}
	return b.String()
}

// scaled says what a unit of time per something measures, whatever its scale, so
// that two scales of one thing are noticed.
func scaled(unit string) (kind string, ok bool) {
	for _, second := range []string{"sec", "s", "ms", "us", "µs", "μs", "ns", "min"} {
		if rest, found := strings.CutPrefix(unit, second+"/"); found {
			return "time/" + rest, true
		}
	}
	return "", false
}

// add appends a measurement; see maxRecords.
func (s *Side) add(r Record) {
	if len(s.Records) < maxRecords {
		s.Records = append(s.Records, r)
	}
}

// unit notes what is known of a unit.
func (s *Side) unit(name string, better result.Better) {
	if _, known := s.Units[name]; !known {
		s.Units[name] = Unit{Better: better}
	}
}

// machine notes what a file says of where it was measured.
func (s *Side) machine(key, value string) {
	value = strings.Join(strings.Fields(value), " ")
	if value != "" && !slices.Contains(s.Machine[key], value) {
		s.Machine[key] = append(s.Machine[key], value)
	}
}

// note adds what a reader must know, once.
func (s *Side) note(text string) {
	if !slices.Contains(s.Notes, text) {
		s.Notes = append(s.Notes, text)
	}
}

// file is an input with the faults found in it.
type file struct {
	Input
	data   []byte
	faults diag.Faults
}

func newFile(in Input) *file { return &file{Input: in, data: in.Data} }

// sound says whether the file can be read at all.
func (f *file) sound() bool {
	size := len(f.data)
	for _, part := range f.Files {
		size += len(part.Data)
	}
	switch {
	case size > MaxSize:
		f.fault(0, "size", "is larger than %d MB: not the result of a benchmark, or one to be split", MaxSize>>20)
	case size == 0:
		f.fault(0, "empty", "is empty: did the benchmark run, and was its output kept?")
	case !utf8.Valid(f.data):
		f.fault(invalidAt(f.data), "utf-8", "is not UTF-8 text: convert it, or was it compressed?")
	default:
		return true
	}
	return false
}

func invalidAt(data []byte) int {
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return 0
}

// part is a file of a directory, to be read as a file of its own; its faults are
// the directory's when done is called.
func (f *file) part(in Input) (part *file, done func()) {
	part = newFile(Input{Name: strings.TrimSuffix(f.Name, "/") + "/" + in.Name, Data: in.Data})
	return part, func() { f.faults = append(f.faults, part.faults...) }
}

// json is the file's JSON value; nil, after a fault, if it has none.
func (f *file) json() *node { return f.parseJSON(0, len(f.data)) }

// fault notes what is wrong at an offset. Beyond mostFaults nothing is added.
func (f *file) fault(offset int, rule, format string, args ...any) {
	if len(f.faults) >= mostFaults {
		return
	}
	line, column := position(f.data, offset)
	f.faults = append(f.faults, diag.Fault{File: f.Name, Line: line, Column: column, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

// position is the line and column of an offset, both from 1; columns count
// characters.
func position(data []byte, offset int) (line, column int) {
	before := data[:min(max(offset, 0), len(data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}

// starts says whether the text begins so, white space left out.
func (f *file) starts(prefix string) bool {
	return bytes.HasPrefix(bytes.TrimLeft(f.data, " \t\r\n\uFEFF"), []byte(prefix))
}

// mentions says whether all members are named near the beginning, which is
// enough to recognise a format before it is parsed.
func (f *file) mentions(names ...string) bool {
	for _, name := range names {
		if !bytes.Contains(f.data, []byte(`"`+name+`"`)) {
			return false
		}
	}
	return true
}
