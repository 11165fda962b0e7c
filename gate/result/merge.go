package result

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Merge joins the documents of the shards of one measurement: the same arms
// under the same scenario and plan, on machines of one runner class. Nothing is
// dropped: every launch and slice is in the result, launches and blocks get new
// numbers, and times count from the start of the earliest shard. The result
// does not depend on the order of docs, which are not changed.
//
// What shards may differ in: the seed and command line (those of the earliest
// are kept), blocks and their looks (which add up), the rates and the capacity
// found at calibration (the least), the budget (the greatest), CPU numbers
// (joined), and the fingerprint (values that differ are listed). Any other
// difference, an invalid document and one that is given twice are errors.
func Merge(docs ...*Document) (*Document, error) {
	shards, err := orderShards(docs)
	if err != nil {
		return nil, err
	}
	first := shards[0]
	m := &merger{out: &Document{
		Schema: Schema, Kind: first.Kind, Provenance: first.Provenance, Plan: first.Plan, Outcome: first.Outcome,
		Launches: []Launch{}, Slices: []Slice{},
	}}
	m.startArms(first)
	for i, shard := range shards {
		if err := checkSameMeasurement(first, shard); err != nil {
			return nil, fmt.Errorf("merge: documents started at %s and %s are not of one measurement: %w",
				first.Provenance.StartedAt.Format(time.RFC3339), shard.Provenance.StartedAt.Format(time.RFC3339), err)
		}
		m.measured(shard)
		if i == 0 {
			m.out.Plan.Blocks, m.out.Outcome.Blocks = shard.Plan.Blocks, shard.Outcome.Blocks
			continue
		}
		m.plan(&shard.Plan)
		m.outcome(&shard.Outcome)
	}
	m.provenance(shards)
	return m.out, nil
}

// orderShards validates the documents and sorts them by their start, or if
// need be by their content.
func orderShards(docs []*Document) ([]*Document, error) {
	if len(docs) == 0 {
		return nil, errors.New("merge: no documents; name at least one")
	}
	digests := make(map[*Document][]byte, len(docs))
	for i, d := range docs {
		if err := d.Validate(); err != nil {
			return nil, fmt.Errorf("merge: document %d of %d is not valid: %w", i+1, len(docs), err)
		}
		if len(d.Benchmarks) > 0 {
			return nil, fmt.Errorf("merge: document %d of %d holds benchmarks; only the shards of a load can be joined", i+1, len(docs))
		}
		if len(d.Prior) > 0 {
			return nil, fmt.Errorf("merge: document %d of %d is pooled with earlier runs, whose looks would be forgotten; merge the shards first, and pool what comes of it", i+1, len(docs))
		}
		hash := sha256.New()
		if err := d.Write(hash); err != nil {
			return nil, fmt.Errorf("merge: document %d of %d: %w", i+1, len(docs), err)
		}
		if digests[d] == nil {
			digests[d] = hash.Sum(nil)
		}
	}
	shards := slices.SortedFunc(slices.Values(docs), func(a, b *Document) int {
		return cmp.Or(a.Provenance.StartedAt.Compare(b.Provenance.StartedAt), bytes.Compare(digests[a], digests[b]))
	})
	for i, d := range shards[1:] {
		if bytes.Equal(digests[d], digests[shards[i]]) {
			return nil, fmt.Errorf("merge: the document started at %s is given twice: its evidence would count double",
				d.Provenance.StartedAt.Format(time.RFC3339Nano))
		}
	}
	return shards, nil
}

// checkSameMeasurement names the first thing that two shards must share and do
// not.
func checkSameMeasurement(a, b *Document) error {
	ap, bp := &a.Provenance, &b.Provenance
	for _, c := range []struct {
		path string
		a, b any
	}{
		{"/kind", a.Kind, b.Kind},
		{"/provenance/tool", ap.Tool, bp.Tool},
		{"/provenance/scenario/name", ap.Scenario.Name, bp.Scenario.Name},
		{"/provenance/scenario/sha256", ap.Scenario.SHA256, bp.Scenario.SHA256},
		{"/provenance/scenario/text", ap.Scenario.Text, bp.Scenario.Text},
		{"/provenance/runner/class", ap.Runner.Class, bp.Runner.Class},
		{"/provenance/repository/path", ap.Repository.Path, bp.Repository.Path},
		{"/arms", armNames(a), armNames(b)},
		{"/plan/mode", a.Plan.Mode, b.Plan.Mode},
		{"/plan/transport", a.Plan.Transport, b.Plan.Transport},
		{"/plan/metrics", a.Plan.Metrics, b.Plan.Metrics},
		{"/plan/rounds", a.Plan.Rounds, b.Plan.Rounds},
		{"/plan/open_s", a.Plan.OpenS, b.Plan.OpenS},
		{"/plan/closed_s", a.Plan.ClosedS, b.Plan.ClosedS},
		{"/plan/probes", a.Plan.Probes, b.Plan.Probes},
		{"/plan/probe_operations", a.Plan.ProbeOperation, b.Plan.ProbeOperation},
		{"/plan/operations", a.Plan.Operations, b.Plan.Operations},
		{"/plan/policy", a.Plan.Policy, b.Plan.Policy},
		{"/plan/limits", a.Plan.Limits, b.Plan.Limits},
		{"/outcome/ended identical", a.Outcome.Ended == RunIdentical, b.Outcome.Ended == RunIdentical},
	} {
		if !same(c.a, c.b) {
			return fmt.Errorf("%s is %.200q in one and %.200q in the other; merge only shards of the same check",
				c.path, fmt.Sprint(c.a), fmt.Sprint(c.b))
		}
	}
	return nil
}

// same is equality for which a nil slice equals an empty one: JSON does not
// tell them apart.
func same(a, b any) bool {
	if as, ok := a.([]string); ok {
		bs, _ := b.([]string)
		return slices.Equal(as, bs)
	}
	return reflect.DeepEqual(a, b)
}

// armNames says what the arms are: their names, refs and commits, in order.
func armNames(d *Document) []string {
	var names []string
	for i := range d.Arms {
		names = append(names, strings.Join([]string{d.Arms[i].Name, d.Arms[i].Ref, d.Arms[i].Commit}, " "))
	}
	return names
}

// merger builds the joined document.
type merger struct {
	out    *Document
	blocks int // of the shards before, which is the number of the next one's first
}

func (m *merger) startArms(first *Document) {
	for _, arm := range first.Arms {
		arm.Layouts = []Layout{}
		m.out.Arms = append(m.out.Arms, arm)
	}
}

// measured adds what a shard measured: layouts, launches and slices.
func (m *merger) measured(shard *Document) {
	layouts := make([]map[int]int, len(shard.Arms))
	byArm := make(map[string]map[int]int, len(shard.Arms))
	for i := range shard.Arms {
		layouts[i] = addLayouts(&m.out.Arms[i], shard.Arms[i].Layouts)
		byArm[shard.Arms[i].Name] = layouts[i]
	}
	shift := shard.Provenance.StartedAt.Sub(m.out.Provenance.StartedAt).Seconds()
	ids := make(map[int]int, len(shard.Launches))
	for _, launch := range shard.Launches {
		ids[launch.ID] = len(m.out.Launches)
		launch.ID = len(m.out.Launches)
		launch.Layout = byArm[launch.Arm][launch.Layout]
		launch.Block += m.blocks
		launch.StartS += shift
		launch.Series = shiftSeries(launch.Series, shift)
		launch.Events = slices.Clone(launch.Events)
		for i := range launch.Events {
			launch.Events[i].AtS += shift
		}
		m.out.Launches = append(m.out.Launches, launch)
	}
	for _, slice := range shard.Slices {
		slice.Launch = ids[slice.Launch]
		slice.StartS += shift
		m.out.Slices = append(m.out.Slices, slice)
	}
	m.blocks += shard.Plan.Blocks
}

// addLayouts adds the layouts that arm has not got, under new ids where theirs
// are taken, and returns the new id of each.
func addLayouts(arm *Arm, layouts []Layout) map[int]int {
	ids := make(map[int]int, len(layouts))
	for _, layout := range layouts {
		known := slices.IndexFunc(arm.Layouts, func(l Layout) bool { return l.Seed == layout.Seed && l.SHA256 == layout.SHA256 })
		if known >= 0 {
			ids[layout.ID] = arm.Layouts[known].ID
			continue
		}
		old := layout.ID
		if slices.ContainsFunc(arm.Layouts, func(l Layout) bool { return l.ID == old }) {
			layout.ID = 1 + slices.MaxFunc(arm.Layouts, func(a, b Layout) int { return a.ID - b.ID }).ID
		}
		ids[old] = layout.ID
		arm.Layouts = append(arm.Layouts, layout)
	}
	return ids
}

func shiftSeries(series []Series, shift float64) []Series {
	series = slices.Clone(series)
	for i := range series {
		series[i].AtS = slices.Clone(series[i].AtS)
		for j := range series[i].AtS {
			series[i].AtS[j] += shift
		}
	}
	return series
}

// plan adds the plan of a shard. Looks add up one by one where there are as
// many in each shard, else only the last is left.
func (m *merger) plan(shard *Plan) {
	p := &m.out.Plan
	p.Blocks += shard.Blocks
	switch {
	case len(p.Looks) == 0 && len(shard.Looks) == 0:
	case len(p.Looks) == len(shard.Looks):
		p.Looks = slices.Clone(p.Looks)
		for i := range p.Looks {
			p.Looks[i] += shard.Looks[i]
		}
	default:
		p.Looks = []int{p.Blocks}
	}
	p.RatePerS = min(p.RatePerS, shard.RatePerS)
	p.RateShare = min(p.RateShare, shard.RateShare)
	p.CapacityPerS = leastKnown(p.CapacityPerS, shard.CapacityPerS)
	p.BudgetS = max(p.BudgetS, shard.BudgetS)
	p.TargetCPUs = union(p.TargetCPUs, shard.TargetCPUs)
	p.EngineCPUs = union(p.EngineCPUs, shard.EngineCPUs)
}

// leastKnown is the lesser of two numbers of which 0 means unknown.
func leastKnown(a, b float64) float64 {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

func union(a, b []int) []int {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

// outcome adds the outcome of a shard: the joined measurement ended as badly as
// the worst of them.
func (m *merger) outcome(shard *Outcome) {
	o := &m.out.Outcome
	o.Blocks += shard.Blocks
	worst := []RunEnded{RunFailed, RunInterrupted, RunBudget, RunDecided, RunComplete, RunIdentical}
	if slices.Index(worst, shard.Ended) < slices.Index(worst, o.Ended) {
		o.Ended = shard.Ended
	}
	if shard.Detail != "" && !slices.Contains(strings.Split(o.Detail, "; "), shard.Detail) {
		o.Detail = strings.TrimPrefix(o.Detail+"; "+shard.Detail, "; ")
	}
}

// provenance joins what the shards may differ in. The first is the earliest.
func (m *merger) provenance(shards []*Document) {
	p := &m.out.Provenance
	values := make(map[string][]string)
	end := 0.0
	for _, shard := range shards {
		sp := &shard.Provenance
		end = max(end, sp.StartedAt.Sub(p.StartedAt).Seconds()+sp.DurationS)
		p.Repository.Dirty = p.Repository.Dirty || sp.Repository.Dirty
		for key, value := range sp.Runner.Fingerprint {
			values[key] = append(values[key], value)
		}
	}
	p.DurationS = max(end, p.DurationS)
	p.Runner.Fingerprint = make(map[string]string, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		p.Runner.Fingerprint[key] = strings.Join(slices.Compact(slices.Sorted(slices.Values(values[key]))), " | ")
	}
}
