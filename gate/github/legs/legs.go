// Package legs joins what several runner classes found under several scenarios
// into one verdict.
//
// A leg is one result document: one runner class under one scenario. A regression
// on any leg blocks; a class that was to report and did not blocks as well, for
// silence is no pass. A red leg may have been measured again on a second runner,
// and then blocks only if both agree (confirm.go); a regression may be waived
// (gate/waiver).
//
// The package is pure: everything follows from the documents, the waivers and the
// date that it is given.
package legs

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/gate/waiver"
)

// Source is a document and where it came from.
type Source struct {
	Name     string // slash-separated path; its directories and its base are names of the runner class
	Document *result.Document
}

// Options say what the legs are held against.
type Options struct {
	Require   []string // runner classes that must report
	Optional  []string // runner classes that may stay away
	Waivers   waiver.Set
	Scenarios []string  // that exist beside the ones that were measured
	Now       time.Time // for the expiry of waivers
}

// Leg is what one runner class found under one scenario.
type Leg struct {
	Name         string
	Label        string // what to call its runner class: the beginning of the class that tells it from the others'
	Document     *result.Document
	Verdict      verdict.Verdict // confirmed and with its waivers
	Blocks       bool
	Waivers      []waiver.Use
	Confirmation *Confirmation // nil when no second runner measured
}

// Combined is the verdict of all legs.
type Combined struct {
	Status   verdict.Status
	ExitCode int
	Blocks   bool     // the change must not merge
	Reason   string   // one sentence
	Next     string   // one sentence
	Legs     []Leg    // worst first
	Missing  []string // required classes that did not report
	Absent   []string // optional ones
	Notes    []string
}

// Class is the leg's runner class.
func (l *Leg) Class() string { return l.Document.Provenance.Runner.Class }

// Scenario is the leg's scenario.
func (l *Leg) Scenario() string { return l.Document.Provenance.Scenario.Name }

// Arch is the architecture of the leg's runner; empty when it is not known.
func (l *Leg) Arch() string { return l.Document.Provenance.Runner.Fingerprint["arch"] }

// Combine judges the documents and joins the verdicts. Two documents of one class
// and scenario, a confirmation of a check that is not among the documents, and
// waivers that name nothing (diag.Faults) are errors.
func Combine(sources []Source, o Options) (Combined, error) {
	legs, confirmations, err := split(sources)
	if err != nil {
		return Combined{}, err
	}
	var targets []waiver.Target
	for i := range legs {
		targets = append(targets, legs[i].target())
	}
	if faults := o.Waivers.NamesNothing(targets, o.Scenarios); len(faults) > 0 {
		return Combined{}, faults.Err()
	}
	var c Combined
	for i := range legs {
		leg := &legs[i]
		leg.Verdict = verdict.Judge(leg.Document)
		leg.Blocks = leg.Verdict.Blocks()
		if second, ok := confirmations[leg.key()]; ok {
			leg.confirm(second)
		}
		before := leg.Verdict.Status
		leg.Verdict, leg.Waivers = o.Waivers.Apply(o.Now, targets[i], leg.Verdict)
		if leg.Verdict.Status != before {
			leg.Blocks = leg.Verdict.Blocks()
		}
	}
	classes := slices.Concat(o.Require, o.Optional)
	c.Missing, c.Absent = absent(legs, classes, o.Require), absent(legs, classes, o.Optional)
	slices.SortStableFunc(legs, compare)
	label(legs)
	c.Legs = legs
	c.Notes = append(disagreements(legs), waiverNotes(o, targets)...)
	c.conclude()
	return c, nil
}

// key is what only one leg may have.
func (l *Leg) key() string { return fmt.Sprintf("%q %q", l.Class(), l.Scenario()) }

// split tells legs from confirmations. The class of a confirmation is its own, so
// it is filed under the leg that it belongs to.
func split(sources []Source) ([]Leg, map[string]Source, error) {
	var legs []Leg
	seen := map[string]string{}
	for _, s := range sources {
		if confirms(s.Name) {
			continue
		}
		leg := Leg{Name: s.Name, Document: s.Document}
		if first, ok := seen[leg.key()]; ok {
			return nil, nil, fmt.Errorf("%s and %s are both of runner class %q and scenario %q: join shards with gate merge, and name a second measurement confirm-NAME.json", first, s.Name, leg.Class(), leg.Scenario())
		}
		seen[leg.key()] = s.Name
		legs = append(legs, leg)
	}
	confirmations := map[string]Source{}
	for _, s := range sources {
		if !confirms(s.Name) {
			continue
		}
		key, err := confirmed(legs, s)
		if err != nil {
			return nil, nil, err
		}
		if _, twice := confirmations[key]; twice {
			return nil, nil, fmt.Errorf("%s is a second confirmation of the same check: one is allowed, or the luckiest would be chosen", s.Name)
		}
		confirmations[key] = s
	}
	return legs, confirmations, nil
}

// label gives each leg the shortest beginning of its class, of two parts or more,
// that is not the beginning of another class: linux-arm64 says enough beside
// linux-amd64.
func label(legs []Leg) {
	for i := range legs {
		own := strings.Split(legs[i].Class(), "-")
		for n := min(2, len(own)); n <= len(own); n++ {
			legs[i].Label = strings.Join(own[:n], "-")
			if !slices.ContainsFunc(legs, func(l Leg) bool {
				return l.Class() != legs[i].Class() && strings.HasPrefix(l.Class()+"-", legs[i].Label+"-")
			}) {
				break
			}
		}
	}
}

// names are what the leg's runner class goes by: the class itself and the parts
// that it is made of, and what it is called by where it came from.
func (l *Leg) names() []string {
	names := append([]string{l.Class(), l.Arch()}, strings.Split(l.Class(), "-")...)
	if slices.Contains(names, "amd64") {
		names = append(names, "x64") // as runners are labelled
	}
	names = append(names, l.given()...)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" || name == "." || name == ".." })
}

// given are the names of the file and the directories that the leg came in, and
// their parts: gate-suite-numa-1/result.json is called numa.
func (l *Leg) given() []string {
	var names []string
	for _, part := range strings.Split(path.Clean(l.Name), "/") {
		part = strings.TrimSuffix(part, ".json")
		names = append(names, part)
		names = append(names, strings.Split(part, "-")...)
	}
	return names
}

func (l *Leg) target() waiver.Target {
	metrics := slices.Clone(l.Document.Plan.Metrics)
	if len(l.Document.Benchmarks) > 0 { // the plan declares units there
		metrics = metrics[:0]
		for _, m := range l.Verdict.Metrics {
			if m.Gating {
				metrics = append(metrics, m.Name)
			}
		}
	}
	return waiver.Target{Scenario: l.Scenario(), Runner: l.names(), Metrics: metrics}
}

// absent are those of the classes that no leg answers to; letter case does not
// count. A leg that came under the name of a class answers to that only: a machine
// with several nodes is of some architecture too, and must not stand in for the
// one that was to report for it.
func absent(legs []Leg, all, classes []string) []string {
	var out []string
	for _, class := range classes {
		if !slices.ContainsFunc(legs, func(l Leg) bool { return l.answers(class, all) }) {
			out = append(out, class)
		}
	}
	return out
}

func (l *Leg) answers(class string, all []string) bool {
	is := func(names []string, class string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, class) })
	}
	if given := l.given(); slices.ContainsFunc(all, func(c string) bool { return is(given, c) }) {
		return is(given, class)
	}
	return is(l.names(), class)
}

// severity orders verdicts by what they mean for the merge: a regression is sure,
// so it comes before a measurement that is broken.
func severity(exit int) int {
	return slices.Index([]int{verdict.ExitRegression, verdict.ExitCompetitive, verdict.ExitInvalid, verdict.ExitInconclusive, verdict.ExitPass}, exit)
}

func compare(a, b Leg) int {
	if by := severity(a.Verdict.ExitCode()) - severity(b.Verdict.ExitCode()); by != 0 {
		return by
	}
	return strings.Compare(a.key(), b.key())
}

// conclude derives the verdict of all from those of the legs.
func (c *Combined) conclude() {
	if len(c.Legs) == 0 {
		c.Status, c.ExitCode, c.Blocks = verdict.Invalid, verdict.ExitInvalid, true
		c.Reason, c.Next = "there is no result to judge", "look at what the check itself has printed"
	} else {
		c.fromLegs()
	}
	if len(c.Missing) > 0 {
		c.Invalidate(fmt.Sprintf("no result from %s, which must report", strings.Join(c.Missing, ", ")),
			"look at the jobs of these runner classes, and run them again; one that may stay away is declared optional")
	}
}

func (c *Combined) fromLegs() {
	worst := c.Legs[0].Verdict
	c.Status, c.ExitCode, c.Reason, c.Next = worst.Status, worst.ExitCode(), worst.Reason, worst.Next
	c.Blocks = slices.ContainsFunc(c.Legs, func(l Leg) bool { return l.Blocks })
	if c.Status == verdict.Pass && slices.ContainsFunc(c.Legs, func(l Leg) bool { return l.Verdict.Status == verdict.Improvement }) {
		c.Status = verdict.Improvement
	}
	switch {
	case len(c.Legs) == 1:
	case c.ExitCode == verdict.ExitPass:
		c.Reason = fmt.Sprintf("no gating metric regressed on any of %d runner classes and scenarios", len(c.Legs))
	default:
		c.Reason = fmt.Sprintf("on %s, %s", c.Legs[0].Label, worst.Reason)
	}
}

// Invalidate makes the verdict invalid for a reason outside of the documents. A
// regression stays one, since it is sure, and the reason becomes a note.
func (c *Combined) Invalidate(reason, next string) {
	c.Blocks = true
	if severity(c.ExitCode) < severity(verdict.ExitInvalid) || c.Status == verdict.Invalid && len(c.Legs) > 0 {
		c.Notes = append([]string{reason}, c.Notes...)
		return
	}
	c.Status, c.ExitCode, c.Reason, c.Next = verdict.Invalid, verdict.ExitInvalid, reason, next
}

// waiverNotes tell of waivers that hold elsewhere only, so that nobody believes
// that they hold here.
func waiverNotes(o Options, targets []waiver.Target) []string {
	var notes []string
	for _, w := range o.Waivers {
		if !slices.ContainsFunc(targets, w.Covers) {
			notes = append(notes, fmt.Sprintf("waiver %s is for a scenario or runner class that was not measured here", w.Name))
		}
	}
	return notes
}
