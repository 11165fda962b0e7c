// Package chart draws small plots as SVG whose colours come from the style sheet of
// the page, so that one picture serves a light page, a dark one and paper.
//
// It lays out and draws; it computes nothing of what is shown. Axes are linear:
// for any other scale the caller transforms the values and names the ticks (see
// LogTicks and PercentileTicks). Every shape that stands for a value carries its
// value as text, which browsers show when it is pointed at. All text is escaped.
//
// gonum/plot is not used: it bakes colours and fonts into its SVG, and its shapes
// carry no text.
package chart

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Chart is one plot. Title and Description are its accessible name and text;
// ID must be unique on the page.
type Chart struct {
	ID, Title, Description string
	X, Y                   Axis
	Height                 float64 // of the whole picture in user units, whose width is Width; 0 means 260
	Marks                  []Mark  // drawn in order
	Legend                 []Key
}

// Axis is a linear scale from Min to Max. Values beyond its ends are drawn at the
// end.
type Axis struct {
	Label    string
	Min, Max float64
	Ticks    []Tick
}

// Tick is a labelled place on an axis.
type Tick struct {
	At    float64
	Label string
}

// Key names a class of marks in the legend. Shape is "line", "dot", "square" or
// "area".
type Key struct{ Class, Shape, Label string }

// Width of every chart in user units. Text is sized for a chart that is shown
// between 350 and 700 CSS pixels wide.
const Width = 520

const (
	defaultHeight = 260
	marginTop     = 12
	marginRight   = 14
	marginBottom  = 44 // tick labels and the axis label
	legendHeight  = 22
	glyph         = 7.7 // width of a character of a tick label
)

// SVG returns the chart as one <svg> element.
func (c Chart) SVG() string {
	p := newPlane(c)
	fmt.Fprintf(&p.out, `<svg class="chart" viewBox="0 0 %d %s" role="img" aria-labelledby="%s-t %s-d" xmlns="http://www.w3.org/2000/svg">`, Width, num(p.height), esc(c.ID), esc(c.ID))
	fmt.Fprintf(&p.out, `<title id="%s-t">%s</title><desc id="%s-d">%s</desc>`, esc(c.ID), esc(c.Title), esc(c.ID), esc(c.Description))
	p.axes(c.X, c.Y)
	for _, m := range c.Marks {
		m.draw(p)
	}
	p.legend(c.Legend)
	p.out.WriteString("</svg>")
	return p.out.String()
}

// plane maps values to user units and collects the drawing.
type plane struct {
	out                      strings.Builder
	x, y                     Axis
	left, right, top, bottom float64
	height                   float64
}

func newPlane(c Chart) *plane {
	p := &plane{x: c.X, y: c.Y, height: c.Height}
	if p.height == 0 {
		p.height = defaultHeight
	}
	longest := 0
	for _, t := range c.Y.Ticks {
		longest = max(longest, len([]rune(t.Label)))
	}
	p.left = 12 + glyph*float64(longest)
	if c.Y.Label != "" {
		p.left += 16
	}
	p.right, p.top, p.bottom = Width-marginRight, marginTop, p.height-marginBottom
	if len(c.Legend) > 0 {
		p.top += legendHeight
	}
	return p
}

// at maps a value to [from, to]; NaN maps to from, and so do all values of an axis
// without extent.
func at(a Axis, v, from, to float64) float64 {
	share := (v - a.Min) / (a.Max - a.Min)
	if math.IsNaN(share) {
		share = 0
	}
	return from + min(1, max(0, share))*(to-from)
}

func (p *plane) px(v float64) float64 { return at(p.x, v, p.left, p.right) }
func (p *plane) py(v float64) float64 { return at(p.y, v, p.bottom, p.top) }

// axes draws the grid, the ticks that have room, and the labels.
func (p *plane) axes(x, y Axis) {
	p.out.WriteString(`<g class="axis" aria-hidden="true">`)
	for _, t := range apart(y.Ticks, p.py, 15) {
		p.line("grid", p.left, p.py(t.At), p.right, p.py(t.At))
		p.text("end", p.left-5, p.py(t.At)+4, t.Label)
	}
	widest := 0
	for _, t := range x.Ticks {
		widest = max(widest, len([]rune(t.Label)))
	}
	for _, t := range apart(x.Ticks, p.px, glyph*float64(widest)+8) {
		p.line("tick", p.px(t.At), p.bottom, p.px(t.At), p.bottom+4)
		p.text("middle", min(p.px(t.At), Width-4-glyph*float64(len([]rune(t.Label)))/2), p.bottom+17, t.Label)
	}
	p.line("frame", p.left, p.bottom, p.right, p.bottom)
	p.text("middle", (p.left+p.right)/2, p.bottom+36, x.Label)
	if y.Label != "" {
		middle := num((p.top + p.bottom) / 2)
		fmt.Fprintf(&p.out, `<text text-anchor="middle" transform="translate(12 %s) rotate(-90)">%s</text>`, middle, esc(y.Label))
	}
	p.out.WriteString("</g>")
}

// apart drops ticks whose labels would touch one that stands before them in the
// list.
func apart(ticks []Tick, place func(float64) float64, least float64) (kept []Tick) {
	for _, t := range ticks {
		touches := func(k Tick) bool { return math.Abs(place(t.At)-place(k.At)) < least }
		if !slices.ContainsFunc(kept, touches) {
			kept = append(kept, t)
		}
	}
	return kept
}

// legend draws the keys in one row above the plot.
func (p *plane) legend(keys []Key) {
	if len(keys) == 0 {
		return
	}
	p.out.WriteString(`<g class="legend" aria-hidden="true">`)
	x := p.left
	const y = marginTop + 4
	for _, k := range keys {
		switch k.Shape {
		case "line":
			p.line(k.Class, x, y, x+18, y)
		case "area":
			fmt.Fprintf(&p.out, `<rect class="%s" x="%s" y="%d" width="18" height="10"/>`, esc(k.Class), num(x), y-5)
		default:
			p.shape(k.Class, k.Shape, x+9, y, "")
		}
		p.text("start", x+23, y+4, k.Label)
		x += 23 + glyph*float64(len([]rune(k.Label))) + 14
	}
	p.out.WriteString("</g>")
}

func (p *plane) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&p.out, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, esc(class), num(x1), num(y1), num(x2), num(y2))
}

func (p *plane) text(anchor string, x, y float64, s string) {
	if s != "" {
		fmt.Fprintf(&p.out, `<text text-anchor="%s" x="%s" y="%s">%s</text>`, anchor, num(x), num(y), esc(s))
	}
}

// shape draws a dot, a square or a cross with its text.
func (p *plane) shape(class, shape string, x, y float64, tip string) {
	const r = 3.6
	switch shape {
	case "square":
		fmt.Fprintf(&p.out, `<rect class="%s" x="%s" y="%s" width="%s" height="%s">%s</rect>`, esc(class), num(x-r), num(y-r), num(2*r), num(2*r), title(tip))
	case "cross":
		fmt.Fprintf(&p.out, `<path class="%s" d="M%s %sl%s %sm0 %sl%s %s">%s</path>`, esc(class), num(x-r), num(y-r), num(2*r), num(2*r), num(-2*r), num(-2*r), num(2*r), title(tip))
	default:
		fmt.Fprintf(&p.out, `<circle class="%s" cx="%s" cy="%s" r="%s">%s</circle>`, esc(class), num(x), num(y), num(r), title(tip))
	}
}

func title(tip string) string {
	if tip == "" {
		return ""
	}
	return "<title>" + esc(tip) + "</title>"
}

// num writes a coordinate with at most one decimal.
func num(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

func esc(s string) string { return html.EscapeString(s) }
