package baseline

import (
	"errors"
	"fmt"
	"math"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// runSD is the standard deviation between two runs of one commit on one runner
// class, as a fraction, until there are enough runs to tell: the machine's clock
// speed, its neighbours and its temperature differ from day to day. Chosen, from
// the reference store on a virtual machine; docs/baselines.md says how to replace
// it by what was measured.
const runSD = 0.02

// leastRuns is how many runs of one commit tell what runs differ by.
const leastRuns = 4

// Unusable says that there is nothing to compare with: not that anything is wrong
// with the change.
type Unusable struct{ Why string }

func (u *Unusable) Error() string { return u.Why }

// ErrHead is wrapped by what says why head cannot be held against any baseline.
var ErrHead = errors.New("invalid: head cannot be compared with the baseline")

// Against holds a measurement of one arm, as NewRun takes it, against the
// baseline: a document of kind "compare", to be judged by itself. A launch is a
// sample. What differs between runs is not in the spread of launches; it is in the
// policy's layout term, as large as the baseline's own runs say. *Unusable: the
// baseline is of another runner class, scenario or rate. A head that breaks its
// scenario's limits is ErrHead: what it failed to answer has no time to compare.
func (b *Baseline) Against(doc *result.Document) (*result.Document, error) {
	runs := b.Current()
	p := &doc.Provenance
	last := runs[len(runs)-1]
	switch {
	case p.Runner.Class != b.RunnerClass:
		return nil, &Unusable{fmt.Sprintf("no baseline for this runner class: it is of %s, and this machine is %s; numbers are not compared across machines", b.RunnerClass, p.Runner.Class)}
	case p.Scenario.SHA256 != last.ScenarioSHA256:
		return nil, &Unusable{fmt.Sprintf("no baseline for this scenario: %s has changed since it was recorded; record it again", b.Scenario)}
	case math.Abs(doc.Plan.RatePerS/last.RatePerS-1) > 0.02:
		return nil, &Unusable{fmt.Sprintf("the baseline was recorded at %.0f requests a second, and %.0f were offered", last.RatePerS, doc.Plan.RatePerS)}
	}
	if v := verdict.Judge(punctual(doc)); v.Status != verdict.Pass {
		return nil, fmt.Errorf("%w: %s", ErrHead, v.Reason)
	}
	out := &result.Document{
		Schema: result.Schema, Kind: result.KindCompare, Provenance: doc.Provenance,
		Plan: result.Plan{
			Mode: result.ModeSeparate, Metrics: []string{}, Looks: []int{}, Operations: []string{}, BudgetS: doc.Plan.BudgetS,
			RatePerS: doc.Plan.RatePerS, RateShare: doc.Plan.RateShare, Policy: doc.Plan.Policy,
		},
		Arms: []result.Arm{
			{Name: "base", Ref: "baseline", Commit: last.Commit, Layouts: []result.Layout{}},
			{Name: "head", Ref: doc.Arms[0].Ref, Commit: doc.Arms[0].Commit, Layouts: doc.Arms[0].Layouts},
		},
		Launches: []result.Launch{}, Slices: []result.Slice{}, Outcome: doc.Outcome,
	}
	out.Outcome.Blocks = 0
	out.Plan.Policy.LayoutSD = betweenRuns(runs) * math.Sqrt(1+1/float64(len(runs)))
	bench := result.Benchmark{Name: b.Scenario, State: result.BenchmarkMeasured, Mode: result.ModeSeparate}
	for _, l := range verdict.Launches(doc) {
		m := result.Measure{Unit: l.Name, Better: result.LowerIsBetter, Head: l.Values}
		if l.HigherIsBetter {
			m.Better = result.HigherIsBetter
		}
		for _, r := range runs {
			m.Base = append(m.Base, r.launches(l.Name)...)
		}
		out.Plan.Metrics = append(out.Plan.Metrics, l.Name)
		bench.Measures = append(bench.Measures, m)
	}
	out.Benchmarks = []result.Benchmark{bench}
	return out, nil
}

func (r Run) launches(metric string) []float64 {
	for _, m := range r.Metrics {
		if m.Name == metric {
			return m.Launches
		}
	}
	return nil
}

// betweenRuns is the standard deviation between runs of one commit, of the metric
// whose runs differ least by chance: the CPU time of an operation. Fewer than
// leastRuns say nothing by themselves; with more, what they say and runSD are
// weighed by their degrees of freedom, so that a few runs that happen to agree do
// not make the baseline look sharper than it is (moderated variance, Smyth, Stat.
// Appl. Genet. Mol. Biol. 3, 2004).
func betweenRuns(runs []Run) float64 {
	var logs []float64
	for _, r := range runs {
		if l := r.launches(verdict.CPUPerOp); len(l) > 0 {
			logs = append(logs, math.Log(median(l)))
		}
	}
	if len(logs) < leastRuns {
		return runSD
	}
	mean := 0.0
	for _, v := range logs {
		mean += v / float64(len(logs))
	}
	var squares float64
	for _, v := range logs {
		squares += (v - mean) * (v - mean)
	}
	df := float64(len(logs) - 1)
	const prior = leastRuns
	return math.Sqrt((squares + prior*runSD*runSD) / (df + prior))
}
