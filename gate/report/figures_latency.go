package report

import (
	"fmt"
	"math"
	"strconv"

	"github.com/fivegate/fivegate/gate/chart"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// maxOperations bounds the latency plots: of a scenario with more operations the
// first in its order are shown.
const maxOperations = 12

func latencySection(doc *result.Document) section {
	s := section{
		ID: "latency", Title: "Distribution of latency",
		Lead: "Response time from the moment that a request was due, failed requests left out, up to the percentile that at least 10 requests lie beyond. Each nine is as wide as the one before.",
	}
	if doc.Kind == result.KindCheck {
		s.Lead += " Both arms were driven side by side, so they compare with each other and not with a target that has the machine to itself."
	}
	names := doc.Plan.Operations
	if len(names) > 1 {
		s.add(latencyFigure(doc, "latency-all", "", "all operations"))
	}
	for i, op := range names[:min(len(names), maxOperations)] {
		s.add(latencyFigure(doc, fmt.Sprintf("latency-%d", i), op, clean(op, maxName)))
	}
	return s
}

func (s *section) add(f figure, ok bool) {
	if ok {
		s.Figures = append(s.Figures, f)
	}
}

// armLook is how an arm is drawn: never by colour alone.
type armLook struct{ class, shape string }

func lookOfArm(i int) armLook {
	if i == 0 {
		return armLook{"base", "dot"}
	}
	return armLook{"head", "square"}
}

// latencyFigure is the distribution of one operation, or of all, for each arm.
func latencyFigure(doc *result.Document, id, operation, name string) (figure, bool) {
	var marks []chart.Mark
	var legend []chart.Key
	values := emptyExtent()
	far := 0.0
	tab := table{Header: []string{"percentile"}}
	var hists []*result.Histogram
	for i, arm := range doc.Arms {
		h := responses(doc, arm.Name, operation)
		if h.Total() < 20 {
			continue
		}
		look := lookOfArm(i)
		line, dots := percentileCurve(h, clean(arm.Name, maxWord))
		for _, p := range line {
			values.add(p.Y)
			far = max(far, p.X)
		}
		marks = append(marks, chart.Line{Class: look.class + "-line", Points: line}, chart.Dots{Class: look.class, Shape: look.shape, Points: dots})
		legend = append(legend, chart.Key{Class: look.class, Shape: look.shape, Label: clean(arm.Name, maxWord)})
		tab.Header = append(tab.Header, clean(arm.Name, maxWord))
		hists = append(hists, h)
	}
	if len(hists) == 0 {
		return figure{}, false
	}
	tab.Rows = percentileRows(hists)
	values = values.padded(0.05)
	c := chart.Chart{
		ID: id, Title: name + ": latency by percentile", Description: "The same numbers are in the table below the plot.",
		X:      chart.Axis{Label: "percentile", Min: -0.04 * far, Max: 1.02 * far, Ticks: chart.PercentileTicks(far)},
		Y:      chart.Axis{Label: "response time", Min: values.low, Max: values.high, Ticks: chart.LogTicks(math.Pow(10, values.low), math.Pow(10, values.high), duration)},
		Marks:  marks,
		Legend: legend,
	}
	return newFigure(c, name, tab), true
}

// responses merges the open-loop response times of an arm that the engine did not
// limit; of a check, those of its rounds.
func responses(doc *result.Document, arm, operation string) *result.Histogram {
	mine := map[int]bool{}
	for _, l := range doc.Launches {
		mine[l.ID] = l.Arm == arm
	}
	var hs []*result.Histogram
	for i := range doc.Slices {
		s := &doc.Slices[i]
		if !mine[s.Launch] || s.Phase != result.PhaseOpen || s.Engine.Limited != "" || s.Mode != doc.Plan.Mode {
			continue
		}
		for j := range s.Operations {
			if operation == "" || s.Operations[j].Name == operation {
				hs = append(hs, s.Operations[j].Response)
			}
		}
	}
	return result.MergeHistograms(hs...)
}

// percentileCurve is a histogram as a line over the log-percentile axis, log10 of
// seconds upward, and its dots at the percentiles people ask for.
func percentileCurve(h *result.Histogram, arm string) (line, dots []chart.Point) {
	last := math.Log10(float64(h.Total()) / 10) // ten requests lie beyond it
	const steps = 60
	point := func(x float64) chart.Point {
		p := 1 - math.Pow(10, -x)
		v := h.Quantile(p) / 1e9
		return chart.Point{X: x, Y: math.Log10(max(v, 1e-9)), Tip: arm + " P" + strconv.FormatFloat(100*p, 'g', 4, 64) + " " + duration(v)}
	}
	for i := range steps + 1 {
		line = append(line, point(last*float64(i)/steps))
	}
	for _, p := range statedPercentiles {
		if stated(h, p) {
			dots = append(dots, point(chart.Percentile(p)))
		}
	}
	return line, dots
}

// statedPercentiles are those that people ask for.
var statedPercentiles = []float64{0.5, 0.9, 0.99, 0.999}

// stated says whether a percentile may be stated as a number: at least 100 requests
// lie beyond it, or it is the median.
func stated(h *result.Histogram, p float64) bool {
	return p <= 0.5 || float64(h.Total())*(1-p) >= 100-1e-6
}

// percentileRows words the percentiles; one that fewer than 100 requests lie
// beyond is not stated.
func percentileRows(hists []*result.Histogram) (rows [][]string) {
	for _, p := range statedPercentiles {
		row := []string{"P" + strconv.FormatFloat(100*p, 'g', 4, 64)}
		for _, h := range hists {
			cell := absent
			if stated(h, p) {
				cell = duration(h.Quantile(p) / 1e9)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return rows
}

// duration words seconds in the unit that fits.
func duration(seconds float64) string {
	d, _ := formatPair(verdict.UnitSeconds, seconds, seconds)
	return d
}
