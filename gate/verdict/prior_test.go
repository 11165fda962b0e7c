package verdict

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/stats"
)

// again is the n-th run of one pair, of which only the effect and the noise are
// given.
func again(n uint64, o resulttest.Options) *result.Document {
	o.Seed, o.Probes, o.RatePerS = 100+n, -1, 150
	d := resulttest.Check(o)
	d.Plan.Metrics = []string{CPUPerOp, Throughput, LatencyP50, LatencyP90, ErrorRate}
	d.Plan.Policy.Reserve = 0.2
	d.Provenance.Scenario = result.Scenario{}
	d.Provenance.StartedAt = time.Date(2026, 11, 24, int(n), 30, 0, 0, time.UTC)
	return d
}

func pool(t *testing.T, doc *result.Document, earlier ...*result.Document) *result.Document {
	t.Helper()
	var ready []result.Earlier
	for _, d := range earlier {
		e, err := Earlier(d)
		if err != nil {
			t.Fatal(err)
		}
		ready = append(ready, e)
	}
	out, err := result.Pool(doc, ready...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// rough is a machine on which one run of 14 blocks cannot tell.
func rough(log float64) resulttest.Options {
	return resulttest.Options{Blocks: 14, Rounds: 3, RoundSD: 0.03, LaunchSD: 0.09, Effects: everywhere(log)}
}

func TestPooledRunsAreJudgedTogether(t *testing.T) {
	first, second := again(1, rough(0)), again(2, rough(0))
	alone := Judge(second)
	doc := pool(t, second, first)
	v := Judge(doc)
	if v.Look.Blocks != 28 || v.Metrics[0].Blocks != 28 || v.Metrics[0].Rounds != 84 {
		t.Errorf("look %+v, %s of %d blocks and %d rounds; want both runs", v.Look, v.Metrics[0].Name, v.Metrics[0].Blocks, v.Metrics[0].Rounds)
	}
	if was, is := alone.Metrics[0].High-alone.Metrics[0].Low, v.Metrics[0].High-v.Metrics[0].Low; is >= was {
		t.Errorf("the interval of both is %v wide, that of one %v", is, was)
	}
	note := "pooled with 1 earlier run of the same pair (2026-11-24 01:30 UTC, 14 blocks, " + string(Judge(first).Status) + ")"
	if said := strings.Join(v.Notes, "\n"); !strings.Contains(said, note) {
		t.Errorf("notes %q, want %q", said, note)
	}
	levels, err := stats.RunLevels([]stats.Run{{Looks: []int{7, 11, 14}, Measured: 14, Closed: true}, {Looks: []int{7, 11, 14}, Measured: 14, Closed: true}}, 0.02, 0.2)
	if err != nil || v.Look.Alpha != levels[2] || v.Look.Number != 3 || v.Look.Of != 3 {
		t.Errorf("look %+v, want the third of %v (%v)", v.Look, levels, err)
	}
}

// A verdict on a pool must be the one that whoever holds the file computes again.
func TestPooledVerdictIsAFunctionOfTheDocument(t *testing.T) {
	doc := pool(t, again(2, rough(0.03)), again(1, rough(0.03)))
	var text bytes.Buffer
	if err := doc.Write(&text); err != nil {
		t.Fatal(err)
	}
	back, err := result.Read(&text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Judge(doc), Judge(back), cmpopts.IgnoreUnexported(Verdict{})); diff != "" {
		t.Error(diff)
	}
}

// What an earlier run said does not stick: the blocks of all runs decide.
func TestPooledEvidenceDecides(t *testing.T) {
	slow := noise(resulttest.Options{Blocks: 14, Rounds: 3, Effects: everywhere(math.Log(1.09))})
	lucky, unlucky := again(1, resulttest.Options{Blocks: 14, Rounds: 3, RoundSD: 0.01}), again(1, slow)
	if v := Judge(lucky); v.Status != Pass {
		t.Fatalf("the lucky run: %s", v.Reason)
	}
	if v := Judge(unlucky); v.Status != Regression {
		t.Fatalf("the unlucky run: %s", v.Reason)
	}
	if v := Judge(pool(t, again(2, slow), unlucky)); v.Status != Regression {
		t.Errorf("slow twice: %s, %s", v.Status, v.Reason)
	}
	if v := Judge(pool(t, again(3, slow), again(2, slow), lucky)); v.Status != Regression {
		t.Errorf("slow twice after a lucky run: %s, %s", v.Status, v.Reason)
	}
	fast := resulttest.Options{Blocks: 14, Rounds: 3, RoundSD: 0.01}
	if v := Judge(pool(t, again(4, fast), again(3, fast), again(2, fast), unlucky)); v.Status == Regression {
		t.Errorf("no slower three times after an unlucky run: %s", v.Reason)
	}
}

// A first run keeps a part of the error for those that follow, and the sum is what
// the policy allows.
func TestFirstRunKeepsAReserve(t *testing.T) {
	d := again(1, rough(0))
	with := Judge(d).Look.Alpha
	d.Plan.Policy.Reserve = 0
	if without := Judge(d).Look.Alpha; !(with < without && with > 0.7*without) {
		t.Errorf("level %v with a reserve of a fifth, %v without", with, without)
	}
}

func TestEarlierTakesWhatWasCutOff(t *testing.T) {
	for _, ended := range []result.RunEnded{result.RunInterrupted, result.RunFailed} {
		d := again(1, rough(0))
		d.Outcome = result.Outcome{Ended: ended, Blocks: 9, Detail: "head crashed in block 10"}
		v := Judge(pool(t, again(2, rough(0)), d))
		if v.Look.Blocks != 9+14 {
			t.Errorf("%s: %d blocks", ended, v.Look.Blocks)
		}
		want := map[result.RunEnded]string{result.RunInterrupted: "9 blocks, cut off", result.RunFailed: "9 blocks, failed: head crashed in block 10"}[ended]
		if said := strings.Join(v.Notes, "\n"); !strings.Contains(said, want) {
			t.Errorf("notes %q, want %q", said, want)
		}
	}
}

func TestEarlierRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*result.Document)
		want   string
	}{
		"a broken measurement":               {func(d *result.Document) { d.Plan.Limits.P99S = 1e-6 }, "base breaks the scenario's own limit"},
		"one that was broken and cut off":    {func(d *result.Document) { d.Plan.Limits.P99S, d.Outcome.Ended = 1e-6, result.RunInterrupted }, "base breaks the scenario's own limit"},
		"a head that answers nothing":        {headAnswersNothing, "answered none"},
		"a run that may spend all the error": {func(d *result.Document) { d.Plan.Policy.Reserve = 0 }, "/plan/policy/reserve"},
		"a run without a block":              {func(d *result.Document) { d.Outcome = result.Outcome{Ended: result.RunInterrupted} }, "no complete block"},
		"equal bytes": {func(d *result.Document) {
			d.Outcome = result.Outcome{Ended: result.RunIdentical}
			d.Launches, d.Slices = nil, nil
		}, "no complete block"},
	} {
		t.Run(name, func(t *testing.T) {
			d := again(1, rough(0))
			c.change(d)
			if _, err := Earlier(d); !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
}
