package history

import (
	"slices"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/stats"
)

// drifts takes the sloped segments, and looks whether the last month drifts where
// nothing was found: over a given stretch less evidence is needed than over all.
func (s *Series) drifts(found stats.Segmentation, o Options, explanations []Explanation) error {
	last := len(found.Segments) - 1
	for k, seg := range found.Segments {
		from, sure := seg.From, seg.Sloped
		if !sure && k < last {
			continue
		}
		if !sure {
			for from < seg.To && s.Days[seg.To-1]-s.Days[from] > rolling {
				from++
			}
		}
		from = max(from, seg.To-driftRuns)
		if seg.To-from < leastRuns || s.Days[seg.To-1]-s.Days[from] < rolling/2 {
			continue
		}
		d, err := stats.FindDrift(s.Days[from:seg.To], found.Clean[from:seg.To], found.Inflated, level)
		if err != nil {
			return err
		}
		if d.P > level {
			continue
		}
		start := seg.Level
		if sure {
			start = seg.Start
		}
		at := func(slope float64) float64 { return s.effect(start, start+slope*month) }
		drift := Drift{From: from, To: seg.To, Month: at(d.Slope), Low: at(d.Low), High: at(d.High), P: d.P, Now: k == last}
		drift.Low, drift.High = min(drift.Low, drift.High), max(drift.Low, drift.High)
		drift.Total = s.effect(start, start+d.Slope*(s.Days[seg.To-1]-s.Days[from]))
		current := found.Segments[last].End
		drift.Worse = drift.Month > s.limit(o) && drift.Low > 0 && (drift.Now || s.effect(start, current) > s.limit(o))
		drift.Explained = s.explained(explanations, from)
		s.Drifts = append(s.Drifts, drift)
	}
	return nil
}

// compare compares now with the release and with the month before.
func (s *Series) compare(found stats.Segmentation, o Options, from time.Time) {
	n := len(s.Values)
	now := max(found.Segments[len(found.Segments)-1].From, n-sampleRuns)
	name, at := s.reference(o, from)
	if at >= 0 {
		start := max(s.segmentOf(at).From, at-sampleRuns+1)
		if name == "" { // the window's first runs
			name, start, at = "the start of the window", at, min(s.segmentOf(at).To, at+sampleRuns)-1
		}
		s.Release = s.comparison(found, name, start, at+1, now, n)
		if c := s.Release; c != nil {
			c.Worse = c.Effect > s.limit(o) && c.P < level
		}
	}
	last := s.Days[n-1]
	middle, _ := slices.BinarySearch(s.Days, last-rolling)
	first, _ := slices.BinarySearch(s.Days, last-2*rolling)
	if n-middle >= leastRuns/2 && middle-first >= leastRuns/2 {
		s.Month = s.comparison(found, "the four weeks before", first, middle, middle, n)
	}
}

// reference is the run of the release to compare with, and its name; without one,
// the first run of the window and no name.
func (s *Series) reference(o Options, from time.Time) (string, int) {
	for i := len(s.Runs) - 1; i >= 0; i-- {
		r := s.Runs[i]
		switch {
		case o.Release != "" && (r.Release == o.Release || len(o.Release) >= 7 && strings.HasPrefix(r.Commit, o.Release)):
			return o.Release, i
		case o.Release == "" && r.Release != "":
			return r.Release, i
		}
	}
	if o.Release != "" {
		return "", -1
	}
	at := slices.IndexFunc(s.Runs, func(r *Run) bool { return !r.At.Before(from) })
	return "", at
}

func (s *Series) segmentOf(run int) stats.Segment {
	for _, seg := range s.Segments {
		if run < seg.To {
			return seg
		}
	}
	return s.Segments[len(s.Segments)-1]
}

// comparison is nil where there are too few runs, or where then and now are the same.
func (s *Series) comparison(found stats.Segmentation, name string, thenFrom, thenTo, nowFrom, nowTo int) *Comparison {
	if thenTo > nowFrom || thenTo-thenFrom < 2 || nowTo-nowFrom < 2 {
		return nil
	}
	then, now := found.Clean[thenFrom:thenTo], found.Clean[nowFrom:nowTo]
	d, err := stats.Compare(then, now, found.Inflated, level)
	if err != nil {
		return nil
	}
	c := &Comparison{Name: name, P: d.P}
	for _, v := range then {
		c.Then += v / float64(len(then))
	}
	c.Now = c.Then + d.Value
	c.Effect = s.effect(c.Then, c.Now)
	low, high := s.effect(c.Then, c.Then+d.Low), s.effect(c.Then, c.Then+d.High)
	c.Low, c.High = min(low, high), max(low, high)
	for _, change := range s.Changes {
		if change.Jump && change.Index >= thenTo && change.Index <= nowFrom {
			c.Steps++
			c.Largest = max(c.Largest, change.Effect)
		}
	}
	return c
}
