package gobench

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/bench"
)

// Units that are treated in a way of their own.
const (
	unitTime  = "sec/op"
	unitSpeed = "B/s" // MB/s as printed
)

// line is what one benchmark printed.
type line struct {
	name       string
	iterations int
	values     bench.Sample // in base units, sec/op among them
	config     []benchfmt.Config
}

// value is that of a unit, and whether there is one.
func (l line) value(unit string) (float64, bool) {
	for _, v := range l.values {
		if v.Unit == unit {
			return v.Value, true
		}
	}
	return 0, false
}

// sole finds the result of the one benchmark that a process was to run. What the
// benchmark prints itself may stand before it on its line.
func sole(output, name string) (line, error) {
	var kept strings.Builder
	for text := range strings.Lines(output) {
		if at := strings.Index(text, name); at > 0 && strings.Contains(text[at:], "\t") {
			text = text[at:]
		}
		kept.WriteString(text)
	}
	lines, err := parse(kept.String())
	if err != nil {
		return line{}, err
	}
	var found []line
	for _, l := range lines {
		if l.name == name {
			found = append(found, l)
		}
	}
	switch len(found) {
	case 0:
		return line{}, errors.New("it ended well and printed no result: it was skipped, or prints nothing")
	case 1:
		return found[0], nil
	}
	return line{}, fmt.Errorf("it printed %d results, need one", len(found))
}

// parse reads all results from the output of a test binary; lines that are none
// are passed over. Only a result that makes no sense is an error.
func parse(output string) ([]line, error) {
	var lines []line
	reader := benchfmt.NewReader(strings.NewReader(output), "")
	for reader.Scan() {
		r, ok := reader.Result().(*benchfmt.Result)
		if !ok {
			continue
		}
		l := line{name: "Benchmark" + string(r.Name), iterations: r.Iters}
		for _, c := range r.Config {
			l.config = append(l.config, benchfmt.Config{Key: c.Key, Value: append([]byte(nil), c.Value...), File: true})
		}
		for _, v := range r.Values {
			if math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
				return nil, fmt.Errorf("%s: %v %s is no measurement", l.name, v.Value, v.Unit)
			}
			l.values = append(l.values, bench.Value{Unit: v.Unit, Value: v.Value, Better: better(reader.Units(), v.Unit)})
		}
		if t, ok := l.value(unitTime); ok && t < 0 {
			return nil, fmt.Errorf("%s: %v %s is no measurement", l.name, t, unitTime)
		}
		lines = append(lines, l)
	}
	if err := reader.Err(); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return lines, nil
}

// better is which way a unit is better: by the unit's own metadata line, else by
// what benchfmt knows.
func better(units benchfmt.UnitMetadataMap, unit string) result.Better {
	switch units.GetBetter(unit) {
	case -1:
		return result.LowerIsBetter
	case 1:
		return result.HigherIsBetter
	}
	return ""
}

// isTime reports whether a unit that a benchmark made up depends on elapsed time,
// which a duet stretches: p99-ns, ns/query, queries/s.
func isTime(unit string) bool {
	if unit == unitTime || unit == unitSpeed {
		return false
	}
	for _, part := range strings.FieldsFunc(unit, func(r rune) bool { return r == '-' || r == '/' || r == '_' }) {
		switch part {
		case "ns", "us", "µs", "ms", "s", "sec", "seconds", "min", "hz", "Hz", "qps", "rps", "tps", "ops":
			return true
		}
	}
	return false
}

// derived reports whether the speed of two runs is only the time again, which it
// is where it comes from SetBytes: speed × time is then the same number of bytes.
// Both are printed with three digits at least.
func derived(a, b line) bool {
	bytes := func(l line) float64 {
		t, _ := l.value(unitTime)
		s, _ := l.value(unitSpeed)
		return t * s
	}
	return math.Abs(bytes(a)-bytes(b)) <= 0.02*bytes(a)
}

// without is a sample less one unit.
func without(s bench.Sample, unit string) bench.Sample {
	var out bench.Sample
	for _, v := range s {
		if v.Unit != unit {
			out = append(out, v)
		}
	}
	return out
}
