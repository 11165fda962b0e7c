// Package verdict judges a result document: is head slower than base by more
// than the policy's threshold, and how sure is that?
//
// Judge is a pure function of the document. It reads no clock, file or network,
// and draws no random number that does not come from the document's seed, so
// the same document gives the same bytes on any machine. It fails closed: what
// was declared in the document's plan and cannot be computed makes the verdict
// invalid, never a pass.
//
// The procedure is that of docs/statistics.md: paired log ratios per round,
// trimmed means, the largest of the error terms, Holm's step-down over the gating
// metrics, planned looks with O'Brien–Fleming spending.
package verdict

// Status is the answer for the whole measurement. Its zero value is not a pass.
type Status string

// The verdicts.
const (
	Pass         Status = "pass"
	Improvement  Status = "improvement"  // a pass that names what became faster
	Regression   Status = "regression"   // a gating metric is significantly worse, by more than the threshold
	Inconclusive Status = "inconclusive" // neither shown within the run's limits
	Invalid      Status = "invalid"      // the measurement itself is broken
)

// Known is the status, or Invalid when it is none of the five: the zero value and
// what another version wrote are never shown as a pass.
func (s Status) Known() Status {
	switch s {
	case Pass, Improvement, Regression, Inconclusive, Invalid:
		return s
	}
	return Invalid
}

// Symbol is the status as GitHub shows it beside the word.
func (s Status) Symbol() string {
	switch s {
	case Pass, Improvement:
		return "✅"
	case Inconclusive:
		return "⚠️"
	case Regression, Invalid:
	}
	return "❌"
}

// The exit codes of the command line, one per kind of ending.
const (
	ExitPass         = 0 // pass or improvement
	ExitRegression   = 1
	ExitCompetitive  = 2 // regression against a rival or the competitive baseline
	ExitInvalid      = 3 // invalid, wrong usage or configuration, failed environment
	ExitInconclusive = 4
)

// Verdict is the outcome of judging one document.
type Verdict struct {
	Status  Status   `json:"verdict"`
	Reason  string   `json:"reason"`  // one sentence
	Next    string   `json:"next"`    // what to do about it, one sentence
	Final   bool     `json:"final"`   // false: the next planned look may still change it
	Metrics []Metric `json:"metrics"` // gating ones first, in the plan's order
	Look    Look     `json:"look"`
	Notes   []string `json:"notes,omitempty"` // what a reader must know beside the verdict

	onInconclusive string
}

// ExitCode is the code the command line ends with. An inconclusive check ends
// with 4 whatever the policy says; whether that blocks is the caller's choice.
func (v Verdict) ExitCode() int {
	switch v.Status {
	case Pass, Improvement:
		return ExitPass
	case Regression:
		return ExitRegression
	case Inconclusive:
		return ExitInconclusive
	case Invalid:
	}
	return ExitInvalid
}

// Blocks says whether the verdict stops the merge under the policy it was
// judged by.
func (v Verdict) Blocks() bool {
	switch v.Status {
	case Pass, Improvement:
		return false
	case Inconclusive:
		return v.onInconclusive == "block"
	case Regression, Invalid:
	}
	return true
}

// Look says which planned look the verdict was reached at.
type Look struct {
	Number    int     `json:"number"` // from 1
	Of        int     `json:"of"`
	Blocks    int     `json:"blocks"`      // complete blocks judged
	Alpha     float64 `json:"alpha"`       // nominal one-sided family error at this look, of lower bounds
	PassAlpha float64 `json:"upper_alpha"` // … of upper bounds, by which a check passes early
}

// Decision is the answer for one metric.
type Decision string

// The decisions.
const (
	Worse    Decision = "regression"  // significantly worse and beyond the limit
	Better   Decision = "improvement" // significantly better, by more than the threshold
	Clear    Decision = "pass"        // shown not to have regressed
	Open     Decision = "open"        // not shown either way
	Missing  Decision = "missing"     // declared, and not in the document
	Watching Decision = "watched"     // reported, not judged
)

// Unit says how a metric's absolute values are to be read. The measures of
// benchmarks have the units that benchmarks give them: sec/op, B/op, allocs/op, …
type Unit string

// The units of absolute values.
const (
	UnitSeconds  Unit = "s"        // latencies, CPU time per operation
	UnitPerCPUS  Unit = "op/cpu-s" // operations per CPU second of the target
	UnitPerS     Unit = "op/s"     // operations per second of the clock
	UnitFraction Unit = "fraction" // error rate
	UnitBytes    Unit = "B"
)

// Metric is the comparison of one metric.
//
// Effect, Low and High are relative changes (0.08 is 8%) signed so that + is
// worse, whatever the direction of the metric; for error_rate they are
// differences of the rates. Base and Head are absolute values, 0 with
// HasValues false when the document has none that may be quoted: a duet's
// absolute latency is not the target's, so latencies come from solo slices.
type Metric struct {
	Name      string   `json:"name"`
	Benchmark string   `json:"benchmark,omitempty"` // whose measure it is, where there are several
	Gating    bool     `json:"gating"`
	Unit      Unit     `json:"unit"`
	HasValues bool     `json:"has_values"`
	Base      float64  `json:"base"`
	Head      float64  `json:"head"`
	HasEffect bool     `json:"has_effect"`
	Effect    float64  `json:"effect"`
	Low       float64  `json:"low"`  // lower bound at the look's Alpha
	High      float64  `json:"high"` // upper bound at the look's PassAlpha
	Limit     float64  `json:"limit"`
	MDE       float64  `json:"mde"` // smallest change caught 95 times in 100; 0 when not defined
	Blocks    int      `json:"blocks"`
	Rounds    int      `json:"rounds"`
	Decision  Decision `json:"decision"`
	Reason    string   `json:"reason"` // one sentence
}
