// Package diag says what is wrong with something that a person wrote: which
// file, which line, which column, what is wrong and what is allowed.
//
// It has two parts. Fault and Faults are the messages; they are errors, sort
// themselves, print with the offending line and a caret, and carry all that a
// code-review annotation needs. File and Table read TOML strictly: every key
// and value keeps its position, so that a value that is valid TOML and still
// wrong (a threshold of 500%) is reported where it stands, and all faults of a
// file are reported at once rather than one a run.
//
// A reader asks a Table for the keys that it knows and then asks the File for
// the faults; a key that nobody asked for is unknown. For the text
//
//	[arrival]
//	patern = "constant"
//	rate = -1
//
// the calls
//
//	f := diag.TOML("load.toml", text)
//	arrival := f.Root().Table("arrival")
//	arrival.Require("pattern", `add pattern = "constant"`)
//	arrival.Choice("pattern", "constant", "constant", "poisson")
//	arrival.Number("rate", 1, diag.Range[float64]{Min: 0.001, Max: 1e6})
//	err := f.Faults().Err()
//
// give
//
//	load.toml:2:1: unknown key "patern" in [arrival]: did you mean "pattern"? Allowed are "pattern", "rate" [unknown-key]
//	load.toml:3:8: arrival.rate is -1: allowed is 0.001 to 1000000 [range]
//
// The package does not decide what a file means, and does not read files.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong at one place.
type Fault struct {
	File    string // as the user named it; or what else the text came from, such as GATE_BUDGET
	Line    int    // 1-based; 0 when the fault has no line
	Column  int    // 1-based, in characters (Unicode code points; a tab is one); 0 when the fault has no column
	Rule    string // stable name of what was broken, such as unknown-key; may be empty
	Message string // what is wrong and what is allowed, without a full stop
}

// Error returns file:line:col: message [rule], without the parts that are not
// set.
func (f Fault) Error() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(visible(f.File))
		b.WriteByte(':')
	}
	if f.Line > 0 {
		fmt.Fprintf(&b, "%d:", f.Line)
		if f.Column > 0 {
			fmt.Fprintf(&b, "%d:", f.Column)
		}
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	b.WriteString(visible(f.Message))
	if f.Rule != "" {
		fmt.Fprintf(&b, " [%s]", f.Rule)
	}
	return b.String()
}

// Faults are all faults found in one pass. As an error value use Err, since
// an empty Faults stored in an error is not nil.
type Faults []Fault

// Err returns the faults, sorted and without duplicates, as an error; nil when
// there are none.
func (fs Faults) Err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs.Sort()
}

// Error returns one line for each fault.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Sort returns the faults by file, line, column, rule and message, each once.
// The receiver is left as it is.
func (fs Faults) Sort() Faults {
	sorted := slices.Clone(fs)
	slices.SortFunc(sorted, func(a, b Fault) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(sorted)
}
