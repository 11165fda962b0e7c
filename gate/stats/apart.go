package stats

import "fmt"

// LooksApart are the looks at one metric that is measured for as long as it needs,
// whatever the others need.
type LooksApart struct {
	Fractions []float64 // shares of its planned information at the looks, see Boundaries
	At        int       // the look that this is, from 0; the last one is final
}

// tailGuard is the share of alpha that is spent on the nominal levels. Chosen, by
// simulation: a half is not enough for 200 metrics of seven blocks.
const tailGuard = 1.0 / 3

func (l LooksApart) final() bool { return l.At == len(l.Fractions)-1 }

// DecideApart is Decide for metrics that are looked at apart from each other: the
// benchmarks of a suite, where those that are decided get no more blocks. The
// chance that any metric of which nothing became worse is found regressed, at any
// look, stays at most alpha: Holm's step-down over group-sequential tests (Ye, Li,
// Liu & Yao, Stat. Med. 32, 2013; Maurer & Bretz, Stat. Biopharm. Res. 5, 2013).
// While r metrics are left, each is tested at the nominal level of its own look
// in a plan that spends its share of it; whatever is rejected leaves, and shares its
// part out to the others.
//
// Hundreds of metrics share alpha, so that each is tested far out in the tail, where
// Yuen's t of a few blocks is found up to twice as often as Student's t says
// (docs/evidence/simulations.md); a third of alpha is spent, so that alpha holds.
//
// A metric that is the same in both arms and does not vary, such as a count of
// allocations, cannot be found significant, however the arms are exchanged; so it
// has no part in alpha (Tarone, Biometrics 46, 1990).
//
// Upper bounds are at the whole alpha for each metric, as in Decide. The outcome
// is Continue while a metric is open whose look is not its last.
//
// ErrRule, and what Boundaries returns.
func DecideApart(metrics []MetricEvidence, rule Rule, alpha float64, looks []LooksApart) (Decision, error) {
	if err := rule.check(); err != nil {
		return Decision{}, err
	}
	if len(metrics) == 0 || len(looks) != len(metrics) || !(alpha > 0 && alpha <= 0.5) {
		return Decision{}, fmt.Errorf("%w: %d metrics with %d looks at level %v", ErrRule, len(metrics), len(looks), alpha)
	}
	levels := levelsApart{alpha: alpha, looks: looks, known: map[string][]float64{}}
	significant, err := levels.stepDown(metrics)
	if err != nil {
		return Decision{}, err
	}
	d := Decision{Metrics: make([]MetricDecision, len(metrics))}
	open := false
	for i, m := range metrics {
		level, err := levels.of(i, family(metrics))
		if err != nil {
			return Decision{}, err
		}
		md := MetricDecision{Name: m.Name, P: m.pvalue(), Significant: significant[i], Level: level}
		look := Look{Level: level, PassLevel: alpha, Final: looks[i].final()}
		if m.Rates != nil {
			md.judgeRates(*m.Rates, rule, look)
		} else {
			md.judgeEffect(m.Effect, rule, look)
		}
		open = open || md.State == Open && !look.Final
		d.Metrics[i] = md
	}
	d.Outcome = overall(d.Metrics, !open)
	return d, nil
}

// family is the number of metrics that can be found significant; 1 at least.
func family(metrics []MetricEvidence) int {
	n := len(metrics)
	for _, m := range metrics {
		if e := m.Effect; m.Rates == nil && e.Blocks > 0 && e.Theta == 0 && e.SERound == 0 && e.SEBlock == 0 {
			n--
		}
	}
	return max(n, 1)
}

// levelsApart computes nominal levels, and remembers them: most metrics have the
// same looks.
type levelsApart struct {
	alpha float64
	looks []LooksApart
	known map[string][]float64
}

// of is the nominal level of metric i at its look, where its plan spends alpha/r.
func (l *levelsApart) of(i, r int) (float64, error) {
	look := l.looks[i]
	if look.At < 0 || look.At >= len(look.Fractions) {
		return 0, fmt.Errorf("%w: look %d of %d", ErrFractions, look.At, len(look.Fractions))
	}
	key := fmt.Sprint(r, look.Fractions)
	if l.known[key] == nil {
		levels, err := Boundaries(look.Fractions, tailGuard*l.alpha/float64(r))
		if err != nil {
			return 0, err
		}
		l.known[key] = levels
	}
	return l.known[key][look.At], nil
}

// stepDown says which metrics are significantly worse.
func (l *levelsApart) stepDown(metrics []MetricEvidence) ([]bool, error) {
	rejected := make([]bool, len(metrics))
	for left := family(metrics); left > 0; {
		now := 0
		for i, m := range metrics {
			if rejected[i] {
				continue
			}
			level, err := l.of(i, left)
			if err != nil {
				return nil, err
			}
			if level > 0 && m.pvalue() <= level {
				rejected[i] = true
				now++
			}
		}
		if now == 0 {
			break
		}
		left -= now
	}
	return rejected, nil
}
