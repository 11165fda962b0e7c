package result_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

func TestSyntheticChecksAreValid(t *testing.T) {
	for _, o := range []resulttest.Options{
		{},
		{Blocks: 1, Rounds: 1, RatePerS: 1, Probes: -1, Layouts: 1},
		{Blocks: 9, Rounds: 3, Layouts: 8, Mode: result.ModeAlternating, ErrorRate: 0.5},
		{Blocks: 2, ErrorRate: 1},
		{Blocks: 5, Effects: map[string]float64{"latency.p99": 0.2, "throughput": 0.1, "error_rate": 0.01}, RoundSD: 0.1, LaunchSD: 0.1, LayoutSD: 0.1, CommonSD: 1},
	} {
		if err := resulttest.Check(o).Validate(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestValidateNamesTheFault changes one thing in a valid document.
func TestValidateNamesTheFault(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	type doc = *result.Document
	// In smallCheck, slices 0 and 1 are open, 2 and 3 closed.
	for _, c := range []struct {
		want   string
		change func(d doc)
	}{
		{"/schema: is \"\"", func(d doc) { d.Schema = "" }},
		{"/kind: is \"quick\"", func(d doc) { d.Kind = "quick" }},
		{"/provenance/started_at: is missing", func(d doc) {
			d.Provenance.StartedAt = time.Time{}
		}},
		{"/provenance/started_at: is 2026-11-02 10", func(d doc) { d.Provenance.StartedAt = d.Provenance.StartedAt.In(time.FixedZone("CET", 3600)) }},
		{"/provenance/duration_s: is NaN", func(d doc) { d.Provenance.DurationS = nan }},
		{"/provenance/runner/class: is empty", func(d doc) { d.Provenance.Runner.Class = "" }},
		{"/provenance/repository/path", func(d doc) { d.Provenance.Repository.Path = "/home/x/target" }},
		{"/provenance/scenario/sha256: is \"beef\", need 64", func(d doc) { d.Provenance.Scenario.SHA256 = "beef" }},
		{"/provenance/scenario/sha256: is", func(d doc) { d.Provenance.Scenario.Text += "#" }},
		{"/plan/mode: is \"trio\"", func(d doc) { d.Plan.Mode = "trio" }},
		{"/plan/metrics/1: is \"cpu_per_op\", which is listed before", func(d doc) { d.Plan.Metrics[1] = "cpu_per_op" }},
		{"/plan/operations/2: is empty", func(d doc) { d.Plan.Operations[2] = "" }},
		{"/plan/looks/1: is 1, need more than 1", func(d doc) { d.Plan.Looks = []int{1, 1, 2} }},
		{"/plan/looks: end at 1, need the number of blocks, 2", func(d doc) { d.Plan.Looks = []int{1} }},
		{"/plan/looks: end at 0", func(d doc) { d.Plan.Looks = nil }},
		{"/plan/open_s: is -1", func(d doc) { d.Plan.OpenS = -1 }},
		{"/plan/rate_per_s: is +Inf", func(d doc) { d.Plan.RatePerS = inf }},
		{"/plan/rate_share: is 100, need a fraction", func(d doc) { d.Plan.RateShare = 100 }},
		{"/plan/probe_operations/0: is \"recall*9\"", func(d doc) { d.Plan.ProbeOperation[0] = "recall*9" }},
		{"/plan/probe_operations/0: is \"fetch*8\"", func(d doc) { d.Plan.ProbeOperation[0] = "fetch*8" }},
		{"/plan/probe_operations/0: is \"recall\"", func(d doc) { d.Plan.ProbeOperation[0] = "recall" }},
		{"/plan/probe_operations: hold 7 probes, need 8", func(d doc) { d.Plan.ProbeOperation[0] = "recall*7" }},
		{"/plan/target_cpus: hold -1", func(d doc) { d.Plan.TargetCPUs = []int{-1} }},
		{"/plan/engine_cpus: hold a CPU twice", func(d doc) { d.Plan.EngineCPUs = []int{3, 2, 3} }},
		{"/plan/transport: is \"pigeon\", need one of", func(d doc) { d.Plan.Transport = "pigeon" }},
		{"/plan/policy/threshold: is 5, need a fraction", func(d doc) { d.Plan.Policy.Threshold = 5 }},
		{"/plan/policy/on_inconclusive: is \"\"", func(d doc) { d.Plan.Policy.OnInconclusive = "" }},
		{"/plan/limits/error_rate: is 1.5", func(d doc) { d.Plan.Limits.ErrorRate = 1.5 }},
		{"/arms: are 1, need 2", func(d doc) { d.Arms = d.Arms[:1] }},
		{"/arms: are 2, need 1", func(d doc) { d.Kind = result.KindRun }},
		{"/arms/1/name: is \"base\", which is another arm's", func(d doc) { d.Arms[1].Name = "base" }},
		{"/arms/0/commit: is \"HEAD\"", func(d doc) { d.Arms[0].Commit = "HEAD" }},
		{"/arms/0/layouts/1/id: is 0, which is another layout's", func(d doc) { d.Arms[0].Layouts[1].ID = 0 }},
		{"/arms/0/layouts/1/sha256: is \"\"", func(d doc) { d.Arms[0].Layouts[1].SHA256 = "" }},
		{"/arms/0/layouts/1/build_s: is 300000", func(d doc) { d.Arms[0].Layouts[1].BuildS = 300000 }},
		{"/launches/1/id: is 0, which is another launch's", func(d doc) { d.Launches[1].ID = 0 }},
		{"/launches/1/id: is -1", func(d doc) { d.Launches[1].ID = -1 }},
		{"/launches/1/arm: is \"rival\"", func(d doc) { d.Launches[1].Arm = "rival" }},
		{"/launches/1/layout: is 2, which is no layout of arm \"head\"", func(d doc) { d.Launches[1].Layout = 2 }},
		{"/launches/1/block: is 2", func(d doc) { d.Launches[1].Block = 2 }},
		{"/launches/1/order: is 2", func(d doc) { d.Launches[1].Order = 2 }},
		{"/launches/1/ready_s: is 5e+07, more than the whole measurement", func(d doc) { d.Launches[1].ReadyS = 5e7 }},
		{"/launches/1/ended: is \"\"", func(d doc) { d.Launches[1].Ended = "" }},
		{"/launches/0/series/0/name: is \"\"", func(d doc) { d.Launches[0].Series[0].Name = "" }},
		{"/launches/0/series/0/values: are 1, need one for each of 2 times", func(d doc) { d.Launches[0].Series[0].Values = []float64{1} }},
		{"/launches/0/series/0/values/1: is NaN", func(d doc) { d.Launches[0].Series[0].Values[1] = nan }},
		{"/launches/0/series/0/at_s/1: is 0, before", func(d doc) { d.Launches[0].Series[0].AtS[1] = 0 }},
		{"/launches/0/series/0/at_s/1: is -1", func(d doc) { d.Launches[0].Series[0].AtS[1] = -1 }},
		{"/launches/0/probes/operations: is 4, need the plan's probes, 8", func(d doc) { d.Launches[0].Probes = result.NewProbes(2, 4) }},
		{"/launches/0/probes/rounds: is 3", func(d doc) { d.Launches[0].Probes = result.NewProbes(3, 8) }},
		{"/launches/0/probes/packed: holds 15 latencies, need 16", func(d doc) { d.Launches[0].Probes.Packed = d.Launches[0].Probes.Packed[1:] }},
		{"/launches/0/events/1/name: is empty", func(d doc) { d.Launches[0].Events[1].Name = "" }},
		{"/launches/0/events/1/at_s: is +Inf", func(d doc) { d.Launches[0].Events[1].AtS = inf }},
		{"/slices/1/launch: is 99", func(d doc) { d.Slices[1].Launch = 99 }},
		{"/slices/1/round: is 2", func(d doc) { d.Slices[1].Round = 2 }},
		{"/slices/1/phase: is \"half\"", func(d doc) { d.Slices[1].Phase = "half" }},
		{"/slices/1/mode: is \"\"", func(d doc) { d.Slices[1].Mode = "" }},
		{"/slices/1/position: is 2", func(d doc) { d.Slices[1].Position = 2 }},
		{"/slices/1: has the launch, round, phase, mode and conditions of /slices/0", func(d doc) { d.Slices[1].Launch = 0 }},
		{"/slices/1/conditions: have one without a name", func(d doc) { d.Slices[1].Conditions = map[string]string{"": "1"} }},
		{"/slices/1/sent: is 31, more than the 30 that were due", func(d doc) { d.Slices[1].Sent = 31 }},
		{"/slices/1/due: is -1", func(d doc) { d.Slices[1].Due = -1 }},
		{"/slices/2/due: is 0, need the number sent in a closed loop", func(d doc) { d.Slices[2].Due = 0 }},
		{"/slices/1/sent: is 29, fewer than the 30 that were completed", func(d doc) { d.Slices[1].Sent = 29 }},
		{"/slices/1/due: is 30, fewer than the 31 that were completed or failed", func(d doc) {
			d.Slices[1].Operations[0].Errors = map[string]int64{"refused": 1}
		}},
		{"/slices/1/rss_bytes: is -1", func(d doc) { d.Slices[1].RSSBytes = -1 }},
		{"/slices/1/duration_s: is 1e+09, more than the whole measurement", func(d doc) { d.Slices[1].DurationS = 1e9 }},
		{"/slices/1/duration_s: is 10 from 20 on, beyond the end", func(d doc) { d.Slices[1].StartS, d.Slices[1].DurationS = 20, 10 }},
		{"/slices/1/cpu_s: is 8e+06, more than all cores could be busy", func(d doc) { d.Slices[1].CPUS = 8e6 }},
		{"/slices/1/cpu_s: is -0.5", func(d doc) { d.Slices[1].CPUS = -0.5 }},
		{"/slices/1/steal_s: is NaN", func(d doc) { d.Slices[1].StealS = nan }},
		{"/slices/1/pressure_s: is 500", func(d doc) { d.Slices[1].PressureS = 500 }},
		{"/slices/1/engine/cpu_s: is 1e+06", func(d doc) { d.Slices[1].Engine.CPUS = 1e6 }},
		{"/slices/1/engine/lag_p999_ns: is 10, less than lag_p99_ns", func(d doc) { d.Slices[1].Engine.LagP999NS = 10 }},
		{"/slices/1/engine/service_p99_ns: is 1, less", func(d doc) { d.Slices[1].Engine.ServiceP99NS = 1 }},
		{"/slices/1/engine/wait_p99_ns: is -4", func(d doc) { d.Slices[1].Engine.WaitP99NS = -4 }},
		{"/slices/1/operations/0/name: is \"fetch\", which is no operation", func(d doc) { d.Slices[1].Operations[0].Name = "fetch" }},
		{"/slices/1/operations/1/name: is \"store\", which is listed before", func(d doc) { d.Slices[1].Operations[1].Name = "store" }},
		{"/slices/1/operations/0/completed: is -1", func(d doc) { d.Slices[1].Operations[0].Completed = -1 }},
		{"/slices/1/operations/0/errors: have -1 of kind \"reset\"", func(d doc) { d.Slices[1].Operations[0].Errors = map[string]int64{"reset": -1} }},
		{"/slices/1/due: is 30, fewer than the 9223372036854775807", func(d doc) {
			d.Slices[1].Operations[0].Errors = map[string]int64{"reset": math.MaxInt64, "status": math.MaxInt64}
		}},
		{"/slices/1/operations/0/response: is missing", func(d doc) { d.Slices[1].Operations[0].Response = nil }},
		{"/slices/1/operations/0/response: holds 1 latencies", func(d doc) { d.Slices[1].Operations[0].Response = record([]int64{5}).Histogram() }},
		{"/slices/2/operations/0/response: is there", func(d doc) { d.Slices[2].Operations[0].Response = record(nil).Histogram() }},
		{"/outcome/ended: is \"\"", func(d doc) { d.Outcome.Ended = "" }},
		{"/outcome/blocks: is 3, more than the plan's 2", func(d doc) { d.Outcome.Blocks = 3 }},
		{"/outcome/blocks: is 1, but a complete measurement has the plan's 2", func(d doc) { d.Outcome.Blocks = 1 }},
		{"/outcome/blocks: is 2, but only 0 blocks were measured", func(d doc) { d.Launches = nil }},
		{"/slices: are missing", func(d doc) { d.Slices = nil }},
	} {
		d := smallCheck()
		c.change(d)
		err := d.Validate()
		if err == nil || !strings.Contains("\n"+err.Error(), "\n"+c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

func TestValidateTakesWhatMeasurementsYield(t *testing.T) {
	for name, change := range map[string]func(d *result.Document){
		"nothing measured": func(d *result.Document) {
			d.Launches, d.Slices = nil, nil
			d.Outcome = result.Outcome{Ended: result.RunIdentical}
		},
		"build failed": func(d *result.Document) {
			d.Arms, d.Launches, d.Slices = nil, nil, nil
			d.Outcome = result.Outcome{Ended: result.RunFailed, Detail: "build of head failed"}
		},
		"not built here": func(d *result.Document) {
			for i := range d.Arms {
				d.Arms[i].Commit = ""
				for j := range d.Arms[i].Layouts {
					d.Arms[i].Layouts[j].SHA256 = ""
				}
			}
		},
		"no scenario": func(d *result.Document) { d.Provenance.Scenario = result.Scenario{} },
		"conditions set apart": func(d *result.Document) {
			d.Slices[1].Launch, d.Slices[1].Conditions = 0, map[string]string{"rate": "5"}
		},
		"a crash":               func(d *result.Document) { d.Launches[1].Ended = result.EndedCrashed },
		"nobody answered":       func(d *result.Document) { d.Slices[1].Operations = nil },
		"late, and a poor tail": func(d *result.Document) { d.Slices[1].Engine.LagP999NS, d.Slices[1].Engine.LagMaxNS = 1e9, 1e9 },
	} {
		d := smallCheck()
		change(d)
		if err := d.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidateTellsAllFaults(t *testing.T) {
	d := resulttest.Check(resulttest.Options{Blocks: 10, Rounds: 4, RatePerS: 3})
	d.Kind = "quick"
	for i := range d.Slices {
		d.Slices[i].CPUS = -1
	}
	err := d.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	if got, want := strings.Count(text, "\n"), 51; got != want {
		t.Errorf("%d lines after the first, want %d:\n%s", got, want, text)
	}
	for _, want := range []string{
		fmt.Sprintf("%d faults in the document:\n/kind: ", len(d.Slices)+1),
		fmt.Sprintf("\nand %d more", len(d.Slices)+1-50),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("error lacks %q:\n%s", want, text)
		}
	}
}
