// Package bench measures what says its own numbers — Go benchmarks, commands — in
// two arms, and records the samples in a result document.
//
// It spends a budget where the evidence is still open, and decides nothing: which
// benchmarks are open is asked by Config.Open after every planned look. Whatever
// happens, the document returned holds all blocks that were complete.
package bench

import (
	"context"
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// Subject is one benchmark that both arms have. Its methods are called one at a
// time, with a context that ends with the budget. A *Failure says that the
// benchmark itself failed; any other error ends the whole measurement.
type Subject interface {
	// Name is unique among the subjects of a check.
	Name() string
	// Prepare runs a first pass and says how the subject is best measured.
	Prepare(ctx context.Context) (Method, error)
	// Run runs one process of each place, at once when there are two, in the
	// order in which they are to start, and returns a sample of each. After a
	// Prepare that failed in head it is asked once whether base runs.
	Run(ctx context.Context, places ...Place) ([]Sample, error)
}

// Method is how a subject is measured.
type Method struct {
	Mode       result.Mode   // duet or alternating
	Iterations int64         // operations of one process
	Cost       time.Duration // of one round, both arms together; a first estimate
}

// Place is where a process comes from.
type Place struct {
	Arm    int // 0 is base, 1 head
	Layout int // index into the arm's layouts
}

// Sample is what one process said, or what was measured of it.
type Sample []Value

// Value is one number of a sample, of one operation and in base units.
type Value struct {
	Unit   string // sec/op, B/op, allocs/op, …
	Better result.Better
	Value  float64
}

// Failure says that a benchmark failed: it ended badly, hung, or printed no
// result. Where both arms fail, Arm is 0.
type Failure struct {
	Arm    int
	Detail string // one line: what happened
}

func (f *Failure) Error() string { return [2]string{"base", "head"}[f.Arm] + ": " + f.Detail }

// Config is all that a check of benchmarks needs.
type Config struct {
	Subjects   []Subject          // those to be measured, the most important first
	Listed     []result.Benchmark // those that need no measuring, with their states
	Arms       []result.Arm       // base and head
	Provenance result.Provenance  // StartedAt is when the budget began to run
	Policy     result.Policy
	Metrics    []string // units that gate; none: all that have a direction
	CPUs       []int    // where duets run, for the record
	Seed       uint64
	Budget     time.Duration // for everything since Provenance.StartedAt

	// Open names the benchmarks whose verdict more blocks could still change. It is
	// called after every planned look, while the document has no ending yet.
	Open func(*result.Document) map[string]bool
	// Observe is called with progress, never while something is measured; nil is
	// allowed.
	Observe func(Progress)

	now func() time.Time // the clock; time.Now unless a test says otherwise
}

// Progress is where a check stands.
type Progress struct {
	Phase       string // "prepare": Done and Total are benchmarks; "measure": rounds up to the next look
	Benchmark   string // the one that comes next
	Done, Total int
	Open        int           // benchmarks that are still undecided
	Left        time.Duration // at most, by the budget
	Document    *result.Document
}
