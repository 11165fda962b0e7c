package verdict_test

import (
	"slices"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/verdict"
)

// What a server that was not started here uses is not known: its metrics are
// missing, and not 0.
func TestRunWithoutAProcess(t *testing.T) {
	for _, known := range []bool{true, false} {
		doc := resulttest.Check(resulttest.Options{Seed: 1, Blocks: 2, Rounds: 2})
		doc.Kind, doc.Arms = result.KindRun, doc.Arms[:1]
		if !known {
			for i := range doc.Slices {
				doc.Slices[i].CPUS, doc.Slices[i].RSSBytes = 0, 0
			}
		}
		v := verdict.Judge(doc)
		for name, want := range map[string]bool{verdict.CPUPerOp: known, "rss": known, verdict.LatencyP50: true, verdict.ErrorRate: true} {
			if got := slices.ContainsFunc(v.Metrics, func(m verdict.Metric) bool { return m.Name == name && m.HasValues }); got != want {
				t.Errorf("%s with a process %v: there is a value: %v", name, known, got)
			}
		}
	}
}
