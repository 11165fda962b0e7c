package result_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

// shard is one of the shards of a measurement: same scenario and arms, another
// machine.
func shard(n int) *result.Document {
	d := resulttest.Check(resulttest.Options{Seed: uint64(n), Blocks: 2 + n, Rounds: 2, Probes: 8, RatePerS: 30, ErrorRate: 0.1})
	d.Provenance.Scenario = smallCheck().Provenance.Scenario
	d.Provenance.StartedAt = smallCheck().Provenance.StartedAt.Add(time.Duration(n) * time.Minute)
	return d
}

// totals is what a merge must not change.
type totals struct {
	blocks, plannedBlocks, launches, slices int
	due, sent, completed, errors, probes    int64
	response                                string
}

func totalsOf(t fataler, docs ...*result.Document) (sum totals) {
	var responses []*result.Histogram
	for _, d := range docs {
		sum.blocks += d.Outcome.Blocks
		sum.plannedBlocks += d.Plan.Blocks
		sum.launches += len(d.Launches)
		sum.slices += len(d.Slices)
		for _, l := range d.Launches {
			for _, step := range l.Probes.Packed {
				sum.probes += int64(step)
			}
		}
		for _, s := range d.Slices {
			sum.due += s.Due
			sum.sent += s.Sent
			for _, o := range s.Operations {
				sum.completed += o.Completed
				for _, n := range o.Errors {
					sum.errors += n
				}
				responses = append(responses, o.Response)
			}
		}
	}
	sum.response = textOf(t, result.MergeHistograms(responses...))
	return sum
}

func TestMergeLosesNothing(t *testing.T) {
	shards := []*result.Document{shard(0), shard(1), shard(2)}
	var before [][]byte
	for _, d := range shards {
		before = append(before, written(t, d))
	}
	merged, err := result.Merge(shards...)
	if err != nil {
		t.Fatal(err)
	}
	if err := merged.Validate(); err != nil {
		t.Fatal(err)
	}
	if got, want := totalsOf(t, merged), totalsOf(t, shards...); got != want {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	for _, order := range [][3]int{{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		again, err := result.Merge(shards[order[0]], shards[order[1]], shards[order[2]])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(written(t, again), written(t, merged)) {
			t.Errorf("order %v of the shards gives another document", order)
		}
	}
	for i, d := range shards {
		if !bytes.Equal(written(t, d), before[i]) {
			t.Errorf("merging changed shard %d", i)
		}
	}
}

// TestMergeOrdersShardsOfOneMoment has nothing but the content to tell shards
// apart by.
func TestMergeOrdersShardsOfOneMoment(t *testing.T) {
	first, second := shard(0), shard(1)
	second.Provenance.StartedAt = first.Provenance.StartedAt
	one, err := result.Merge(first, second)
	if err != nil {
		t.Fatal(err)
	}
	other, err := result.Merge(second, first)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written(t, one), written(t, other)) {
		t.Error("the order of the shards gives another document")
	}
}

func TestMergeOfOne(t *testing.T) {
	merged, err := result.Merge(shard(1))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written(t, merged), written(t, shard(1))) {
		t.Error("a lone document is changed")
	}
}

func TestMergeInSteps(t *testing.T) {
	step, err := result.Merge(shard(0), shard(1))
	if err != nil {
		t.Fatal(err)
	}
	if step, err = result.Merge(shard(2), step); err != nil {
		t.Fatal(err)
	}
	if got, want := totalsOf(t, step), totalsOf(t, shard(0), shard(1), shard(2)); got != want {
		t.Errorf("merged %+v, want %+v", got, want)
	}
}

func TestMergeKeepsWhatBelongsTogether(t *testing.T) {
	first, second := shard(0), shard(1)
	first.Launches[0].ID = 77 // ids need not be positions
	for i := range first.Slices {
		if first.Slices[i].Launch == 0 {
			first.Slices[i].Launch = 77
		}
	}
	second.Provenance.Runner.Fingerprint["kernel"] = "6.1"
	second.Provenance.Runner.Fingerprint["cpu_model"] = "another"
	second.Provenance.Repository.Dirty = true
	second.Plan.RatePerS, second.Plan.CapacityPerS = 25, 0
	second.Plan.TargetCPUs = []int{0, 1}
	second.Outcome = result.Outcome{Ended: result.RunDecided, Blocks: 2, Detail: "at the first look"}
	merged, err := result.Merge(second, first)
	if err != nil {
		t.Fatal(err)
	}
	if err := merged.Validate(); err != nil {
		t.Fatal(err)
	}
	p := merged.Provenance
	if !p.StartedAt.Equal(first.Provenance.StartedAt) || p.DurationS != 60+second.Provenance.DurationS || !p.Repository.Dirty {
		t.Errorf("provenance %+v", p)
	}
	if f := p.Runner.Fingerprint; f["kernel"] != "6.1" || f["cores"] != "2" || f["cpu_model"] != "another | synthetic" {
		t.Errorf("fingerprint %q", f)
	}
	if plan := merged.Plan; plan.Blocks != 5 || plan.RatePerS != 25 || plan.CapacityPerS != first.Plan.CapacityPerS || len(plan.TargetCPUs) != 2 {
		t.Errorf("plan %+v", plan)
	}
	if o := merged.Outcome; o.Ended != result.RunDecided || o.Blocks != 4 || o.Detail != "at the first look" {
		t.Errorf("outcome %+v", o)
	}
	// The launch that a slice names is still the one that it was measured on.
	n := len(first.Slices)
	for i, s := range merged.Slices {
		from, shift, blocks := first, 0.0, 0
		old := i
		if i >= n {
			from, shift, blocks, old = second, 60, first.Plan.Blocks, i-n
		}
		got, want := merged.Launches[s.Launch], launchOf(from, from.Slices[old].Launch)
		if got.Arm != want.Arm || got.Block != want.Block+blocks || got.StartS != want.StartS+shift || s.StartS != from.Slices[old].StartS+shift {
			t.Fatalf("slice %d is on launch %+v, want %+v", i, got, want)
		}
		if seedOf(merged, got) != seedOf(from, *want) {
			t.Fatalf("slice %d is on another layout", i)
		}
		if got.Series[0].AtS[0] != want.Series[0].AtS[0]+shift || got.Events[0].AtS != want.Events[0].AtS+shift {
			t.Fatalf("launch %d has series and events at other times", got.ID)
		}
	}
}

func launchOf(d *result.Document, id int) *result.Launch {
	for i := range d.Launches {
		if d.Launches[i].ID == id {
			return &d.Launches[i]
		}
	}
	return nil
}

func seedOf(d *result.Document, l result.Launch) uint64 {
	for _, arm := range d.Arms {
		for _, layout := range arm.Layouts {
			if arm.Name == l.Arm && layout.ID == l.Layout {
				return layout.Seed
			}
		}
	}
	return 0
}

func TestMergeSharesLayouts(t *testing.T) {
	first, second := shard(0), shard(1)
	second.Arms[0].Layouts[0].Seed = first.Arms[0].Layouts[1].Seed
	second.Arms[0].Layouts[0].SHA256 = first.Arms[0].Layouts[1].SHA256
	merged, err := result.Merge(first, second)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(merged.Arms[0].Layouts), 2+3-1; got != want {
		t.Errorf("%d layouts, want %d: one is in both shards", got, want)
	}
	if got := merged.Launches[len(first.Launches)].Layout; got != 1 {
		t.Errorf("launch of the shared layout has layout %d, want 1", got)
	}
}

func TestMergeRefusesOtherMeasurements(t *testing.T) {
	for want, change := range map[string]func(d *result.Document){
		"/kind": func(d *result.Document) {
			d.Kind, d.Arms = result.KindRun, d.Arms[:1]
			d.Launches, d.Slices, d.Outcome = nil, nil, result.Outcome{Ended: result.RunFailed}
		},
		"/provenance/tool":            func(d *result.Document) { d.Provenance.Tool.Version = "v9" },
		"/provenance/scenario/name":   func(d *result.Document) { d.Provenance.Scenario.Name = "other" },
		"/provenance/scenario/sha256": func(d *result.Document) { d.Provenance.Scenario = otherScenario() },
		"/provenance/runner/class":    func(d *result.Document) { d.Provenance.Runner.Class = "other" },
		"/arms":                       func(d *result.Document) { d.Arms[1].Commit = strings.Repeat("0", 40) },
		"/plan/metrics":               func(d *result.Document) { d.Plan.Metrics = d.Plan.Metrics[1:] },
		"/plan/policy":                func(d *result.Document) { d.Plan.Policy.Threshold = 0.1 },
		"/plan/limits":                func(d *result.Document) { d.Plan.Limits.P99S = 0.1 },
		"/outcome/ended identical": func(d *result.Document) {
			d.Launches, d.Slices, d.Outcome = nil, nil, result.Outcome{Ended: result.RunIdentical}
		},
		"/schema":     func(d *result.Document) { d.Schema = "fivegate/result/v0" },
		"given twice": func(d *result.Document) { *d = *shard(0) },
	} {
		other := shard(1)
		change(other)
		for _, docs := range [][]*result.Document{{shard(0), other}, {other, shard(0)}} {
			d, err := result.Merge(docs...)
			if d != nil || err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
		}
	}
	if _, err := result.Merge(); err == nil {
		t.Error("no error without documents")
	}
	d := shard(0)
	if _, err := result.Merge(d, d); err == nil || !strings.Contains(err.Error(), "given twice") {
		t.Errorf("the same document twice: error %v", err)
	}
}

func otherScenario() result.Scenario {
	return resulttest.Check(resulttest.Options{Seed: 1, Blocks: 1, RatePerS: 5}).Provenance.Scenario
}
