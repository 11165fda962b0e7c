package result

import "strings"

// maxValues is how many samples a measure may have: more is no measurement, and
// would make judging slow.
const maxValues = 1_000_000

// benchmarks checks what stands instead of launches and slices.
func (v *validator) benchmarks() {
	d := v.d
	if len(d.Benchmarks) > 0 && len(d.Launches)+len(d.Slices) > 0 {
		v.add("", "benchmarks", "stand beside launches or slices; a document has one or the other")
	}
	if len(d.Benchmarks) > 0 && d.Kind == KindRun {
		v.add("", "benchmarks", "compare two arms, and a document of kind %q has one", d.Kind)
	}
	names := make(map[string]bool, len(d.Benchmarks))
	for i := range d.Benchmarks {
		b, at := &d.Benchmarks[i], place("").item("benchmarks", i)
		if b.Name == "" || names[b.Name] {
			v.add(at, "name", "is %q, need a name that no other benchmark has", b.Name)
		}
		names[b.Name] = true
		v.benchmark(at, b)
	}
}

func (v *validator) benchmark(at place, b *Benchmark) {
	oneOf(&v.faults, at, "state", b.State, BenchmarkMeasured, BenchmarkIdentical, BenchmarkNew, BenchmarkRemoved,
		BenchmarkFailedBase, BenchmarkFailedHead, BenchmarkLeftOut)
	if b.State != BenchmarkMeasured {
		if len(b.Measures)+len(b.BaseLayouts)+len(b.HeadLayouts)+len(b.First) > 0 {
			v.add(at, "measures", "are there, but the state is %q", b.State)
		}
		return
	}
	oneOf(&v.faults, at, "mode", b.Mode, ModeDuet, ModeAlternating, ModeSeparate)
	if (b.Mode == ModeSeparate) != (v.d.Kind == KindCompare) {
		v.add(at, "mode", "is %q in a document of kind %q", b.Mode, v.d.Kind)
	}
	v.count(at, "iterations", b.Iterations)
	if len(b.Measures) == 0 {
		v.add(at, "measures", "are missing, but the state is %q", b.State)
	}
	if b.Mode == ModeSeparate {
		v.measures(at, b, -1)
		return
	}
	v.count(at, "rounds", int64(b.Rounds))
	if b.Blocks() > v.d.Plan.Blocks {
		v.add(at, "base_layouts", "are %d, more than the plan's %d blocks", b.Blocks(), v.d.Plan.Blocks)
	}
	if len(b.HeadLayouts) != b.Blocks() {
		v.add(at, "head_layouts", "are %d, need one for each of the %d blocks", len(b.HeadLayouts), b.Blocks())
	}
	if len(v.d.Arms) == 2 {
		v.layoutsOf(at, "base_layouts", b.BaseLayouts, v.d.Arms[0].Name)
		v.layoutsOf(at, "head_layouts", b.HeadLayouts, v.d.Arms[1].Name)
	}
	if b.Rounds < 0 || b.Rounds > maxValues || b.Blocks() > maxValues { // and their product does not overflow
		return
	}
	rounds := b.Blocks() * b.Rounds
	if len(b.First) != rounds || strings.Trim(b.First, "bh") != "" {
		v.add(at, "first", "is %.40q, need a letter, b or h, for each of the %d rounds", b.First, rounds)
	}
	v.measures(at, b, rounds)
}

func (v *validator) layoutsOf(at place, member string, ids []int, arm string) {
	for i, id := range ids {
		if !v.layouts[arm][id] {
			v.add(at.item(member, i), "", "is %d, which is no layout of arm %q", id, arm)
			return
		}
	}
}

// measures checks the samples: rounds many of each arm, or any number where
// rounds is negative.
func (v *validator) measures(at place, b *Benchmark, rounds int) {
	units := make(map[string]bool, len(b.Measures))
	for i := range b.Measures {
		m, at := &b.Measures[i], at.item("measures", i)
		if m.Unit == "" || units[m.Unit] {
			v.add(at, "unit", "is %q, need a unit that no other measure of the benchmark has", m.Unit)
		}
		units[m.Unit] = true
		oneOf(&v.faults, at, "better", m.Better, "", LowerIsBetter, HigherIsBetter)
		v.samples(at, "base", m.Base, rounds)
		v.samples(at, "head", m.Head, rounds)
	}
}

func (v *validator) samples(at place, member string, samples []float64, rounds int) {
	if rounds >= 0 && len(samples) != rounds {
		v.add(at, member, "has %d samples, need one for each of the %d rounds", len(samples), rounds)
	}
	if len(samples) > maxValues {
		v.add(at, member, "has %d samples, at most %d are possible", len(samples), maxValues)
	}
	for i, x := range samples {
		if !v.number(at.item(member, i), "", x) {
			return // one says enough of a column
		}
	}
}
