package verdict

import (
	"math"
	"slices"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
)

// TraceBenchmark is the trace of one measure of a benchmark that was measured in
// pairs; it reports false where there is none. Of blocks of one round nothing is
// known but their effect, so their intervals are unbounded, and Noise.Block holds
// all that differs between pairs.
func TraceBenchmark(doc *result.Document, benchmark, unit string) (Trace, bool) {
	i := slices.IndexFunc(doc.Benchmarks, func(b result.Benchmark) bool { return b.Name == benchmark })
	if i < 0 || doc.Benchmarks[i].Blocks() == 0 || doc.Benchmarks[i].Rounds == 0 {
		return Trace{}, false
	}
	b := &doc.Benchmarks[i]
	j := slices.IndexFunc(b.Measures, func(m result.Measure) bool { return m.Unit == unit })
	if j < 0 {
		return Trace{}, false
	}
	s := sample{benchmark: b, measure: &b.Measures[j]}
	r := s.rounds()
	layoutSD := 0.0
	if timed(unit) {
		ratios, _, err := stats.RemoveOrder(r.ratios, r.headSecond)
		if err != nil {
			return Trace{}, false
		}
		r.ratios, layoutSD = ratios, doc.Plan.Policy.LayoutSD
	}
	t := Trace{Name: s.name(), Noise: pairNoise(r.ratios)}
	for block, ratios := range r.ratios {
		t.Blocks = append(t.Blocks, blockEffect(r, block, ratios))
	}
	for n := range t.Blocks {
		few := r.first(n + 1)
		effect, err := stats.Estimate(few.ratios, few.layouts, layoutSD)
		if err != nil {
			continue // fewer than three blocks
		}
		t.Steps = append(t.Steps, Step{
			Blocks: n + 1, Look: slices.Index(doc.Plan.Looks, n+1) + 1, Effect: math.Expm1(effect.Theta),
			Low: finite(math.Expm1(effect.Lower(oneSided95))), High: finite(math.Expm1(effect.Upper(oneSided95))),
		})
	}
	return t, true
}

// pairNoise splits the spread of the pairs where blocks have more than one, and
// else gives all of it to the blocks.
func pairNoise(ratios [][]float64) Noise {
	all := slices.Concat(ratios...)
	if slices.Max(all) == slices.Min(all) {
		return Noise{} // to the last bit, which sums would lose
	}
	if c, err := stats.Decompose(ratios); err == nil {
		return Noise{Block: c.Block, Round: c.Round}
	}
	var sum, squares float64
	for _, d := range all {
		sum += d
	}
	for _, d := range all {
		squares += (d - sum/float64(len(all))) * (d - sum/float64(len(all)))
	}
	return Noise{Block: math.Sqrt(squares / float64(len(all)-1))}
}
