package chart

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// elements reads an SVG strictly and returns its elements in order.
func elements(t interface{ Fatalf(string, ...any) }, svg string) (out []xml.StartElement) {
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			out = append(out, e.Copy())
		}
	}
}

// Whatever the numbers and texts, the picture is well-formed XML and nothing lies
// outside of it.
func TestChartIsWellFormedAndInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Float64Range(-10, 10), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, 0}))
		text := rapid.StringOfN(rapid.RuneFrom([]rune(`ab<>&"'%µ 0]]>`)), 0, 12, -1)
		point := rapid.Custom(func(t *rapid.T) Point {
			return Point{X: number.Draw(t, "x"), Y: number.Draw(t, "y"), Tip: text.Draw(t, "tip")}
		})
		points := rapid.SliceOfN(point, 0, 5).Draw(t, "points")
		var ranges []Range
		for _, p := range points {
			ranges = append(ranges, Range{At: p.X, Low: p.Y, High: number.Draw(t, "high"), Tip: p.Tip})
		}
		label := text.Draw(t, "label")
		c := Chart{
			ID: "c", Title: label, Description: label,
			X: Axis{Label: label, Min: number.Draw(t, "from"), Max: number.Draw(t, "to"), Ticks: []Tick{{number.Draw(t, "tick"), label}}},
			Y: Axis{Label: label, Min: -1, Max: 1, Ticks: Ticks(-1, 1, 4, func(v float64) string { return fmt.Sprint(v) })},
			Marks: []Mark{
				Line{label, points},
				Dots{label, "dot", points},
				Dots{label, "square", points},
				Dots{label, "cross", points},
				Ranges{label, false, ranges},
				Ranges{label, true, ranges},
				Band{label, ranges},
				Rule{label, true, number.Draw(t, "rule"), label},
				Rule{label, false, 0, label},
				Box{label, -1, 1, -1, 1, label, label},
			},
			Legend: []Key{{label, "line", label}, {label, "area", label}, {label, "dot", label}},
		}
		for _, e := range elements(t, c.SVG()) {
			for _, a := range e.Attr {
				if !slices.Contains([]string{"x1", "x2", "cx", "y1", "y2", "cy"}, a.Name.Local) {
					continue
				}
				v, err := strconv.ParseFloat(a.Value, 64)
				if err != nil || v < 0 || v > Width {
					t.Fatalf("%s %s=%q lies outside", e.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	})
}

func TestDotsStandWhereTheirValuesAre(t *testing.T) {
	c := Chart{
		ID: "c", X: Axis{Max: 10}, Y: Axis{Max: 1},
		Marks: []Mark{Dots{Class: "d", Points: []Point{{X: 0, Y: 0}, {X: 5, Y: 0.5}, {X: 10, Y: 1, Tip: "ten"}}}},
	}
	var xs, ys []float64
	for _, e := range elements(t, c.SVG()) {
		for _, a := range e.Attr {
			v, _ := strconv.ParseFloat(a.Value, 64)
			switch {
			case e.Name.Local == "circle" && a.Name.Local == "cx":
				xs = append(xs, v)
			case e.Name.Local == "circle" && a.Name.Local == "cy":
				ys = append(ys, v)
			}
		}
	}
	if len(xs) != 3 || math.Abs(xs[1]-(xs[0]+xs[2])/2) > 0.1 || math.Abs(ys[1]-(ys[0]+ys[2])/2) > 0.1 || ys[0] <= ys[2] {
		t.Errorf("dots at %v, %v: the middle one must be in the middle, and up is more", xs, ys)
	}
	if !strings.Contains(c.SVG(), "<title>ten</title>") {
		t.Error("the value is not shown when its dot is pointed at")
	}
}

func labels(ticks []Tick) (out []string) {
	for _, t := range ticks {
		out = append(out, t.Label)
	}
	return out
}

func TestTicks(t *testing.T) {
	format := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	for name, c := range map[string]struct {
		got  []Tick
		want string
	}{
		"tens":            {Ticks(0, 100, 10, format), "0 10 20 30 40 50 60 70 80 90 100"},
		"fifths":          {Ticks(-0.13, 0.3, 5, format), "-0.1 0 0.1 0.2 0.3"},
		"nothing":         {Ticks(1, 1, 5, format), ""},
		"unbounded":       {Ticks(0, math.Inf(1), 5, format), ""},
		"a decade":        {LogTicks(0.9, 12, format), "1 2 5 10"},
		"close":           {LogTicks(2.1, 4.2, format), "2.5 3 3.5 4"},
		"many decades":    {LogTicks(1, 1e5, format), "1 10 100 1000 10000 100000"},
		"no logarithm":    {LogTicks(0, 10, format), ""},
		"three nines":     {PercentileTicks(3), "50% 90% 99% 99.9% 0%"},
		"more than there": {PercentileTicks(9), "50% 90% 99% 99.9% 99.99% 99.999% 0%"},
	} {
		if got := strings.Join(labels(c.got), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Labels that would touch are left out, whatever their number.
func TestLabelsDoNotTouch(t *testing.T) {
	var ticks []Tick
	for i := range 200 {
		ticks = append(ticks, Tick{At: float64(i), Label: "10000"})
	}
	c := Chart{ID: "c", X: Axis{Max: 199, Ticks: ticks}, Y: Axis{Max: 1}}
	shown := strings.Count(c.SVG(), ">10000<")
	if room := int(math.Floor(Width / (5 * glyph))); shown < 3 || shown > room {
		t.Errorf("%d labels are shown; there is room for %d", shown, room)
	}
}
