//go:build proof

package simulate

import (
	"fmt"
	"math"
	"slices"
)

// row is one line of the table of evidence and what it claims.
type row struct {
	name      string
	effect    string
	world     World
	procedure Procedure
	most      float64 // claim: blocked no more often than this; 1 claims nothing
	least     float64 // claim: blocked at least so often; 0 claims nothing
}

// ordinary is a check on a machine as measured: 28 blocks of 4 rounds, round
// noise by metric, launch luck 0.7%, eight layouts an arm with 2% between two
// of them, one round in twenty noisier, five times.
func ordinary() World {
	return World{
		Blocks: 28, Rounds: 4,
		Metrics: []Metric{
			{Name: "cpu_per_op", Noise: 0.014},
			{Name: "throughput", Noise: 0.045},
			{Name: "latency.p50", Noise: 0.014},
			{Name: "latency.p90", Noise: 0.04},
			{Name: "latency.p99", Noise: 0.06},
		},
		Outliers: 0.05, OutlierSize: 5, LaunchSD: 0.007, LayoutSD: 0.02, Layouts: 8,
	}
}

func in(change func(*World)) World {
	w := ordinary()
	change(&w)
	return w
}

// noisy is a machine so bad that significance, and not the size guard, decides.
func noisy() World {
	return in(func(w *World) {
		w.LaunchSD = 0.04
		for i := range w.Metrics {
			w.Metrics[i].Noise *= 3
		}
	})
}

// slower makes the given metrics worse by a fraction; all when none is given.
func slower(w World, fraction float64, metrics ...int) World {
	w.Metrics = slices.Clone(w.Metrics)
	for i := range w.Metrics {
		if len(metrics) == 0 || slices.Contains(metrics, i) {
			w.Metrics[i].Effect = math.Log1p(fraction)
		}
	}
	return w
}

// disturbances are the worlds of the first two tables. most is the claim for
// identical arms, least the one for arms that are 8% slower in all metrics.
func disturbances() []row {
	p := Standard()
	undeclared, three := p, p
	undeclared.LayoutSD = 0
	three.Looks = []float64{0.5, 0.75, 1}
	bias := math.Log(1.2) / 2
	a := p.Alpha
	return []row{
		{"ordinary machine", "", ordinary(), p, 0.01, 0.95},
		{"normal noise, no luck at all", "", in(func(w *World) { w.Outliers, w.LaunchSD, w.LayoutSD, w.Layouts = 0, 0, 0, 0 }), p, a, 0.95},
		{"heavy tails: a fifth of the rounds 10 times noisier", "", in(func(w *World) { w.Outliers, w.OutlierSize = 0.2, 10 }), p, a, 0.95},
		{"drift of the ratio by 3% (SD) over the run", "", in(func(w *World) { w.DriftSD = 0.03 }), p, a, 0.95},
		{"autocorrelation 0.6 from round to round", "", in(func(w *World) { w.Correlation = 0.6 }), p, a, 0.95},
		{"launch luck 2%", "", in(func(w *World) { w.LaunchSD = 0.02 }), p, a, 0.95},
		{"noise 3 times, launch luck 4%", "", noisy(), p, a, 0.95},
		{"a layout of its own for every block", "", in(func(w *World) { w.Layouts = 0 }), p, a, 0.95},
		{"eight layouts, luck 3% where 2% is declared", "", in(func(w *World) { w.LayoutSD = 0.03 }), p, a, 0.95},
		{"one layout an arm", "", in(func(w *World) { w.Layouts = 1 }), p, a, 0.95},
		{"one layout an arm, its luck not declared", "", in(func(w *World) { w.Layouts = 1 }), undeclared, 1, 0},
		{"one layout an arm, luck 3% where 2% is declared", "", in(func(w *World) { w.Layouts, w.LayoutSD = 1, 0.03 }), p, 1, 0},
		{"second in the pair 20% slower, order not used", "", in(func(w *World) { w.Position = bias }), p, a, 0.95},
		{"second in the pair 20% slower, order removed", "", in(func(w *World) { w.Position, w.Order = bias, true }), p, a, 0.95},
		{"bursts of 40% on either arm in a tenth of the rounds", "", in(func(w *World) { w.BurstShare, w.BurstSize = 0.1, 0.4 }), p, a, 0.95},
		{"bursts of 40% on head only, in a twentieth of the rounds", "", in(func(w *World) { w.BurstShare, w.BurstSize, w.BurstOneSide = 0.05, 0.4, true }), p, a, 0.95},
		{"3 rounds in all (3 blocks of 1)", "", in(func(w *World) { w.Blocks, w.Rounds = 3, 1 }), p, 0, 0},
		{"8 blocks of 3 rounds", "", in(func(w *World) { w.Blocks, w.Rounds = 8, 3 }), p, a, 0.9},
		{"10,000 rounds (28 blocks of 357)", "", in(func(w *World) { w.Rounds = 357 }), p, a, 0.95},
		{"three looks, after a half, three quarters and all", "", ordinary(), three, a, 0.95},
	}
}

// under returns the disturbances with arms that differ by a fraction.
func under(fraction float64) []row {
	rows := disturbances()
	for i := range rows {
		rows[i].world = slower(rows[i].world, fraction)
		rows[i].effect = percent(fraction)
		if fraction == 0 {
			rows[i].least = 0
		} else {
			rows[i].most = 1
		}
	}
	return rows
}

func sizes() []row {
	p := Standard()
	one := in(func(w *World) { w.Layouts = 1 })
	var rows []row
	add := func(name string, w World, fraction, most, least float64, metrics ...int) {
		rows = append(rows, row{name, percent(fraction), slower(w, fraction, metrics...), p, most, least})
	}
	for _, f := range []float64{0.03, 0.05} {
		add("all five metrics", ordinary(), f, 1, 0)
	}
	for _, f := range []float64{0.08, 0.10, 0.20} {
		add("all five metrics", ordinary(), f, 1, 0.95)
	}
	add("all five metrics, faster", ordinary(), -0.08, 0, 0)
	for i, m := range ordinary().Metrics {
		add("only "+m.Name, ordinary(), 0.08, 1, 0.9, i)
	}
	add("only latency.p50", ordinary(), 0.03, 1, 0, 2)
	for _, f := range []float64{0.03, 0.08, 0.10, 0.20} {
		add("all five metrics, one layout an arm", one, f, 1, 0)
	}
	add("only latency.p50, one layout an arm", one, 0.08, 1, 0, 2)
	duet := slower(ordinary(), 0)
	for i := range duet.Metrics {
		duet.Metrics[i].Effect = 0.8 * math.Log(1.08)
	}
	return append(rows, row{"all five metrics, a duet that shows 0.8 of it", "+8%", duet, p, 1, 0})
}

// unguarded are identical arms judged by significance alone: any metric whose
// lower bound is over 0 at any look blocks. It is here that the error shows
// which the size guard hides.
func unguarded() []row {
	var rows []row
	for _, d := range disturbances() {
		d.procedure.Rule.Threshold = 0
		d.effect, d.least = "0%", 0
		switch d.name {
		case "drift of the ratio by 3% (SD) over the run", "autocorrelation 0.6 from round to round",
			"eight layouts, luck 3% where 2% is declared", "one layout an arm, its luck not declared",
			"one layout an arm, luck 3% where 2% is declared", "bursts of 40% on head only, in a twentieth of the rounds":
			d.most = 1 // no claim: blocks are not independent, or luck is not as declared
		default:
			d.most = min(d.most*3, d.procedure.Alpha)
		}
		rows = append(rows, d)
	}
	return rows
}

// again are identical arms, measured up to five times more until they are
// blocked. What stands in the acceptance of the rule comes first.
func again() []row {
	pooled := Standard()
	pooled.Retries = 5
	apart, alone := pooled, pooled
	apart.Apart = true
	alone.Rule.Threshold = 0
	var rows []row
	for _, d := range disturbances() {
		p, most := pooled, pooled.Alpha
		switch p.LayoutSD = d.procedure.LayoutSD; d.name {
		case "one layout an arm, its luck not declared", "one layout an arm, luck 3% where 2% is declared":
			most = 1 // no claim, as for one run
		case "three looks, after a half, three quarters and all":
			continue
		}
		rows = append(rows, row{"pooled: " + d.name, "0%", d.world, p, most, 0})
	}
	own := in(func(w *World) { w.Layouts = 0 })
	return append(rows,
		row{"pooled, significance alone: a layout of its own for every block", "0%", own, alone, pooled.Alpha, 0},
		row{"pooled, significance alone: noise 3 times, launch luck 4%", "0%", noisy(), alone, pooled.Alpha, 0},
		row{"each by itself: noise 3 times, launch luck 4%", "0%", noisy(), apart, 1, 0},
		row{"each by itself: one layout an arm", "0%", in(func(w *World) { w.Layouts = 1 }), apart, 1, 0},
	)
}

// untilGreen are worlds in which one metric is 10% slower and one check misses it
// now and then.
func untilGreen() []row {
	p := Standard()
	p.Until = UntilPassed
	return []row{
		{"only latency.p99; noise 3 times, launch luck 4%", "+10%", slower(noisy(), 0.10, 4), p, 1, 0},
		{"only latency.p50, one layout an arm", "+10%", slower(in(func(w *World) { w.Layouts = 1 }), 0.10, 2), p, 1, 0},
	}
}

// suite is a line of the table of many benchmarks.
type suite struct {
	name        string
	world       World
	rule        Suite
	most, least float64 // claims: share of the checks blocked that should not be; share of the slower benchmarks found
}

// benchmarks is a world of so many benchmarks in duets of one round a block, whose
// round noise is from 1% to 3%.
func benchmarks(n int, change func(*World)) World {
	w := in(func(w *World) { w.Rounds, w.Order, w.Metrics = 1, false, nil })
	for i := range n {
		w.Metrics = append(w.Metrics, Metric{Name: fmt.Sprint(i), Noise: 0.01 + 0.005*float64(i%5)})
	}
	if change != nil {
		change(&w)
	}
	return w
}

func suites() []suite {
	tails := func(w *World) { w.Outliers, w.OutlierSize = 0.2, 10 }
	one := func(w *World) { w.Metrics[1].Effect = math.Log1p(0.08) }
	a := Standard().Alpha
	var rows []suite
	for _, n := range []int{200, 600} {
		for _, blocks := range []int{7, 14, 28} {
			rows = append(rows, suite{fmt.Sprintf("%d identical", n), benchmarks(n, nil), StandardSuite(blocks), a, 0})
		}
	}
	rough := func(w *World) {
		for i := range w.Metrics {
			w.Metrics[i].Noise = 0.15
		}
	}
	for _, blocks := range []int{7, 14, 28} {
		rows = append(rows, suite{"200 identical, round noise 15%", benchmarks(200, rough), StandardSuite(blocks), a, 0})
	}
	return append(rows,
		suite{"200 identical, heavy tails: a fifth of the rounds 10 times noisier", benchmarks(200, tails), StandardSuite(14), a, 0},
		suite{"200 identical, heavy tails: a fifth of the rounds 10 times noisier", benchmarks(200, tails), StandardSuite(28), a, 0},
		suite{"200 identical, launch luck 3%", benchmarks(200, func(w *World) { w.LaunchSD = 0.03 }), StandardSuite(28), a, 0},
		suite{"200, one of them 8% slower", benchmarks(200, one), StandardSuite(14), a, 0},
		suite{"200, one of them 8% slower", benchmarks(200, one), StandardSuite(28), a, 0.9},
		suite{"600, one of them 8% slower", benchmarks(600, one), StandardSuite(28), a, 0.9},
	)
}

func percent(fraction float64) string {
	if fraction == 0 {
		return "0%"
	}
	return fmt.Sprintf("%+.0f%%", 100*fraction)
}
