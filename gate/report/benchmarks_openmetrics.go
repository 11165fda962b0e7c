package report

// suite adds the values of benchmarks, each in its own unit, and what became of
// the benchmarks.
func (x *exposition) suite(m Model) {
	x.gauge("fivegate_benchmark_value", "", "Median of what was measured of an arm, in the unit that its label names.", func(to addSample) {
		for _, metric := range m.summary.Metrics {
			labels := []fact{{"metric", metric.Name}, {"benchmark", metric.Benchmark}, {"unit", metric.Unit}}
			to(metric.Base, append(labels, fact{"arm", "base"})...)
			to(metric.Head, append(labels, fact{"arm", "head"})...)
		}
	})
	x.gauge("fivegate_benchmarks", "", "Benchmarks by what became of them.", func(to addSample) {
		counts := map[string]int64{}
		for _, b := range m.summary.Benchmarks {
			counts[b.State]++
		}
		for _, state := range sortedKeys(counts) {
			to(whole(counts[state]), fact{"state", state})
		}
	})
}
