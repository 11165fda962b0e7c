package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// measured lists what a reader needs to know to trust the verdict.
func measured(doc *result.Document, v verdict.Verdict) []fact {
	facts, mde := loadFacts(doc, v), mdes(v)
	if isSuite(doc) {
		facts, mde = suiteFacts(doc, v), suiteMDEs(v)
	}
	facts = append(facts, fact{"runner", doc.Provenance.Runner.Class}, fact{"duration", elapsed(doc.Provenance.DurationS)}, fact{"MDE", mde}, fact{"calibration", calibrated(doc.Plan.Calibration)})
	facts = slices.DeleteFunc(facts, func(f fact) bool { return f.text == "" })
	for i, f := range facts {
		facts[i].text = clean(f.text, maxSentence)
	}
	return facts
}

// loadFacts are what was measured of targets under load.
func loadFacts(doc *result.Document, v verdict.Verdict) []fact {
	t := tally(doc)
	return []fact{
		{"scenario", doc.Provenance.Scenario.Name},
		{"limits", limits(doc.Plan.Limits)},
		{"design", design(doc, v)},
		{"rate", rate(doc)},
		{"requests", t.requests()},
		{"layouts", layouts(doc)},
		{"engine", t.engine()},
		{"transport", transport(doc.Plan.Transport)},
	}
}

// design words the blocks, rounds and looks.
func design(doc *result.Document, v verdict.Verdict) string {
	p := doc.Plan
	if doc.Outcome.Ended == result.RunIdentical {
		return "nothing was measured: both arms are the same bytes"
	}
	blocks := v.Look.Blocks
	if blocks == 0 {
		blocks = doc.Outcome.Blocks
	}
	text := fmt.Sprintf("%s of %s", count(blocks, "block"), count(p.Rounds, "round"))
	if blocks < p.Blocks {
		text += fmt.Sprintf(" (%d planned)", p.Blocks)
	}
	switch p.Mode {
	case result.ModeDuet:
		text += ", both arms at once"
	case result.ModeAlternating:
		text += ", arms in turn"
	case result.ModeSolo:
		text += ", one arm alone"
	}
	if v.Look.Of > 0 {
		text += fmt.Sprintf(", look %d of %d", v.Look.Number, v.Look.Of)
	}
	return text
}

// rate words the offered load and how much of the scenario's it is.
func rate(doc *result.Document) string {
	p := doc.Plan
	if p.RatePerS <= 0 || !finite(p.RatePerS) {
		return ""
	}
	text := significant(p.RatePerS) + "/s"
	if len(doc.Arms) > 1 {
		text += " to each arm"
	}
	if p.RateShare > 0 && finite(p.RateShare) {
		text += fmt.Sprintf(", %s%% of the scenario's rate", decimal(100*p.RateShare, 0))
	}
	if p.CapacityPerS > 0 && finite(p.CapacityPerS) && doc.Kind == result.KindCheck {
		text += fmt.Sprintf("; base alone reaches %s/s", significant(p.CapacityPerS))
	}
	return text
}

// layouts words how many builds each arm has.
func layouts(doc *result.Document) string {
	parts := make([]string, len(doc.Arms))
	for i, arm := range doc.Arms {
		parts[i] = fmt.Sprintf("%s %d", arm.Name, len(arm.Layouts))
	}
	return strings.Join(parts, ", ")
}

// limits words the scenario's validation limits.
func limits(l result.Limits) string {
	var parts []string
	if l.P99S > 0 && finite(l.P99S) {
		p99, _ := formatPair(verdict.UnitSeconds, l.P99S, l.P99S)
		parts = append(parts, "P99 ≤ "+p99)
	}
	if l.ThroughputPerS > 0 && finite(l.ThroughputPerS) {
		parts = append(parts, "throughput ≥ "+significant(l.ThroughputPerS)+"/s")
	}
	if l.ErrorRateSet {
		parts = append(parts, "errors ≤ "+percent(l.ErrorRate))
	}
	return strings.Join(parts, ", ")
}

// mdes words the smallest change that each gating metric would have shown.
func mdes(v verdict.Verdict) string {
	var parts []string
	for _, m := range v.Metrics {
		if mde := formatMDE(m); m.Gating && mde != absent {
			parts = append(parts, clean(m.Name, maxName)+" "+mde)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	text := "caught 95 times in 100: " + strings.Join(parts, ", ")
	if v.Look.Number < v.Look.Of {
		text += "; at this early look, whose bounds for a regression are stricter than the last one's"
	}
	return text
}

// totals sums up the slices.
type totals struct {
	due, sent, completed, failed int64
	kinds                        map[string]int64 // failed requests by arm and kind
	lagP99NS                     int64            // the worst slice
	limited                      int              // slices in which the engine was the limit
}

func tally(doc *result.Document) totals {
	arms := make(map[int]string, len(doc.Launches))
	for _, l := range doc.Launches {
		arms[l.ID] = l.Arm
	}
	t := totals{kinds: map[string]int64{}}
	for _, s := range doc.Slices {
		t.due += s.Due
		t.sent += s.Sent
		t.lagP99NS = max(t.lagP99NS, s.Engine.LagP99NS)
		if s.Engine.Limited != "" {
			t.limited++
		}
		for _, op := range s.Operations {
			t.completed += op.Completed
			for kind, n := range op.Errors {
				t.failed += n
				t.kinds[arms[s.Launch]+" "+kind] += n
			}
		}
	}
	return t
}

func (t totals) requests() string {
	if t.due == 0 {
		return ""
	}
	text := fmt.Sprintf("%s due, %s sent, %s failed", grouped(t.due), grouped(t.sent), grouped(t.failed))
	if t.failed == 0 {
		return text
	}
	kinds := make([]string, 0, len(t.kinds))
	for kind := range t.kinds {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%s %s", kind, grouped(t.kinds[kind]))
	}
	return text + " (" + strings.Join(kinds, ", ") + ")"
}

func (t totals) engine() string {
	if t.due == 0 {
		return ""
	}
	lag, _ := formatPair(verdict.UnitSeconds, float64(t.lagP99NS)/1e9, 0)
	text := "sent at most " + lag + " late (P99 of the worst slice)"
	if t.limited > 0 {
		text += fmt.Sprintf("; it was the limit in %s", count(t.limited, "slice"))
	}
	return text
}

// transport words what moved the requests.
func transport(name string) string {
	switch name {
	case "epoll":
		return "epoll: HTTP/1.1 from one thread of its own"
	case "plain":
		return "plain: TLS or HTTP/2 from a pool of workers, whose own cost is higher"
	}
	return name
}

// provenance lists what one needs to repeat the measurement.
func provenance(doc *result.Document) []fact {
	p := doc.Provenance
	out := []fact{{"tool", join(p.Tool.Version, p.Tool.Commit, p.Tool.Go)}}
	for _, arm := range doc.Arms {
		out = append(out, fact{arm.Name, join(arm.Ref, arm.Commit)})
	}
	if p.Repository.Path != "" {
		text := p.Repository.Path
		if p.Repository.Dirty {
			text += " (with uncommitted changes, which were not measured)"
		}
		out = append(out, fact{"repository", text})
	}
	out = append(
		out,
		fact{"scenario", scenarioOf(p.Scenario)},
		fact{"seed", strconv.FormatUint(p.Seed, 10)},
		fact{"started", p.StartedAt.UTC().Format(time.RFC3339)},
		fact{"command", strings.Join(p.Command, " ")},
	)
	for _, key := range sortedKeys(p.Runner.Fingerprint) {
		out = append(out, fact{"runner " + key, p.Runner.Fingerprint[key]})
	}
	out = slices.DeleteFunc(out, func(f fact) bool { return f.text == "" })
	for i, f := range out {
		out[i] = fact{clean(f.label, maxName), clean(f.text, maxSentence)}
	}
	return out
}

// scenarioOf names a scenario and its text; benchmarks have none.
func scenarioOf(s result.Scenario) string {
	if s.SHA256 == "" {
		return s.Name
	}
	return join(s.Name, "sha256 "+s.SHA256)
}

// join puts the parts that are not empty side by side.
func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// grouped writes a count with commas between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
