package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/fivegate/fivegate/gate/chart"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

const (
	maxNoisy  = 15 // benchmarks in the plot of noise
	labelSize = 28 // characters of a label on an axis
)

// suiteSections are the plots of benchmarks.
func suiteSections(doc *result.Document, v verdict.Verdict) []section {
	var out []section
	for _, m := range ByImportance(v.Metrics) {
		t, ok := verdict.TraceBenchmark(doc, m.Benchmark, string(m.Unit))
		if !ok || !m.Gating || t.Noise.Block+t.Noise.Round == 0 {
			continue // what does not vary has nothing to show
		}
		t.Name = clean(t.Name, maxMeasure)
		out = append(out, worstSection(doc, t)...)
		break
	}
	if s := pairNoiseSection(doc); len(s.Figures) > 0 {
		out = append(out, s)
	}
	return out
}

// worstSection shows how the evidence for the measure that matters most came
// together.
func worstSection(doc *result.Document, t verdict.Trace) []section {
	s := section{ID: "blocks", Title: "The measure that matters most, block by block", Lead: t.Name + ". "}
	s.Lead += "A block is a process of base and one of head, in layouts of their own where the toolchain can. First, what each block says by itself; then, the estimate from the first blocks with a 90% interval, and as upright lines the planned looks, at which the measure may be decided; the verdict uses stricter bounds there."
	limit := doc.Plan.Policy.Threshold
	s.Figures = append(s.Figures, blockFigure(limit, t))
	if len(t.Steps) > 1 {
		s.Figures = append(s.Figures, stepFigure(limit, t))
	}
	return []section{s}
}

// forest shows the effects that matter most with their intervals, zero and the
// limit.
func forest(v verdict.Verdict) []figure {
	var rows []verdict.Metric
	for _, m := range ByImportance(v.Metrics) {
		still := m.Decision == verdict.Clear && m.Effect == 0
		if m.Gating && m.HasEffect && !still && len(rows) < maxOpen {
			rows = append(rows, m)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	limit := rows[0].Limit
	span := emptyExtent()
	span.add(0, limit)
	for _, m := range rows {
		span.add(max(m.Low, -1), min(m.High, 1)) // what more than doubled must not make the others a line
	}
	span = span.padded(0.06)
	labels := measureLabels(rows)
	var ranges []chart.Range
	var dots []chart.Point
	y := chart.Axis{Min: 0, Max: float64(len(rows))}
	for i, m := range rows {
		at := float64(len(rows)-i) - 0.5
		tip := clean(m.Name, maxMeasure) + " " + newEffect(m).String()
		y.Ticks = append(y.Ticks, chart.Tick{At: at, Label: labels[i]})
		ranges = append(ranges, chart.Range{At: at, Low: m.Low, High: m.High, Tip: tip})
		dots = append(dots, chart.Point{X: m.Effect, Y: at, Tip: tip})
	}
	c := chart.Chart{
		ID: "overview", Title: "The changes that matter most", Description: "Effects with intervals against zero and the limit, in the order of the table above, which has the numbers.",
		X: ticked("change from base to head, + is worse", span.low, span.high, 6, percents), Y: y,
		Height: 78 + 20*float64(len(rows)),
		Marks: []chart.Mark{
			chart.Rule{Class: "zero", Upright: true, At: 0},
			chart.Rule{Class: "limit", Upright: true, At: limit},
			chart.Ranges{Class: "interval", Flat: true, Items: ranges},
			chart.Dots{Class: "estimate", Points: dots},
		},
		Legend: []chart.Key{{Class: "estimate", Shape: "dot", Label: "estimate and interval"}, {Class: "limit", Shape: "line", Label: "limit " + percents(limit)}},
	}
	return []figure{newFigure(c, "", table{})}
}

// measureLabels name measures on an axis by what tells their benchmarks apart, and
// by the unit unless that is the time of an operation.
func measureLabels(metrics []verdict.Metric) []string {
	out := make([]string, len(metrics))
	for i, m := range metrics {
		out[i] = clean(m.Benchmark, maxBenchmark)
	}
	out = shortened(out, labelSize)
	for i, m := range metrics {
		unit := ""
		if m.Unit != "sec/op" {
			unit = " " + clean(string(m.Unit), maxWord)
		}
		out[i] = cutLeft(out[i], labelSize-ansi.StringWidth(unit)) + unit
	}
	return out
}

// shortened takes out of names, when one is wider than width, whole parts that all
// of them begin with or end in: what is left tells them apart.
func shortened(names []string, width int) []string {
	wide := func(s string) bool { return ansi.StringWidth(s) > width }
	if len(names) < 2 || !slices.ContainsFunc(names, wide) {
		return names
	}
	head, tail := names[0], names[0]
	for _, s := range names[1:] {
		for !strings.HasPrefix(s, head) {
			head = head[:len(head)-1]
		}
		for !strings.HasSuffix(s, tail) {
			tail = tail[1:]
		}
	}
	head = head[:strings.LastIndexAny(head, "/.")+1]
	if at := strings.IndexByte(tail, '/'); at >= 0 {
		tail = tail[at:]
	} else {
		tail = ""
	}
	out := slices.Clone(names)
	for i, s := range names {
		if len(head)+len(tail) >= len(s) {
			continue // nothing would be left of it
		}
		if s = s[len(head) : len(s)-len(tail)]; head != "" {
			s = "…" + s
		}
		if tail != "" {
			s += "…"
		}
		out[i] = s
	}
	return out
}

// cutLeft keeps the end of a text that is wider than width.
func cutLeft(s string, width int) string {
	if over := ansi.StringWidth(s) - width; over > 0 {
		return ansi.TruncateLeft(s, over+1, "…")
	}
	return s
}

// spread is how much the pairs of a timed measure differ.
type spread struct {
	benchmark, unit string
	rounds          int
	noise           verdict.Noise
}

// spreads are those of all measures that vary, the noisiest first.
func spreads(doc *result.Document) (out []spread) {
	for _, b := range measuredBenchmarks(doc) {
		for i := range b.Measures {
			t, ok := verdict.TraceBenchmark(doc, b.Name, b.Measures[i].Unit)
			if ok && t.Noise.Block+t.Noise.Round > 0 {
				out = append(out, spread{clean(b.Name, maxBenchmark), clean(b.Measures[i].Unit, maxName), b.Rounds, t.Noise})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b spread) int { return cmp.Compare(b.size(), a.size()) })
	return out
}

func (s spread) size() float64 { return max(s.noise.Block, s.noise.Round) }

func (s spread) name() string { return s.benchmark + " " + s.unit }

// pairNoiseSection shows where the noise came from.
func pairNoiseSection(doc *result.Document) section {
	all := spreads(doc)
	s := section{
		ID: "noise", Title: "Where the noise came from",
		Lead: "Standard deviations of the ratio of a pair, the noisiest benchmarks first. Between blocks: how each process happened to start and be laid out, and where a block has one pair, the machine as well. Between the pairs of a block: the machine alone.",
	}
	if len(all) == 0 {
		return s
	}
	var bars []chart.Mark
	y := chart.Axis{}
	tab := table{Header: []string{"measure", "pairs a block", "between blocks", "between pairs"}}
	span := extent{0, 0.001}
	bar := func(label, tip string, v float64, class string) {
		y.Max++
		y.Ticks = append(y.Ticks, chart.Tick{At: -y.Max + 0.5, Label: label})
		bars = append(bars, chart.Box{Class: class, X1: 0, X2: v, Y1: -y.Max + 0.2, Y2: -y.Max + 0.8, Tip: tip + " " + decimal(100*v, 2) + "%"})
		span.add(v)
	}
	shown := all[:min(len(all), maxNoisy)]
	metrics := make([]verdict.Metric, len(shown))
	for i, one := range shown {
		metrics[i] = verdict.Metric{Benchmark: one.benchmark, Unit: verdict.Unit(one.unit)}
	}
	labels := measureLabels(metrics)
	for i, one := range shown {
		pairs := absent
		bar(labels[i], one.name()+", between blocks", one.noise.Block, "noise-block")
		if one.rounds > 1 {
			pairs = decimal(100*one.noise.Round, 2) + "%"
			bar("pairs", one.name()+", between pairs", one.noise.Round, "noise-round")
		}
		tab.Rows = append(tab.Rows, []string{one.name(), strconv.Itoa(one.rounds), decimal(100*one.noise.Block, 2) + "%", pairs})
	}
	y.Min, y.Max = -y.Max, 0
	c := chart.Chart{
		ID: "noise-bars", Title: "Spread of the pairs", Description: "Standard deviations of the noisiest benchmarks, in percent.",
		X: ticked("standard deviation", 0, span.high*1.05, 6, percents), Y: y,
		Height: 60 + 20*float64(len(bars)), Marks: bars,
	}
	caption := ""
	if len(all) > maxNoisy {
		caption = fmt.Sprintf("The %d noisiest of %d measures that vary", maxNoisy, len(all))
	}
	s.Figures = []figure{newFigure(c, caption, tab)}
	return s
}
