package result

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// maxCores is how many cores a machine may have busy: CPU time beyond it is in
// another unit than seconds.
const maxCores = 4096

func (v *validator) launch(i int) {
	l, at, p := &v.d.Launches[i], place("").item("launches", i), &v.d.Plan
	switch {
	case l.ID < 0:
		v.add(at, "id", "is %d, need 0 or more", l.ID)
	case v.launches[l.ID] != nil:
		v.add(at, "id", "is %d, which is another launch's", l.ID)
	default:
		v.launches[l.ID] = l
	}
	if layouts, ok := v.layouts[l.Arm]; !ok {
		v.add(at, "arm", "is %q, which is no arm of the document", l.Arm)
	} else if !layouts[l.Layout] {
		v.add(at, "layout", "is %d, which is no layout of arm %q", l.Layout, l.Arm)
	}
	if l.Block < 0 || l.Block >= p.Blocks {
		v.add(at, "block", "is %d, need 0 or more and less than the plan's %d", l.Block, p.Blocks)
	}
	if l.Order < 0 || l.Order >= len(v.d.Arms) {
		v.add(at, "order", "is %d, need 0 or more and less than the number of arms, %d", l.Order, len(v.d.Arms))
	}
	v.seconds(at, "start_s", l.StartS, v.longest, "the whole measurement")
	v.seconds(at, "ready_s", l.ReadyS, v.longest, "the whole measurement")
	v.seconds(at, "load_s", l.LoadS, v.longest, "the whole measurement")
	v.seconds(at, "warm_up_s", l.WarmUpS, v.longest, "the whole measurement")
	oneOf(&v.faults, at, "ended", l.Ended, EndedStopped, EndedCrashed, EndedHung, EndedAborted)
	v.series(at, l.Series)
	v.probes(at, l.Probes)
	for i, e := range l.Events {
		at := at.item("events", i)
		if e.Name == "" {
			v.add(at, "name", "is empty")
		}
		v.seconds(at, "at_s", e.AtS, v.longest, "the whole measurement")
	}
}

func (v *validator) series(at place, series []Series) {
	names := make(map[string]bool, len(series))
	for i, s := range series {
		at := at.item("series", i)
		if s.Name == "" || names[s.Name] {
			v.add(at, "name", "is %q, need a name that no other series of the launch has", s.Name)
		}
		names[s.Name] = true
		if len(s.AtS) != len(s.Values) {
			v.add(at, "values", "are %d, need one for each of %d times", len(s.Values), len(s.AtS))
		}
		before := 0.0
		for j, t := range s.AtS {
			if !(t >= 0 && t <= v.longest) {
				v.seconds(at.item("at_s", j), "", t, v.longest, "the whole measurement")
			} else if t < before {
				v.add(at.item("at_s", j), "", "is %v, before %v: times ascend", t, before)
			}
			before = t
		}
		for j, value := range s.Values {
			if !(value >= 0 && value <= math.MaxFloat64) {
				v.number(at.item("values", j), "", value)
			}
		}
	}
}

func (v *validator) probes(at place, probes *Probes) {
	if probes == nil {
		return
	}
	p := &v.d.Plan
	if probes.Operations != p.Probes {
		v.add(at, "probes/operations", "is %d, need the plan's probes, %d", probes.Operations, p.Probes)
	}
	if probes.Rounds < 0 || probes.Rounds > p.Rounds {
		v.add(at, "probes/rounds", "is %d, need 0 or more and no more than the plan's %d", probes.Rounds, p.Rounds)
		return // the product below might overflow
	}
	if want := int64(probes.Rounds) * int64(probes.Operations); want != int64(len(probes.Packed)) {
		v.add(at, "probes/packed", "holds %d latencies, need %d (%d rounds of %d probes)", len(probes.Packed), want, probes.Rounds, probes.Operations)
	}
}

// sliceKey is what only one slice of a document may have.
type sliceKey struct {
	launch, round int
	phase         Phase
	mode          Mode
	conditions    string
}

func (v *validator) slices() {
	seen := make(map[sliceKey]int, len(v.d.Slices))
	for i := range v.d.Slices {
		s, at := &v.d.Slices[i], place("").item("slices", i)
		key := sliceKey{s.Launch, s.Round, s.Phase, s.Mode, conditionsKey(s.Conditions)}
		if first, ok := seen[key]; ok {
			v.add(at, "", "has the launch, round, phase, mode and conditions of /slices/%d", first)
		} else {
			seen[key] = i
		}
		v.slice(at, s)
		v.sliceTimes(at, s)
		v.engine(at+"/engine", s)
		v.sliceOperations(at, s)
	}
}

// conditionsKey is the same for the same conditions, and for no others.
func conditionsKey(conditions map[string]string) string {
	if len(conditions) == 0 {
		return ""
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(conditions)) {
		fmt.Fprintf(&b, "%q=%q ", name, conditions[name])
	}
	return b.String()
}

func (v *validator) slice(at place, s *Slice) {
	if v.launches[s.Launch] == nil {
		v.add(at, "launch", "is %d, which is no launch of the document", s.Launch)
	}
	if rounds := max(v.d.Plan.Rounds, 1); s.Round < 0 || s.Round >= rounds {
		v.add(at, "round", "is %d, need 0 or more and less than the plan's %d", s.Round, rounds)
	}
	oneOf(&v.faults, at, "phase", s.Phase, PhaseOpen, PhaseClosed)
	oneOf(&v.faults, at, "mode", s.Mode, ModeDuet, ModeAlternating, ModeSolo)
	if v.d.Kind == KindRun && s.Mode != ModeSolo {
		v.add(at, "mode", "is %q, but a document of kind %q has one arm, which is alone", s.Mode, KindRun)
	}
	if s.Position < 0 || s.Position >= len(v.d.Arms) {
		v.add(at, "position", "is %d, need 0 or more and less than the number of arms, %d", s.Position, len(v.d.Arms))
	}
	if _, ok := s.Conditions[""]; ok {
		v.add(at, "conditions", "have one without a name")
	}
	v.count(at, "due", s.Due)
	v.count(at, "sent", s.Sent)
	switch {
	case s.Phase == PhaseOpen && s.Sent > s.Due:
		v.add(at, "sent", "is %d, more than the %d that were due", s.Sent, s.Due)
	case s.Phase == PhaseClosed && s.Sent != s.Due:
		v.add(at, "due", "is %d, need the number sent in a closed loop, %d", s.Due, s.Sent)
	}
	v.count(at, "rss_bytes", s.RSSBytes)
}

func (v *validator) sliceTimes(at place, s *Slice) {
	v.seconds(at, "start_s", s.StartS, v.longest, "the whole measurement")
	v.seconds(at, "duration_s", s.DurationS, v.longest, "the whole measurement")
	if s.StartS <= v.longest && s.DurationS <= v.longest && s.StartS+s.DurationS > v.longest {
		v.add(at, "duration_s", "is %v from %v on, beyond the end of the measurement (%v s)", s.DurationS, s.StartS, v.d.Provenance.DurationS)
	}
	busiest, what := maxCores*s.DurationS+clockSlack, "all cores could be busy in the slice"
	if !(busiest >= clockSlack) { // the duration is at fault, and told
		busiest = math.Inf(1)
	}
	v.seconds(at, "cpu_s", s.CPUS, busiest, what)
	v.seconds(at, "steal_s", s.StealS, busiest, what)
	v.seconds(at, "pressure_s", s.PressureS, s.DurationS+clockSlack, "the slice lasted")
	v.seconds(at, "engine/cpu_s", s.Engine.CPUS, busiest, what)
	v.seconds(at, "engine/foreign_cpu_s", s.Engine.ForeignS, busiest, what)
}

func (v *validator) engine(at place, s *Slice) {
	e := &s.Engine
	v.count(at, "lag_p99_ns", e.LagP99NS)
	v.count(at, "lag_p999_ns", e.LagP999NS)
	v.count(at, "lag_max_ns", e.LagMaxNS)
	v.count(at, "wait_p99_ns", e.WaitP99NS)
	v.count(at, "service_p50_ns", e.ServiceP50NS)
	v.count(at, "service_p99_ns", e.ServiceP99NS)
	if e.LagP99NS > e.LagP999NS {
		v.add(at, "lag_p999_ns", "is %d, less than lag_p99_ns, %d", e.LagP999NS, e.LagP99NS)
	}
	if e.ServiceP50NS > e.ServiceP99NS {
		v.add(at, "service_p99_ns", "is %d, less than service_p50_ns, %d", e.ServiceP99NS, e.ServiceP50NS)
	}
}

func (v *validator) sliceOperations(at place, s *Slice) {
	var ended, completed int64
	for i := range s.Operations {
		o := &s.Operations[i]
		completed = addSaturating(completed, max(o.Completed, 0))
		if n, ok := v.operation(at, i, s); ok {
			ended = addSaturating(ended, n)
		}
		if slices.ContainsFunc(s.Operations[:i], func(other Operation) bool { return other.Name == o.Name }) {
			v.add(at.item("operations", i), "name", "is %q, which is listed before", o.Name)
		}
	}
	// A request that found no connection failed without having been sent.
	if ended > s.Due {
		v.add(at, "due", "is %d, fewer than the %d that were completed or failed", s.Due, ended)
	}
	if completed > s.Sent {
		v.add(at, "sent", "is %d, fewer than the %d that were completed", s.Sent, completed)
	}
}

// operation checks one operation of a slice, and returns how many requests of
// it came to an end; not ok when that cannot be said.
func (v *validator) operation(slice place, i int, s *Slice) (ended int64, ok bool) {
	o := &s.Operations[i]
	bad := func(member, format string, args ...any) {
		ok = false
		v.add(slice.item("operations", i), member, format, args...)
	}
	ended, ok = o.Completed, true
	if !v.operations[o.Name] {
		bad("name", "is %q, which is no operation of the plan", o.Name)
	}
	if o.Completed < 0 {
		bad("completed", "is %d, need 0 or more", o.Completed)
	}
	for _, kind := range slices.Sorted(maps.Keys(o.Errors)) {
		n := o.Errors[kind]
		if kind == "" || n < 0 {
			bad("errors", "have %d of kind %q, need a kind and 0 or more", n, kind)
		}
		ended = addSaturating(ended, n)
	}
	switch total := o.Response.Total(); {
	case s.Phase == PhaseOpen && total != o.Completed && o.Response == nil:
		bad("response", "is missing, but %d requests of an open loop were completed", o.Completed)
	case s.Phase == PhaseOpen && total != o.Completed:
		bad("response", "holds %d latencies, need one for each of %d completed requests", total, o.Completed)
	case s.Phase == PhaseClosed && o.Response != nil:
		bad("response", "is there, but in a closed loop latency has no meaning: remove it")
	}
	return ended, ok
}

// addSaturating adds counts, of which any may be absurd.
func addSaturating(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + max(b, 0)
}
