package calibration

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/chart"
)

//go:embed page.html.tmpl
var pageText string

var pageTemplate = template.Must(template.New("calibration").Parse(pageText))

// view is what the template reads.
type view struct {
	Calibration                 *Calibration
	Sentence, When, Budget      string
	Noise, Power                template.HTML
	Outcomes, Metrics, Variance [][]string
	Loud, Kappa                 [][]string
}

// HTML writes the calibration as one page that needs no network. The error is that
// of w.
func (c *Calibration) HTML(w io.Writer) error {
	v := view{
		Calibration: c, Sentence: Sentence(c.Plan()), When: c.MeasuredAt.UTC().Format(time.RFC1123), Budget: seconds(c.Key.BudgetS),
		Noise: template.HTML(c.noiseChart().SVG()), Power: template.HTML(c.powerChart().SVG()),
		Outcomes: c.OutcomeTable(), Metrics: c.MetricTable(), Variance: c.VarianceTable(),
		Loud: c.disturbanceTable(), Kappa: c.KappaTable(),
	}
	return pageTemplate.Execute(w, v)
}

// OutcomeTable has a row for each size of slow-down.
func (c *Calibration) OutcomeTable() (rows [][]string) {
	for _, r := range c.Outcomes {
		name := "+" + percent(r.Effect)
		if r.Effect == 0 {
			name = "identical"
		}
		rows = append(rows, []string{
			name, percent(r.Blocked.Value), percent(r.Blocked.Low) + " to " + percent(r.Blocked.High), percent(r.Inconclusive),
			fmt.Sprintf("%.0f of %d", r.Blocks, c.Check.Blocks), fmt.Sprintf("%d of %d", r.Apart.Blocked, r.Apart.Checks),
		})
	}
	return rows
}

// MetricTable has a row for each gating metric.
func (c *Calibration) MetricTable() (rows [][]string) {
	for _, m := range c.Metrics {
		mde, minutes, role := "–", "–", "gates"
		if m.MDE > 0 {
			mde = percent(m.MDE)
		}
		if m.MinutesFor5 > 0 {
			minutes = strconv.FormatFloat(round1(m.MinutesFor5), 'f', -1, 64)
		}
		if c.demoted(m.Name) {
			role = "watched"
		}
		rows = append(rows, []string{m.Name, role, percent(m.FalseAlarms.Value), mde, minutes})
	}
	return rows
}

// VarianceTable has the parts of the spread of rounds, for the metrics of which
// they are known.
func (c *Calibration) VarianceTable() (rows [][]string) {
	for _, m := range c.Metrics {
		if n := m.Noise; n != (Noise{}) {
			rows = append(rows, []string{m.Name, percent2(n.Layout), percent2(n.Launch), percent2(n.Round), percent2(n.Within)})
		}
	}
	return rows
}

func (c *Calibration) disturbanceTable() (rows [][]string) {
	for _, m := range c.Metrics {
		for _, d := range m.Disturbances {
			rows = append(rows, []string{m.Name, strings.ReplaceAll(d.Name, "-", " "), percent2(d.QuietSD), percent2(d.LoudSD)})
		}
	}
	return rows
}

// KappaTable has the attenuation, where it was measured.
func (c *Calibration) KappaTable() (rows [][]string) {
	for _, a := range c.Attenuation {
		solo := "–"
		if a.Solo != 0 {
			solo = percent(a.Solo)
		}
		rows = append(rows, []string{
			a.Metric, percent(a.Planted), percent(a.Duet), solo, fmt.Sprintf("%.2f (%.2f to %.2f)", a.Kappa, a.Low, a.High),
		})
	}
	return rows
}

// percent2 writes a small standard deviation.
func percent2(v float64) string { return fmt.Sprintf("%.2f%%", 100*v) }

// noiseChart draws the parts of each metric's variance as a bar of its share.
func (c *Calibration) noiseChart() chart.Chart {
	out := chart.Chart{
		ID: "noise", Title: "Where the noise of a round comes from",
		Description: "Shares of the variance of a round's ratio; the standard deviations are in the table below.",
		X:           chart.Axis{Label: "share of the variance of a round", Min: 0, Max: 1, Ticks: chart.Ticks(0, 1, 5, func(v float64) string { return percent(v) })},
		Legend: []chart.Key{
			{Class: "noise-layout", Shape: "area", Label: "layouts"},
			{Class: "noise-launch", Shape: "area", Label: "launches"},
			{Class: "noise-round", Shape: "area", Label: "rounds"},
			{Class: "noise-within", Shape: "area", Label: "within"},
		},
	}
	n := 0
	for i := len(c.Metrics) - 1; i >= 0; i-- { // upward on the axis is first in the list
		m := c.Metrics[i]
		parts := []float64{m.Noise.Layout, m.Noise.Launch, m.Noise.Round, m.Noise.Within}
		var total, from float64
		for _, sd := range parts {
			total += sd * sd
		}
		if total == 0 {
			continue
		}
		out.Y.Ticks = append(out.Y.Ticks, chart.Tick{At: float64(n) + 0.5, Label: m.Name})
		for k, sd := range parts {
			to := from + sd*sd/total
			if to > from {
				out.Marks = append(out.Marks, chart.Box{
					Class: out.Legend[k].Class, X1: from, X2: to, Y1: float64(n) + 0.2, Y2: float64(n) + 0.8,
					Tip: fmt.Sprintf("%s, %s: standard deviation %s", m.Name, out.Legend[k].Label, percent2(sd)),
				})
			}
			from = to
		}
		n++
	}
	out.Y.Max, out.Height = float64(max(n, 1)), 80+34*float64(max(n, 1))
	return out
}

// powerChart draws the share of blocked checks over the size of the slow-down.
func (c *Calibration) powerChart() chart.Chart {
	as := func(v float64) string { return percent(v) }
	last := c.Outcomes[len(c.Outcomes)-1].Effect
	out := chart.Chart{
		ID: "power", Title: "What a check catches", Description: "Share of checks that block, by the size of the slow-down; the numbers are in the table below.",
		X: chart.Axis{Label: "slow-down of head", Min: 0, Max: last, Ticks: chart.Ticks(0, last, 8, as)},
		Y: chart.Axis{Label: "blocked", Min: 0, Max: 1, Ticks: chart.Ticks(0, 1, 5, as)},
	}
	var band []chart.Range
	var line []chart.Point
	for _, r := range c.Outcomes {
		tip := fmt.Sprintf("%s slower: %s blocked (%s to %s)", percent(r.Effect), percent(r.Blocked.Value), percent(r.Blocked.Low), percent(r.Blocked.High))
		band = append(band, chart.Range{At: r.Effect, Low: r.Blocked.Low, High: r.Blocked.High})
		line = append(line, chart.Point{X: r.Effect, Y: r.Blocked.Value, Tip: tip})
	}
	out.Marks = []chart.Mark{
		chart.Band{Class: "band", Items: band},
		chart.Line{Class: "estimate-line", Points: line},
		chart.Dots{Class: "estimate", Points: line},
		chart.Rule{Class: "limit", Upright: true, At: c.Key.Policy.Threshold},
	}
	return out
}
