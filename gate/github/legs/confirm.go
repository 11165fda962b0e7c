package legs

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// confirmShare is the part of the policy's family error that the second
// measurement gets for itself. A false block then needs both measurements to be
// wrong: at 2% that is at most 1%, were they one and the same, and 0.02% when the
// runners have nothing in common.
const confirmShare = 0.5

// Confirmation is a second measurement of a red leg, on another runner.
type Confirmation struct {
	Class    string // of the second runner
	Agreed   []string
	Refuted  []string // metrics shown not to have regressed there
	Unclear  []string // metrics that it could not tell
	Note     string   // one sentence
	Hardware bool     // they disagree, and their CPUs are of different models
	Broken   bool     // it cannot be judged, so it says nothing against the first
	document *result.Document
}

// confirms says whether a document of this name is a second measurement: its base
// name or a directory of it is called confirm, or begins with confirm-.
func confirms(name string) bool {
	return slices.ContainsFunc(strings.Split(path.Clean(name), "/"), func(part string) bool {
		part = strings.TrimSuffix(part, ".json")
		return part == "confirm" || strings.HasPrefix(part, "confirm-")
	})
}

// confirmed finds the leg that a second measurement is of: the same scenario and
// the same commits. With several, as when two classes are red, its name says which.
func confirmed(legs []Leg, s Source) (string, error) {
	var keys []string
	for i := range legs {
		leg := &legs[i]
		if !sameCheck(leg.Document, s.Document) {
			continue
		}
		if name := strings.TrimPrefix(strings.TrimSuffix(path.Base(s.Name), ".json"), "confirm-"); slices.Contains(leg.names(), name) {
			return leg.key(), nil
		}
		keys = append(keys, leg.key())
	}
	switch len(keys) {
	case 0:
		return "", fmt.Errorf("%s confirms nothing: no other document is of its scenario and commits", s.Name)
	case 1:
		return keys[0], nil
	}
	return "", fmt.Errorf("%s could confirm %d of the documents: name it confirm-CLASS.json", s.Name, len(keys))
}

// sameCheck says whether two documents compare the same commits under the same
// scenario.
func sameCheck(a, b *result.Document) bool {
	if a.Provenance.Scenario.SHA256 != b.Provenance.Scenario.SHA256 || a.Provenance.Scenario.Name != b.Provenance.Scenario.Name {
		return false
	}
	return slices.EqualFunc(a.Arms, b.Arms, func(x, y result.Arm) bool { return x.Name == y.Name && x.Commit == y.Commit })
}

// confirm holds a red leg against its second measurement, which is judged for the
// metrics that are red alone and by its own share of the error.
func (l *Leg) confirm(s Source) {
	c := &Confirmation{Class: s.Document.Provenance.Runner.Class, document: s.Document}
	l.Confirmation = c
	flagged := red(l.Verdict)
	if l.Verdict.Status != verdict.Regression || len(flagged) == 0 {
		c.Note = "the first measurement is not red, so there was nothing to confirm"
		return
	}
	second, err := judgeFlagged(s.Document, flagged)
	if err != nil {
		c.Broken = true
		c.Note = fmt.Sprintf("the second measurement, on %s, says nothing: %v; the first stands", c.Class, err)
		return
	}
	for _, m := range second.Metrics {
		switch {
		case !m.Gating:
		case m.Decision == verdict.Worse:
			c.Agreed = append(c.Agreed, m.Name)
		case m.Decision == verdict.Clear, m.Decision == verdict.Better:
			c.Refuted = append(c.Refuted, m.Name)
		default:
			c.Unclear = append(c.Unclear, m.Name)
		}
	}
	l.settle(second)
}

// Disputes says whether the second measurement did not find a metric red.
func (c *Confirmation) Disputes(metric string) bool {
	return c != nil && (slices.Contains(c.Refuted, metric) || slices.Contains(c.Unclear, metric))
}

// red are the gating metrics that regressed.
func red(v verdict.Verdict) []string {
	var names []string
	for _, m := range v.Metrics {
		if m.Gating && m.Decision == verdict.Worse {
			names = append(names, m.Name)
		}
	}
	return names
}

// judgeFlagged judges a copy of a document whose plan holds the flagged metrics
// only. A document that cannot be judged for all of them is an error.
func judgeFlagged(doc *result.Document, flagged []string) (verdict.Verdict, error) {
	for _, name := range flagged {
		if !slices.Contains(doc.Plan.Metrics, name) {
			return verdict.Verdict{}, fmt.Errorf("it did not measure %s", name)
		}
	}
	second := *doc
	second.Plan.Metrics = flagged
	second.Plan.Policy.Alpha *= confirmShare
	v := verdict.Judge(&second)
	if v.Status == verdict.Invalid {
		return v, errors.New(v.Reason)
	}
	if v.Status == verdict.Pass && len(v.Metrics) == 0 {
		return v, errors.New("it compares identical builds")
	}
	return v, nil
}

// settle turns what both measurements say into the leg's verdict. Metrics that
// the second one did not find red are open: one of the two is wrong, or both are
// right on their own hardware.
func (l *Leg) settle(second verdict.Verdict) {
	c := l.Confirmation
	metrics := slices.Clone(l.Verdict.Metrics)
	for i := range metrics {
		if m := &metrics[i]; m.Gating && m.Decision == verdict.Worse && !slices.Contains(c.Agreed, m.Name) {
			m.Decision = verdict.Open
			m.Reason += fmt.Sprintf("; on %s %s", c.Class, seenThere(second, m.Name))
		}
	}
	l.Verdict.Metrics = metrics
	if len(c.Refuted)+len(c.Unclear) == 0 {
		c.Note = fmt.Sprintf("a second measurement, on %s, found the same in %s", c.Class, strings.Join(c.Agreed, ", "))
		return
	}
	disputed := strings.Join(slices.Concat(c.Refuted, c.Unclear), ", ")
	c.Note = fmt.Sprintf("a second measurement, on %s, did not confirm %s", c.Class, disputed)
	if models := [2]string{cpuModel(l.Document), cpuModel(c.document)}; len(c.Refuted) > 0 && models[0] != models[1] {
		c.Hardware = true
		c.Note += fmt.Sprintf("; the processors differ (%s and %s), so the effect depends on the hardware", models[0], models[1])
	}
	if len(c.Agreed) > 0 {
		l.Verdict.Reason = fmt.Sprintf("head is worse than base in %s, on two runners", strings.Join(c.Agreed, ", "))
		return
	}
	l.Verdict.Status = verdict.Inconclusive
	l.Verdict.Reason = fmt.Sprintf("one runner found a regression in %s, and a second one did not", disputed)
	l.Verdict.Next = "run the check again, or measure on the hardware that counts"
	// Both must agree for a block. Where the second could not tell, the policy for
	// inconclusive checks decides.
	l.Blocks = len(c.Unclear) > 0 && l.Verdict.Blocks()
}

// seenThere words what the second measurement found.
func seenThere(v verdict.Verdict, name string) string {
	for _, m := range v.Metrics {
		if m.Name == name && m.HasEffect {
			return fmt.Sprintf("it is %+.1f%% [%+.1f, %+.1f]", 100*m.Effect, 100*m.Low, 100*m.High)
		}
	}
	return "it is not known"
}

// cpuModel names a processor as people know it, and by its numbers.
func cpuModel(doc *result.Document) string {
	f := doc.Provenance.Runner.Fingerprint
	if model := strings.TrimSpace(f["cpu_name"] + " " + f["cpu_model"]); model != "" {
		return model
	}
	return doc.Provenance.Runner.Class
}
