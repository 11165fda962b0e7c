package stats

import (
	"fmt"
	"math"
)

// MinBlocks is the fewest blocks after which anything is decided. Below it
// the levels of Boundaries, made for the normal, no longer hold for Student's t.
const MinBlocks = 7

// power is the power for which MDEs are stated: 95%.
const power = 0.95

// MetricEvidence is what is known about one gating metric at a look.
type MetricEvidence struct {
	Name   string
	Effect Effect    // ignored when Rates is set
	Rates  *RateTest // set for a metric that is a rate of failures
}

// Rule holds the numbers of the decision.
type Rule struct {
	Threshold      float64 // log ratio beyond which a change must not merge: ln 1.05
	PassBound      float64 // log ratio that every upper bound of a pass stays under: ln 1.10
	MaxMDE         float64 // or the MDE, as a fraction, that makes "nothing seen" a pass: 0.12
	ErrorThreshold float64 // as Threshold, for a difference of failure rates: 0.001 is one request in a thousand
	ErrorPassBound float64 // as PassBound, for a difference of failure rates
}

// Look says at which nominal one-sided family level the evidence is judged
// (from Boundaries) and whether it is the last time.
type Look struct {
	Level float64
	// PassLevel is the level of upper bounds, by which a pass is reached; 0 means
	// Level. Level guards against blocking too often when looking often. Passing
	// early costs no such error, so that upper bounds may hold at the family's
	// whole level at every look: what is risked is to pass a regression of
	// exactly the threshold once in 1/PassLevel looks.
	PassLevel float64
	Final     bool
}

// passLevel is the level of upper bounds.
func (l Look) passLevel() float64 {
	if l.PassLevel > 0 {
		return l.PassLevel
	}
	return l.Level
}

// MetricState is what one metric says. The zero value is open.
type MetricState uint8

// The states of a metric.
const (
	Open      MetricState = iota // could not tell
	Clear                        // no regression of the threshold's size
	Improved                     // clear, and better than −threshold for certain
	Regressed                    // worse for certain, and beyond the threshold
)

// Outcome is what all metrics together say. The zero value is inconclusive,
// never a pass.
type Outcome uint8

// The outcomes.
const (
	Inconclusive Outcome = iota // the last look is over and something is open
	Continue                    // measure on
	Regression
	Pass
	Improvement // a pass with at least one metric improved
)

// MetricDecision is the state of one metric with the numbers behind it. For an
// effect they are log ratios, for rates differences of fractions.
type MetricDecision struct {
	Name        string
	State       MetricState
	Estimate    float64
	Lower       float64 // one-sided bound at Level; at least 0 when Significant
	Upper       float64 // one-sided bound at the look's PassLevel
	Level       float64 // the look's level over the number of metrics
	P           float64 // one-sided p-value of "not worse"
	Significant bool    // worse at the look's level by Holm's procedure
	Confirmed   bool    // Lower is beyond the threshold itself
	MDE         float64 // 95% power, a fraction; NaN for rates
	Caught      float64 // slow-down blocked with 95% power, a fraction; NaN for rates
}

// Decision is the result of a look.
type Decision struct {
	Outcome Outcome
	Metrics []MetricDecision // in the order of the evidence
}

// Decide applies the rule to the evidence of one look:
//
//   - A metric regressed when it is significantly worse (Holm over all
//     metrics at the look's level) and its estimate is over the threshold. One
//     such metric is a regression, at any look.
//   - At the last look a metric is clear when its upper bound is under PassBound,
//     or when its estimate is at most the threshold and the MDE at most MaxMDE.
//     All clear is a pass, otherwise the outcome is inconclusive.
//   - At an earlier look a metric is clear when its upper bound is under the
//     threshold; all clear is a pass, otherwise the outcome is Continue. This
//     stop is non-binding: ignoring it costs no error.
//   - A clear metric whose upper bound is under 0 and whose estimate is under
//     −threshold is improved.
//
// Lower bounds and MDE are at the look's level over the number of metrics; Holm's
// later steps reject at higher levels, so what they say, that the effect is above 0,
// is the lower bound of a significant metric where it says more. Upper
// bounds are at the whole PassLevel: a pass needs all metrics, and where all of
// several tests must reject, each may use the whole level (intersection-union
// test, Berger, Technometrics 24, 1982). A rate of failures is clear when its
// difference is at most ErrorThreshold and its upper bound at most
// ErrorPassBound, at any look. No metric of fewer than MinBlocks blocks is
// decided at all.
//
// No evidence, a level outside [0, 0.5] or a rule with a NaN, negative or
// contradictory number is ErrRule. Level 0 decides nothing.
func Decide(metrics []MetricEvidence, rule Rule, look Look) (Decision, error) {
	if err := rule.check(); err != nil {
		return Decision{}, err
	}
	if len(metrics) == 0 || !(look.Level >= 0 && look.Level <= 0.5) || !(look.PassLevel >= 0 && look.PassLevel <= 0.5) {
		return Decision{}, fmt.Errorf("%w: %d metrics at level %v", ErrRule, len(metrics), look.Level)
	}
	pvalues := make([]float64, len(metrics))
	for i, m := range metrics {
		pvalues[i] = m.pvalue()
	}
	significant := Holm(pvalues, look.Level)
	d := Decision{Metrics: make([]MetricDecision, len(metrics))}
	for i, m := range metrics {
		md := MetricDecision{
			Name: m.Name, P: pvalues[i], Significant: significant[i],
			Level: look.Level / float64(len(metrics)),
		}
		if m.Rates != nil {
			md.judgeRates(*m.Rates, rule, look)
		} else {
			md.judgeEffect(m.Effect, rule, look)
		}
		d.Metrics[i] = md
	}
	d.Outcome = overall(d.Metrics, look.Final)
	return d, nil
}

func (r Rule) check() error {
	ordered := r.Threshold >= 0 && r.PassBound >= r.Threshold && r.MaxMDE >= 0 &&
		r.ErrorThreshold >= 0 && r.ErrorPassBound >= r.ErrorThreshold
	if !ordered { // false for NaN
		return fmt.Errorf("%w: thresholds must be at least 0 and pass bounds at least their thresholds: %+v", ErrRule, r)
	}
	return nil
}

// pvalue is 1, and thus never significant, for a metric with too few blocks;
// it still counts among Holm's hypotheses.
func (m MetricEvidence) pvalue() float64 {
	if m.blocks() < MinBlocks {
		return 1
	}
	if m.Rates != nil {
		return m.Rates.P
	}
	return m.Effect.PValue()
}

func (m MetricEvidence) blocks() int {
	if m.Rates != nil {
		return m.Rates.Blocks
	}
	return m.Effect.Blocks
}

func (d *MetricDecision) judgeEffect(e Effect, rule Rule, look Look) {
	d.Estimate, d.Lower, d.Upper = e.Theta, e.Lower(d.Level), e.Upper(look.passLevel())
	d.MDE, d.Caught = e.MDE(d.Level, power), e.Caught(d.Level, power, rule.Threshold)
	clear := d.Upper < rule.Threshold
	if look.Final {
		clear = d.Upper < rule.PassBound || (e.Theta <= rule.Threshold && d.MDE <= rule.MaxMDE)
	}
	d.settle(e.Blocks, rule.Threshold, clear)
}

func (d *MetricDecision) judgeRates(r RateTest, rule Rule, look Look) {
	d.Estimate, d.Lower, d.Upper = r.Difference, r.Lower(d.Level), r.Upper(look.passLevel())
	d.MDE, d.Caught = math.NaN(), math.NaN()
	clear := r.Difference <= rule.ErrorThreshold && d.Upper <= rule.ErrorPassBound
	d.settle(r.Blocks, rule.ErrorThreshold, clear)
}

func (d *MetricDecision) settle(blocks int, threshold float64, clear bool) {
	if d.Significant {
		d.Lower = max(d.Lower, 0)
	}
	d.Confirmed = d.Significant && d.Lower > threshold
	switch {
	case blocks < MinBlocks:
		d.State = Open
	case d.Significant && d.Estimate > threshold:
		d.State = Regressed
	case clear && d.Upper < 0 && d.Estimate < -threshold:
		d.State = Improved
	case clear:
		d.State = Clear
	}
}

func overall(metrics []MetricDecision, final bool) Outcome {
	open, improved := false, false
	for _, m := range metrics {
		switch m.State {
		case Regressed:
			return Regression
		case Improved:
			improved = true
		case Clear:
		case Open:
			open = true
		}
	}
	switch {
	case open && final:
		return Inconclusive
	case open:
		return Continue
	case improved:
		return Improvement
	}
	return Pass
}
