package stats

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// sevenTo28 are the looks of a benchmark that may get 28 blocks.
var sevenTo28 = []float64{0.25, 0.5, 0.75, 1}

func at(look int, metrics []MetricEvidence) []LooksApart {
	return slices.Repeat([]LooksApart{{Fractions: sevenTo28, At: look}}, len(metrics))
}

// With one look and one level there is nothing between the two rules.
func TestDecideApartIsDecideAtTheOnlyLook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		metrics := make([]MetricEvidence, rapid.IntRange(1, 12).Draw(t, "metrics"))
		for i := range metrics {
			metrics[i] = effect(rapid.Float64Range(-15, 15).Draw(t, "percent"), rapid.Float64Range(0.1, 5).Draw(t, "se"))
		}
		want, err := Decide(metrics, rule, Look{Level: 0.02 * tailGuard, PassLevel: 0.02, Final: true})
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecideApart(metrics, rule, 0.02, slices.Repeat([]LooksApart{{Fractions: []float64{1}}}, len(metrics)))
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != want.Outcome {
			t.Fatalf("outcome %v apart, %v together", got.Outcome, want.Outcome)
		}
		for i := range want.Metrics {
			if got.Metrics[i].State != want.Metrics[i].State || got.Metrics[i].Significant != want.Metrics[i].Significant {
				t.Fatalf("metric %d: %+v apart, %+v together", i, got.Metrics[i], want.Metrics[i])
			}
		}
	})
}

func TestDecideApart(t *testing.T) {
	same, slow := effect(0.2, 0.7), effect(8, 1)
	for _, c := range []struct {
		name    string
		metrics []MetricEvidence
		look    int
		want    Outcome
	}{
		{"identical, early", []MetricEvidence{same, same, same}, 0, Pass},
		{"identical, at the end", []MetricEvidence{same, same, same}, 3, Pass},
		{"one is not known well enough yet", []MetricEvidence{same, effect(0, 2.5)}, 0, Continue},
		{"nor ever", []MetricEvidence{same, effect(0, 9)}, 3, Inconclusive},
		{"slower for certain", append(slices.Repeat([]MetricEvidence{same}, 40), slow), 3, Regression},
		{"so sure that an early look says it", append(slices.Repeat([]MetricEvidence{same}, 40), effect(30, 1)), 1, Regression},
		{"not sure enough among two hundred", append(slices.Repeat([]MetricEvidence{same}, 199), effect(8, 2)), 3, Inconclusive},
		{"small for certain", []MetricEvidence{same, effect(3, 0.3)}, 3, Pass},
		{"a count that does not vary", []MetricEvidence{same, effect(10, 0)}, 1, Regression},
	} {
		d, err := DecideApart(c.metrics, rule, 0.02, at(c.look, c.metrics))
		if err != nil || d.Outcome != c.want {
			t.Errorf("%s: outcome %v, %v; want %v", c.name, d.Outcome, err, c.want)
		}
	}
	// What is the same and does not vary takes no share of the level.
	counts := slices.Repeat([]MetricEvidence{effect(0, 0)}, 399)
	alone, err := DecideApart([]MetricEvidence{effect(6, 1.3)}, rule, 0.02, at(3, counts[:1]))
	beside, err2 := DecideApart(append([]MetricEvidence{effect(6, 1.3)}, counts...), rule, 0.02, at(3, append(counts, counts[0])))
	if err != nil || err2 != nil || alone.Metrics[0].Level != beside.Metrics[0].Level || beside.Outcome != alone.Outcome {
		t.Errorf("alone %+v, %v; beside counts %+v, %v", alone.Metrics[0], err, beside.Metrics[0], err2)
	}
	// A benchmark at its last look is over, whatever the others still get.
	looks := []LooksApart{{sevenTo28, 3}, {sevenTo28, 0}}
	if d, err := DecideApart([]MetricEvidence{effect(0, 9), effect(0, 9)}, rule, 0.02, looks); err != nil || d.Outcome != Continue {
		t.Errorf("one over and one open: %v, %v; want to go on", d.Outcome, err)
	}
}

func TestDecideApartRefuses(t *testing.T) {
	m := []MetricEvidence{effect(1, 1)}
	for name, call := range map[string]func() (Decision, error){
		"no metric":        func() (Decision, error) { return DecideApart(nil, rule, 0.02, nil) },
		"no look":          func() (Decision, error) { return DecideApart(m, rule, 0.02, nil) },
		"level of 0":       func() (Decision, error) { return DecideApart(m, rule, 0, at(0, m)) },
		"level NaN":        func() (Decision, error) { return DecideApart(m, rule, math.NaN(), at(0, m)) },
		"look beyond":      func() (Decision, error) { return DecideApart(m, rule, 0.02, at(4, m)) },
		"look before":      func() (Decision, error) { return DecideApart(m, rule, 0.02, at(-1, m)) },
		"empty plan":       func() (Decision, error) { return DecideApart(m, rule, 0.02, []LooksApart{{}}) },
		"unordered plan":   func() (Decision, error) { return DecideApart(m, rule, 0.02, []LooksApart{{[]float64{1, 0.5}, 1}}) },
		"impossible rules": func() (Decision, error) { return DecideApart(m, Rule{Threshold: -1}, 0.02, at(0, m)) },
	} {
		if _, err := call(); !errors.Is(err, ErrRule) && !errors.Is(err, ErrFractions) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func BenchmarkDecideApart(b *testing.B) {
	metrics := slices.Repeat([]MetricEvidence{effect(0.2, 0.7)}, 600)
	for b.Loop() {
		if _, err := DecideApart(metrics, rule, 0.02, at(2, metrics)); err != nil {
			b.Fatal(err)
		}
	}
}
