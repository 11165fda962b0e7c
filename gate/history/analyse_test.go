package history

import (
	"math"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
)

// What happened to a series is told apart: what stays from what does not, what is
// code from what is noise.
func TestStatesAreToldApart(t *testing.T) {
	with := func(values []float64, at ...int) []float64 {
		for _, i := range at {
			values[i] *= 1.6
		}
		return values
	}
	tests := []struct {
		why    string
		values []float64
		state  State
		reason string
	}{
		{"nothing happens", noisy(1, 120, 0.02, flat), Steady, "no change beyond noise"},
		{"a jump beyond the threshold", noisy(2, 120, 0.01, stepAt(100, 0.08)), Regressed, "(worse) between"},
		{"a jump below it", noisy(3, 120, 0.01, stepAt(100, 0.03)), Steady, "within the threshold"},
		{"a jump down", noisy(4, 120, 0.02, stepAt(100, -0.2)), Improved, "-2"},
		{"a jump before the window", noisy(5, 220, 0.02, stepAt(60, 0.2)), Steady, "no change beyond noise"},
		{"spikes", with(noisy(6, 120, 0.02, flat), 80, 100, 101), Steady, "3 runs that stood apart"},
		{"the newest run stands apart", with(noisy(7, 120, 0.02, flat), 119), Steady, "one run that stood apart"},
		{"more noise", append(noisy(8, 80, 0.01, flat), noisy(9, 40, 0.06, flat)...), Steady, "more noise"},
		{"up and down again", noisy(10, 120, 0.02, func(day int) float64 {
			if day >= 60 && day < 90 {
				return 120
			}
			return 100
		}), Steady, "one change that came back"},
		{"up, down, and up again to stay", noisy(11, 140, 0.02, func(day int) float64 {
			if day >= 60 && day < 90 || day >= 120 {
				return 120
			}
			return 100
		}), Regressed, "+"},
		{"a month of 0.3% a day", noisy(12, 120, 0.01, func(day int) float64 { return 100 + 0.3*math.Max(0, float64(day-90)) }), Regressed, "drifts by +"},
		{"a month of 0.3% a day and nothing else", noisy(13, 30, 0.01, func(day int) float64 { return 100 + 0.3*float64(day) }), Regressed, "drifts by +"},
		{"small steps", noisy(14, 90, 0.005, func(day int) float64 { return 100 * math.Pow(1.012, float64(day/10)) }), Regressed, "since the start of the window"},
		{"a drift down", noisy(15, 120, 0.01, func(day int) float64 { return 100 - 0.3*math.Max(0, float64(day-90)) }), Steady, ""},
		{"too few runs", noisy(16, 7, 0.02, stepAt(3, 1)), TooShort, "7 runs"},
	}
	for _, tt := range tests {
		trend := analyse(t, daily(tt.values), quarter)
		s := &trend.Series[0]
		if s.State != tt.state || !strings.Contains(s.Reason, tt.reason) {
			t.Errorf("%s: %s, %q; want %s, %q", tt.why, s.State, s.Reason, tt.state, tt.reason)
		}
	}
}

// Of 200 flat series at most two may show anything, whatever their noise.
func TestFlatSeriesRaiseNoFlag(t *testing.T) {
	for _, sd := range []float64{0.01, 0.05, 0.15} {
		flagged := 0
		for seed := range uint64(200) {
			s := analyse(t, daily(noisy(1000+seed, 120, sd, flat)), quarter).Series[0]
			if s.State != Steady || len(s.Changes)+len(s.Drifts) > 0 {
				flagged++
			}
		}
		if flagged > 2 {
			t.Errorf("noise of %v: %d of 200 flat series are flagged", sd, flagged)
		}
	}
}

// A month of 0.3% a day is flagged whatever came before it.
func TestDriftIsFlagged(t *testing.T) {
	missed := 0
	for seed := range uint64(100) {
		before := int(seed%4) * 40
		s := analyse(t, daily(noisy(seed, before+30, 0.01, func(day int) float64 { return 100 + 0.3*math.Max(0, float64(day-before)) })), quarter).Series[0]
		if s.State != Regressed {
			missed++
		}
	}
	if missed > 2 {
		t.Errorf("%d of 100 drifts were missed", missed)
	}
}

func TestChangeNamesItsCommits(t *testing.T) {
	runs := daily(noisy(2, 120, 0.01, stepAt(100, 0.10)))
	s := analyse(t, runs, quarter).Series[0]
	if len(s.Changes) != 1 || s.Changes[0].Index != 100 || math.Abs(s.Changes[0].Effect-0.10) > 0.02 {
		t.Fatalf("changes %+v", s.Changes)
	}
	text := s.Events(start)[0].Text
	for _, want := range []string{runs[99].Commit[:10], runs[100].Commit[:10], "(worse)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	for i := 95; i < 105; i++ {
		runs[i].Commit = runs[95].Commit
	}
	s = analyse(t, runs, quarter).Series[0]
	if text := s.Events(start)[0].Text; !strings.Contains(text, "the machine changed and not the code") {
		t.Errorf("the same commit on both sides: %q", text)
	}
}

func TestMoreIsBetter(t *testing.T) {
	runs := daily(noisy(2, 120, 0.01, stepAt(100, 0.10)))
	for i := range runs {
		runs[i].Values["m"] = Value{Value: runs[i].Values["m"].Value, Unit: "op/s", Better: result.HigherIsBetter}
	}
	s := analyse(t, runs, quarter).Series[0]
	if s.State != Improved || !strings.HasPrefix(s.Reason, "+") || !strings.Contains(s.Reason, "better") {
		t.Errorf("%s: %s", s.State, s.Reason)
	}
}

// A rate counts by its difference, from one request in a thousand on.
func TestErrorRateCountsByDifference(t *testing.T) {
	for _, tt := range []struct {
		after float64
		want  State
	}{{0.0005, Steady}, {0.004, Regressed}} {
		values := make([]float64, 60)
		for i := 50; i < len(values); i++ {
			values[i] = tt.after
		}
		runs := daily(values)
		for i := range runs {
			runs[i].Values["m"] = Value{Value: values[i], Unit: "fraction", Better: result.LowerIsBetter}
		}
		if s := analyse(t, runs, quarter).Series[0]; s.State != tt.want {
			t.Errorf("from 0 to %v: %s, %s", tt.after, s.State, s.Reason)
		}
	}
}

// A creep of steps that are each below the threshold is seen against the release.
func TestCreepSinceTheRelease(t *testing.T) {
	level := func(day int) float64 { return 100 * math.Pow(1.02, math.Min(4, math.Max(0, float64(day-20)/60))) }
	steps := func(day int) float64 { return level((day-20)/60*60 + 20) }
	runs := daily(noisy(21, 300, 0.005, steps))
	runs[40].Release = "v1.4.0"
	s := analyse(t, runs, quarter).Series[0]
	if s.State != Regressed || !strings.Contains(s.Reason, "since v1.4.0 in 4 steps, none above +5") {
		t.Errorf("%s: %s", s.State, s.Reason)
	}
	if c := s.Release; c == nil || math.Abs(c.Effect-(math.Pow(1.02, 4)-1)) > 0.01 || c.Low > c.Effect || c.High < c.Effect {
		t.Errorf("%+v, want about 8.2%%", c)
	}
	byCommit := quarter
	byCommit.Release = runs[150].Commit[:12]
	if s = analyse(t, runs, byCommit).Series[0]; s.State != Steady || s.Release == nil || s.Release.Effect > 0.05 {
		t.Errorf("since day 150, when half of it had come: %s: %s", s.State, s.Reason)
	}
	byCommit.Release = "v9"
	if s = analyse(t, runs, byCommit).Series[0]; s.Release != nil {
		t.Error("a release that is not there is compared with")
	}
}

func TestExplanations(t *testing.T) {
	runs := daily(noisy(2, 120, 0.01, stepAt(100, 0.10)))
	e := Explanation{Schema: Schema, Commit: runs[100].Commit[:8], Reason: "writes are synced now", By: "@storage"}
	if s := analyse(t, runs, quarter, e).Series[0]; s.State != Explained || !strings.Contains(s.Reason, "explained by @storage: writes are synced now") {
		t.Errorf("%s: %s", s.State, s.Reason)
	}
	e.Metric = "other"
	if s := analyse(t, runs, quarter, e).Series[0]; s.State != Regressed {
		t.Errorf("explained for another metric: %s", s.State)
	}
	e.Metric, e.Commit = "m", runs[99].Commit[:8]
	if s := analyse(t, runs, quarter, e).Series[0]; s.State != Regressed {
		t.Errorf("explained for the commit before: %s", s.State)
	}
}

func TestWorstComesFirst(t *testing.T) {
	runs := daily(noisy(2, 120, 0.01, stepAt(100, 0.10)))
	worse := noisy(3, 120, 0.01, stepAt(100, 0.30))
	calm := noisy(4, 120, 0.01, flat)
	for i := range runs {
		runs[i].Values["worse"] = Value{Value: worse[i], Better: result.LowerIsBetter}
		runs[i].Values["calm"] = Value{Value: calm[i], Better: result.LowerIsBetter}
	}
	trend := analyse(t, runs, quarter)
	var order []string
	for _, s := range trend.Series {
		order = append(order, s.Metric)
	}
	if got := strings.Join(order, " "); got != "worse m calm" {
		t.Errorf("order %s", got)
	}
	if len(trend.Regressed()) != 2 {
		t.Errorf("%d regressions", len(trend.Regressed()))
	}
}

// Ten years of daily runs of 500 series.
func BenchmarkTenYears(b *testing.B) {
	const days, metrics = 3650, 500
	runs := daily(make([]float64, days))
	for m := range metrics {
		values := noisy(uint64(m), days, 0.02, func(day int) float64 {
			level := 100.0
			for k := range m % 7 {
				if day > 500*(k+1) {
					level *= 1.03
				}
			}
			return level
		})
		name := "m" + strings.Repeat("x", m%3) + string(rune('a'+m%26)) + string(rune('a'+m/26))
		for i := range runs {
			runs[i].Values[name] = Value{Value: values[i], Better: result.LowerIsBetter}
		}
	}
	files := [][]Run{runs}
	b.ResetTimer()
	for b.Loop() {
		if _, err := Analyse(files, nil, quarter); err != nil {
			b.Fatal(err)
		}
	}
}
