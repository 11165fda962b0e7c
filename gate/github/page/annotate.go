package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/gate/waiver"
)

// Level is how loud an annotation is.
type Level string

// The levels, by their workflow commands.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Notice  Level = "notice"
)

// Annotation is one message at a place, or without one.
type Annotation struct {
	Level        Level
	File         string // empty when the message has no place
	Line, Column int    // from 1; 0 when not known
	Title        string
	Message      string
}

// perLevel is how many annotations of one level GitHub shows of a step.
const perLevel = 10

// Annotations are the messages of a combined verdict, worst first: every level
// within what GitHub shows of a step, the last one saying how many are left out
// and where they are.
func Annotations(c legs.Combined, faults diag.Faults, where string) []Annotation {
	all := faultAnnotations(faults)
	invalid := func(l legs.Leg) bool { return l.Verdict.Status.Known() == verdict.Invalid }
	switch {
	case c.Status.Known() == verdict.Invalid && !slices.ContainsFunc(c.Legs, invalid):
		all = append(all, Annotation{Level: Error, Title: "gate: invalid", Message: plain(c.Reason, maxSentence)})
	case len(c.Missing) > 0:
		all = append(all, Annotation{Level: Error, Title: "gate: missing", Message: plain("no result from "+strings.Join(c.Missing, ", "), maxSentence)})
	}
	for i := range c.Legs {
		all = append(all, legAnnotations(&c.Legs[i])...)
	}
	return bounded(all, where)
}

// faultAnnotations put faults of configuration where they stand.
func faultAnnotations(faults diag.Faults) []Annotation {
	var out []Annotation
	for _, f := range faults {
		out = append(out, Annotation{
			Level: Error, File: f.File, Line: f.Line, Column: f.Column,
			Title: "gate: " + plain(f.Rule, maxName), Message: plain(f.Message, maxSentence),
		})
	}
	return out
}

func legAnnotations(l *legs.Leg) []Annotation {
	v, out := l.Verdict, []Annotation(nil)
	title := fmt.Sprintf("gate: %s, %s", v.Status.Known(), plain(l.Class(), maxName))
	switch v.Status {
	case verdict.Regression:
		for _, m := range worstFirst(v.Metrics) {
			if !waived(l, m.Name) {
				out = append(out, Annotation{Level: Error, Title: title, Message: metricMessage(l, m)})
			}
		}
	case verdict.Invalid, "":
		out = append(out, Annotation{Level: Error, Title: title, Message: plain(v.Reason, maxSentence)})
	case verdict.Inconclusive:
		out = append(out, Annotation{Level: Warning, Title: title, Message: plain(v.Reason, maxSentence)})
	case verdict.Pass, verdict.Improvement:
	}
	for _, u := range l.Waivers {
		out = append(out, waiverAnnotation(u))
	}
	return slices.DeleteFunc(out, func(a Annotation) bool { return a.Level == "" })
}

func worstFirst(metrics []verdict.Metric) []verdict.Metric {
	var worse []verdict.Metric
	for _, m := range metrics {
		if m.Gating && m.Decision == verdict.Worse {
			worse = append(worse, m)
		}
	}
	slices.SortStableFunc(worse, func(a, b verdict.Metric) int { return cmp.Compare(b.Effect-b.Limit, a.Effect-a.Limit) })
	return worse
}

func metricMessage(l *legs.Leg, m verdict.Metric) string {
	message := fmt.Sprintf("%s is worse by %s (%s), limit %s", called(m, func(name string) string { return name }), effect(m), interval(m), limit(m))
	if !isSuite(l) {
		message += ", under " + l.Scenario()
	}
	return plain(message, maxSentence)
}

// waiverAnnotation stands at the waiver in its file; there is none for a waiver
// that is neither used nor late.
func waiverAnnotation(u waiver.Use) Annotation {
	a := Annotation{File: u.Waiver.At.File, Line: u.Waiver.At.Line, Column: u.Waiver.At.Column, Title: "gate: waiver " + plain(u.Waiver.Name, maxName)}
	what := fmt.Sprintf("%s %s, ceiling %s, last day %s", u.Metric, change(u.Unit, u.Effect), change(u.Unit, u.Waiver.Ceiling), u.Waiver.Day())
	switch {
	case u.State == waiver.InUse:
		a.Level, a.Message = Notice, "in use: "+what
	case u.State == waiver.Expired, u.State == waiver.Exceeded:
		a.Level, a.Message = Error, string(u.State)+": "+what
	case u.Late:
		a.Level, a.Message = Notice, "expired and not needed: remove it"
	}
	a.Message = plain(a.Message, maxSentence)
	return a
}

// bounded keeps what GitHub shows of each level; the last place of a level that
// has too many goes to saying so.
func bounded(all []Annotation, where string) []Annotation {
	var out []Annotation
	for _, level := range []Level{Error, Warning, Notice} {
		var own []Annotation
		for _, a := range all {
			if a.Level == level {
				own = append(own, a)
			}
		}
		if n := len(own); n > perLevel {
			own = append(own[:perLevel-1:perLevel-1], Annotation{
				Level: level, Title: "gate: more", Message: fmt.Sprintf("%d more are not shown here, see %s", n-perLevel+1, where),
			})
		}
		out = append(out, own...)
	}
	return out
}
