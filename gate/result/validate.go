package result

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// clockSlack is by how much times taken by different clocks, or at different
// moments of one step, may disagree, in seconds.
const clockSlack = 1

// longestBuild is how long a build may take, in seconds. Builds come before the
// measurement, so its length is no bound for them.
const longestBuild = 24 * 60 * 60

// validator holds what the parts of a document must agree with.
type validator struct {
	faults
	d          *Document
	operations map[string]bool
	layouts    map[string]map[int]bool // by arm
	launches   map[int]*Launch
	longest    float64 // s: nothing in the document lasts longer
}

// Validate says what is wrong with the document: all of it (up to fifty faults,
// and how many more), each with its place as a JSON pointer. Numbers that no
// measurement can yield are faults, a poor measurement is not: that is for the
// verdict to say.
func (d *Document) Validate() error {
	v := &validator{
		d:          d,
		operations: make(map[string]bool, len(d.Plan.Operations)),
		layouts:    make(map[string]map[int]bool, len(d.Arms)),
		launches:   make(map[int]*Launch, len(d.Launches)),
		longest:    d.Provenance.DurationS + clockSlack,
	}
	if d.Schema != Schema { // the rest would be noise
		return &readFault{"/schema", wrongSchema(d.Schema)}
	}
	oneOf(&v.faults, "", "kind", d.Kind, KindCheck, KindRun, KindCompare)
	v.provenance()
	v.plan()
	v.arms()
	for i := range d.Launches {
		v.launch(i)
	}
	v.slices()
	v.benchmarks()
	v.outcome()
	v.prior()
	if len(v.list) == 0 {
		return nil
	}
	return &v.faults
}

func (v *validator) provenance() {
	p, at := &v.d.Provenance, place("/provenance")
	if p.StartedAt.IsZero() {
		v.add(at, "started_at", "is missing")
	} else if _, offset := p.StartedAt.Zone(); offset != 0 {
		v.add(at, "started_at", "is %s, need UTC", p.StartedAt)
	}
	v.number(at, "duration_s", p.DurationS)
	if p.Runner.Class == "" {
		v.add(at, "runner/class", "is empty: numbers compare only within one class")
	}
	if strings.ContainsAny(p.Repository.Path, `/\`) {
		v.add(at, "repository/path", "is %q, need the base name only", p.Repository.Path)
	}
	if p.Scenario.Text == "" && p.Scenario.SHA256 == "" {
		return
	}
	v.hash(at, "scenario/sha256", p.Scenario.SHA256, sha256.Size*2)
	sum := sha256.Sum256([]byte(p.Scenario.Text))
	if want := hex.EncodeToString(sum[:]); p.Scenario.Text != "" && p.Scenario.SHA256 != want {
		v.add(at, "scenario/sha256", "is %q, but the text has %s: one of them was changed", p.Scenario.SHA256, want)
	}
}

func (v *validator) plan() {
	p, at := &v.d.Plan, place("/plan")
	oneOf(&v.faults, at, "mode", p.Mode, ModeDuet, ModeAlternating, ModeSolo, ModeSeparate)
	v.names(at, "metrics", p.Metrics)
	v.names(at, "operations", p.Operations)
	for _, name := range p.Operations {
		v.operations[name] = true
	}
	v.count(at, "blocks", int64(p.Blocks))
	v.count(at, "rounds", int64(p.Rounds))
	v.looks()
	v.number(at, "open_s", p.OpenS)
	v.number(at, "closed_s", p.ClosedS)
	v.number(at, "rate_per_s", p.RatePerS)
	v.fraction(at, "rate_share", p.RateShare)
	v.number(at, "capacity_per_s", p.CapacityPerS)
	v.number(at, "budget_s", p.BudgetS)
	v.probeOperations()
	v.cpus("target_cpus", p.TargetCPUs)
	v.cpus("engine_cpus", p.EngineCPUs)
	if p.Transport != "" {
		oneOf(&v.faults, at, "transport", p.Transport, "epoll", "portable", "plain")
	}
	v.policy()
	v.calibration()
	v.number(at, "limits/p99_s", p.Limits.P99S)
	v.number(at, "limits/throughput_per_s", p.Limits.ThroughputPerS)
	v.fraction(at, "limits/error_rate", p.Limits.ErrorRate)
}

// looks demands looks that ascend and end at the last block. Without blocks
// there is nothing to look at.
func (v *validator) looks() {
	p, at, last := &v.d.Plan, place("/plan"), 0
	for i, look := range p.Looks {
		if look <= last {
			v.add(at.item("looks", i), "", "is %d, need more than %d: looks ascend", look, last)
		}
		last = look
	}
	if last != p.Blocks && (len(p.Looks) > 0 || v.d.Kind == KindCheck) {
		v.add(at, "looks", "end at %d, need the number of blocks, %d", last, p.Blocks)
	}
}

// probeOperations checks that the run lengths add up to the probes.
func (v *validator) probeOperations() {
	p, at, sum := &v.d.Plan, place("/plan"), 0
	v.count(at, "probes", int64(p.Probes))
	for i, run := range p.ProbeOperation {
		name, length, _ := strings.Cut(run, "*")
		n, err := strconv.Atoi(length)
		if err != nil || n < 1 || n > p.Probes || !v.operations[name] {
			v.add(at.item("probe_operations", i), "", "is %q, need an operation of the plan and how many probes in a row are its, as in \"recall*323\"", run)
			return
		}
		sum += n
	}
	if len(p.ProbeOperation) > 0 && sum != p.Probes {
		v.add(at, "probe_operations", "hold %d probes, need %d", sum, p.Probes)
	}
}

func (v *validator) cpus(member string, cpus []int) {
	sorted := slices.Sorted(slices.Values(cpus))
	if len(sorted) > 0 && sorted[0] < 0 {
		v.add("/plan", member, "hold %d, need CPU numbers of 0 or more", sorted[0])
	}
	if len(slices.Compact(sorted)) != len(cpus) {
		v.add("/plan", member, "hold a CPU twice")
	}
}

func (v *validator) policy() {
	p, at := &v.d.Plan.Policy, place("/plan/policy")
	v.fraction(at, "threshold", p.Threshold)
	v.fraction(at, "pass_bound", p.PassBound)
	v.fraction(at, "max_mde", p.MaxMDE)
	v.fraction(at, "alpha", p.Alpha)
	v.fraction(at, "reserve", p.Reserve)
	v.fraction(at, "layout_sd", p.LayoutSD)
	if v.d.Kind != KindRun || p.OnInconclusive != "" {
		oneOf(&v.faults, at, "on_inconclusive", p.OnInconclusive, "warn", "block")
	}
}

func (v *validator) arms() {
	d := v.d
	want := map[Kind]int{KindCheck: 2, KindRun: 1, KindCompare: 2}[d.Kind]
	if n := len(d.Arms); want > 0 && n != want && (n > want || !mayBeEmpty(d.Outcome.Ended)) {
		v.add("", "arms", "are %d, need %d in a document of kind %q", n, want, d.Kind)
	}
	for i := range d.Arms {
		arm, at := &d.Arms[i], place("").item("arms", i)
		if arm.Name == "" {
			v.add(at, "name", "is empty")
		}
		if v.layouts[arm.Name] != nil {
			v.add(at, "name", "is %q, which is another arm's", arm.Name)
		}
		if arm.Commit != "" {
			v.hash(at, "commit", arm.Commit, 40, 64)
		}
		ids := make(map[int]bool, len(arm.Layouts))
		v.layouts[arm.Name] = ids
		for j := range arm.Layouts {
			layout, at := &arm.Layouts[j], at.item("layouts", j)
			if ids[layout.ID] {
				v.add(at, "id", "is %d, which is another layout's", layout.ID)
			}
			ids[layout.ID] = true
			if layout.SHA256 != "" || arm.Commit != "" { // what was not built here has no files to hash
				v.hash(at, "sha256", layout.SHA256, sha256.Size*2)
			}
			v.seconds(at, "build_s", layout.BuildS, longestBuild, "a day")
		}
	}
}

func (v *validator) outcome() {
	o, at := &v.d.Outcome, place("/outcome")
	oneOf(&v.faults, at, "ended", o.Ended, RunDecided, RunComplete, RunBudget, RunIdentical, RunInterrupted, RunFailed)
	v.count(at, "blocks", int64(o.Blocks))
	if o.Blocks > v.d.Plan.Blocks {
		v.add(at, "blocks", "is %d, more than the plan's %d", o.Blocks, v.d.Plan.Blocks)
	}
	if o.Ended == RunComplete && o.Blocks < v.d.Plan.Blocks {
		v.add(at, "blocks", "is %d, but a complete measurement has the plan's %d", o.Blocks, v.d.Plan.Blocks)
	}
	measured := make(map[int]bool)
	for i := range v.d.Launches {
		measured[v.d.Launches[i].Block] = true
	}
	blocks := len(measured)
	for i := range v.d.Benchmarks {
		blocks = max(blocks, v.d.Benchmarks[i].Blocks())
	}
	if o.Blocks > blocks {
		v.add(at, "blocks", "is %d, but only %d blocks were measured", o.Blocks, blocks)
	}
	if len(v.d.Slices)+len(v.d.Benchmarks) == 0 && !mayBeEmpty(o.Ended) {
		v.add("", "slices", "are missing, but the measurement ended as %q", o.Ended)
	}
}

// mayBeEmpty says whether a measurement that ended so may have measured nothing.
func mayBeEmpty(ended RunEnded) bool {
	return ended == RunIdentical || ended == RunFailed || ended == RunInterrupted
}
