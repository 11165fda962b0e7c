//go:build proof

package stats

import (
	"fmt"
	"testing"
)

// How many of 2,000 series without any change show one, and how many slope.
func TestProofFlatSeries(t *testing.T) {
	rng := newRand(78)
	t.Log("| noise | runs | series | show a change | rise or fall |\n|---|--:|--:|--:|--:|")
	for _, noise := range []struct {
		name  string
		like  stretch
		limit float64
	}{
		{"normal", stretch{level: 100, noise: 2}, 0.005},
		{"Student's t, 3 degrees", stretch{level: 100, noise: 2, heavy: true}, 0.05},
		{"neighbours correlate by 0.3", stretch{level: 100, noise: 2, correlatesWith: 0.3}, 0.02},
		{"neighbours correlate by 0.6", stretch{level: 100, noise: 2, correlatesWith: 0.6}, 0.05},
	} {
		for _, runs := range []int{12, 30, 100, 400, 3650} {
			of := 2000
			if runs > 1000 {
				of = 300
			}
			flagged, sloped := 0, 0
			for range of {
				noise.like.runs = runs
				s := find(t, series(rng, noise.like))
				if len(s.Changes) > 0 {
					flagged++
				} else if s.Segments[0].Sloped {
					sloped++
				}
			}
			t.Logf("| %s | %d | %d | %d | %d |", noise.name, runs, of, flagged, sloped)
			if float64(flagged) > noise.limit*float64(of) {
				t.Errorf("%s, %d runs: %d of %d", noise.name, runs, flagged, of)
			}
		}
	}
}

// How many changes of a size are found, and how many drifts.
func TestProofPower(t *testing.T) {
	rng := newRand(79)
	t.Log("| change, in standard deviations of a run | runs before, after | found of 500 | at the very run |\n|--:|---|--:|--:|")
	for _, runs := range [][2]int{{30, 4}, {30, 7}, {30, 14}, {60, 60}} {
		for _, size := range []float64{2, 3, 4} {
			hit, exact := 0, 0
			for range 500 {
				s := find(t, series(rng, stretch{runs: runs[0], level: 100, noise: 1}, stretch{runs: runs[1], level: 100 + size, noise: 1}))
				hit += matched(jumps(s), []int{runs[0]})
				for _, at := range jumps(s) {
					if at == runs[0] {
						exact++
					}
				}
			}
			t.Logf("| %.0f | %s | %d | %d |", size, fmt.Sprintf("%d, %d", runs[0], runs[1]), hit, exact)
		}
	}
}
