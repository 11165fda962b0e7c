package baseline

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/result"
)

// MaxBytes is the largest file that is read. Twelve runs have some 20,000.
const MaxBytes = 1 << 20

// Format writes a baseline: a line for each run, and one for each of its metrics,
// which name the run they are of. So a line means the same wherever it stands, and
// git can join two files that each got a run by keeping the lines of both
// (merge=union); the null at the end is for that, since a comma must not be
// missing. The same baseline gives the same bytes.
func (b *Baseline) Format() ([]byte, error) {
	var out bytes.Buffer
	line := func(before string, v any, after string) error {
		text, err := json.Marshal(v, json.Deterministic(true), jsontext.SpaceAfterColon(true), jsontext.SpaceAfterComma(true))
		out.WriteString(before)
		out.Write(text)
		out.WriteString(after)
		return err
	}
	err := errors.Join(line("{\n  \"schema\": ", Schema, ",\n"), line("  \"scenario\": ", b.Scenario, ",\n"), line("  \"runner_class\": ", b.RunnerClass, ",\n"))
	out.WriteString("  \"runs\": [\n")
	for i := range b.Runs {
		r := &b.Runs[i]
		err = errors.Join(err, line("    ", runLine{r.id(), r}, ",\n"))
		for _, m := range r.Metrics {
			err = errors.Join(err, line("    ", metricLine{r.id(), m}, ",\n"))
		}
	}
	out.WriteString("    null\n  ]\n}\n")
	return out.Bytes(), err
}

// id tells the runs of a file apart.
func (r *Run) id() string {
	return r.RecordedAt.Format(time.RFC3339) + " " + r.Commit[:min(len(r.Commit), 12)]
}

// The two kinds of line, and what can be either.
type (
	runLine struct {
		Of string `json:"of"`
		*Run
	}
	metricLine struct {
		Of string `json:"of"`
		Metric
	}
	anyLine struct {
		Of string `json:"of"`
		Run
		Metric
	}
)

// stored is the file as JSON.
type stored struct {
	Schema      string     `json:"schema"`
	Scenario    string     `json:"scenario"`
	RunnerClass string     `json:"runner_class"`
	Runs        []*anyLine `json:"runs"`
}

// gather puts the lines of each run together, in the order of the runs' own lines.
// Lines that a merge brought twice count once.
func (s *stored) gather() []Run {
	var runs []Run
	at := map[string]int{}
	for _, line := range s.Runs {
		if line == nil || line.Name != "" {
			continue // what ends the list; a metric
		}
		if _, twice := at[line.Of]; !twice {
			at[line.Of] = len(runs)
			runs = append(runs, line.Run)
		}
	}
	for _, line := range s.Runs {
		if line == nil || line.Name == "" {
			continue
		}
		if i, ok := at[line.Of]; ok && !slices.ContainsFunc(runs[i].Metrics, func(m Metric) bool { return m.Name == line.Name }) {
			runs[i].Metrics = append(runs[i].Metrics, line.Metric)
		}
	}
	return runs
}

// Parse reads a baseline file strictly; name is used in messages only. A fault
// says where, what is wrong and how to mend it; with any, the baseline is not to
// be used.
func Parse(name string, text []byte) (*Baseline, diag.Faults) {
	fault := func(offset int64, rule, format string, args ...any) diag.Faults {
		line, column := position(text, offset)
		return diag.Faults{{File: name, Line: line, Column: column, Rule: rule, Message: fmt.Sprintf(format, args...)}}
	}
	if len(text) > MaxBytes {
		return nil, diag.Faults{{File: name, Rule: "too-large", Message: fmt.Sprintf("has more than %d bytes: this is no baseline; record it again", MaxBytes)}}
	}
	if at := conflict(text); at >= 0 {
		return nil, fault(int64(at), "conflict", "is a merge conflict: keep the runs of both sides (the lines between the markers) and delete the markers, then run gate baseline verify")
	}
	var s stored
	if err := json.Unmarshal(text, &s, json.RejectUnknownMembers(true)); err != nil {
		return nil, faultOf(err, fault)
	}
	at := func(member string) int64 { return int64(max(bytes.Index(text, []byte(`"`+member+`"`)), 0)) }
	switch {
	case strings.HasPrefix(s.Schema, "fivegate/baseline/") && s.Schema != Schema:
		return nil, fault(at("schema"), "schema", "is of %s, and this gate reads %s: use the gate that wrote it, or record it again", s.Schema, Schema)
	case s.Schema != Schema:
		return nil, fault(at("schema"), "schema", "schema is %q, need %q: this is no baseline", s.Schema, Schema)
	case s.Scenario == "" || s.RunnerClass == "":
		return nil, fault(0, "missing", "names no scenario or no runner class: record it again")
	}
	b := &Baseline{Scenario: s.Scenario, RunnerClass: s.RunnerClass}
	for i, r := range s.gather() {
		where := at(r.SHA256)
		if why := r.check(); why != "" {
			return nil, fault(where, "value", "run %d: %s; record it again", i+1, why)
		}
		if sum, err := b.seal(r); err != nil || sum != r.SHA256 {
			return nil, fault(where, "edited", "run %d of %.12s was edited by hand, or is of another scenario or runner class: restore it from git, or record it again", i+1, r.Commit)
		}
		b.Runs = append(b.Runs, r)
	}
	b.order()
	if len(b.Runs) == 0 {
		return nil, fault(at("runs"), "empty", "holds no run: record one with gate baseline record")
	}
	return b, nil
}

// faultOf gives an error of the JSON reader its place.
func faultOf(err error, fault func(int64, string, string, ...any) diag.Faults) diag.Faults {
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntactic):
		return fault(syntactic.ByteOffset, "syntax", "is no JSON here (%v): the file is cut or damaged; restore it from git, or record it again", syntactic.Err)
	case errors.As(err, &semantic):
		return fault(semantic.ByteOffset, "value", "%s cannot be read (%v): restore it from git, or record it again", semantic.JSONPointer, semantic.Err)
	}
	return fault(0, "value", "cannot be read: %v", err)
}

// conflict is the place of a line that git marks a conflict with; −1 if there is
// none.
func conflict(text []byte) int {
	for offset := 0; offset < len(text); {
		line, _, _ := bytes.Cut(text[offset:], []byte("\n"))
		for _, mark := range []string{"<<<<<<<", "=======", ">>>>>>>", "|||||||"} {
			if bytes.HasPrefix(line, []byte(mark)) {
				return offset
			}
		}
		offset += len(line) + 1
	}
	return -1
}

// position is the line and column, in characters, of an offset in bytes.
func position(text []byte, offset int64) (line, column int) {
	before := text[:min(max(offset, 0), int64(len(text)))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}

// check says what no recording can have written; empty when nothing.
func (r *Run) check() string {
	hex := func(s string, sizes ...int) bool {
		for _, n := range sizes {
			if len(s) == n && strings.Trim(s, "0123456789abcdef") == "" {
				return true
			}
		}
		return false
	}
	_, offset := r.RecordedAt.Zone()
	switch {
	case !hex(r.Commit, 40, 64):
		return fmt.Sprintf("commit is %q", r.Commit)
	case r.RecordedAt.IsZero() || offset != 0 || r.RecordedAt != r.RecordedAt.Truncate(time.Second):
		return "recorded_at must be a time in UTC, in whole seconds"
	case !hex(r.ScenarioSHA256, 64) || !hex(r.Document, 64) || !hex(r.SHA256, 64):
		return "a hash is not one of 64 hexadecimal digits"
	case !positive(r.RatePerS) || r.Layouts < 1:
		return fmt.Sprintf("rate_per_s is %v with %d layouts", r.RatePerS, r.Layouts)
	case r.Requests < 1 || r.Failed < 0 || r.Failed >= r.Requests:
		return fmt.Sprintf("%d of %d requests failed", r.Failed, r.Requests)
	case len(r.Metrics) == 0:
		return "it has no metric"
	}
	seen := map[string]bool{}
	for _, m := range r.Metrics {
		if m.Name == "" || seen[m.Name] || m.Unit == "" || m.Better != result.LowerIsBetter && m.Better != result.HigherIsBetter {
			return fmt.Sprintf("metric %q has no name or unit of its own, or no direction", m.Name)
		}
		seen[m.Name] = true
		for _, v := range append([]float64{m.Median}, m.Launches...) {
			if !positive(v) {
				return fmt.Sprintf("metric %s has the value %v", m.Name, v)
			}
		}
		if len(m.Launches) < MinLaunches {
			return fmt.Sprintf("metric %s has %d launches, need %d", m.Name, len(m.Launches), MinLaunches)
		}
	}
	return ""
}

func positive(v float64) bool { return v > 0 && !math.IsInf(v, 0) }
