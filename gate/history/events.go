package history

import (
	"fmt"
	"slices"
	"time"

	"github.com/fivegate/fivegate/gate/safetext"
)

// Event is something that was found in a series, in words.
type Event struct {
	At   time.Time
	Run  int
	Text string
}

const dateLayout = "2006-01-02"

// Events are what was found in the window, newest first.
func (s *Series) Events(from time.Time) (out []Event) {
	add := func(run int, format string, args ...any) {
		if at := s.Runs[run].At; !at.Before(from) {
			out = append(out, Event{At: at, Run: run, Text: safetext.Line(fmt.Sprintf(format, args...), 300)})
		}
	}
	for i := range s.Changes {
		if c := &s.Changes[i]; c.Jump {
			add(c.Index, "%s", s.changeText(c))
		}
	}
	for _, d := range s.Drifts {
		until := "goes on"
		if !d.Now {
			until = "until " + s.Runs[d.To-1].At.Format(dateLayout)
		}
		add(d.To-1, "drifts by %s a month %s since %s (%s), %s in all, %s",
			s.words(d.Month), s.interval(d.Low, d.High), s.Runs[d.From].At.Format(dateLayout), short(s.Runs[d.From].Commit), s.number(d.Total), until)
	}
	for k := 0; k < len(s.Spikes); {
		first := s.Spikes[k]
		for k++; k < len(s.Spikes) && s.Spikes[k] == s.Spikes[k-1]+1; k++ {
		}
		last := s.Spikes[k-1]
		what := "a spike"
		if last == len(s.Runs)-1 {
			what = "the newest runs stand apart; whether that stays is told by the runs to come"
		}
		add(last, "%s: %s, around it %s (%s)", what, s.value(s.Values[first]), s.value(s.levelAt(first)), short(s.Runs[first].Commit))
	}
	for _, n := range s.Noise {
		word := "noisier"
		if n.After < n.Before {
			word = "quieter"
		}
		add(n.Index, "%s: runs spread by %.2g%%, before by %.2g%% (standard deviation)", word, 100*n.After, 100*n.Before)
	}
	slices.SortStableFunc(out, func(a, b Event) int { return b.Run - a.Run })
	return out
}

func (s *Series) changeText(c *Change) string {
	before, after := s.Runs[c.Index-1], s.Runs[c.Index]
	text := fmt.Sprintf("%s, %s to %s, between %s and %s (%s)", s.words(c.Effect), s.value(c.Before), s.value(c.After), short(before.Commit), short(after.Commit), chance(c.P))
	switch {
	case c.CameBack > 0:
		text += fmt.Sprintf("; came back on %s with %s", s.Runs[c.CameBack].At.Format(dateLayout), short(s.Runs[c.CameBack].Commit))
	case c.Returns:
		text += "; the level that was there before"
	}
	if c.SameCommit {
		text += "; the commit is the same on both sides, so the machine changed and not the code"
	} else if before.Tool != after.Tool {
		text += fmt.Sprintf("; gate itself changed here from %s to %s", before.Tool, after.Tool)
	}
	if c.Explained != nil {
		text += "; explained by " + c.Explained.By + ": " + c.Explained.Reason
	}
	return text
}

// chance words how likely it is that a series without changes has one as clear.
func chance(p float64) string {
	if p < 1e-12 {
		return "certain"
	}
	return fmt.Sprintf("chance %.1g", p)
}

// ByChance is how many findings are expected among so many series if none had any:
// each is looked at for jumps, for drift, for creep and for noise.
func (t *Trend) ByChance() float64 { return 4 * level * float64(len(t.Series)) }

// Headline is the trend in one sentence.
func (t *Trend) Headline() string {
	n, classes := len(t.Series), map[string]bool{}
	for i := range t.Series {
		classes[t.Series[i].Class] = true
	}
	bad := t.Regressed()
	what := fmt.Sprintf("%d series on %s from %s to %s", n, countedClasses(len(classes)), t.From.Format(dateLayout), t.To.Format(dateLayout))
	if n == 1 {
		what = fmt.Sprintf("one series from %s to %s", t.From.Format(dateLayout), t.To.Format(dateLayout))
	}
	if len(bad) == 0 {
		return "no unexplained regression in " + what
	}
	worst := bad[0]
	return safetext.Line(fmt.Sprintf("%s unexplained in %s; the worst: %s under %s %s", counted(len(bad), "regression"), what, worst.Metric, worst.Scenario, worst.Reason), 400)
}

func countedClasses(n int) string {
	if n == 1 {
		return "one runner class"
	}
	return fmt.Sprintf("%d runner classes", n)
}

// Next is what to do about it.
func (t *Trend) Next() string {
	if len(t.Regressed()) == 0 {
		return "nothing to do"
	}
	return "look at the commits between, fix what is wrong, or say why it is right: gate trend explain COMMIT --reason WHY --by WHO"
}
