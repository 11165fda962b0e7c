package verdict

import (
	"github.com/fivegate/fivegate/gate/result"
)

// LaunchValues are the absolute values of a metric, one for each launch in which
// it has one.
type LaunchValues struct {
	Name           string
	Unit           Unit
	HigherIsBetter bool
	Values         []float64
}

// Launches are the absolute values of a document with one arm, launch by launch:
// of its solo slices, in which the engine was not the limit.
func Launches(doc *result.Document) []LaunchValues {
	e := &evidence{doc: doc, merged: map[*result.Slice]*result.Histogram{}}
	open, closed := map[int][]*result.Slice{}, map[int][]*result.Slice{}
	for i := range doc.Slices {
		s := &doc.Slices[i]
		switch {
		case s.Mode != result.ModeSolo || s.Engine.Limited != "":
		case s.Phase == result.PhaseOpen:
			open[s.Launch] = append(open[s.Launch], s)
		default:
			closed[s.Launch] = append(closed[s.Launch], s)
		}
	}
	var out []LaunchValues
	for _, def := range ratioMetrics {
		slices := open
		if def.name == Throughput {
			slices = closed
		}
		l := LaunchValues{Name: def.name, Unit: def.unit, HigherIsBetter: def.higherIsBetter}
		for i := range doc.Launches {
			if of := slices[doc.Launches[i].ID]; len(of) > 0 {
				if v := def.value(e, of...); usable(v) && v > 0 {
					l.Values = append(l.Values, v)
				}
			}
		}
		if len(l.Values) > 0 {
			out = append(out, l)
		}
	}
	return out
}
