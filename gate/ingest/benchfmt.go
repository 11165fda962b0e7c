package ingest

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/fivegate/fivegate/gate/result"
)

// longestLine is what the reader of x/perf takes, mostSettings what a file may say
// of its benchmarks.
const (
	longestLine  = 64 << 10
	mostSettings = 64
)

func isBenchfmt(f *file) bool {
	for line := range bytes.Lines(f.data) {
		if bytes.HasPrefix(line, []byte("Benchmark")) || bytes.HasPrefix(line, []byte("Unit ")) || bytes.HasPrefix(line, []byte("goos:")) {
			return true
		}
	}
	return false
}

// readBenchfmt reads the Go benchmark format. Every process of go test begins with
// its own pkg line, so that a file to which several runs were appended has as many
// processes.
func readBenchfmt(f *file, s *Side) {
	lines, ok := scanLines(f, s)
	if !ok {
		return
	}
	r := benchfmt.NewReader(bytes.NewReader(f.data), f.Name)
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.SyntaxError:
			f.faultLine(rec.Line, "syntax", "%s: is the line cut off, or did something else print into it?", rec.Msg)
		case *benchfmt.Result:
			_, line := rec.Pos()
			s.addGo(f, rec, line, lines[line-1])
		}
	}
	if err := r.Err(); err != nil {
		f.fault(len(f.data), "syntax", "%v", err)
	}
	for name := range s.seenUnits() {
		unit := s.Units[name]
		switch r.Units().GetBetter(name) {
		case 1:
			unit.Better = result.HigherIsBetter
		case -1:
			unit.Better = result.LowerIsBetter
		}
		if assume := r.Units().Get(name, "assume"); assume != nil {
			unit.Exact = assume.Value == "exact"
		}
		s.Units[name] = unit
	}
}

// seenUnits are the units of the records.
func (s *Side) seenUnits() map[string]bool {
	seen := map[string]bool{}
	for _, r := range s.Records {
		for _, v := range r.Values {
			seen[v.Unit] = true
		}
	}
	return seen
}

// addGo adds one line of results.
func (s *Side) addGo(f *file, rec *benchfmt.Result, line, process int) {
	out := Record{Name: string(rec.Name), Process: s.processes + process}
	if len(rec.Config) > mostSettings {
		f.faultLine(line, "size", "there are %d settings (lines of key: value), more than %d", len(rec.Config), mostSettings)
		return
	}
	out.Config = s.settings(rec)
	seen := map[string]bool{}
	for _, v := range rec.Values {
		switch {
		case math.IsNaN(v.Value) || math.IsInf(v.Value, 0):
			f.faultLine(line, "number", "%s %s is %v, which is no finite number", out.Name, v.Unit, v.Value)
		case v.Value < 0:
			f.faultLine(line, "number", "%s %s is %v, need 0 or more", out.Name, v.Unit, v.Value)
		case seen[v.Unit]:
			f.faultLine(line, "unit", "%s has two values of the unit %s on one line", out.Name, v.Unit)
		}
		seen[v.Unit] = true
		out.Values = append(out.Values, Value{v.Unit, v.Value})
	}
	s.machine("cpu", rec.GetConfig("cpu"))
	s.machine("os", rec.GetConfig("goos"))
	s.machine("arch", rec.GetConfig("goarch"))
	s.machine("runtime", rec.GetConfig("go"))
	s.add(out)
}

// settings are those of the file, shared with the record before where they are the
// same.
func (s *Side) settings(rec *benchfmt.Result) (out []Setting) {
	if len(s.Records) > 0 {
		last := s.Records[len(s.Records)-1].Config
		if slices.EqualFunc(last, rec.Config, func(a Setting, b benchfmt.Config) bool { return a.Key == b.Key && a.Value == string(b.Value) }) {
			return last
		}
	}
	for _, c := range rec.Config {
		out = append(out, Setting{c.Key, string(c.Value)})
	}
	return out
}

// scanLines finds the process of each line, counted from 0 in this file, and the
// benchmarks that failed.
func scanLines(f *file, s *Side) (process []int, ok bool) {
	starts := map[string]int{} // header line → how often it was seen
	now := 0
	for line := range strings.Lines(string(f.data)) {
		number := len(process) + 1
		switch text := strings.TrimRight(line, "\r\n"); {
		case len(line) > longestLine:
			f.faultLine(number, "size", "the line is longer than %d kB: not the output of a benchmark", longestLine>>10)
			return nil, false
		case strings.HasPrefix(text, "pkg: "):
			now = starts[text]
			starts[text]++
		case strings.HasPrefix(text, "--- FAIL: Benchmark"):
			name, _, _ := strings.Cut(strings.TrimPrefix(text, "--- FAIL: Benchmark"), " ")
			s.Failed = append(s.Failed, Failure{Name: name, Detail: "go test says that it failed"})
		case strings.HasPrefix(text, "panic: "):
			s.Failed = append(s.Failed, Failure{Name: "(a benchmark of " + f.Name + ")", Detail: text})
		case !strings.HasSuffix(line, "\n") && (strings.HasPrefix(text, "Benchmark") || strings.HasPrefix("Benchmark", text)):
			f.faultLine(number, "syntax", "the file ends in the middle of a line: is it cut off?")
		}
		process = append(process, now)
	}
	return process, true
}

// faultLine notes what is wrong with a line, counted from 1.
func (f *file) faultLine(line int, rule, format string, args ...any) {
	offset := 0
	for range line - 1 {
		next := bytes.IndexByte(f.data[offset:], '\n')
		if next < 0 {
			break
		}
		offset += next + 1
	}
	f.fault(offset, rule, format, args...)
}
