package calibration_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/calibration"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/verdict"
)

var shape = calibration.Shape{Blocks: 28, Rounds: 4, Looks: []int{10, 14, 19, 24, 28}, BlockS: 9, PrepareS: 8}

func key(doc *result.Document) calibration.Key {
	p := doc.Provenance
	return calibration.Key{
		Tool: p.Tool.Version, RunnerClass: p.Runner.Class, Scenario: p.Scenario.Name, ScenarioSHA256: p.Scenario.SHA256,
		Target: "target", Policy: doc.Plan.Policy, BudgetS: 300,
	}
}

func analyse(t *testing.T, o resulttest.Options, draws int, metrics ...string) *calibration.Calibration {
	t.Helper()
	doc := resulttest.Check(o)
	if len(metrics) > 0 {
		doc.Plan.Metrics = metrics
	}
	c, err := calibration.Analyse(doc, calibration.Options{Key: key(doc), Check: shape, Draws: draws})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func metric(t *testing.T, c *calibration.Calibration, name string) calibration.Metric {
	t.Helper()
	i := slices.IndexFunc(c.Metrics, func(m calibration.Metric) bool { return m.Name == name })
	if i < 0 {
		t.Fatalf("no %s among %v", name, c.Metrics)
	}
	return c.Metrics[i]
}

func TestQuietRunner(t *testing.T) {
	c := analyse(t, resulttest.Options{Seed: 1, Blocks: 60, Layouts: 8, RatePerS: 250, Probes: 100, LaunchSD: 0.005, RoundSD: 0.01}, 4)
	identical, ten := c.Outcomes[0], c.Outcomes[4]
	if identical.Blocked.Value != 0 || ten.Effect != 0.10 || ten.Blocked.Value != 1 || ten.Blocks >= 28 {
		t.Errorf("identical %+v, 10%% %+v", identical, ten)
	}
	if identical.Apart != (calibration.Apart{Checks: 2, High: identical.Apart.High}) || math.Abs(identical.Apart.High-0.842) > 0.001 {
		t.Errorf("apart: %+v, want 0 of 2 and Clopper-Pearson's 0 to 84.2%%", identical.Apart)
	}
	if m := metric(t, c, verdict.CPUPerOp); !(m.MDE > 0 && m.MDE < 0.05) || m.BlocksFor5 == 0 || m.BlocksFor5 > 28 || m.MinutesFor5 < float64(m.BlocksFor5)*9/60 {
		t.Errorf("%+v", m)
	}
	if len(c.Demoted) > 0 || c.TooNoisy || c.Drawn.Checks != 8 || c.Drawn.Blocks < 25 {
		t.Errorf("%+v %+v", c.Demoted, c.Drawn)
	}
	for i, r := range c.Outcomes {
		if b := r.Blocked; b.Low > b.Value || b.Value > b.High || i > 0 && b.Value < c.Outcomes[i-1].Blocked.Value {
			t.Errorf("power %+v after %+v", r, c.Outcomes[max(i-1, 0)])
		}
	}
}

// TestMetricTooNoisyIsDemoted checks that a metric that a full check cannot judge is
// watched with a reason, and that what is left is judged all the same.
func TestMetricTooNoisyIsDemoted(t *testing.T) {
	doc := resulttest.Check(resulttest.Options{Seed: 2, Blocks: 60, Rounds: 2, Layouts: 8, RatePerS: 200, Probes: -1, LaunchSD: 0.004, RoundSD: 0.008})
	doc.Plan.Metrics = []string{verdict.CPUPerOp, verdict.Throughput, verdict.LatencyP50}
	noisy(doc)
	c, err := calibration.Analyse(doc, calibration.Options{Key: key(doc), Check: shape, Draws: 4})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Demoted) != 1 || c.Demoted[0].Metric != verdict.Throughput || !strings.Contains(c.Demoted[0].Reason, "or more, and the policy asks for 12%") {
		t.Fatalf("%+v", c.Demoted)
	}
	if !slices.Contains(doc.Plan.Metrics, verdict.Throughput) || !slices.Contains(c.Key.Metrics, verdict.Throughput) {
		t.Error("the document or the key was changed")
	}
	if p := c.Outcomes[4]; p.Blocked.Value != 1 {
		t.Errorf("without it, 10%% is caught in %v", p.Blocked.Value)
	}
	if !slices.ContainsFunc(c.Advice, func(a string) bool { return strings.HasPrefix(a, "throughput sees ") }) {
		t.Errorf("advice: %q", c.Advice)
	}
}

// noisy makes the CPU time of closed slices depend on the launch.
func noisy(doc *result.Document) {
	rng := rand.New(rand.NewPCG(1, 1))
	luck := make([]float64, len(doc.Launches))
	for i := range luck {
		luck[i] = math.Exp(0.3 * rng.NormFloat64())
	}
	for i := range doc.Slices {
		if s := &doc.Slices[i]; s.Phase == result.PhaseClosed {
			s.CPUS *= luck[s.Launch]
		}
	}
}

// TestNeverAllAreDemoted checks that a runner on which nothing can be judged is
// not one on which everything passes.
func TestNeverAllAreDemoted(t *testing.T) {
	c := analyse(t, resulttest.Options{Seed: 3, Blocks: 60, Layouts: 8, RatePerS: 60, Probes: 100, LaunchSD: 0.3, RoundSD: 0.3}, 3, verdict.CPUPerOp, verdict.LatencyP50, verdict.ErrorRate)
	if !c.TooNoisy || len(c.Demoted) != 0 {
		t.Errorf("too noisy: %v; demoted: %+v", c.TooNoisy, c.Demoted)
	}
	if r := c.Outcomes[0]; r.Inconclusive < 0.8 {
		t.Errorf("identical pairs: %+v, want nearly all inconclusive", r)
	}
	if len(c.Advice) == 0 || !strings.HasPrefix(c.Advice[0], "every metric of speed is too noisy") {
		t.Errorf("advice: %q", c.Advice)
	}
}

// TestNoiseIsTakenApart checks that layouts, launches and rounds are told apart.
func TestNoiseIsTakenApart(t *testing.T) {
	c := analyse(t, resulttest.Options{Seed: 4, Blocks: 240, Layouts: 16, RatePerS: 20, Probes: -1, LayoutSD: 0.02, LaunchSD: 0.015, RoundSD: 0.03}, 1, verdict.CPUPerOp)
	n := metric(t, c, verdict.CPUPerOp).Noise
	for _, p := range []struct {
		part      string
		got, want float64
	}{{"layout", n.Layout, 0.02 * math.Sqrt2}, {"launch", n.Launch, 0.015 * math.Sqrt2}, {"round", n.Round, 0.03 * math.Sqrt2}} {
		if !(p.got > 0.6*p.want && p.got < 1.5*p.want) {
			t.Errorf("%s is %.4f, want about %.4f", p.part, p.got, p.want)
		}
	}
	if c.LayoutSD < n.Layout || c.LayoutSD > 1.5*n.Layout {
		t.Errorf("layout SD of the policy is %.4f, and the estimate %.4f", c.LayoutSD, n.Layout)
	}
}

func TestTooShort(t *testing.T) {
	doc := resulttest.Check(resulttest.Options{Blocks: 7, Rounds: 2, RatePerS: 20, Probes: -1})
	doc.Plan.Metrics = []string{verdict.CPUPerOp}
	if _, err := calibration.Analyse(doc, calibration.Options{Check: shape, Draws: 1}); !errors.Is(err, calibration.ErrTooShort) {
		t.Errorf("%v", err)
	}
}

// TestOneLayout checks that a target built once is judged as its checks are, with
// the error that the layout may have, and the demo, whose checks compare one build
// with itself, without.
func TestOneLayout(t *testing.T) {
	doc := resulttest.Check(resulttest.Options{Seed: 6, Blocks: 40, Layouts: 1, RatePerS: 20, Probes: -1, LaunchSD: 0.002, RoundSD: 0.005})
	doc.Plan.Metrics = []string{verdict.CPUPerOp}
	doc.Arms[1].Layouts[0] = doc.Arms[0].Layouts[0]
	var mde [2]float64
	for i, same := range []bool{false, true} {
		c, err := calibration.Analyse(doc, calibration.Options{Key: key(doc), Check: shape, Draws: 4, SameBytes: same})
		if err != nil {
			t.Fatal(err)
		}
		mde[i] = c.Metrics[0].MDE
		if c.Drawn.Blocks != 28 || c.LayoutSD != 0 {
			t.Errorf("same bytes %v: %+v, layout SD %v", same, c.Drawn, c.LayoutSD)
		}
	}
	if !(mde[0] > 0.05 && mde[1] < 0.02) {
		t.Errorf("MDE with the layout's error %v, without %v", mde[0], mde[1])
	}
}

func TestPredictionIsUnbiased(t *testing.T) {
	predictionIsUnbiased(t, []int{10}, 14, 80) // levels of several looks take long to compute
}

// predictionIsUnbiased holds what many short calibrations predict against what
// checks of the same world do. The world has luck of layouts, launches and rounds
// such that about half of the checks block a slow-down of 5%.
func predictionIsUnbiased(t *testing.T, looks []int, calibrations, checks int) {
	t.Helper()
	world := resulttest.Options{Layouts: 4, Rounds: 2, RatePerS: 6, Probes: -1, LayoutSD: 0.01, LaunchSD: 0.02, RoundSD: 0.02}
	const effect = 0.05
	var predicted, variance float64
	small := calibration.Shape{Blocks: 10, Rounds: 2, Looks: looks, BlockS: 5}
	for i := range calibrations {
		o := world
		o.Seed, o.Blocks = uint64(1000+i), 30
		doc := resulttest.Check(o)
		doc.Plan.Metrics = []string{verdict.CPUPerOp}
		c, err := calibration.Analyse(doc, calibration.Options{Key: key(doc), Check: small, Draws: 20})
		if err != nil {
			t.Fatal(err)
		}
		p := c.Outcomes[2].Blocked.Value
		predicted += p / float64(calibrations)
		variance += p * p / float64(calibrations)
	}
	variance = (variance - predicted*predicted) / float64(calibrations)
	blocked := 0
	for i := range checks {
		o := world
		o.Seed, o.Blocks = uint64(5000+i), 10
		o.Effects = map[string]float64{verdict.CPUPerOp: math.Log1p(effect)}
		doc := resulttest.Check(o)
		doc.Plan.Metrics, doc.Plan.Looks = []string{verdict.CPUPerOp}, small.Looks
		if checkEnds(doc) == verdict.Regression {
			blocked++
		}
	}
	real := float64(blocked) / float64(checks)
	se := math.Sqrt(variance + real*(1-real)/float64(checks))
	t.Logf("predicted %.3f, real %.3f, standard error of the difference %.3f", predicted, real, se)
	if !(real > 0.2 && real < 0.8) {
		t.Errorf("%.2f of the checks block: this world tells nothing", real)
	}
	if math.Abs(predicted-real) > 3*se {
		t.Errorf("predicted %.3f, real %.3f ± %.3f", predicted, real, se)
	}
}

// checkEnds judges a check at its looks, as it would have been while it ran.
func checkEnds(doc *result.Document) verdict.Status {
	full := doc.Outcome.Blocks
	for _, look := range doc.Plan.Looks {
		doc.Outcome.Blocks, doc.Outcome.Ended = look, ""
		if v := verdict.Judge(doc); v.Final || look == full {
			return v.Status
		}
	}
	return verdict.Invalid
}

func TestAttenuation(t *testing.T) {
	doc := resulttest.Check(resulttest.Options{Seed: 8, Blocks: 16, Probes: 120, LaunchSD: 0.003, RoundSD: 0.005, Effects: map[string]float64{
		"cpu_per_op": math.Log1p(0.2), "latency.p50": 0.8 * math.Log1p(0.2), "latency.p90": 0.1, "latency.p99": 0.1, "throughput": 0.18,
	}})
	got := calibration.Attenuate(doc, 0.20)
	if len(got) != 2 || math.Abs(got[0].Kappa-1) > 0.05 || math.Abs(got[1].Kappa-0.8) > 0.1 {
		t.Fatalf("%+v", got)
	}
	for _, a := range got {
		if !(a.Low < a.Kappa && a.Kappa < a.High) || a.Solo < 0.1 {
			t.Errorf("%+v", a)
		}
	}
	if none := calibration.Attenuate(&result.Document{}, 0.2); len(none) != 0 {
		t.Errorf("%+v of nothing", none)
	}
}
