package history

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/stats"
)

// judge gives the series its state.
func (s *Series) judge(o Options, from time.Time) {
	s.State, s.Reason = Steady, "no change beyond noise in the window"
	if len(s.Values) < 2*stats.LeastSegment {
		s.State, s.Reason = TooShort, fmt.Sprintf("%d runs; a change is told from %d", len(s.Values), 2*stats.LeastSegment)
		return
	}
	if last := s.Runs[len(s.Runs)-1].At; last.Before(from) {
		s.State, s.Reason = Stale, "no run in the window; the newest is of "+last.Format(dateLayout)
		return
	}
	improved := 0.0
	allowed := 0.0 // by explanations
	found := func(effect float64, why *Explanation, format string, args ...any) {
		state := Regressed
		if why != nil {
			state = Explained
			allowed += effect
		}
		// Of several, the worst tells; an unexplained one before all explained ones.
		if s.State == Regressed && (state == Explained || effect <= s.Worst) || s.State == state && effect <= s.Worst {
			return
		}
		s.State, s.Worst, s.Reason = state, effect, fmt.Sprintf(format, args...)
		if why != nil {
			s.Reason += fmt.Sprintf("; explained by %s: %s", why.By, why.Reason)
		}
	}
	for i := range s.Changes {
		c := &s.Changes[i]
		inside := !s.Runs[c.Index].At.Before(from)
		switch {
		case !c.Jump || !inside || c.CameBack > 0:
		case c.Effect > s.limit(o) && !c.Returns:
			found(c.Effect, c.Explained, "%s between %s and %s", s.words(c.Effect), short(s.Runs[c.Index-1].Commit), short(s.Runs[c.Index].Commit))
		case c.Effect < improved && !c.Returns:
			improved = c.Effect
		}
	}
	for i := range s.Drifts {
		d := &s.Drifts[i]
		if d.Worse && !s.Runs[d.To-1].At.Before(from) {
			found(d.Total, d.Explained, "drifts by %s a month %s since %s", s.words(d.Month), s.interval(d.Low, d.High), short(s.Runs[d.From].Commit))
		}
	}
	// What explanations allow is no creep.
	if c := s.Release; c != nil && c.Worse && c.Effect-allowed > s.limit(o) && s.State != Regressed {
		found(c.Effect, nil, "%s since %s in %s, none above %s", s.words(c.Effect), c.Name, counted(c.Steps, "step"), s.number(s.limit(o)))
		if c.Steps == 0 {
			s.Reason = fmt.Sprintf("%s since %s, without a step of its own", s.words(c.Effect), c.Name)
		} else if c.Largest > s.limit(o) {
			s.Reason = fmt.Sprintf("%s since %s in %s, the largest %s", s.words(c.Effect), c.Name, counted(c.Steps, "step"), s.number(c.Largest))
		}
	}
	if s.State == Steady {
		s.Reason = s.quiet(from)
	}
	if s.State == Steady && improved < -s.limit(o) {
		s.State, s.Worst = Improved, improved
		s.Reason = s.words(improved)
	}
}

func counted(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func short(commit string) string { return commit[:min(len(commit), 10)] }

// quiet says what there was in the window of a series that is where it was.
func (s *Series) quiet(from time.Time) string {
	inside := func(run int) bool { return !s.Runs[run].At.Before(from) }
	var parts []string
	back, small := 0, 0
	for i := range s.Changes {
		switch c := &s.Changes[i]; {
		case !c.Jump || !inside(c.Index) || c.Returns:
		case c.CameBack > 0:
			back++
		default:
			small++
		}
	}
	if back > 0 {
		parts = append(parts, counted(back, "change")+" that came back")
	}
	if small > 0 {
		parts = append(parts, counted(small, "change")+" within the threshold")
	}
	if n := slices.IndexFunc(s.Spikes, inside); n >= 0 {
		parts = append(parts, counted(len(s.Spikes)-n, "run")+" that stood apart")
	}
	for _, n := range s.Noise {
		if inside(n.Index) && n.After > n.Before {
			parts = append(parts, "more noise around the same level")
			break
		}
	}
	if len(parts) == 0 {
		return "no change beyond noise in the window"
	}
	return "nothing that stays, beyond the threshold: " + strings.Join(parts, ", ")
}
