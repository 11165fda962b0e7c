package main

import (
	"fmt"
	"io"

	"github.com/fivegate/fivegate/workloads/experiment"
)

// printPlan shows what a check would do. Nothing has been measured yet, so the
// costs are assumed; the real plan is made after the first launches.
func printPlan(w io.Writer, cfg *fileConfig, alternate bool) error {
	s, err := loadScenario(cfg)
	if err != nil {
		return err
	}
	costs := experiment.AssumedCosts(alternate)
	shape, err := experiment.Fit(cfg.Budget, costs)
	if err != nil {
		return err
	}
	layouts := [2]int{cfg.Target.Layouts, cfg.Target.Layouts}
	fmt.Fprintf(w, "scenario %s, budget %s, seed %d\n", s.Name, cfg.Budget, cfg.Seed)
	fmt.Fprintf(w, "%d blocks of %d rounds if a launch takes %s and a round %s; the first launches measure both\n",
		shape.Blocks, shape.Rounds, costs.Start, costs.Round)
	fmt.Fprintf(w, "looks after %v blocks\n\n", experiment.Looks(shape.Blocks))
	fmt.Fprintf(w, "%5s  %-11s  %-12s  %-s\n", "block", "start order", "layouts b/h", "first in each round")
	names := [2]string{"base", "head"}
	for _, b := range experiment.Schedule(cfg.Seed, shape, layouts) {
		first := ""
		for _, arm := range b.First {
			first += " " + names[arm]
		}
		if b.Solo {
			first += "  + solo slices"
		}
		fmt.Fprintf(w, "%5d  %-4s, %-4s   %5d /%5d %s\n", b.Index+1, names[b.Order[0]], names[b.Order[1]], b.Layouts[0], b.Layouts[1], first)
	}
	return nil
}
