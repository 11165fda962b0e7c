package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchproc"
	"golang.org/x/perf/benchunit"

	"github.com/fivegate/fivegate/gate/ingest"
	"github.com/fivegate/fivegate/gate/verdict"
)

// confidence is that of benchstat's intervals.
const confidence = 0.95

// Benchstat writes two results that were made apart as the tables of benchstat
// (golang.org/x/perf): medians with their intervals, the change with the p-value of
// the Mann–Whitney U-test, and geometric means. For Go benchmarks the numbers are
// those that benchstat prints for the same files, where it is told to ignore the
// settings that all of one file share and the other does not have. Beside each row
// stands what the gate decided, which is what counts: it knows what benchmarks of
// one process share, and how many rows there are. The error is that of w.
func Benchstat(w io.Writer, c *ingest.Comparison, v verdict.Verdict) error {
	b, err := newBenchTables(c)
	if err != nil {
		return err
	}
	decided := make(map[string]verdict.Metric, len(v.Metrics))
	for _, m := range v.Metrics {
		decided[m.Name] = m
	}
	var out strings.Builder
	for _, arm := range c.Document.Arms {
		fmt.Fprintf(&out, "%s  %s\n", arm.Name, clean(arm.Ref, maxSentence))
	}
	for _, t := range b.sorted() {
		fmt.Fprintln(&out)
		for _, line := range t.heading {
			fmt.Fprintln(&out, clean(line, maxSentence))
		}
		t.write(&out, decided)
	}
	fmt.Fprintln(&out)
	_, err = io.WriteString(w, out.String())
	return err
}

// benchTables sorts records into tables as benchstat does: one for each unit and
// each set of settings, in the order in which they are first seen.
type benchTables struct {
	tableBy, rowBy *benchproc.Projection
	unit           *benchproc.Field
	tables         map[benchproc.Key]*benchTable
}

// benchTable is one table; rows and cells by the row's key.
type benchTable struct {
	unit    string
	exact   bool
	heading []string
	rows    map[benchproc.Key]*benchRow
}

// benchRow is a benchmark in both sides.
type benchRow struct {
	name   string // in the document
	values [2][]float64
	cells  [2]benchmath.Summary
	sample [2]*benchmath.Sample
}

func newBenchTables(c *ingest.Comparison) (*benchTables, error) {
	b := &benchTables{tables: map[benchproc.Key]*benchTable{}}
	filter, err := benchproc.NewFilter("*")
	if err != nil {
		return nil, err
	}
	var parser benchproc.ProjectionParser
	if b.tableBy, b.unit, err = parser.ParseWithUnit(".config", filter); err != nil {
		return nil, err
	}
	if b.rowBy, err = parser.Parse(".fullname", filter); err != nil {
		return nil, err
	}
	ignored := c.Constant()
	for side, of := range []*ingest.Side{c.Old, c.New} {
		for i := range of.Records {
			b.add(side, &of.Records[i], ignored, c)
		}
	}
	return b, nil
}

// add sorts one record in.
func (b *benchTables) add(side int, r *ingest.Record, ignored []string, c *ingest.Comparison) {
	res := &benchfmt.Result{Name: benchfmt.Name(r.Name)}
	for _, s := range r.Config {
		if !slices.Contains(ignored, s.Key) {
			res.Config = append(res.Config, benchfmt.Config{Key: s.Key, Value: []byte(s.Value), File: true})
		}
	}
	for _, v := range r.Values {
		res.Values = append(res.Values, benchfmt.Value{Value: v.Amount, Unit: v.Unit})
	}
	row := b.rowBy.Project(res)
	for i, key := range b.tableBy.ProjectValues(res) {
		t := b.tables[key]
		if t == nil {
			unit := key.Get(b.unit)
			t = &benchTable{unit: unit, exact: c.Old.Units[unit].Exact || c.New.Units[unit].Exact, rows: map[benchproc.Key]*benchRow{}}
			b.tables[key] = t
		}
		if t.rows[row] == nil {
			t.rows[row] = &benchRow{name: c.NameOf(r)}
		}
		t.rows[row].values[side] = append(t.rows[row].values[side], res.Values[i].Value)
	}
}

// sorted are the tables in order, each with the settings that it does not share
// with the one before it.
func (b *benchTables) sorted() (out []*benchTable) {
	keys := make([]benchproc.Key, 0, len(b.tables))
	for key := range b.tables {
		keys = append(keys, key)
	}
	benchproc.SortKeys(keys)
	var before benchproc.Key
	for _, key := range keys {
		t := b.tables[key]
		for _, f := range b.tableBy.FlattenedFields() {
			if f != b.unit && (before.IsZero() || key.Get(f) != before.Get(f)) {
				t.heading = append(t.heading, f.Name+": "+key.Get(f))
			}
		}
		before = key
		out = append(out, t)
	}
	return out
}

func (t *benchTable) write(out *strings.Builder, decided map[string]verdict.Metric) {
	unit := clean(t.unit, maxName)
	lines := [][]string{
		{"", "base", "", "head", "", "", "", "gate"},
		{"", unit, "", unit, "", "vs base", "", "change, + is worse"},
	}
	keys := make([]benchproc.Key, 0, len(t.rows))
	for key := range t.rows {
		keys = append(keys, key)
	}
	benchproc.SortKeys(keys)
	f := footnotes{}
	rows := make([]*benchRow, len(keys))
	for i, key := range keys {
		rows[i] = t.rows[key]
		line := t.line(rows[i], &f)
		line[0] = clean(key.StringValues(), maxSentence)
		line[7] = decision(decided[rows[i].name+" "+t.unit])
		lines = append(lines, line)
	}
	if len(rows) > 1 {
		lines = append(lines, t.geomean(rows, &f))
	}
	writeAligned(out, lines)
	for i, text := range f {
		fmt.Fprintf(out, "%s %s\n", superscript(i+1), text)
	}
}

// assumption is how samples of the unit are summarised and compared.
func (t *benchTable) assumption() benchmath.Assumption {
	if t.exact {
		return benchmath.AssumeExact
	}
	return benchmath.AssumeNothing
}

// line is a row: name, median and interval of base and of head, change, p-value,
// and room for the decision.
func (t *benchTable) line(r *benchRow, f *footnotes) []string {
	line := make([]string, 8)
	var centres []float64
	for side, values := range r.values {
		if len(values) > 0 {
			thresholds := benchmath.DefaultThresholds
			r.sample[side] = benchmath.NewSample(slices.Clone(values), &thresholds)
			r.cells[side] = t.assumption().Summary(r.sample[side], confidence)
			centres = append(centres, r.cells[side].Center)
		}
	}
	scale := benchunit.CommonScale(centres, benchunit.ClassOf(t.unit))
	for side := range r.values {
		if r.sample[side] != nil {
			s := r.cells[side]
			line[1+2*side] = scale.Format(s.Center)
			line[2+2*side] = "± " + s.PctRangeString() + f.mark(s.Warnings)
		}
	}
	if r.sample[0] != nil && r.sample[1] != nil {
		change := t.assumption().Compare(r.sample[0], r.sample[1])
		line[5] = change.FormatDelta(r.cells[0].Center, r.cells[1].Center)
		line[6] = "(" + change.String() + ")" + f.mark(change.Warnings)
	}
	return line
}

// geomean is the last row: the geometric mean of each side's medians, and of their
// ratios. The two need not agree where the sides have not the same benchmarks.
func (t *benchTable) geomean(rows []*benchRow, f *footnotes) []string {
	line := make([]string, 8)
	line[0] = "geomean"
	var logs [2][]float64
	var ratios []float64
	bases, undefined := 0, false
	for _, r := range rows {
		for side := range r.sample {
			if r.sample[side] != nil {
				logs[side] = append(logs[side], math.Log(r.cells[side].Center))
			}
		}
		if r.sample[0] != nil {
			bases++
		}
		if r.sample[0] == nil || r.sample[1] == nil {
			continue
		}
		base, head := r.cells[0].Center, r.cells[1].Center
		switch {
		case base == head: // also two zeros
			ratios = append(ratios, 0)
		case base == 0:
			undefined = true
			ratios = append(ratios, 0)
		default:
			ratios = append(ratios, math.Log(head/base))
		}
	}
	var warnings [2][]error
	if bases != len(ratios) {
		warnings[1] = append(warnings[1], fmt.Errorf("benchmark set differs from baseline; geomeans may not be comparable"))
	}
	for side := range logs {
		if mean, ok := geometric(logs[side]); ok {
			line[1+2*side] = benchunit.Scale(mean, benchunit.ClassOf(t.unit))
		} else {
			warnings[side] = append(warnings[side], fmt.Errorf("summaries must be >0 to compute geomean"))
		}
	}
	ratio, ok := geometric(ratios)
	switch {
	case len(logs[1]) == 0:
	case ok && !undefined:
		line[5] = fmt.Sprintf("%+.2f%%", (ratio-1)*100)
	default:
		line[5] = "?"
		if !undefined {
			warnings[1] = append(warnings[1], fmt.Errorf("ratios must be >0 to compute geomean"))
		}
	}
	line[2], line[6] = f.mark(warnings[0]), f.mark(warnings[1])
	return line
}

// geometric is the geometric mean of numbers given as logarithms; there is none of
// no numbers, or of a 0.
func geometric(logs []float64) (float64, bool) {
	sum := 0.0
	for _, x := range logs {
		sum += x
	}
	mean := math.Exp(sum / float64(len(logs)))
	return mean, !math.IsNaN(mean) && !math.IsInf(sum, 0)
}

// decision is what the gate says of a row.
func decision(m verdict.Metric) string {
	switch {
	case m.Name == "":
		return ""
	case !m.HasEffect:
		return string(m.Decision)
	}
	return fmt.Sprintf("%s %s", m.Decision, newEffect(m))
}

// footnotes are the warnings under a table, each once.
type footnotes []string

// mark adds warnings and returns their numbers.
func (f *footnotes) mark(warnings []error) string {
	out := ""
	for _, w := range warnings {
		at := slices.Index(*f, w.Error())
		if at < 0 {
			at = len(*f)
			*f = append(*f, w.Error())
		}
		out += " " + superscript(at+1)
	}
	return out
}

func superscript(n int) string {
	digits := []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")
	out := ""
	for _, d := range fmt.Sprint(n) {
		out += string(digits[d-'0'])
	}
	return out
}

// writeAligned writes cells in columns. Numbers end under each other; names,
// intervals, p-values and decisions begin so.
func writeAligned(out *strings.Builder, lines [][]string) {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], lipgloss.Width(cell))
		}
	}
	widths[len(widths)-1] = 0
	right := map[int]bool{1: true, 3: true, 5: true}
	for _, line := range lines {
		text := ""
		for i, cell := range line {
			pad := strings.Repeat(" ", max(0, widths[i]-lipgloss.Width(cell)))
			gap := "  "
			switch {
			case i == 0:
				gap = ""
			case i == 2 || i == 4 || i == 6:
				gap = " "
			}
			if right[i] {
				text += gap + pad + cell
			} else {
				text += gap + cell + pad
			}
		}
		fmt.Fprintln(out, strings.TrimRight(text, " "))
	}
}
