package history

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/fivegate/fivegate/gate/chart"
	"github.com/fivegate/fivegate/gate/safetext"
)

// Bounds of a plot.
const (
	dotted  = 200 // runs that get a dot each
	drawn   = 600 // points of the line through more
	headway = 0.08
)

// chart draws the runs from one on, with levels and changes.
func (s *Series) chart(id string, from int) string {
	n := len(s.Values)
	x := func(i int) float64 { return s.Days[i] }
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range s.Values[from:] {
		low, high = min(low, v), max(high, v)
	}
	room := (high - low) * headway
	if room == 0 {
		room = math.Abs(high)*0.05 + 1e-12
	}
	c := chart.Chart{
		ID: id, Title: safetext.Line(s.Metric, 100), Description: safetext.Line(s.Reason, 300),
		X:      chart.Axis{Label: "date (UTC)", Min: x(from), Max: max(x(n-1), x(from)+1e-3), Ticks: s.dates(from)},
		Y:      chart.Axis{Min: low - room, Max: high + room, Ticks: chart.Ticks(low-room, high+room, 5, s.value)},
		Legend: []chart.Key{{Class: "run", Shape: "dot", Label: "runs"}, {Class: "level", Shape: "line", Label: "level"}, {Class: "spike", Shape: "cross", Label: "spikes"}},
	}
	point := func(i int) chart.Point {
		return chart.Point{X: x(i), Y: s.Values[i], Tip: fmt.Sprintf("%s %s: %s", s.Runs[i].At.Format(dateLayout), short(s.Runs[i].Commit), s.value(s.Values[i]))}
	}
	line := chart.Line{Class: "runs-line"}
	for _, i := range s.thinned(from) {
		line.Points = append(line.Points, point(i))
	}
	c.Marks = append(c.Marks, line)
	if n-from <= dotted {
		dots := chart.Dots{Class: "run", Shape: "dot"}
		for i := from; i < n; i++ {
			dots.Points = append(dots.Points, point(i))
		}
		c.Marks = append(c.Marks, dots)
	}
	for _, seg := range s.Segments {
		if seg.To <= from {
			continue
		}
		first := max(seg.From, from)
		start := seg.Start
		if first > seg.From {
			start = seg.End - seg.Slope*(x(seg.To-1)-x(first))
		}
		c.Marks = append(c.Marks, chart.Line{Class: "level", Points: []chart.Point{{X: x(first), Y: start}, {X: x(seg.To - 1), Y: seg.End}}})
	}
	spikes := chart.Dots{Class: "spike", Shape: "cross"}
	for _, i := range s.Spikes {
		if i >= from {
			spikes.Points = append(spikes.Points, point(i))
		}
	}
	c.Marks = append(c.Marks, spikes)
	for _, change := range s.Changes {
		if change.Jump && change.Index > from {
			c.Marks = append(c.Marks, chart.Rule{Class: "change", Upright: true, At: (x(change.Index-1) + x(change.Index)) / 2})
		}
	}
	for i := from; i < n; i++ {
		if s.Runs[i].Release != "" {
			c.Marks = append(c.Marks, chart.Rule{Class: "release", Upright: true, At: x(i), Label: safetext.Line(s.Runs[i].Release, 12)})
		}
	}
	return c.SVG()
}

// thinned are the runs of the line: all, or of many the lowest and the highest of
// each stretch, so that no extreme is lost.
func (s *Series) thinned(from int) (out []int) {
	n := len(s.Values)
	if n-from <= drawn {
		for i := from; i < n; i++ {
			out = append(out, i)
		}
		return out
	}
	stretches := drawn / 2
	for k := range stretches {
		a, b := from+(n-from)*k/stretches, from+(n-from)*(k+1)/stretches
		lowest, highest := a, a
		for i := a; i < b; i++ {
			if s.Values[i] < s.Values[lowest] {
				lowest = i
			}
			if s.Values[i] > s.Values[highest] {
				highest = i
			}
		}
		out = append(out, min(lowest, highest))
		if lowest != highest {
			out = append(out, max(lowest, highest))
		}
	}
	return out
}

// dates are ticks at round distances of days.
func (s *Series) dates(from int) []chart.Tick {
	start, end := s.Runs[from].At, s.Runs[len(s.Runs)-1].At
	span := end.Sub(start)
	steps := []int{1, 2, 7, 14, 30, 91, 182, 365, 730, 1826, 3652}
	step := steps[len(steps)-1]
	if i := slices.IndexFunc(steps, func(days int) bool { return span <= 6*time.Duration(days)*day }); i >= 0 {
		step = steps[i]
	}
	var out []chart.Tick
	first := s.Runs[0].At
	for at := start.Truncate(day); !at.After(end) && len(out) < 20; at = at.AddDate(0, 0, step) {
		if !at.Before(start) {
			out = append(out, chart.Tick{At: at.Sub(first).Hours() / 24, Label: at.Format("2006-01-02")})
		}
	}
	return out
}
