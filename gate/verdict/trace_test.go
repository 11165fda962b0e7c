package verdict

import (
	"math"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

func TestTraces(t *testing.T) {
	doc := resulttest.Check(noise(resulttest.Options{Seed: 4}))
	v := Judge(doc)
	traces := Traces(doc)
	if len(traces) != len(ratioMetrics) {
		t.Fatalf("%d traces, want one of each of %d metrics", len(traces), len(ratioMetrics))
	}
	for i, trace := range traces {
		m := v.Metrics[i]
		if m.Name != trace.Name {
			t.Fatalf("trace %d is of %s, the verdict's metric of %s", i, trace.Name, m.Name)
		}
		if len(trace.Blocks) != doc.Outcome.Blocks {
			t.Errorf("%s: %d blocks, want %d", trace.Name, len(trace.Blocks), doc.Outcome.Blocks)
		}
		last := trace.Steps[len(trace.Steps)-1]
		if math.Abs(last.Effect-m.Effect) > 1e-12 {
			t.Errorf("%s: the last step is %v, the verdict's effect %v", trace.Name, last.Effect, m.Effect)
		}
		for _, s := range trace.Steps {
			if s.Look > 0 && doc.Plan.Looks[s.Look-1] != s.Blocks {
				t.Errorf("%s: look %d is marked at %d blocks, planned at %d", trace.Name, s.Look, s.Blocks, doc.Plan.Looks[s.Look-1])
			}
			if !(s.Low <= s.Effect && s.Effect <= s.High) {
				t.Errorf("%s: step %+v lies outside of its interval", trace.Name, s)
			}
		}
		if trace.Noise.Round < 0 || trace.Noise.Block < 0 || trace.Noise.Round+trace.Noise.Block+trace.Noise.Within == 0 {
			t.Errorf("%s: noise %+v", trace.Name, trace.Noise)
		}
	}
}

func TestTracesOfNothing(t *testing.T) {
	for name, doc := range map[string]*result.Document{
		"a run":     {Kind: result.KindRun, Arms: make([]result.Arm, 1)},
		"no blocks": {Kind: result.KindCheck, Arms: make([]result.Arm, 2), Plan: result.Plan{Metrics: GatingMetrics()}},
	} {
		if got := Traces(doc); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
