package history

import (
	"math"
	"strconv"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// number words an effect with its sign: "+6.2%", of a rate "+0.31 pp". The sign is
// the metric's own: throughput that falls is −.
func (s *Series) number(effect float64) string {
	if math.Abs(effect) >= verdict.Unbounded {
		return map[bool]string{true: "+∞", false: "−∞"}[s.raw(effect) > 0]
	}
	decimals, unit := 1, "%"
	if s.Unit == string(verdict.UnitFraction) {
		decimals, unit = 2, " pp"
	}
	text := strconv.FormatFloat(100*s.raw(effect), 'f', decimals, 64)
	if s.raw(effect) > 0 {
		text = "+" + text
	}
	return text + unit
}

// interval words the ends of an effect's interval, the lower number first.
func (s *Series) interval(low, high float64) string {
	if s.Better == result.HigherIsBetter {
		low, high = high, low
	}
	return "[" + strings.TrimRight(s.number(low), "% p") + ", " + strings.TrimRight(s.number(high), "% p") + "]"
}

// raw turns an effect, + is worse, into the change of the value.
func (s *Series) raw(effect float64) float64 {
	if s.Better == result.HigherIsBetter {
		return -effect
	}
	return effect
}

// words is number with whether it is worse.
func (s *Series) words(effect float64) string {
	switch {
	case effect > 0:
		return s.number(effect) + " (worse)"
	case effect < 0:
		return s.number(effect) + " (better)"
	}
	return s.number(effect)
}

// value words an absolute value with its unit.
func (s *Series) value(v float64) string {
	type scale struct {
		name string
		size float64
	}
	scales := []scale{{" " + s.Unit, 1}}
	switch s.Unit {
	case string(verdict.UnitFraction):
		return strconv.FormatFloat(100*v, 'f', 2, 64) + "%"
	case string(verdict.UnitSeconds), "sec/op":
		scales = []scale{{" s", 1}, {" ms", 1e-3}, {" µs", 1e-6}, {" ns", 1e-9}}
	case string(verdict.UnitBytes), "B/op":
		scales = []scale{{" GiB", 1 << 30}, {" MiB", 1 << 20}, {" KiB", 1 << 10}, {" B", 1}}
	}
	at := scales[len(scales)-1]
	for _, c := range scales {
		if math.Abs(v) >= c.size {
			at = c
			break
		}
	}
	return strings.TrimSpace(strconv.FormatFloat(v/at.size, 'g', 4, 64) + at.name)
}
