package chart

import (
	"fmt"
	"strings"
)

// Mark is something drawn on the plane of a chart. Class is the CSS class that
// gives it its colour.
type Mark interface{ draw(p *plane) }

// Point is a value pair with the text that is shown when it is pointed at.
type Point struct {
	X, Y float64
	Tip  string
}

// Line joins points by straight lines.
type Line struct {
	Class  string
	Points []Point
}

func (m Line) draw(p *plane) {
	if len(m.Points) < 2 {
		return
	}
	var d strings.Builder
	for i, pt := range m.Points {
		if i > 0 {
			d.WriteByte(' ')
		}
		d.WriteString(num(p.px(pt.X)) + "," + num(p.py(pt.Y)))
	}
	fmt.Fprintf(&p.out, `<polyline class="%s" points="%s"/>`, esc(m.Class), d.String())
}

// Dots draws each point as a Shape: "dot", "square" or "cross".
type Dots struct {
	Class, Shape string
	Points       []Point
}

func (m Dots) draw(p *plane) {
	for _, pt := range m.Points {
		p.shape(m.Class, m.Shape, p.px(pt.X), p.py(pt.Y), pt.Tip)
	}
}

// Range is an interval at a place on the other axis.
type Range struct {
	At, Low, High float64
	Tip           string
}

// Ranges draws intervals as bars with caps: upright at X = At, or lying at Y = At
// when Flat. An end beyond the axis gets no cap: the bar goes on.
type Ranges struct {
	Class string
	Flat  bool
	Items []Range
}

func (m Ranges) draw(p *plane) {
	const half = 3 // of a cap
	for _, r := range m.Items {
		var d strings.Builder
		if m.Flat {
			fmt.Fprintf(&d, "M%s %sH%s", num(p.px(r.Low)), num(p.py(r.At)), num(p.px(r.High)))
		} else {
			fmt.Fprintf(&d, "M%s %sV%s", num(p.px(r.At)), num(p.py(r.Low)), num(p.py(r.High)))
		}
		for _, end := range []float64{r.Low, r.High} {
			switch {
			case m.Flat && end >= p.x.Min && end <= p.x.Max:
				fmt.Fprintf(&d, "M%s %sv%d", num(p.px(end)), num(p.py(r.At)-half), 2*half)
			case !m.Flat && end >= p.y.Min && end <= p.y.Max:
				fmt.Fprintf(&d, "M%s %sh%d", num(p.px(r.At)-half), num(p.py(end)), 2*half)
			}
		}
		fmt.Fprintf(&p.out, `<path class="%s" d="%s">%s</path>`, esc(m.Class), d.String(), title(r.Tip))
	}
}

// Band fills the area between Low and High of each range, in order of At.
type Band struct {
	Class string
	Items []Range
}

func (m Band) draw(p *plane) {
	if len(m.Items) < 2 {
		return
	}
	var d strings.Builder
	for _, r := range m.Items {
		fmt.Fprintf(&d, "%s,%s ", num(p.px(r.At)), num(p.py(r.High)))
	}
	for i := len(m.Items) - 1; i >= 0; i-- {
		fmt.Fprintf(&d, "%s,%s ", num(p.px(m.Items[i].At)), num(p.py(m.Items[i].Low)))
	}
	fmt.Fprintf(&p.out, `<polygon class="%s" points="%s"/>`, esc(m.Class), strings.TrimSpace(d.String()))
}

// Rule is a line across the plane, upright at X = At when Upright, else lying at
// Y = At, with its label at the far end.
type Rule struct {
	Class   string
	Upright bool
	At      float64
	Label   string
}

func (m Rule) draw(p *plane) {
	if m.Upright {
		x := p.px(m.At)
		p.line(m.Class, x, p.top, x, p.bottom)
		p.text("middle", x, p.top-2, m.Label)
		return
	}
	y := p.py(m.At)
	p.line(m.Class, p.left, y, p.right, y)
	p.text("end", p.right, y-4, m.Label)
}

// Box is a filled rectangle with a label inside where there is room for it.
type Box struct {
	Class          string
	X1, X2, Y1, Y2 float64
	Label, Tip     string
}

func (m Box) draw(p *plane) {
	x, w := p.px(m.X1), p.px(m.X2)-p.px(m.X1)
	y, h := p.py(m.Y2), p.py(m.Y1)-p.py(m.Y2)
	fmt.Fprintf(&p.out, `<rect class="%s" x="%s" y="%s" width="%s" height="%s">%s</rect>`, esc(m.Class), num(x), num(y), num(max(w, 0.5)), num(h), title(m.Tip))
	if m.Label != "" && glyph*float64(len([]rune(m.Label)))+2 <= w {
		p.text("middle", x+w/2, y+h/2+4, m.Label)
	}
}
