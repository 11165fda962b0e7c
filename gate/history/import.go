package history

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/result"
)

// ImportOptions say what a table does not.
type ImportOptions struct {
	Class, Scenario string
	Higher          []string // metrics of which more is better
}

// Columns of a table that are no metric.
const (
	timeColumn    = "time"
	commitColumn  = "commit"
	releaseColumn = "release"
)

// Import reads a table of comma-separated values (RFC 4180) with a header: a column
// time, perhaps commit and release, and a column for each metric, as other tools
// keep theirs. A run without a commit is named by its row. Faults are diag.Faults
// with line and column.
func Import(name string, r io.Reader, o ImportOptions) ([]Run, error) {
	in := csv.NewReader(r)
	t := table{name: name, csv: in, options: o}
	header, err := in.Read()
	if err != nil {
		return nil, t.readFault(err)
	}
	t.header = slices.Clone(header)
	if err := t.check(); err != nil {
		return nil, err
	}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, t.readFault(err)
		}
		t.row(row)
		if len(t.faults) >= maxFaults {
			break
		}
	}
	if len(t.faults) == 0 && len(t.runs) == 0 {
		return nil, diag.Faults{{File: name, Line: 1, Column: 1, Rule: "empty", Message: "no row has a value: nothing to import"}}
	}
	return t.runs, t.faults.Err()
}

// table is one that is being read.
type table struct {
	name    string
	csv     *csv.Reader
	options ImportOptions
	header  []string
	runs    []Run
	faults  diag.Faults
}

func (t *table) fault(column int, rule, format string, args ...any) {
	line, at := 1, 1
	if column >= 0 {
		line, at = t.csv.FieldPos(column)
	}
	t.faults = append(t.faults, diag.Fault{File: t.name, Line: line, Column: at, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

func (t *table) readFault(err error) error {
	var parse *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return diag.Faults{{File: t.name, Line: 1, Column: 1, Rule: "empty", Message: "the table is empty; it needs a header with time and metrics"}}
	case errors.As(err, &parse):
		return diag.Faults{{File: t.name, Line: parse.Line, Column: parse.Column, Rule: "table", Message: parse.Err.Error() + ": the table is cut or damaged"}}
	}
	return fmt.Errorf("read %s: %w", t.name, err)
}

// check looks at the header.
func (t *table) check() error {
	if len(t.header) == 1 && strings.Contains(t.header[0], ";") {
		t.fault(0, "table", "the columns are separated by semicolons; separate them by commas")
		return t.faults.Err()
	}
	if !slices.Contains(t.header, timeColumn) {
		t.fault(0, "missing-column", "no column %q; columns are %s", timeColumn, brief(strings.Join(t.header, ", ")))
	}
	for i, h := range t.header {
		if err := nameFault(h); err != nil {
			t.fault(i, "column", "the name of column %d %v", i+1, err)
		}
		if slices.Index(t.header, h) != i {
			t.fault(i, "column", "the column %q is there twice", brief(h))
		}
	}
	for _, h := range t.options.Higher {
		if !slices.Contains(t.header, h) {
			t.fault(0, "column", "no column %q, of which more would be better", brief(h))
		}
	}
	return t.faults.Err()
}

// row makes a run of a row.
func (t *table) row(cells []string) {
	hash := sha256.Sum256([]byte(strings.Join(t.header, "\x00") + "\x01" + strings.Join(cells, "\x00")))
	r := Run{
		Schema: Schema, Class: t.options.Class, Scenario: t.options.Scenario, Tool: "imported",
		Commit: fmt.Sprintf("row-%d", len(t.runs)+1), Result: hex.EncodeToString(hash[:]), Values: map[string]Value{},
	}
	for i, cell := range cells {
		cell = strings.TrimSpace(cell)
		switch h := t.header[i]; h {
		case timeColumn:
			at, err := parseTime(cell)
			if err != nil {
				t.fault(i, "value", "%v", err)
				return
			}
			r.At = at
		case commitColumn:
			r.Commit = cell
		case releaseColumn:
			r.Release = cell
		default:
			if cell == "" {
				continue
			}
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				t.fault(i, "value", "%s is %q, need a finite number or nothing", brief(h), brief(cell))
				return
			}
			better := result.LowerIsBetter
			if slices.Contains(t.options.Higher, h) {
				better = result.HigherIsBetter
			}
			r.Values[h] = Value{Value: v, Better: better}
		}
	}
	if len(r.Values) == 0 {
		return
	}
	if err := r.fault(); err != nil {
		t.fault(0, "value", "%v", err)
		return
	}
	t.runs = append(t.runs, r)
}

// timeLayouts are the ways in which tables write times.
var timeLayouts = []string{time.RFC3339Nano, time.DateOnly, "2006-01-02 15:04:05 -0700", time.DateTime, "2006-01-02T15:04:05", "2006.01.02 15:04:05 -0700"}

func parseTime(s string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), nil
		}
	}
	if seconds, err := strconv.ParseFloat(s, 64); err == nil && seconds >= 0 && seconds < 9e9 {
		return time.Unix(0, 0).Add(time.Duration(seconds * float64(time.Second))).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("time is %q, need RFC 3339, a date, a date with a time, or seconds since 1970", brief(s))
}
