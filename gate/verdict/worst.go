package verdict

import (
	"math"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
)

// Worst estimates the gating metric that looks worst so far, for progress
// displays. It is no look: nothing may be decided on it. It reports false while
// there is too little to estimate from.
func Worst(doc *result.Document) (Metric, bool) {
	e, err := collect(doc)
	if err != nil {
		return Metric{}, false
	}
	worst, found := Metric{Effect: math.Inf(-1)}, false
	for _, def := range ratioMetrics {
		effect, err := e.effect(e.rounds(def))
		if err != nil || math.Expm1(effect.Theta) < worst.Effect {
			continue
		}
		worst, found = Metric{Name: def.name}, true
		worst.setEffect(effect, oneSided95, oneSided95)
	}
	return worst, found
}

// oneSided95 gives the 90% interval of a watched value.
const oneSided95 = 0.05

// setEffect turns an estimate into relative changes, with bounds at the levels.
func (m *Metric) setEffect(e stats.Effect, lower, upper float64) {
	m.HasEffect = true
	m.Effect = math.Expm1(e.Theta)
	m.Low, m.High = finite(math.Expm1(e.Lower(lower))), finite(math.Expm1(e.Upper(upper)))
	m.Blocks, m.Rounds = e.Blocks, e.Rounds
}

// finite keeps a bound that is not known out of the JSON, which has no word for
// infinity: ±Unbounded stands for it.
func finite(v float64) float64 {
	switch {
	case math.IsNaN(v), v > Unbounded:
		return Unbounded
	case v < -1:
		return -1
	}
	return v
}

// Unbounded is the relative change beyond which none is told apart: a
// hundredfold.
const Unbounded = 100

// layoutSD is the part of the policy's layout luck that applies: none when both
// arms run the same bytes, since then they share the layout too.
func (e *evidence) layoutSD() float64 {
	if e.sameBytes() {
		return 0
	}
	return e.doc.Plan.Policy.LayoutSD
}

// sameBytes says whether every launch of the document ran the same build.
func (e *evidence) sameBytes() bool {
	arms := e.doc.Arms
	first := arms[base].Layouts
	if len(first) == 0 {
		return false
	}
	for _, arm := range arms {
		for _, l := range arm.Layouts {
			if l.SHA256 != first[0].SHA256 {
				return false
			}
		}
	}
	return true
}
