package calibration

import (
	"fmt"
	"math"
	"slices"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
	"github.com/fivegate/fivegate/gate/verdict"
)

// Effects are the slow-downs whose fate is told, and the identical pair.
var Effects = []float64{0, 0.03, 0.05, 0.08, 0.10, 0.20}

// trial is one check that was put together, with the evidence at its looks as far
// as it was needed.
type trial struct {
	pool     *verdict.Pool
	policy   result.Policy
	picks    []verdict.Pick
	looks    []int
	levels   []float64
	evidence [2][][]stats.MetricEvidence // as drawn, and with the arms exchanged; by look
}

// newTrial is a check of the blocks picked, with its looks and their levels.
func (a *analysis) newTrial(picks []verdict.Pick) (*trial, error) {
	p, err := a.planOf(len(picks))
	return &trial{pool: a.pool, policy: a.doc.Plan.Policy, picks: picks, looks: p.looks, levels: p.levels}, err
}

// lookPlan is when a check of so many blocks is looked at, and at which levels.
type lookPlan struct {
	looks  []int
	levels []float64
}

// planOf remembers plans: nearly all checks have as many blocks, and the levels
// take longer to compute than the rest of one.
func (a *analysis) planOf(blocks int) (lookPlan, error) {
	a.planning.Lock()
	defer a.planning.Unlock()
	if p, ok := a.plans[blocks]; ok {
		return p, nil
	}
	p := lookPlan{looks: looksOf(a.o.Check.Looks, blocks)}
	var err error
	policy := a.doc.Plan.Policy
	p.levels, err = stats.RunLevels([]stats.Run{{Looks: p.looks, Measured: blocks, Closed: true}}, policy.Alpha, policy.Reserve)
	if err == nil {
		a.plans[blocks] = p
	}
	return p, err
}

// at is the evidence at a look, of the check as drawn (side 0) or with its arms
// exchanged. Effects of the second are the opposites of the first's, with the same
// errors; only error rates must be compared anew.
func (t *trial) at(look, side int) ([]stats.MetricEvidence, error) {
	for len(t.evidence[0]) <= look {
		picks := t.picks[:t.looks[len(t.evidence[0])]]
		as, err := t.pool.Evidence(picks)
		if err != nil {
			return nil, err
		}
		exchanged := slices.Clone(as)
		for i := range exchanged {
			exchanged[i].Effect.Theta = -exchanged[i].Effect.Theta
			if exchanged[i].Rates == nil {
				continue
			}
			rates, err := t.pool.Rates(mirrored(picks))
			if err != nil {
				return nil, err
			}
			exchanged[i].Rates = &rates
		}
		t.evidence[0], t.evidence[1] = append(t.evidence[0], as), append(t.evidence[1], exchanged)
	}
	return t.evidence[side][look], nil
}

// verdictOf is how a check ends.
type verdictOf struct {
	outcome stats.Outcome
	blocks  int
	blocked []string // metrics that regressed
}

// decide runs the check look by look, as if head were slower by effect and all
// noise were scale times what was measured.
func (t *trial) decide(side int, effect, scale float64) (verdictOf, error) {
	for k, level := range t.levels {
		evidence, err := t.at(k, side)
		if err != nil {
			return verdictOf{}, err
		}
		final := k == len(t.levels)-1
		d, err := stats.Decide(changed(evidence, effect, scale), t.pool.Rule(), stats.Look{Level: level, PassLevel: t.policy.Alpha, Final: final})
		if err != nil {
			return verdictOf{}, err
		}
		if d.Outcome == stats.Continue {
			continue
		}
		v := verdictOf{outcome: d.Outcome, blocks: t.looks[k]}
		for _, m := range d.Metrics {
			if m.State == stats.Regressed {
				v.blocked = append(v.blocked, m.Name)
			}
		}
		return v, nil
	}
	return verdictOf{}, fmt.Errorf("a check of %d looks was not decided at the last", len(t.levels))
}

// changed is the evidence with noise scaled and a slow-down injected: every value
// of head, latencies and CPU time alike, becomes 1+effect times what it was, which
// moves each log ratio by ln(1+effect) and no error. The error that layouts are
// assumed to have is the policy's and stays.
func changed(evidence []stats.MetricEvidence, effect, scale float64) []stats.MetricEvidence {
	out := slices.Clone(evidence)
	for i := range out {
		e := &out[i].Effect
		own := math.Sqrt(max(0, e.SEBlock*e.SEBlock-e.SELayout*e.SELayout))
		e.Theta = scale*e.Theta + math.Log1p(effect)
		e.SERound *= scale
		e.SEBlock = math.Hypot(scale*own, e.SELayout)
	}
	return out
}
