package report

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/fivegate/fivegate/gate/chart"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// overview shows the effects of the gating metrics with their intervals, zero and
// the limit; the error rate, whose effect is a difference, is left to the table.
func overview(v verdict.Verdict) []figure {
	var rows []verdict.Metric
	for _, m := range v.Metrics {
		if m.Gating && m.HasEffect && m.Unit != verdict.UnitFraction {
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
		span.add(m.Effect)
	}
	span = span.padded(0.8)
	var ranges []chart.Range
	var dots []chart.Point
	y := chart.Axis{Min: 0, Max: float64(len(rows))}
	for i, m := range rows {
		at := float64(len(rows)-i) - 0.5
		tip := clean(m.Name, maxName) + " " + newEffect(m).String()
		y.Ticks = append(y.Ticks, chart.Tick{At: at, Label: clean(m.Name, 20)})
		ranges = append(ranges, chart.Range{At: at, Low: m.Low, High: m.High, Tip: tip})
		dots = append(dots, chart.Point{X: m.Effect, Y: at, Tip: tip})
	}
	c := chart.Chart{
		ID: "overview", Title: "Change of each gating metric", Description: "Effects with intervals against zero and the limit; the numbers are in the table above.",
		X: ticked("change from base to head, + is worse", span.low, span.high, 6, percents), Y: y,
		Height: 56 + 34*float64(len(rows)),
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

// effectRange is what an effect axis shows: all estimates, zero and the limit, with
// room for intervals; the ends of very wide ones are cut at the edge.
func effectRange(limit float64, effects []float64) extent {
	span := emptyExtent()
	span.add(0, limit)
	span.add(effects...)
	return span.padded(0.5)
}

func blockSection(doc *result.Document, traces []verdict.Trace) section {
	s := section{
		ID: "blocks", Title: "Effect of each block",
		Lead: "A block is one launch of base beside one of head, in layouts of their own. Each bar is the 90% interval from that block's rounds alone.",
	}
	for _, t := range traces {
		s.Figures = append(s.Figures, blockFigure(doc.Plan.Policy.Threshold, t))
	}
	if slices.Contains(doc.Plan.Metrics, verdict.LatencyP99) {
		s.Lead += " latency.p99 is estimated from probes over all blocks at once and has no such plot."
	}
	return s
}

func blockFigure(limit float64, t verdict.Trace) figure {
	name := clean(t.Name, maxName)
	var effects []float64
	var ranges []chart.Range
	var dots []chart.Point
	tab := table{Header: []string{"block", "layouts base / head", "rounds", "effect", "low", "high"}}
	for _, b := range t.Blocks {
		cells := effectCells(b.Effect, b.Low, b.High)
		said := effectText(b.Effect, b.Low, b.High)
		if b.Rounds < 2 { // one round has no spread
			cells, said = []string{cells[0], absent, absent}, cells[0]
		}
		tip := fmt.Sprintf("block %d, layouts %d and %d: %s", b.Block, b.BaseLayout, b.HeadLayout, said)
		x := float64(b.Block)
		if b.Rounds > 1 {
			ranges = append(ranges, chart.Range{At: x, Low: b.Low, High: b.High, Tip: tip})
		}
		dots = append(dots, chart.Point{X: x, Y: b.Effect, Tip: tip})
		effects = append(effects, b.Effect)
		tab.Rows = append(tab.Rows, append([]string{
			strconv.Itoa(b.Block), fmt.Sprintf("%d / %d", b.BaseLayout, b.HeadLayout), strconv.Itoa(b.Rounds),
		}, cells...))
	}
	c := effectChart(slug("block", t.Name), name+": effect of each block", "block", limit, t.Blocks[len(t.Blocks)-1].Block, effects)
	c.Marks = append(c.Marks, chart.Ranges{Class: "interval", Items: ranges}, chart.Dots{Class: "estimate", Points: dots})
	return newFigure(c, name, tab)
}

func stepSection(doc *result.Document, traces []verdict.Trace) section {
	s := section{
		ID: "looks", Title: "How the estimate settled",
		Lead: "The estimate from the first blocks, with a 90% interval. Upright lines are the planned looks, at which a check may end; the verdict uses stricter bounds there.",
	}
	for _, t := range traces {
		if len(t.Steps) > 1 {
			s.Figures = append(s.Figures, stepFigure(doc.Plan.Policy.Threshold, t))
		}
	}
	return s
}

func stepFigure(limit float64, t verdict.Trace) figure {
	name := clean(t.Name, maxName)
	var effects []float64
	var band []chart.Range
	var line []chart.Point
	var looks []chart.Mark
	tab := table{Header: []string{"blocks", "look", "effect", "low", "high"}}
	for _, s := range t.Steps {
		x := float64(s.Blocks)
		look := ""
		if s.Look > 0 {
			look = strconv.Itoa(s.Look)
			looks = append(looks, chart.Rule{Class: "look", Upright: true, At: x})
		}
		effects = append(effects, s.Effect)
		band = append(band, chart.Range{At: x, Low: s.Low, High: s.High})
		line = append(line, chart.Point{X: x, Y: s.Effect, Tip: fmt.Sprintf("after %d blocks: %s", s.Blocks, effectText(s.Effect, s.Low, s.High))})
		tab.Rows = append(tab.Rows, append([]string{strconv.Itoa(s.Blocks), look}, effectCells(s.Effect, s.Low, s.High)...))
	}
	c := effectChart(slug("step", t.Name), name+": estimate after each block", "blocks measured", limit, t.Steps[len(t.Steps)-1].Blocks, effects)
	c.Marks = append(append(c.Marks, looks...), chart.Band{Class: "band", Items: band}, chart.Line{Class: "estimate-line", Points: line}, chart.Dots{Class: "estimate", Points: line})
	return newFigure(c, name, tab)
}

// effectChart is an empty plot of effects over block numbers.
func effectChart(id, title, x string, limit float64, blocks int, effects []float64) chart.Chart {
	span := effectRange(limit, effects)
	return chart.Chart{
		ID: id, Title: title, Description: "The same numbers are in the table below the plot.",
		X: ticked(x, 0.5, float64(blocks)+0.5, min(blocks, 10), plain),
		Y: ticked("change, + is worse", span.low, span.high, 6, percents),
		Marks: []chart.Mark{
			chart.Rule{Class: "zero", At: 0},
			chart.Rule{Class: "limit", At: limit, Label: "limit"},
		},
	}
}

func effectText(effect, low, high float64) string {
	c := effectCells(effect, low, high)
	return fmt.Sprintf("%s [%s, %s]", c[0], c[1], c[2])
}

// effectCells words a relative change and its ends.
func effectCells(effect, low, high float64) []string {
	m := verdict.Metric{Unit: verdict.UnitSeconds}
	return []string{signed(m, effect) + "%", signed(m, low), signed(m, high)}
}

func noiseSection(traces []verdict.Trace) section {
	s := section{
		ID: "noise", Title: "Where the noise came from",
		Lead: "Standard deviations of a round's ratio. Between blocks: launches and layouts; more blocks and layouts help. Between rounds: the machine; quiet helps. Within: the number of requests in a round; a higher rate or longer rounds help.",
	}
	var bars []chart.Mark
	var y chart.Axis
	tab := table{Header: []string{"metric", "between blocks", "between rounds", "within rounds"}}
	span := extent{0, 0.001}
	bar := func(label string, v float64, class string) {
		y.Max++
		y.Ticks = append(y.Ticks, chart.Tick{At: -y.Max + 0.5, Label: label})
		bars = append(bars, chart.Box{Class: class, X1: 0, X2: v, Y1: -y.Max + 0.2, Y2: -y.Max + 0.8, Tip: label + " " + decimal(100*v, 2) + "%"})
		span.add(v)
	}
	for _, t := range traces {
		name, n := clean(t.Name, 16), t.Noise
		within := absent
		bar(name+" blocks", n.Block, "noise-block")
		bar(name+" rounds", n.Round, "noise-round")
		if n.Within > 0 {
			within = decimal(100*n.Within, 2) + "%"
			bar(name+" within", n.Within, "noise-within")
		}
		tab.Rows = append(tab.Rows, []string{clean(t.Name, maxName), decimal(100*n.Block, 2) + "%", decimal(100*n.Round, 2) + "%", within})
	}
	if len(bars) == 0 {
		return s
	}
	y.Min, y.Max = -y.Max, 0
	c := chart.Chart{
		ID: "noise-bars", Title: "Parts of the noise", Description: "Standard deviations by part and metric, in percent.",
		X: ticked("standard deviation", 0, span.high*1.05, 6, percents), Y: y,
		Height: 60 + 21*float64(len(bars)), Marks: bars,
	}
	s.Figures = []figure{newFigure(c, "", tab)}
	return s
}
