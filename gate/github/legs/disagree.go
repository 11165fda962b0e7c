package legs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/verdict"
)

// disagreement is the metrics that regressed on some runner classes and were shown
// not to on others, under one scenario.
type disagreement struct {
	scenario    string
	worse, fine []string // labels
	archs       [2][]string
	metrics     []string
}

// disagreements words where runner classes differ. Metrics that differ in the same
// way are told together: one change shows in many.
func disagreements(legs []Leg) []string {
	var found []disagreement
	seen := map[string]bool{}
	for i := range legs {
		for _, m := range legs[i].Verdict.Metrics {
			key := legs[i].Scenario() + "\x00" + m.Name
			if !m.Gating || m.Decision != verdict.Worse || seen[key] {
				continue
			}
			seen[key] = true
			found = join(found, differ(legs, legs[i].Scenario(), m.Name))
		}
	}
	notes := make([]string, len(found))
	for i, d := range found {
		notes[i] = d.String()
	}
	return notes
}

// differ finds who found a metric regressed, and who found it fine.
func differ(legs []Leg, scenario, metric string) disagreement {
	d := disagreement{scenario: scenario, metrics: []string{metric}}
	for i := range legs {
		l := &legs[i]
		if l.Scenario() != scenario {
			continue
		}
		for _, m := range l.Verdict.Metrics {
			switch {
			case m.Name != metric || !m.Gating:
			case m.Decision == verdict.Worse:
				d.worse, d.archs[0] = append(d.worse, l.Label), append(d.archs[0], l.Arch())
			case m.Decision == verdict.Clear, m.Decision == verdict.Better:
				d.fine, d.archs[1] = append(d.fine, l.Label), append(d.archs[1], l.Arch())
			}
		}
	}
	return d
}

// join adds a disagreement to those found before, if it is one.
func join(found []disagreement, d disagreement) []disagreement {
	if len(d.fine) == 0 {
		return found
	}
	for i := range found {
		if f := &found[i]; f.scenario == d.scenario && slices.Equal(f.worse, d.worse) && slices.Equal(f.fine, d.fine) {
			f.metrics = append(f.metrics, d.metrics...)
			return found
		}
	}
	return append(found, d)
}

func (d disagreement) String() string {
	what := "runner classes"
	known := !slices.Contains(slices.Concat(d.archs[:]...), "")
	if known && !slices.ContainsFunc(d.archs[0], func(arch string) bool { return slices.Contains(d.archs[1], arch) }) {
		what = "architectures"
	}
	return fmt.Sprintf("the %s disagree: %s regressed on %s, and not on %s", what, strings.Join(d.metrics, ", "), strings.Join(d.worse, ", "), strings.Join(d.fine, ", "))
}
