// Package waiver reads gate-waivers.toml and holds verdicts against it.
//
// A waiver accepts one known slow-down, up to a ceiling and until a date, with
// the name of who answers for it and why:
//
//	[waivers.durable-writes]
//	metric  = "latency.p99"        # or benchmark = "BenchmarkStore"
//	ceiling = "12%"                # accepted up to this change; + is worse
//	reason  = "writes are synced now; see the release notes"
//	owner   = "@storage-team"
//	expires = "2027-01-31"         # the last day on which it counts, UTC
//	scenario = "ci/fast_regression_check"   # optional: only under this scenario
//	runner   = "arm64"                      # optional: only on this runner class
//
// A waiver excuses what the gate has found; it hides nothing. One that has
// expired or is exceeded excuses nothing, and one that names nothing that was
// measured is a fault, since it would be believed to hold.
//
// The package is pure: the date is given to it.
package waiver

import (
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/diag"
)

// Waiver is one accepted slow-down.
type Waiver struct {
	Name      string // the key of its table
	Metric    string // gating metric; empty when Benchmark is set
	Benchmark string
	Ceiling   float64 // relative change up to which it holds, 0.12 is 12%; of error_rate a difference of shares
	Reason    string
	Owner     string
	Expires   time.Time // midnight UTC at which the last day begins
	Scenario  string    // empty: any
	Runner    string    // empty: any
	At        Place
}

// Place is where the waiver stands in its file, for faults and annotations.
type Place struct {
	File         string
	Line, Column int // from 1
}

// Set is the waivers of one file, in its order.
type Set []Waiver

// dateLayout is how dates are written: ISO 8601, days only.
const dateLayout = "2006-01-02"

// ceilings are what a ceiling may be, as fractions. The least is what error
// rates need; beyond a doubling nothing is accepted any more, it is given up.
var ceilings = diag.Range[float64]{Min: 0.001, Max: 1}

// Parse reads the text of a gate-waivers.toml; name is used in messages only.
// With faults, the set is not to be used. A text without waivers is an empty
// set.
func Parse(name string, text []byte) (Set, diag.Faults) {
	f := diag.TOML(name, text)
	table := f.Root().Table("waivers")
	var set Set
	for _, key := range table.Names() {
		at := table.KeyPosition(key)
		w := read(table.Table(key), at)
		w.Name, w.At = key, Place{File: name, Line: at.Line, Column: at.Column}
		set = append(set, w)
	}
	return set, f.Faults()
}

func read(t *diag.Table, at diag.Position) Waiver {
	w := Waiver{
		Metric:    text(t, "metric", ""),
		Benchmark: text(t, "benchmark", ""),
		Ceiling:   t.Percent("ceiling", 0, ceilings),
		Reason:    text(t, "reason", `add reason = "…": every comment shows it`),
		Owner:     text(t, "owner", `add owner = "@name": who answers for it`),
		Scenario:  text(t, "scenario", ""),
		Runner:    text(t, "runner", ""),
	}
	t.Require("ceiling", `add ceiling = "8%": the largest change that is accepted`)
	switch metric, benchmark := t.Has("metric"), t.Has("benchmark"); {
	case metric && benchmark:
		t.Fault(t.KeyPosition("benchmark"), "value", "the waiver names a metric and a benchmark: write one waiver for each")
	case !metric && !benchmark:
		t.Fault(at, "missing-key", `the waiver names nothing: add metric = "latency.p99" or benchmark = "BenchmarkName"`)
	}
	w.Expires = date(t)
	return w
}

// text reads a text that may not be blank; with a hint it may not be absent
// either.
func text(t *diag.Table, key, hint string) string {
	if hint != "" {
		t.Require(key, hint)
	}
	x, ok := t.Text(key)
	if ok && strings.TrimSpace(x.Value) == "" {
		t.Fault(x.At(-1), "value", "%s is blank: say something, or leave it out", key)
	}
	return strings.TrimSpace(x.Value)
}

func date(t *diag.Table) time.Time {
	t.Require("expires", `add expires = "2027-01-31": the last day on which it counts`)
	x, ok := t.Text("expires")
	if !ok {
		return time.Time{}
	}
	day, err := time.Parse(dateLayout, x.Value)
	if err != nil {
		t.Fault(x.At(-1), "value", "expires is %q: not a day; write year, month and day, such as \"2027-01-31\"", x.Value)
	}
	return day
}

// Day words the last day on which the waiver counts.
func (w Waiver) Day() string { return w.Expires.Format(dateLayout) }

// expired says whether the last day is over at a time.
func (w Waiver) expired(now time.Time) bool { return !now.UTC().Before(w.Expires.AddDate(0, 0, 1)) }
