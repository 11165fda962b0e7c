package result

// Benchmark is something that says its own numbers: a Go benchmark, a command, or
// a row of another tool's results. Its samples stand in columns, since a check
// may have hundreds of benchmarks.
//
// In a check, samples are in the order of measuring: block after block, each with
// Rounds rounds, and the i-th of base was measured with the i-th of head. Every
// block has processes, and if possible layouts, of its own. Where the arms were
// measured apart (ModeSeparate), nothing pairs them: layouts then have an entry for
// each process of an arm, and samples stand process by process, as many of each.
// Without entries each sample is of a process of its own.
type Benchmark struct {
	Name        string         `json:"name"` // unique in the document: package, name and whatever else tells it apart
	State       BenchmarkState `json:"state"`
	Detail      string         `json:"detail,omitempty"`       // why it is in this state, where that is not plain
	Mode        Mode           `json:"mode,omitempty"`         // duet, alternating or separate
	Iterations  int64          `json:"iterations,omitzero"`    // operations of one process and round
	Rounds      int            `json:"rounds,omitzero"`        // of each block
	First       string         `json:"first,omitempty"`        // who went first, a letter a round: b or h
	BaseLayouts []int          `json:"base_layouts,omitempty"` // layout of base in each block
	HeadLayouts []int          `json:"head_layouts,omitempty"`
	Measures    []Measure      `json:"measures,omitempty"`
}

// Blocks is the number of complete blocks of a benchmark that was measured in
// pairs.
func (b *Benchmark) Blocks() int { return len(b.BaseLayouts) }

// BenchmarkState says what became of a benchmark.
type BenchmarkState string

// The states of a benchmark. Only a measured one has samples.
const (
	BenchmarkMeasured   BenchmarkState = "measured"
	BenchmarkIdentical  BenchmarkState = "identical"   // both arms run the same bytes: nothing to measure
	BenchmarkNew        BenchmarkState = "new"         // head has it, base has not
	BenchmarkRemoved    BenchmarkState = "removed"     // base has it, head has not
	BenchmarkFailedBase BenchmarkState = "failed-base" // it fails in base, or in both arms
	BenchmarkFailedHead BenchmarkState = "failed-head" // it fails in head, and not in base
	BenchmarkLeftOut    BenchmarkState = "left-out"    // the budget does not reach it
)

// Measure is one unit of a benchmark. Values are of one operation, in base units:
// seconds, bytes.
type Measure struct {
	Unit   string    `json:"unit"` // sec/op, B/op, allocs/op, or what the benchmark calls it
	Better Better    `json:"better,omitempty"`
	Base   []float64 `json:"base"`
	Head   []float64 `json:"head"`
}

// Better says which way a unit is better. The zero value is not known: such a
// measure is watched, never judged.
type Better string

// The directions.
const (
	LowerIsBetter  Better = "lower"
	HigherIsBetter Better = "higher"
)
