package verdict_test

import (
	"math"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/stats"
	"github.com/fivegate/fivegate/gate/verdict"
)

func allBlocks(p *verdict.Pool, swap bool) (picks []verdict.Pick) {
	for b := range p.Blocks() {
		picks = append(picks, verdict.Pick{Block: b, Swap: swap})
	}
	return picks
}

// TestPoolEstimatesAsJudgeDoes puts the check together as it was: the effects must
// be those of the verdict, and with the arms exchanged their opposites.
func TestPoolEstimatesAsJudgeDoes(t *testing.T) {
	doc := resulttest.Check(resulttest.Options{Seed: 4, Blocks: 12, Rounds: 4, LaunchSD: 0.005, RoundSD: 0.01, ErrorRate: 0.001, Effects: map[string]float64{"latency.p90": 0.02}})
	pool, err := verdict.NewPool(doc)
	if err != nil {
		t.Fatal(err)
	}
	as, err := pool.Evidence(allBlocks(pool, false))
	if err != nil {
		t.Fatal(err)
	}
	exchanged, err := pool.Evidence(allBlocks(pool, true))
	if err != nil {
		t.Fatal(err)
	}
	judged := verdict.Judge(doc)
	for i, ev := range as {
		m := judged.Metrics[i]
		want := math.Log1p(m.Effect)
		got, opposite := ev.Effect.Theta, exchanged[i].Effect.Theta
		if ev.Rates != nil {
			want, got, opposite = m.Effect, ev.Rates.Difference, exchanged[i].Rates.Difference
		}
		if ev.Name != m.Name || math.Abs(got-want) > 1e-12 || math.Abs(got+opposite) > 1e-12 {
			t.Errorf("%s: effect %v, exchanged %v; the verdict has %s %v", ev.Name, got, opposite, m.Name, want)
		}
		if math.Abs(ev.Effect.SEBlock-exchanged[i].Effect.SEBlock) > 1e-12 {
			t.Errorf("%s: error %v, with the arms exchanged %v", ev.Name, ev.Effect.SEBlock, exchanged[i].Effect.SEBlock)
		}
	}
	decided, err := stats.Decide(as, pool.Rule(), stats.Look{Level: judged.Look.Alpha, PassLevel: judged.Look.PassAlpha, Final: true})
	if err != nil || decided.Outcome != stats.Pass || judged.Status != verdict.Pass {
		t.Errorf("%v, %v; the verdict is %s", decided.Outcome, err, judged.Status)
	}
}

func TestPoolNeedsACheck(t *testing.T) {
	doc := resulttest.Check(resulttest.Options{Blocks: 8, Rounds: 2, RatePerS: 50, Probes: -1})
	if _, err := verdict.NewPool(doc); err == nil {
		t.Error("a check whose declared latency.p99 has no probes can be resampled")
	}
	if _, err := verdict.NewPool(&result.Document{}); err == nil {
		t.Error("an empty document can be resampled")
	}
}

// TestDemotedMetricsAreSeen checks that what a calibration demotes is not judged,
// and is not lost either.
func TestDemotedMetricsAreSeen(t *testing.T) {
	doc := resulttest.Check(resulttest.Options{Seed: 5, Blocks: 12, Rounds: 4, Effects: map[string]float64{"latency.p90": 0.3}})
	if v := verdict.Judge(doc); v.Status != verdict.Regression {
		t.Fatalf("the control is %s", v.Status)
	}
	doc.Plan.Metrics = []string{"cpu_per_op", "throughput", "latency.p50"}
	doc.Plan.Calibration = &result.Calibration{Demoted: []result.Demotion{{Metric: "latency.p90", Reason: "its MDE is 30%"}, {Metric: "colour", Reason: "of a later version"}}}
	v := verdict.Judge(doc)
	if v.Status != verdict.Pass {
		t.Errorf("%s: %s", v.Status, v.Reason)
	}
	found := map[string]verdict.Metric{}
	for _, m := range v.Metrics {
		found[m.Name] = m
	}
	if m := found["latency.p90"]; m.Gating || m.Decision != verdict.Watching || !m.HasEffect || m.Effect < 0.2 || m.Reason != "too noisy on this runner to judge: its MDE is 30%" {
		t.Errorf("%+v", m)
	}
	if m := found["colour"]; m.Decision != verdict.Watching || m.HasEffect {
		t.Errorf("%+v", m)
	}
	if len(v.Notes) == 0 || v.Notes[len(v.Notes)-2] != "latency.p90 is watched and not judged on this runner: its MDE is 30%" {
		t.Errorf("notes: %q", v.Notes)
	}
}

// TestPoolLeavesOpenWhatItLacks checks that a check put together from blocks in
// which the engine was the limit is undecided, not an error.
func TestPoolLeavesOpenWhatItLacks(t *testing.T) {
	doc := resulttest.Check(resulttest.Options{Seed: 9, Blocks: 30, Rounds: 2, RatePerS: 60, Probes: 120})
	for i := range doc.Slices {
		if s := &doc.Slices[i]; doc.Launches[s.Launch].Block < 8 {
			s.Engine.Limited = "late"
		}
	}
	pool, err := verdict.NewPool(doc)
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := pool.Evidence(allBlocks(pool, false)[:10])
	if err != nil {
		t.Fatal(err)
	}
	d, err := stats.Decide(evidence, pool.Rule(), stats.Look{Level: 0.01})
	if err != nil || d.Outcome != stats.Continue || d.Metrics[0].State != stats.Open {
		t.Errorf("%+v, %v", d, err)
	}
}
