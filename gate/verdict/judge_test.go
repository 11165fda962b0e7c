package verdict

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

// noise is that of a good machine: 1% per round and arm, half a percent per
// launch and layout.
func noise(o resulttest.Options) resulttest.Options {
	o.CommonSD, o.RoundSD, o.LaunchSD, o.LayoutSD = 0.05, 0.01, 0.005, 0.005
	return o
}

func everywhere(log float64) map[string]float64 {
	return map[string]float64{CPUPerOp: log, Throughput: log, LatencyP50: log, LatencyP90: log, LatencyP99: log}
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name   string
		doc    func() *result.Document
		want   Status
		exit   int
		reason string
	}{
		{"identical arms pass", check(noise(resulttest.Options{Seed: 1}), nil), Pass, 0, "no gating metric regressed"},
		{"+8% everywhere blocks", check(noise(resulttest.Options{Seed: 2, Effects: everywhere(math.Log(1.08))}), nil), Regression, 1, "cpu_per_op"},
		{"+8% of CPU alone blocks", check(noise(resulttest.Options{Seed: 3, Effects: map[string]float64{CPUPerOp: math.Log(1.08)}}), nil), Regression, 1, "cpu_per_op"},
		{"+3% is under the threshold", check(noise(resulttest.Options{Seed: 4, Effects: everywhere(math.Log(1.03))}), nil), Pass, 0, ""},
		{"10% faster is an improvement", check(noise(resulttest.Options{Seed: 5, Effects: everywhere(-math.Log(1.10))}), nil), Improvement, 0, "better"},
		{"a tenth of a percent of errors more blocks", check(noise(resulttest.Options{Seed: 6, Effects: map[string]float64{ErrorRate: 0.004}}), nil), Regression, 1, "error_rate"},
		{"a noisy machine cannot tell", check(resulttest.Options{Seed: 7, Blocks: 8, RoundSD: 0.15, LaunchSD: 0.1}, nil), Inconclusive, 4, "neither"},
		{"every request of head fails", check(noise(resulttest.Options{Seed: 8}), headAnswersNothing), Invalid, 3, "head answered none"},
		{"a declared metric is missing", check(noise(resulttest.Options{Seed: 9, Probes: -1}), nil), Invalid, 3, "latency.p99"},
		{"an unknown metric is declared", check(noise(resulttest.Options{Seed: 10}), func(d *result.Document) {
			d.Plan.Metrics = append(d.Plan.Metrics, "beauty")
		}), Invalid, 3, "beauty"},
		{"no metric is declared", check(noise(resulttest.Options{Seed: 11}), func(d *result.Document) { d.Plan.Metrics = nil }), Invalid, 3, "declares no"},
		{"the target crashed", check(noise(resulttest.Options{Seed: 12}), func(d *result.Document) { d.Launches[9].Ended = result.EndedCrashed }), Invalid, 3, "crashed in block"},
		{"the measurement failed", check(noise(resulttest.Options{Seed: 13}), func(d *result.Document) {
			d.Outcome.Ended, d.Outcome.Detail = result.RunFailed, "the disk is full"
		}), Invalid, 3, "the disk is full"},
		{"the engine was the limit", check(noise(resulttest.Options{Seed: 14}), func(d *result.Document) { limit(d, 0.7) }), Invalid, 3, "load engine"},
		{"an arm is not there", check(noise(resulttest.Options{Seed: 15}), func(d *result.Document) { d.Arms = d.Arms[:1] }), Invalid, 3, "compares two"},
		{"base breaks the scenario's limits", check(noise(resulttest.Options{Seed: 16}), func(d *result.Document) { d.Plan.Limits.P99S = 1e-6 }), Invalid, 3, "base breaks"},
		{"base fails more than allowed", check(noise(resulttest.Options{Seed: 17, ErrorRate: 0.05}), func(d *result.Document) {
			d.Plan.Limits.ErrorRate, d.Plan.Limits.ErrorRateSet = 0.01, true
		}), Invalid, 3, "base fails"},
		{"same bytes", check(noise(resulttest.Options{Seed: 18}), func(d *result.Document) {
			d.Outcome = result.Outcome{Ended: result.RunIdentical}
			d.Launches, d.Slices = nil, nil
		}), Pass, 0, "identical builds"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Judge(tt.doc())
			if v.Status != tt.want || !strings.Contains(v.Reason, tt.reason) {
				t.Errorf("verdict %s: %s; want %s with %q", v.Status, v.Reason, tt.want, tt.reason)
			}
			if v.ExitCode() != tt.exit {
				t.Errorf("exit code %d, want %d", v.ExitCode(), tt.exit)
			}
			if v.Next == "" {
				t.Error("the verdict does not say what to do next")
			}
		})
	}
}

func check(o resulttest.Options, change func(*result.Document)) func() *result.Document {
	return func() *result.Document {
		d := resulttest.Check(o)
		if change != nil {
			change(d)
		}
		return d
	}
}

func headAnswersNothing(d *result.Document) { answersNothing(d, "head") }

func answersNothing(d *result.Document, arm string) {
	for i := range d.Slices {
		s := &d.Slices[i]
		if d.Launches[s.Launch].Arm != arm {
			continue
		}
		for j := range s.Operations {
			op := &s.Operations[j]
			op.Errors = map[string]int64{"status": op.Completed}
			op.Completed, op.Response = 0, nil
		}
	}
}

// limit marks a share of the open slices as limited by the engine.
func limit(d *result.Document, share float64) {
	n := 0.0
	for i := range d.Slices {
		if d.Slices[i].Phase != result.PhaseOpen {
			continue
		}
		if n += share; n >= 1 {
			n--
			d.Slices[i].Engine.Limited = "late"
		}
	}
}

func TestFewLimitedRoundsAreLeftOutOfBothArms(t *testing.T) {
	d := resulttest.Check(noise(resulttest.Options{Seed: 20}))
	limit(d, 0.03)
	v := Judge(d)
	if v.Status != Pass {
		t.Fatalf("%s: %s", v.Status, v.Reason)
	}
	if v.Metrics[0].Rounds >= 28*4 {
		t.Errorf("%d rounds were judged, want fewer than were measured", v.Metrics[0].Rounds)
	}
	if !strings.Contains(strings.Join(v.Notes, "\n"), "left out of both arms") {
		t.Errorf("no note says that rounds were left out: %q", v.Notes)
	}
}

// A burst of other work can cost a block all its rounds; the rest is judged.
func TestABlockWithoutRoundsIsLeftOut(t *testing.T) {
	d := resulttest.Check(noise(resulttest.Options{Seed: 27}))
	for i := range d.Slices {
		if s := &d.Slices[i]; s.Phase == result.PhaseOpen && d.Launches[s.Launch].Block == 3 {
			s.Engine.Limited = "late"
		}
	}
	if v := Judge(d); v.Status != Pass {
		t.Errorf("%s: %s", v.Status, v.Reason)
	}
}

// Failures in rounds that are left out for the engine's lateness still count.
func TestErrorsOfLateRoundsCount(t *testing.T) {
	d := resulttest.Check(noise(resulttest.Options{Seed: 28, ErrorRate: 0.01}))
	limit(d, 0.2)
	var want int64
	for i := range d.Slices {
		if s := &d.Slices[i]; s.Mode != result.ModeSolo && d.Launches[s.Launch].Arm == "head" {
			want += failed(s)
		}
	}
	e, err := collect(d)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.errorCount(head).Errors; e.limited == 0 || want == 0 || got != want {
		t.Errorf("%d errors of head counted with %d late rounds, want %d", got, e.limited, want)
	}
}

func TestSwappingTheArmsFlipsTheSign(t *testing.T) {
	d := resulttest.Check(noise(resulttest.Options{Seed: 21, Effects: everywhere(math.Log(1.06))}))
	there := Judge(d)
	for i := range d.Launches {
		d.Launches[i].Arm = map[string]string{"base": "head", "head": "base"}[d.Launches[i].Arm]
	}
	back := Judge(d)
	for i, m := range there.Metrics {
		if m.Name == ErrorRate || m.Name == LatencyP99 { // the bootstrap draws the same blocks, but its error is not symmetric to the last digit
			continue
		}
		if sum := math.Log1p(m.Effect) + math.Log1p(back.Metrics[i].Effect); math.Abs(sum) > 1e-9 {
			t.Errorf("%s: %v there and %v back", m.Name, m.Effect, back.Metrics[i].Effect)
		}
	}
}

func TestOrderOfSlicesChangesNothing(t *testing.T) {
	d := resulttest.Check(noise(resulttest.Options{Seed: 22}))
	want := Judge(d)
	for i, j := 0, len(d.Slices)-1; i < j; i, j = i+1, j-1 {
		d.Slices[i], d.Slices[j] = d.Slices[j], d.Slices[i]
	}
	if diff := cmp.Diff(want.Metrics[:6], Judge(d).Metrics[:6], cmpopts.EquateApprox(1e-12, 0)); diff != "" {
		t.Error(diff)
	}
}

func TestUnitOfCPUTimeChangesNothing(t *testing.T) {
	d := resulttest.Check(noise(resulttest.Options{Seed: 23, Effects: everywhere(math.Log(1.04))}))
	want := Judge(d).Metrics[0]
	for i := range d.Slices {
		d.Slices[i].CPUS *= 0.001
	}
	if got := Judge(d).Metrics[0]; math.Abs(got.Effect-want.Effect) > 1e-12 || got.Decision != want.Decision {
		t.Errorf("effect %v and %s, want %v and %s", got.Effect, got.Decision, want.Effect, want.Decision)
	}
}

// A document is judged the same after it was written and read.
func TestJudgeSurvivesTheFile(t *testing.T) {
	d := resulttest.Check(noise(resulttest.Options{Seed: 24, Effects: everywhere(math.Log(1.08))}))
	var buf bytes.Buffer
	if err := d.Write(&buf); err != nil {
		t.Fatal(err)
	}
	read, err := result.Read(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fmt.Sprintf("%+v", Judge(d)), fmt.Sprintf("%+v", Judge(read))); diff != "" {
		t.Error(diff)
	}
}

func TestALargeSlowDownIsDecidedAtTheFirstLook(t *testing.T) {
	d := resulttest.Check(noise(resulttest.Options{Seed: 25, Effects: everywhere(math.Log(1.20))}))
	d.Outcome = result.Outcome{Blocks: d.Plan.Looks[0]}
	v := Judge(d)
	if v.Status != Regression || !v.Final || v.Look.Number != 1 {
		t.Errorf("%s, final %v at look %d; want a final regression at the first: %s", v.Status, v.Final, v.Look.Number, v.Reason)
	}
}

func TestTooFewBlocksAreInconclusive(t *testing.T) {
	d := resulttest.Check(noise(resulttest.Options{Seed: 26}))
	d.Outcome = result.Outcome{Ended: result.RunBudget, Blocks: 2, Detail: "after 2 of 28 blocks"}
	if v := Judge(d); v.Status != Inconclusive || v.ExitCode() != ExitInconclusive {
		t.Errorf("%s: %s", v.Status, v.Reason)
	}
}

// A document of 10,000 slices is to be read and judged in under half a second.
func BenchmarkReadAndJudge(b *testing.B) {
	d := resulttest.Check(noise(resulttest.Options{Seed: 1, Blocks: 312, Rounds: 8, Layouts: 8, RatePerS: 1000}))
	var buf bytes.Buffer
	if err := d.Write(&buf); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(d.Slices)), "slices")
	b.SetBytes(int64(buf.Len()))
	b.ReportAllocs()
	for b.Loop() {
		d, err := result.Read(bytes.NewReader(buf.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		if v := Judge(d); v.Status == Invalid {
			b.Fatal(v.Reason)
		}
	}
}

// A declared metric that cannot be computed has one row, which says so.
func TestMissingMetricHasOneRow(t *testing.T) {
	d := resulttest.Check(noise(resulttest.Options{Seed: 21, Probes: -1}))
	d.Plan.Metrics = GatingMetrics()
	var rows []Metric
	for _, m := range Judge(d).Metrics {
		if m.Name == LatencyP99 {
			rows = append(rows, m)
		}
	}
	if len(rows) != 1 || rows[0].Decision != Missing {
		t.Errorf("rows of %s: %+v, want one that is missing", LatencyP99, rows)
	}
}

// A metric that blocks has an interval without zero in it, by whichever step of
// Holm's it was found.
func TestIntervalOfARegressionLeavesOutZero(t *testing.T) {
	found := 0
	for seed := range uint64(40) {
		o := noise(resulttest.Options{Seed: 100 + seed, Blocks: 8, Effects: map[string]float64{CPUPerOp: 0.12, Throughput: 0.07, LatencyP50: 0.06, LatencyP90: 0.06}})
		for _, m := range Judge(resulttest.Check(o)).Metrics {
			if m.Gating && m.Decision == Worse {
				found++
				if m.Low < 0 {
					t.Errorf("seed %d: %s blocks with %s", o.Seed, m.Name, m.effect())
				}
			}
		}
	}
	if found == 0 {
		t.Error("nothing blocked: the effects are too small for this test")
	}
}
