package verdict

import (
	"fmt"
	"math"

	"github.com/fivegate/fivegate/gate/parallel"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
)

// evidence is a document taken apart: per complete block the pairs of slices
// that were measured together.
type evidence struct {
	doc      *result.Document
	blocks   []block
	solo     [2][]*result.Slice                  // solo open slices of each arm, all blocks
	drained  [2][]*result.Slice                  // solo closed slices
	merged   map[*result.Slice]*result.Histogram // response times of all operations, of paired open slices
	limited  int                                 // rounds left out because the engine was the limit
	measured int                                 // rounds measured, limited ones included
}

// block is one launch of each arm; index 0 is base, 1 is head.
type block struct {
	launch [2]*result.Launch
	open   []pair
	closed []pair
	late   []pair // open rounds in which the engine was the limit: only their errors count
	solo   [2]*result.Slice
}

// pair is a round's slices of base and head.
type pair struct {
	round int
	arm   [2]*result.Slice
}

// Arm indices.
const (
	base = 0
	head = 1
)

// collect pairs the slices of the complete blocks.
func collect(doc *result.Document) (*evidence, error) {
	if len(doc.Arms) != 2 {
		return nil, fmt.Errorf("the document has %d arms; a check compares two", len(doc.Arms))
	}
	e := &evidence{doc: doc, blocks: make([]block, doc.Outcome.Blocks), merged: map[*result.Slice]*result.Histogram{}}
	place := make(map[int][2]int, len(doc.Launches)) // launch → block, arm
	for i := range doc.Launches {
		l := &doc.Launches[i]
		if l.Block < 0 || l.Block >= len(e.blocks) {
			continue
		}
		arm := base
		if l.Arm == doc.Arms[head].Name {
			arm = head
		}
		e.blocks[l.Block].launch[arm] = l
		place[l.ID] = [2]int{l.Block, arm}
	}
	type key struct {
		block, round int
		phase        result.Phase
	}
	pairs := map[key]*pair{}
	for i := range doc.Slices {
		s := &doc.Slices[i]
		at, ok := place[s.Launch]
		if !ok {
			continue
		}
		if s.Mode == result.ModeSolo {
			e.addSolo(at[0], at[1], s)
			continue
		}
		k := key{at[0], s.Round, s.Phase}
		if pairs[k] == nil {
			pairs[k] = &pair{round: s.Round}
		}
		pairs[k].arm[at[1]] = s
	}
	for b := range e.blocks {
		for round := range doc.Plan.Rounds {
			if p := pairs[key{b, round, result.PhaseOpen}]; p.complete() {
				e.addOpen(b, *p)
			}
			if p := pairs[key{b, round, result.PhaseClosed}]; p.complete() {
				e.blocks[b].closed = append(e.blocks[b].closed, *p)
			}
		}
	}
	e.mergeResponses()
	return e, nil
}

func (p *pair) complete() bool { return p != nil && p.arm[base] != nil && p.arm[head] != nil }

func (e *evidence) addSolo(b, arm int, s *result.Slice) {
	switch {
	case s.Phase == result.PhaseClosed:
		e.drained[arm] = append(e.drained[arm], s)
	case s.Engine.Limited == "":
		e.solo[arm] = append(e.solo[arm], s)
		e.blocks[b].solo[arm] = s
	}
}

// addOpen keeps a round unless the engine was its limit. Lateness of the engine
// does not depend on the arm, so leaving both slices out favours neither.
func (e *evidence) addOpen(b int, p pair) {
	e.measured++
	if p.arm[base].Engine.Limited != "" || p.arm[head].Engine.Limited != "" {
		e.limited++
		e.blocks[b].late = append(e.blocks[b].late, p)
		return
	}
	e.blocks[b].open = append(e.blocks[b].open, p)
}

// completed is the number of requests that were answered as expected.
func completed(s *result.Slice) (n int64) {
	for i := range s.Operations {
		n += s.Operations[i].Completed
	}
	return n
}

// failed is the number of requests that were not.
func failed(s *result.Slice) (n int64) {
	for i := range s.Operations {
		for _, k := range s.Operations[i].Errors {
			n += k
		}
	}
	return n
}

// responses are the response times of all operations of a slice. Several
// quantiles are taken of each, so those of paired slices were merged beforehand.
func (e *evidence) responses(s *result.Slice) *result.Histogram {
	if h, ok := e.merged[s]; ok {
		return h
	}
	return histogram("", s)
}

// mergeResponses fills e.merged for the paired open slices.
func (e *evidence) mergeResponses() {
	var slices []*result.Slice
	for _, b := range e.blocks {
		for _, p := range b.open {
			slices = append(slices, p.arm[base], p.arm[head])
		}
	}
	merged := make([]*result.Histogram, len(slices))
	parallel.For(len(slices), func(i int) { merged[i] = histogram("", slices[i]) })
	for i, s := range slices {
		e.merged[s] = merged[i]
	}
}

// histogram merges the response times of all operations, or of the one named.
func histogram(operation string, slices ...*result.Slice) *result.Histogram {
	var hs []*result.Histogram
	for _, s := range slices {
		for i := range s.Operations {
			if operation == "" || s.Operations[i].Name == operation {
				hs = append(hs, s.Operations[i].Response)
			}
		}
	}
	return result.MergeHistograms(hs...)
}

// cpuPerOp is the target's CPU time per completed operation, in seconds; NaN where
// it is not known.
func (e *evidence) cpuPerOp(slices ...*result.Slice) float64 {
	var cpu float64
	var n int64
	for _, s := range slices {
		cpu += s.CPUS
		n += completed(s)
	}
	if cpu == 0 {
		return math.NaN()
	}
	return cpu / float64(n)
}

// perCPUSecond is the number of completed operations per CPU second of the
// target.
func (e *evidence) perCPUSecond(slices ...*result.Slice) float64 { return 1 / e.cpuPerOp(slices...) }

// perSecond is the number of completed operations per second of the clock.
func (e *evidence) perSecond(slices ...*result.Slice) float64 {
	var n int64
	var wall float64
	for _, s := range slices {
		n += completed(s)
		wall += s.DurationS
	}
	return float64(n) / wall
}

// meanRSS is the target's memory in bytes; NaN where it is not known.
func (e *evidence) meanRSS(slices ...*result.Slice) float64 {
	var sum float64
	for _, s := range slices {
		sum += float64(s.RSSBytes)
	}
	if sum == 0 {
		return math.NaN()
	}
	return sum / float64(len(slices))
}

// quantile returns a value function for a quantile of the response times of one
// operation, or of all when none is named, in seconds.
func quantile(q float64, operation string) value {
	return func(e *evidence, slices ...*result.Slice) float64 {
		if operation == "" && len(slices) == 1 {
			return e.responses(slices[0]).Quantile(q) / 1e9
		}
		return histogram(operation, slices...).Quantile(q) / 1e9
	}
}

// rounds are the log ratios of a metric, ready for stats.Estimate.
type rounds struct {
	ratios     [][]float64 // per block: ln(head/base) of its rounds, signed so that + is worse
	headSecond [][]bool    // whether head went second in the round
	blocks     []int       // the number of each block, from 0
	layouts    stats.Layouts
}

// rounds reads a metric from the slices. A round in which an arm has no such value
// is left out; a block without rounds is too.
func (e *evidence) rounds(m metricDef) rounds {
	var r rounds
	for number, b := range e.blocks {
		var ratios []float64
		var headSecond []bool
		for _, p := range m.pairs(b) {
			v := math.Log(m.value(e, p.arm[head]) / m.value(e, p.arm[base]))
			if m.higherIsBetter {
				v = -v
			}
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				ratios = append(ratios, v)
				headSecond = append(headSecond, p.arm[head].Position > p.arm[base].Position)
			}
		}
		if len(ratios) == 0 {
			continue
		}
		r.ratios = append(r.ratios, ratios)
		r.headSecond = append(r.headSecond, headSecond)
		r.blocks = append(r.blocks, number)
		r.layouts.Base = append(r.layouts.Base, b.launch[base].Layout)
		r.layouts.Head = append(r.layouts.Head, b.launch[head].Layout)
	}
	return r
}

// effect estimates a metric from its rounds. The second in a pair is a little
// slower; that is taken out, since it is order and not luck.
func (e *evidence) effect(r rounds) (stats.Effect, error) {
	ratios, _, err := stats.RemoveOrder(r.ratios, r.headSecond)
	if err != nil {
		return stats.Effect{}, err
	}
	return stats.Estimate(ratios, r.layouts, e.layoutSD())
}
