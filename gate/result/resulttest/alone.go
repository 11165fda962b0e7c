package resulttest

import (
	"slices"

	"github.com/fivegate/fivegate/gate/result"
)

// Alone returns a valid document of kind "run": head of a synthetic check, measured
// alone in as many launches as the check has blocks.
func Alone(o Options) *result.Document {
	o.Probes = -1
	d := Check(o)
	d.Kind = result.KindRun
	d.Plan.Mode, d.Plan.Looks, d.Plan.Metrics = result.ModeSolo, []int{d.Plan.Blocks}, []string{}
	d.Arms = d.Arms[1:]
	head := map[int]bool{}
	d.Launches = slices.DeleteFunc(d.Launches, func(l result.Launch) bool { return l.Arm != "head" })
	for i := range d.Launches {
		d.Launches[i].Order = 0
		head[d.Launches[i].ID] = true
	}
	d.Slices = slices.DeleteFunc(d.Slices, func(s result.Slice) bool { return !head[s.Launch] || s.Mode == result.ModeSolo })
	for i := range d.Slices {
		d.Slices[i].Mode, d.Slices[i].Position = result.ModeSolo, 0
	}
	return d
}
