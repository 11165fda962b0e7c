package stats

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var rule = Rule{Threshold: math.Log(1.05), PassBound: math.Log(1.10), MaxMDE: 0.12, ErrorThreshold: 0.001, ErrorPassBound: 0.005}

// effect is a change in percent known to a standard error in percent from 28
// blocks.
func effect(percent, se float64) MetricEvidence {
	return MetricEvidence{Name: "m", Effect: Effect{Theta: math.Log1p(percent / 100), SEBlock: se / 100, DFBlock: 17, Blocks: 28, Rounds: 112}}
}

func failures(t *testing.T, base, head Count, blocks int) MetricEvidence {
	t.Helper()
	r, err := ErrorRate(slices.Repeat([]Count{base}, blocks), slices.Repeat([]Count{head}, blocks))
	if err != nil {
		t.Fatal(err)
	}
	return MetricEvidence{Name: "error_rate", Rates: &r}
}

func few(m MetricEvidence) MetricEvidence {
	m.Effect.Blocks = MinBlocks - 1
	return m
}

func TestDecide(t *testing.T) {
	final, early := Look{Level: 0.0178, Final: true}, Look{Level: 0.001}
	same := effect(0.2, 0.7)
	for _, c := range []struct {
		name    string
		metrics []MetricEvidence
		look    Look
		want    Outcome
		states  []MetricState
	}{
		{"identical arms", []MetricEvidence{same, same}, final, Pass, []MetricState{Clear, Clear}},
		{"identical arms, known well enough early", []MetricEvidence{same, same}, early, Pass, []MetricState{Clear, Clear}},
		{"one of them too noisy to stop early", []MetricEvidence{same, effect(0, 2)}, early, Continue, []MetricState{Clear, Open}},
		{"significant and large", []MetricEvidence{same, effect(8, 1)}, final, Regression, []MetricState{Clear, Regressed}},
		{"the same early", []MetricEvidence{same, effect(8, 1)}, early, Regression, []MetricState{Clear, Regressed}},
		{"a regression needs no other metric", []MetricEvidence{effect(0, 50), effect(8, 1)}, final, Regression, []MetricState{Open, Regressed}},
		{"significant but small: the size guard", []MetricEvidence{effect(3, 0.5), same}, final, Pass, []MetricState{Clear, Clear}},
		{"large but not significant", []MetricEvidence{effect(8, 4), same}, final, Inconclusive, []MetricState{Open, Clear}},
		{"nothing seen, and could not have been", []MetricEvidence{effect(1, 5), same}, final, Inconclusive, []MetricState{Open, Clear}},
		{"nothing seen, MDE just good enough", []MetricEvidence{effect(4.5, 2.2), same}, final, Pass, []MetricState{Clear, Clear}},
		{"faster for certain", []MetricEvidence{effect(-8, 1), same}, final, Improvement, []MetricState{Improved, Clear}},
		{"faster by less than the threshold", []MetricEvidence{effect(-3, 0.5), same}, final, Pass, []MetricState{Clear, Clear}},
		{"six blocks decide nothing", []MetricEvidence{few(effect(20, 0.1)), few(same)}, final, Inconclusive, []MetricState{Open, Open}},
		{"nor early", []MetricEvidence{few(same)}, early, Continue, []MetricState{Open}},
		{"no effect was estimated", []MetricEvidence{{Name: "m"}}, final, Inconclusive, []MetricState{Open}},
		{"error without bound", []MetricEvidence{effect(9, math.Inf(1))}, final, Inconclusive, []MetricState{Open}},
		{"NaN is never a pass", []MetricEvidence{effect(math.NaN(), 1), effect(1, math.NaN())}, final, Inconclusive, []MetricState{Open, Open}},
		{"failures in every block", []MetricEvidence{same, failures(t, Count{0, 1000}, Count{3, 1000}, 28)}, final, Regression, []MetricState{Clear, Regressed}},
		{"failures, but a tenth of the limit", []MetricEvidence{same, failures(t, Count{0, 10000}, Count{1, 10000}, 28)}, final, Pass, []MetricState{Clear, Clear}},
		{"no failure", []MetricEvidence{same, failures(t, Count{0, 1000}, Count{0, 1000}, 28)}, early, Pass, []MetricState{Clear, Clear}},
		{"no failure in ten requests says little", []MetricEvidence{same, failures(t, Count{0, 1}, Count{0, 1}, 10)}, final, Inconclusive, []MetricState{Clear, Open}},
		{"level 0 cannot block", []MetricEvidence{effect(50, 0)}, Look{}, Continue, []MetricState{Open}},
	} {
		d, err := Decide(c.metrics, rule, c.look)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var states []MetricState
		for _, m := range d.Metrics {
			states = append(states, m.State)
		}
		if d.Outcome != c.want || !slices.Equal(states, c.states) {
			t.Errorf("%s: %v %v, want %v %v", c.name, d.Outcome, states, c.want, c.states)
		}
	}
}

func TestDecideConfirmsOnlyBeyondTheThreshold(t *testing.T) {
	d, err := Decide([]MetricEvidence{effect(7, 1), effect(20, 1)}, rule, Look{Level: 0.02, Final: true})
	if err != nil || d.Metrics[0].Confirmed || !d.Metrics[1].Confirmed {
		t.Errorf("%+v, %v; want only the second confirmed above 5%%", d, err)
	}
}

func TestDecideRefusesUnusableRules(t *testing.T) {
	one := []MetricEvidence{effect(0, 1)}
	bad := rule
	bad.PassBound = 0.01
	nan := rule
	nan.Threshold = math.NaN()
	for _, c := range []struct {
		metrics []MetricEvidence
		rule    Rule
		look    Look
	}{
		{nil, rule, Look{Level: 0.02}},
		{one, bad, Look{Level: 0.02}},
		{one, nan, Look{Level: 0.02}},
		{one, rule, Look{Level: -1}},
		{one, rule, Look{Level: math.NaN()}},
		{one, rule, Look{Level: 0.9}},
	} {
		if d, err := Decide(c.metrics, c.rule, c.look); !errors.Is(err, ErrRule) || d.Outcome != Inconclusive || d.Metrics != nil {
			t.Errorf("%+v: %+v, %v", c, d, err)
		}
	}
}

func TestDecideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		metrics := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) MetricEvidence {
			return effect(rapid.Float64Range(-20, 20).Draw(t, "percent"), rapid.Float64Range(0, 6).Draw(t, "se"))
		}), 1, 7).Draw(t, "metrics")
		look := Look{Level: rapid.Float64Range(0.0001, 0.05).Draw(t, "level"), Final: rapid.Bool().Draw(t, "final")}
		d, err := Decide(metrics, rule, look)
		if err != nil {
			t.Fatal(err)
		}
		if (d.Outcome == Continue) && look.Final || d.Outcome == Inconclusive && !look.Final {
			t.Fatalf("%v at a look with final=%v", d.Outcome, look.Final)
		}
		for _, m := range d.Metrics {
			if m.State == Regressed && !(m.Lower > -1e-9 || m.Significant) || m.State == Improved && m.Upper >= 0 {
				t.Fatalf("%+v", m)
			}
			if m.State == Regressed && d.Outcome != Regression {
				t.Fatalf("%+v but %v", m, d.Outcome)
			}
		}
		reversed := slices.Clone(metrics)
		slices.Reverse(reversed)
		if r, _ := Decide(reversed, rule, look); r.Outcome != d.Outcome {
			t.Fatalf("order of metrics turns %v into %v", d.Outcome, r.Outcome)
		}
		// A metric that gets worse never turns a block into a pass.
		worse := slices.Clone(metrics)
		i := rapid.IntRange(0, len(worse)-1).Draw(t, "which")
		worse[i].Effect.Theta += 0.05
		if w, _ := Decide(worse, rule, look); d.Outcome == Regression && w.Outcome != Regression {
			t.Fatalf("worse head: %v became %v", d.Outcome, w.Outcome)
		}
	})
}

// What Holm's step-down finds significant has an interval without zero in it, also
// when the first step's level alone would not do.
func TestIntervalOfASignificantMetricLeavesOutZero(t *testing.T) {
	strong, weaker := effect(8, 1), effect(8, 3.1)
	d, err := Decide([]MetricEvidence{strong, weaker}, rule, Look{Level: 0.02, PassLevel: 0.02, Final: true})
	if err != nil {
		t.Fatal(err)
	}
	w := d.Metrics[1]
	if bonferroni := weaker.Effect.Lower(0.01); !w.Significant || bonferroni >= 0 {
		t.Fatalf("significant %v with a bound of %v at half the level: the case is not the one meant", w.Significant, bonferroni)
	}
	if w.Lower != 0 {
		t.Errorf("lower end %v of a significant metric, want 0", w.Lower)
	}
	alone, err := Decide([]MetricEvidence{effect(0, 1), weaker}, rule, Look{Level: 0.02, PassLevel: 0.02, Final: true})
	if err != nil {
		t.Fatal(err)
	}
	if m := alone.Metrics[1]; m.Significant || m.Lower != weaker.Effect.Lower(0.01) {
		t.Errorf("not significant beside a metric without effect, and yet %+v", m)
	}
}
