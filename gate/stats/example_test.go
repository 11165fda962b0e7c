package stats_test

import (
	"fmt"
	"math"

	"github.com/fivegate/fivegate/gate/stats"
)

// Seven launches of each arm, three rounds each, each launch with a layout of
// its own; head is some 8% slower.
func Example() {
	blocks := [][]float64{
		{0.081, 0.079, 0.070},
		{0.074, 0.090, 0.078},
		{0.069, 0.075, 0.410},
		{0.088, 0.081, 0.084},
		{0.072, 0.077, 0.080},
		{0.083, 0.066, 0.079},
		{0.091, 0.078, 0.076},
	}
	own := stats.Layouts{Base: []int{0, 1, 2, 3, 4, 5, 6}, Head: []int{0, 1, 2, 3, 4, 5, 6}}
	effect, err := stats.Estimate(blocks, own, 0.02)
	if err != nil {
		fmt.Println(err)
		return
	}
	levels, err := stats.Boundaries([]float64{0.5, 0.75, 1}, 0.02)
	if err != nil {
		fmt.Println(err)
		return
	}
	decision, err := stats.Decide(
		[]stats.MetricEvidence{{Name: "cpu_per_op", Effect: effect}},
		stats.Rule{Threshold: math.Log(1.05), PassBound: math.Log(1.10), MaxMDE: 0.12},
		stats.Look{Level: levels[0]},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	m := decision.Metrics[0]
	fmt.Printf("%s: %+.1f%%, at level %.4f between %+.1f%% and %+.1f%%: %s\n", m.Name,
		100*math.Expm1(m.Estimate), m.Level, 100*math.Expm1(m.Lower), 100*math.Expm1(m.Upper), decision.Outcome)
	// Output: cpu_per_op: +8.2%, at level 0.0010 between +6.8% and +9.6%: regression
}

// The nominal levels of the three looks of a check: hard to satisfy early, so
// that nearly the whole 2% is left for the last.
func ExampleBoundaries() {
	levels, err := stats.Boundaries([]float64{0.5, 0.75, 1}, 0.02)
	fmt.Printf("%.4f %v\n", levels, err)
	// Output: [0.0010 0.0069 0.0177] <nil>
}

func ExampleClopperPearson() {
	low, high := stats.ClopperPearson(0, 300, 0.95)
	fmt.Printf("0 of 300: between %.1f%% and %.1f%%\n", 100*low, 100*high)
	// Output: 0 of 300: between 0.0% and 1.2%
}
