package report

import (
	"fmt"
	"math"
	"strconv"

	"github.com/fivegate/fivegate/gate/chart"
	"github.com/fivegate/fivegate/gate/result"
)

// maxPoints bounds the points of one plot: of longer measurements every so many
// are shown, and the caption says so.
const maxPoints = 1200

// timeSection shows what happened when: launches, medians, and the target's use
// of CPU and memory.
func timeSection(doc *result.Document) section {
	s := section{ID: "time", Title: "The measurement over time"}
	t := newTimeline(doc)
	if t.end <= t.begin {
		return s
	}
	s.add(t.launches())
	s.add(t.medians())
	s.add(t.resource("cpu", "CPU in use", "cores", "cpu_s", plain, rates))
	s.add(t.resource("rss", "Resident memory", "MiB", "rss_bytes", plain, func(series result.Series) (at, values []float64) {
		for i, v := range series.Values {
			at, values = append(at, series.AtS[i]), append(values, v/(1<<20))
		}
		return at, values
	}))
	return s
}

// engineSection shows the load engine's check of itself.
func engineSection(doc *result.Document) section {
	s := section{
		ID: "engine", Title: "The load engine's check of itself",
		Lead: "How late requests were sent (P99 of each open-loop slice), and what else used the machine. A round in which the engine was the limit is left out of both arms.",
	}
	t := newTimeline(doc)
	if t.end <= t.begin {
		return s
	}
	s.add(t.lag())
	s.add(t.disturbance())
	return s
}

// timeline is a document laid out over time.
type timeline struct {
	doc        *result.Document
	arm        map[int]int // launch → arm
	ends       map[int]float64
	open       []*result.Slice
	begin, end float64
	stride     int
}

func newTimeline(doc *result.Document) timeline {
	t := timeline{doc: doc, arm: map[int]int{}, ends: map[int]float64{}, begin: math.Inf(1), end: math.Inf(-1)}
	for _, l := range doc.Launches {
		for i, a := range doc.Arms {
			if a.Name == l.Arm {
				t.arm[l.ID] = i
			}
		}
		t.begin = min(t.begin, l.StartS)
	}
	for i := range doc.Slices {
		s := &doc.Slices[i]
		end := s.StartS + s.DurationS
		t.begin, t.end = min(t.begin, s.StartS), max(t.end, end)
		t.ends[s.Launch] = max(t.ends[s.Launch], end)
		if s.Phase == result.PhaseOpen {
			t.open = append(t.open, s)
		}
	}
	t.stride = 1 + len(t.open)/maxPoints
	return t
}

func (t timeline) axis() chart.Axis {
	a := ticked("time since the start, s", t.begin, t.end, 8, plain)
	room := 0.015 * (t.end - t.begin) // so that no mark lies on the axis
	a.Min, a.Max = a.Min-room, a.Max+room
	return a
}

// thinned says that not all points are shown.
func (t timeline) thinned(caption string) string {
	if t.stride > 1 {
		return fmt.Sprintf("%s; one in %d is shown", caption, t.stride)
	}
	return caption
}

func (t timeline) armName(i int) string { return clean(t.doc.Arms[i].Name, maxWord) }

// launches is one bar for each launch, labelled with its layout.
func (t timeline) launches() (figure, bool) {
	arms := len(t.doc.Arms)
	y := chart.Axis{Min: 0, Max: float64(arms)}
	for i := range arms {
		y.Ticks = append(y.Ticks, chart.Tick{At: float64(arms-i) - 0.5, Label: t.armName(i)})
	}
	var marks []chart.Mark
	tab := table{Header: []string{"launch", "block", "layout", "from, s", "to, s", "ready after, s", "ended"}}
	for _, l := range t.doc.Launches {
		end, measured := t.ends[l.ID]
		if !measured {
			end = l.StartS
		}
		i := t.arm[l.ID]
		bottom := float64(arms-i) - 0.8
		marks = append(marks, chart.Box{
			Class: lookOfArm(i).class + "-box", X1: l.StartS, X2: end, Y1: bottom, Y2: bottom + 0.6, Label: strconv.Itoa(l.Layout),
			Tip: fmt.Sprintf("%s, block %d, layout %d, from %s s to %s s, %s", t.armName(i), l.Block+1, l.Layout, decimal(l.StartS, 1), decimal(end, 1), clean(string(l.Ended), maxWord)),
		})
		tab.Rows = append(tab.Rows, []string{
			t.armName(i), strconv.Itoa(l.Block + 1), strconv.Itoa(l.Layout), decimal(l.StartS, 1), decimal(end, 1), decimal(l.ReadyS, 2), clean(string(l.Ended), maxWord),
		})
	}
	if len(marks) == 0 || len(marks) > maxPoints {
		return figure{}, false
	}
	c := chart.Chart{
		ID: "launches", Title: "Launches and their layouts", Description: "One bar for each launched process; the number is its layout. The table below names them all.",
		X: t.axis(), Y: y, Height: 60 + 42*float64(arms), Marks: marks,
	}
	return newFigure(c, "Launches; the number is the layout", tab), true
}

// medians shows each open-loop slice by its median response time.
func (t timeline) medians() (figure, bool) {
	late := chart.Dots{Class: "late", Shape: "cross"}
	dots := make([]chart.Dots, len(t.doc.Arms))
	span := emptyExtent()
	tab := table{Header: []string{"arm", "round", "mode", "at, s", "median", "left out"}}
	for i := range dots {
		look := lookOfArm(i)
		dots[i] = chart.Dots{Class: look.class, Shape: look.shape}
	}
	for k := 0; k < len(t.open); k += t.stride {
		s := t.open[k]
		p50 := sliceMedian(s)
		if !finite(p50) {
			continue
		}
		i := t.arm[s.Launch]
		pt := chart.Point{X: s.StartS, Y: math.Log10(max(p50, 1e-9)), Tip: fmt.Sprintf("%s, round %d, %s: %s at %s s", t.armName(i), s.Round+1, clean(string(s.Mode), maxWord), duration(p50), decimal(s.StartS, 1))}
		span.add(pt.Y)
		tab.Rows = append(tab.Rows, []string{t.armName(i), strconv.Itoa(s.Round + 1), clean(string(s.Mode), maxWord), decimal(s.StartS, 1), duration(p50), clean(s.Engine.Limited, maxName)})
		if s.Engine.Limited != "" {
			pt.Tip += ", left out: " + clean(s.Engine.Limited, maxName)
			late.Points = append(late.Points, pt)
			continue
		}
		dots[i].Points = append(dots[i].Points, pt)
	}
	if span.low > span.high {
		return figure{}, false
	}
	span = span.padded(0.1)
	c := chart.Chart{
		ID: "medians", Title: "Median latency of each open-loop slice", Description: "Slices of both arms over time; those left out because the engine was late are crosses.",
		X: t.axis(), Y: chart.Axis{Label: "median response", Min: span.low, Max: span.high, Ticks: chart.LogTicks(math.Pow(10, span.low), math.Pow(10, span.high), duration)},
	}
	for i, d := range dots {
		c.Marks = append(c.Marks, d)
		c.Legend = append(c.Legend, chart.Key{Class: d.Class, Shape: d.Shape, Label: t.armName(i)})
	}
	if len(late.Points) > 0 {
		c.Marks = append(c.Marks, late)
		c.Legend = append(c.Legend, chart.Key{Class: "late", Shape: "cross", Label: "left out"})
	}
	return newFigure(c, t.thinned("Median response time of each open-loop slice"), tab), true
}

func sliceMedian(s *result.Slice) float64 {
	hs := make([]*result.Histogram, len(s.Operations))
	for i := range s.Operations {
		hs[i] = s.Operations[i].Response
	}
	return result.MergeHistograms(hs...).Quantile(0.5) / 1e9
}

// rates are the differences of a growing series over the time between.
func rates(series result.Series) (at, values []float64) {
	for i := 1; i < len(series.Values); i++ {
		if dt := series.AtS[i] - series.AtS[i-1]; dt > 0 {
			at = append(at, (series.AtS[i]+series.AtS[i-1])/2)
			values = append(values, (series.Values[i]-series.Values[i-1])/dt)
		}
	}
	return at, values
}

// resource shows one series of all launches.
func (t timeline) resource(id, name, unit, key string, format func(float64) string, read func(result.Series) (at, values []float64)) (figure, bool) {
	dots := make([]chart.Dots, len(t.doc.Arms))
	var lines []chart.Mark
	span := emptyExtent()
	tab := table{Header: []string{"arm", "at, s", name + ", " + unit}}
	for _, l := range t.doc.Launches {
		i := t.arm[l.ID]
		look := lookOfArm(i)
		dots[i].Class, dots[i].Shape = look.class, look.shape
		for _, series := range l.Series {
			if series.Name != key {
				continue
			}
			var points []chart.Point
			at, values := read(series)
			for k, v := range values {
				points = append(points, chart.Point{X: at[k], Y: v, Tip: fmt.Sprintf("%s %s %s at %s s", t.armName(i), format(v), unit, decimal(at[k], 1))})
				span.add(v)
				tab.Rows = append(tab.Rows, []string{t.armName(i), decimal(at[k], 1), format(v)})
			}
			lines = append(lines, chart.Line{Class: look.class + "-line", Points: points})
			dots[i].Points = append(dots[i].Points, points...)
		}
	}
	if span.low > span.high || len(tab.Rows) > 2*maxPoints {
		return figure{}, false
	}
	span.low = 0
	c := chart.Chart{
		ID: id, Title: name + " of the target", Description: "Samples of each launch over time.",
		X: t.axis(), Y: ticked(unit, 0, span.padded(0.1).high, 6, format), Marks: lines,
	}
	for i, d := range dots {
		c.Marks = append(c.Marks, d)
		c.Legend = append(c.Legend, chart.Key{Class: d.Class, Shape: d.Shape, Label: t.armName(i)})
	}
	return newFigure(c, name+" ("+unit+")", tab), true
}

// lag shows how late the engine was in each open-loop slice.
func (t timeline) lag() (figure, bool) {
	kept, late := chart.Dots{Class: "estimate"}, chart.Dots{Class: "late", Shape: "cross"}
	span := emptyExtent()
	span.add(math.Log10(1e-3))
	tab := table{Header: []string{"arm", "round", "at, s", "send lag, P99", "left out"}}
	for k := 0; k < len(t.open); k += t.stride {
		s := t.open[k]
		v := max(float64(s.Engine.LagP99NS)/1e9, 1e-7)
		pt := chart.Point{X: s.StartS, Y: math.Log10(v), Tip: fmt.Sprintf("%s, round %d: %s late", t.armName(t.arm[s.Launch]), s.Round+1, duration(v))}
		span.add(pt.Y)
		tab.Rows = append(tab.Rows, []string{t.armName(t.arm[s.Launch]), strconv.Itoa(s.Round + 1), decimal(s.StartS, 1), duration(v), clean(s.Engine.Limited, maxName)})
		if s.Engine.Limited != "" {
			pt.Tip += ", " + clean(s.Engine.Limited, maxName)
			late.Points = append(late.Points, pt)
			continue
		}
		kept.Points = append(kept.Points, pt)
	}
	if len(t.open) == 0 {
		return figure{}, false
	}
	span = span.padded(0.1)
	c := chart.Chart{
		ID: "lag", Title: "How late requests were sent", Description: "P99 of send lag in each open-loop slice.",
		X: t.axis(), Y: chart.Axis{Label: "send lag, P99", Min: span.low, Max: span.high, Ticks: chart.LogTicks(math.Pow(10, span.low), math.Pow(10, span.high), duration)},
		Marks:  []chart.Mark{chart.Rule{Class: "look", At: math.Log10(1e-3)}, kept, late},
		Legend: []chart.Key{{Class: "estimate", Shape: "dot", Label: "slice"}, {Class: "late", Shape: "cross", Label: fmt.Sprintf("left out (%d)", len(late.Points))}},
	}
	return newFigure(c, t.thinned("Send lag (P99) of each open-loop slice"), tab), true
}

// disturbance shows what else used the machine's CPU in each open-loop slice.
func (t timeline) disturbance() (figure, bool) {
	foreign, steal := chart.Dots{Class: "base", Shape: "dot"}, chart.Dots{Class: "head", Shape: "square"}
	span := extent{0, 0.05}
	tab := table{Header: []string{"at, s", "other work, cores", "stolen, cores"}}
	for k := 0; k < len(t.open); k += t.stride {
		s := t.open[k]
		if s.DurationS <= 0 {
			continue
		}
		f, st := s.Engine.ForeignS/s.DurationS, s.StealS/s.DurationS
		foreign.Points = append(foreign.Points, chart.Point{X: s.StartS, Y: f, Tip: fmt.Sprintf("other work %s cores at %s s", decimal(f, 3), decimal(s.StartS, 1))})
		steal.Points = append(steal.Points, chart.Point{X: s.StartS, Y: st, Tip: fmt.Sprintf("stolen by the hypervisor %s cores at %s s", decimal(st, 3), decimal(s.StartS, 1))})
		span.add(f, st)
		tab.Rows = append(tab.Rows, []string{decimal(s.StartS, 1), decimal(f, 3), decimal(st, 3)})
	}
	if len(foreign.Points) == 0 {
		return figure{}, false
	}
	c := chart.Chart{
		ID: "foreign", Title: "What else used the machine", Description: "CPU of other work, and CPU that the hypervisor gave to others, in each open-loop slice.",
		X: t.axis(), Y: ticked("cores", 0, span.padded(0.1).high, 6, plain), Marks: []chart.Mark{foreign, steal},
		Legend: []chart.Key{{Class: "base", Shape: "dot", Label: "other work"}, {Class: "head", Shape: "square", Label: "stolen (hypervisor)"}},
	}
	return newFigure(c, t.thinned("CPU used by others, in cores"), tab), true
}
