package ingest

import (
	"bytes"
	"fmt"
	"math"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/result"
)

func isOwn(f *file) bool {
	return f.starts("{") && bytes.Contains(f.data, []byte(`"`+result.Schema+`"`))
}

// readOwn reads a document of this tool: the head arm of a check, or the only arm of
// a run. Of benchmarks these are the samples, of a server what its solo slices say;
// what was measured beside the other arm is no property of one.
func readOwn(f *file, s *Side) {
	doc, err := result.Read(bytes.NewReader(f.data))
	if err != nil {
		f.faults = append(f.faults, diag.Fault{File: f.Name, Rule: "document", Message: err.Error()})
		return
	}
	if doc.Outcome.Ended == result.RunFailed || doc.Outcome.Ended == result.RunInterrupted || len(doc.Arms) == 0 {
		f.faults = append(f.faults, diag.Fault{File: f.Name, Rule: "document", Message: fmt.Sprintf("the measurement did not end well (%s %s): measure again", doc.Outcome.Ended, doc.Outcome.Detail)})
		return
	}
	s.machine("class", doc.Provenance.Runner.Class)
	for i := range doc.Benchmarks {
		s.ownBenchmark(&doc.Benchmarks[i])
	}
	s.ownSlices(doc)
}

func (s *Side) ownBenchmark(b *result.Benchmark) {
	switch b.State {
	case result.BenchmarkFailedHead:
		s.Failed = append(s.Failed, Failure{Name: b.Name, Detail: b.Detail})
	case result.BenchmarkMeasured:
		if b.Mode == result.ModeDuet {
			s.note("benchmarks were measured beside those of another arm, as a duet: their absolute times hold for that")
		}
		for _, m := range b.Measures {
			s.unit(m.Unit, m.Better)
			each := len(m.Head)
			if n := len(b.HeadLayouts); n > 0 && each%n == 0 {
				each /= n
			}
			for i, x := range m.Head {
				s.add(Record{Name: b.Name, Process: s.processes + i/max(each, 1), Values: []Value{{m.Unit, x}}})
			}
		}
	case result.BenchmarkIdentical, result.BenchmarkNew, result.BenchmarkRemoved, result.BenchmarkFailedBase, result.BenchmarkLeftOut:
	}
}

// ownSlices adds what the solo slices of the last arm say.
func (s *Side) ownSlices(doc *result.Document) {
	arm := doc.Arms[len(doc.Arms)-1].Name
	launches := map[int]int{} // launch → process
	for i := range doc.Launches {
		if doc.Launches[i].Arm == arm {
			launches[doc.Launches[i].ID] = s.processes + len(launches)
		}
	}
	for i := range doc.Slices {
		slice := &doc.Slices[i]
		process, own := launches[slice.Launch]
		if own && slice.Mode == result.ModeSolo && slice.Engine.Limited == "" {
			s.ownSlice(doc, slice, process)
		}
	}
}

// failedShare is the share of failed requests from which a slice is no measurement,
// where the scenario sets no limit.
const failedShare = 0.001

func (s *Side) ownSlice(doc *result.Document, slice *result.Slice, process int) {
	var completed, failed int64
	var responses []*result.Histogram
	for _, op := range slice.Operations {
		completed += op.Completed
		for _, n := range op.Errors {
			failed += n
		}
		responses = append(responses, op.Response)
	}
	allowed := failedShare
	if doc.Plan.Limits.ErrorRateSet {
		allowed = doc.Plan.Limits.ErrorRate
	}
	if completed == 0 || float64(failed) > allowed*float64(completed+failed) {
		s.Failed = append(s.Failed, Failure{Name: doc.Provenance.Scenario.Name, Detail: fmt.Sprintf("%d of %d requests of a slice failed", failed, completed+failed)})
		return
	}
	add := func(name, unit string, better result.Better, x float64) {
		if x > 0 && !math.IsInf(x, 0) { // 0 is what is not known
			s.unit(unit, better)
			s.add(Record{Config: []Setting{{"scenario", doc.Provenance.Scenario.Name}}, Name: name, Process: process, Values: []Value{{unit, x}}})
		}
	}
	perOp := slice.CPUS / float64(completed)
	if slice.Phase == result.PhaseClosed {
		add("throughput", "op/cpu-s", result.HigherIsBetter, 1/perOp)
		add("throughput.wall", "op/s", "", float64(completed)/slice.DurationS)
		return
	}
	merged := result.MergeHistograms(responses...)
	add("cpu_per_op", "sec/op", result.LowerIsBetter, perOp)
	add("latency.p50", "sec", result.LowerIsBetter, merged.Quantile(0.50)/1e9)
	add("latency.p90", "sec", result.LowerIsBetter, merged.Quantile(0.90)/1e9)
}
