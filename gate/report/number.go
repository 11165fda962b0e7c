package report

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// absent stands for a number that there is none of.
const absent = "–"

// effect is a change and its interval, worded: point with its unit, the ends
// without. The ends are empty when there is no interval.
type effect struct{ point, low, high string }

// String is the form for running text: "+7.9% [+6.1, +9.7]".
func (e effect) String() string {
	if e.low == "" {
		return e.point
	}
	return e.point + " [" + e.low + ", " + e.high + "]"
}

func newEffect(m verdict.Metric) effect {
	if !m.HasEffect || !finite(m.Effect) {
		return effect{point: absent}
	}
	e := effect{point: signed(m, m.Effect) + effectUnit(m)}
	if finite(m.Low) && finite(m.High) {
		e.low, e.high = signed(m, m.Low), signed(m, m.High)
	}
	return e
}

// effectUnit is what an effect counts in: the change of a rate that is itself a
// percentage would be read as relative if it were shown with a mere "%".
func effectUnit(m verdict.Metric) string {
	if m.Unit == verdict.UnitFraction {
		return " pp"
	}
	return "%"
}

// signed words a fraction as a signed percentage, with one decimal; the rates of
// errors, which are small, with two.
func signed(m verdict.Metric, fraction float64) string {
	if fraction >= verdict.Unbounded {
		return "+∞"
	}
	s := fixed(100*fraction, effectDecimals(m))
	if strings.Trim(s, "-0.") == "" {
		return strings.TrimPrefix(s, "-")
	}
	if fraction > 0 {
		return "+" + s
	}
	return s
}

func effectDecimals(m verdict.Metric) int {
	if m.Unit == verdict.UnitFraction {
		return 2
	}
	return 1
}

// magnitude words the size of an effect for a sentence that gives its direction.
func magnitude(m verdict.Metric) string {
	return strings.TrimLeft(signed(m, m.Effect), "+-") + effectUnit(m)
}

// percent words a fraction without more decimals than it has: 5%, 7.5%.
func percent(fraction float64) string {
	if !finite(fraction) {
		return absent
	}
	return decimal(100*fraction, 2) + "%"
}

// decimal rounds to so many decimals at most and drops zeros at the end.
func decimal(v float64, decimals int) string {
	s := fixed(v, decimals)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

// huge is where figures stop being written out. Only a broken measurement yields
// such numbers, and they must not push a table off the screen.
const huge = 1e7

// fixed writes v with so many decimals, and in powers of ten when it is huge.
func fixed(v float64, decimals int) string {
	if math.Abs(v) >= huge {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// formatLimit words a metric's limit: of a check the change that is allowed, of
// a run the value.
func formatLimit(kind result.Kind, m verdict.Metric) string {
	if m.Limit == 0 && m.Unit != verdict.UnitFraction || !finite(m.Limit) || !m.Gating {
		return absent
	}
	if kind != result.KindRun {
		return decimal(100*m.Limit, 2) + effectUnit(m)
	}
	if m.Unit == verdict.UnitFraction {
		return "≤ " + percent(m.Limit)
	}
	limit, _ := formatPair(m.Unit, m.Limit, m.Limit)
	if higherIsBetter(m) {
		return "≥ " + limit
	}
	return "≤ " + limit
}

func formatMDE(m verdict.Metric) string {
	if m.MDE <= 0 || !(m.MDE < verdict.Unbounded) {
		return absent
	}
	return fixed(100*m.MDE, effectDecimals(m)) + effectUnit(m)
}

// scale is a unit that values are shown in, and how many of the metric's own
// units it is.
type scale struct {
	name string
	size float64
}

var (
	timeScales = []scale{{" s", 1}, {" ms", 1e-3}, {" µs", 1e-6}, {" ns", 1e-9}}
	byteScales = []scale{{" GiB", 1 << 30}, {" MiB", 1 << 20}, {" KiB", 1 << 10}, {" B", 1}}
)

// formatPair words two absolute values of one metric. Both get the unit that
// suits the larger, so that they can be compared at a glance.
func formatPair(unit verdict.Unit, base, head float64) (string, string) {
	s := scale{" " + clean(string(unit), maxWord), 1}
	switch unit {
	case verdict.UnitFraction:
		return fractionValue(base), fractionValue(head)
	case verdict.UnitSeconds:
		s = fitting(timeScales, base, head)
	case verdict.UnitBytes:
		s = fitting(byteScales, base, head)
	case verdict.UnitPerCPUS:
		s.name = "/cpu-s"
	case verdict.UnitPerS:
		s.name = "/s"
	}
	return value(base, s), value(head, s)
}

// countScales are how counts of a million and more are shortened.
var countScales = []scale{{"T", 1e12}, {"G", 1e9}, {"M", 1e6}}

// formatMeasure words two values in a benchmark's unit, which stands beside them:
// per operation is not said again, and counts have no unit.
func formatMeasure(unit verdict.Unit, base, head float64) (string, string) {
	top, per, _ := strings.Cut(clean(string(unit), maxName), "/")
	if per = strings.TrimPrefix("/"+per, "/op"); per == "/" {
		per = ""
	}
	words := strings.Split(top, "-")
	var s scale
	switch words[len(words)-1] {
	case "sec":
		s = fitting(timeScales, base, head)
	case "B", "bytes":
		s = fitting(byteScales, base, head)
	default:
		return countPair(base, head, per)
	}
	s.name += per
	return value(base, s), value(head, s)
}

// countPair words two numbers of things.
func countPair(base, head float64, per string) (string, string) {
	whole := base == math.Trunc(base) && head == math.Trunc(head)
	switch largest := max(math.Abs(base), math.Abs(head)); {
	case largest >= 1e6 && finite(largest):
		s := fitting(countScales, base, head)
		return value(base, s) + per, value(head, s) + per
	case whole:
		return grouped(int64(base)) + per, grouped(int64(head)) + per
	}
	one := func(v float64) string {
		switch {
		case !finite(v):
			return absent
		case v != 0 && math.Abs(v) < 0.1:
			return strconv.FormatFloat(v, 'g', 3, 64) + per
		}
		return significant(v) + per
	}
	return one(base), one(head)
}

func fractionValue(v float64) string {
	if !finite(v) {
		return absent
	}
	return fixed(100*v, 2) + "%"
}

// fitting chooses the largest unit in which the larger value is at least 1, and
// the smallest one when there is none.
func fitting(scales []scale, values ...float64) scale {
	largest := 0.0
	for _, v := range values {
		if finite(v) {
			largest = max(largest, math.Abs(v))
		}
	}
	for _, s := range scales {
		if largest >= s.size {
			return s
		}
	}
	return scales[len(scales)-1]
}

func value(v float64, s scale) string {
	if !finite(v) {
		return absent
	}
	v /= s.size
	return significant(v) + s.name
}

// significant keeps three significant digits, and all digits before the decimal
// point: more would be noise in anything that is measured here.
func significant(v float64) string {
	decimals := 0
	switch a := math.Abs(v); {
	case a < 9.995:
		decimals = 2
	case a < 99.95:
		decimals = 1
	}
	return fixed(v, decimals)
}

// elapsed words a duration in seconds to the second: "4m52s".
func elapsed(seconds float64) string {
	if !finite(seconds) || math.Abs(seconds) > 1e9 {
		return absent
	}
	if seconds < 10 {
		return decimal(seconds, 1) + "s"
	}
	return time.Duration(math.Round(seconds) * float64(time.Second)).String()
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
