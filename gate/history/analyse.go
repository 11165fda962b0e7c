package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/parallel"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
	"github.com/fivegate/fivegate/gate/verdict"
)

// Options say what is looked for.
type Options struct {
	Threshold float64       // change, or drift in a month, that is a regression: 0.05
	Window    time.Duration // before the newest run; what changed before it is told, and no regression
	Since     time.Time     // start of the window instead, unless zero
	Release   string        // name or commit of the release to compare with; empty: the newest one marked
}

// level bounds, for each kind of finding, the chance that a series without any
// change shows one: of 1,000 such series, one.
const level = 0.001

const (
	day   = 24 * time.Hour
	month = 30.0 // days

	rolling = 28 // days of the rolling summary, and of a drift that has just begun

	// leastRuns are the fewest from which a drift or a mean is told.
	leastRuns = 10
	// sampleRuns are the most that stand for where a series is now, or was.
	sampleRuns = 14
	// driftRuns bounds the runs of a drift, whose estimate takes their square.
	driftRuns = 400
)

// Trend is what the history says.
type Trend struct {
	Options Options
	From    time.Time // start of the window
	To      time.Time // newest run
	Series  []Series  // worst first
}

// Regressed are the series with a regression that nobody has explained.
func (t *Trend) Regressed() (out []*Series) {
	for i := range t.Series {
		if t.Series[i].State == Regressed {
			out = append(out, &t.Series[i])
		}
	}
	return out
}

// State is a series in one word.
type State string

// The states, worst first.
const (
	Regressed State = "regression" // worse by more than the threshold, still, and unexplained
	Explained State = "explained"  // worse by more than the threshold, and explained
	Improved  State = "improvement"
	Steady    State = "steady"
	TooShort  State = "too short" // fewer runs than two levels have
	Stale     State = "stale"     // no run in the window
)

// Series is one metric under one scenario on one runner class, and what was found.
// Effects are relative changes, + is worse, except where Unit is fraction: there they
// are differences.
type Series struct {
	Class, Scenario, Metric string
	Unit                    string
	Better                  result.Better
	Runs                    []*Run    // that have the metric, by time
	Values                  []float64 // of them
	Days                    []float64 // their times, in days from the first

	State    State
	Reason   string // one sentence
	Worst    float64
	Changes  []Change
	Drifts   []Drift
	Release  *Comparison // with the release, or with the start of the window
	Month    *Comparison // the last four weeks with the four before them
	Spikes   []int       // runs that stand alone
	Noise    []NoiseChange
	Segments []stats.Segment
}

// Change is a place where the level jumped, or where a drift begins or ends.
type Change struct {
	Index         int // first run after it
	Jump          bool
	Before, After float64
	Effect        float64
	P             float64 // chance that a series without changes has one as clear anywhere
	CameBack      int     // the change after which the level was again what it had been; 0: it is not
	Returns       bool    // this is where a level came back
	SameCommit    bool    // the commit is the same on both sides: not the code changed
	Explained     *Explanation
}

// Drift is a stretch of steady change.
type Drift struct {
	From, To  int     // runs
	Month     float64 // effect in 30 days
	Low, High float64 // its 99.8% interval
	Total     float64 // effect over the whole stretch
	P         float64
	Now       bool // it goes on
	Worse     bool // beyond the threshold, significantly, and not made up for
	Explained *Explanation
}

// Comparison is a mean of now against one of then.
type Comparison struct {
	Name      string // of what it is compared with
	Then, Now float64
	Effect    float64
	Low, High float64
	P         float64
	Steps     int     // jumps since
	Largest   float64 // of them, the effect of the worst
	Worse     bool
}

// NoiseChange is a place where the spread changed and the level need not have.
type NoiseChange struct {
	Index         int
	Before, After float64 // relative standard deviations
	P             float64
}

// Analyse looks at every series of the files.
func Analyse(files [][]Run, explanations []Explanation, o Options) (*Trend, error) {
	t := &Trend{Options: o, Series: gather(files)}
	for i := range t.Series {
		if last := t.Series[i].Runs[len(t.Series[i].Runs)-1].At; last.After(t.To) {
			t.To = last
		}
	}
	t.From = o.Since
	if t.From.IsZero() {
		t.From = t.To.Add(-o.Window)
	}
	errs := make([]error, len(t.Series))
	parallel.For(len(t.Series), func(i int) { errs[i] = t.Series[i].analyse(o, t.From, explanations) })
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Series[i].Name(), err)
		}
	}
	slices.SortFunc(t.Series, func(a, b Series) int {
		order := []State{Regressed, Explained, Improved, Steady, TooShort, Stale}
		return cmp.Or(
			slices.Index(order, a.State)-slices.Index(order, b.State),
			cmp.Compare(math.Abs(b.Worst), math.Abs(a.Worst)),
			strings.Compare(a.Name(), b.Name()),
		)
	})
	return t, nil
}

// Name is the series' place in the history.
func (s *Series) Name() string { return s.Class + " " + s.Scenario + " " + s.Metric }

// gather sorts values into series.
func gather(files [][]Run) []Series {
	var out []Series
	for _, runs := range files {
		at := map[string]int{}
		for j := range runs {
			r := &runs[j]
			for metric, v := range r.Values {
				i, known := at[metric]
				if !known {
					i = len(out)
					at[metric] = i
					out = append(out, Series{Class: r.Class, Scenario: r.Scenario, Metric: metric})
				}
				s := &out[i]
				s.Unit, s.Better = v.Unit, v.Better
				s.Runs = append(s.Runs, r)
				s.Values = append(s.Values, v.Value)
				s.Days = append(s.Days, r.At.Sub(s.Runs[0].At).Hours()/24)
			}
		}
	}
	return out
}

// analyse finds everything in a series.
func (s *Series) analyse(o Options, from time.Time, explanations []Explanation) error {
	found, err := stats.FindChanges(s.Days, s.Values, level)
	if err != nil {
		return err
	}
	s.Segments, s.Spikes = found.Segments, found.Outliers
	s.changes(found, o, explanations)
	if err := s.drifts(found, o, explanations); err != nil {
		return err
	}
	s.compare(found, o, from)
	noise, err := stats.FindSpreadChanges(found, s.Days, s.Values, level)
	if err != nil {
		return err
	}
	for _, n := range noise {
		at := math.Abs(s.levelAt(n.Index))
		s.Noise = append(s.Noise, NoiseChange{Index: n.Index, Before: relative(n.Before, at), After: relative(n.After, at), P: n.P})
	}
	s.judge(o, from)
	return nil
}

func relative(v, of float64) float64 {
	if of == 0 {
		return 0
	}
	return v / of
}

// effect is how much worse after is than before.
func (s *Series) effect(before, after float64) float64 {
	e := after - before
	if s.Better == result.HigherIsBetter {
		e = -e
	}
	switch {
	case s.Unit == string(verdict.UnitFraction) || e == 0:
		return e
	case before == 0:
		return math.Copysign(verdict.Unbounded, e)
	}
	return min(max(e/math.Abs(before), -verdict.Unbounded), verdict.Unbounded)
}

// errorLimit is the rise of a rate that is a regression, one request in a thousand, as
// in a check (docs/statistics.md §6).
const errorLimit = 0.001

// limit is the effect from which a series is worse.
func (s *Series) limit(o Options) float64 {
	if s.Unit == string(verdict.UnitFraction) {
		return min(errorLimit, o.Threshold)
	}
	return o.Threshold
}

// levelAt is the level of the segment that a run is in.
func (s *Series) levelAt(run int) float64 {
	for _, seg := range s.Segments {
		if run < seg.To {
			return seg.Level
		}
	}
	return s.Values[len(s.Values)-1]
}

func (s *Series) changes(found stats.Segmentation, o Options, explanations []Explanation) {
	for _, c := range found.Changes {
		change := Change{Index: c.Index, Jump: c.Jump, Before: c.Before, After: c.After, Effect: s.effect(c.Before, c.After), P: c.P}
		change.SameCommit = s.Runs[c.Index].Commit == s.Runs[c.Index-1].Commit
		change.Explained = s.explained(explanations, c.Index)
		s.Changes = append(s.Changes, change)
	}
	for i := range s.Changes {
		c := &s.Changes[i]
		// What undoes a return is a change of its own.
		for j := i + 1; c.Jump && !c.Returns && j < len(s.Changes); j++ {
			level := found.Segments[j+1].Start
			// Back is nearer to where it was than to where it went, and within the
			// threshold of it.
			if math.Abs(level-c.Before) < math.Abs(c.After-c.Before)/2 && math.Abs(s.effect(c.Before, level)) < s.limit(o) {
				c.CameBack = s.Changes[j].Index
				s.Changes[j].Returns = true
				break
			}
		}
	}
}

// explained finds the explanation of a change whose first run after is this one.
func (s *Series) explained(explanations []Explanation, run int) *Explanation {
	for i := range explanations {
		if explanations[i].of(s, s.Runs[run].Commit) {
			return &explanations[i]
		}
	}
	return nil
}
