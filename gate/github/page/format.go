package page

import (
	"fmt"
	"math"

	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/verdict"
)

// change words a relative change as a signed percentage with one decimal; of a
// share, which is a percentage itself, as percentage points with two.
func change(unit verdict.Unit, v float64) string {
	if unit == verdict.UnitFraction {
		return signed("%+.2f", 100*v) + " pp"
	}
	if v >= verdict.Unbounded {
		return "+∞"
	}
	return signed("%+.1f", 100*v) + "%"
}

// signed formats a number, without a sign when it rounds to zero.
func signed(format string, v float64) string {
	if s := fmt.Sprintf(format, v); s[1:] != fmt.Sprintf(format, 0.0)[1:] {
		return s
	}
	return fmt.Sprintf(format, 0.0)[1:]
}

// effect is a metric's change, "could not be computed" when there is none.
func effect(m verdict.Metric) string {
	if !m.HasEffect || math.IsNaN(m.Effect) {
		return "not known"
	}
	return change(m.Unit, m.Effect)
}

// interval words where the change lies.
func interval(m verdict.Metric) string {
	if !m.HasEffect || math.IsNaN(m.Low) || math.IsNaN(m.High) {
		return ""
	}
	return change(m.Unit, m.Low) + " to " + change(m.Unit, m.High)
}

// limit words the change that is allowed.
func limit(m verdict.Metric) string {
	if m.Unit == verdict.UnitFraction {
		return fmt.Sprintf("%.3g pp", 100*m.Limit)
	}
	return fmt.Sprintf("%.3g%%", 100*m.Limit)
}

// decision words what was decided on a metric of a leg.
func decision(l *legs.Leg, m verdict.Metric) string {
	switch m.Decision {
	case verdict.Worse:
		if waived(l, m.Name) {
			return "regression, waived"
		}
		return "**regression**"
	case verdict.Better:
		return "improvement"
	case verdict.Clear:
		return "pass"
	case verdict.Missing:
		return "**missing**"
	case verdict.Open, verdict.Watching:
	}
	if l.Confirmation.Disputes(m.Name) {
		return "not confirmed"
	}
	return "could not tell"
}

// count words a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
