package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// fiveLooks are those of a check of 28 blocks.
func fiveLooks() []int { return []int{10, 14, 19, 24, 28} }

func TestRunLevelsOfOneRunAreBoundaries(t *testing.T) {
	for _, c := range []struct {
		name      string
		run       Run
		reserve   float64
		fractions []float64
		alpha     float64
	}{
		{"complete", Run{fiveLooks(), 28, true}, 0, []float64{10. / 28, 14. / 28, 19. / 28, 24. / 28, 1}, 0.02},
		{"out of time", Run{fiveLooks(), 21, true}, 0, []float64{10. / 28, 14. / 28, 19. / 28, 21. / 28}, 0.02},
		{"out of time at a look", Run{fiveLooks(), 19, true}, 0, []float64{10. / 28, 14. / 28, 19. / 28}, 0.02},
		{"with a reserve", Run{fiveLooks(), 28, true}, 0.2, []float64{10. / 28, 14. / 28, 19. / 28, 24. / 28, 1}, 0.02 * (1 - 0.2)},
	} {
		got, err := RunLevels([]Run{c.run}, 0.02, c.reserve)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		want, err := Boundaries(c.fractions, c.alpha)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%s: %v, %v; want %v", c.name, got, err, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s, look %d: %v, want %v", c.name, i+1, got[i], want[i])
			}
		}
	}
}

// What the looks of all runs spend is what the plan says, by simulated paths of a
// statistic without effect: a run that a look would end for a pass goes on to the
// next, so that the levels must hold although the data decided where it ended.
func TestRunLevelsKeepAlphaOverAllRuns(t *testing.T) {
	const alpha, reserve, runs, paths = 0.1, 0.2, 4, 30_000
	rng := rand.New(rand.NewPCG(1, 2))
	known := map[[runs]int][]float64{}
	crossed := 0
	for range paths {
		if crosses(t, rng, known, alpha, reserve) {
			crossed++
		}
	}
	low, high := ClopperPearson(int64(crossed), paths, 0.999)
	if low > alpha || high < 0.5*alpha {
		t.Errorf("%d of %d paths cross: %v to %v; at most %v may, and not much fewer should", crossed, paths, low, high, alpha)
	}
}

// crosses draws one path: up to four runs of 28 blocks with two looks, each ended
// by the first look at which the pooled statistic is under 0. Levels are
// remembered by where the runs ended.
func crosses(t *testing.T, rng *rand.Rand, known map[[4]int][]float64, alpha, reserve float64) bool {
	var ended [4]int
	var done []Run
	sum, blocks := 0.0, 0
	for k := range ended {
		ended[k] = 28
		if known[ended] == nil {
			levels, err := RunLevels(append(done, Run{[]int{14, 28}, 28, true}), alpha, reserve)
			if err != nil {
				t.Fatal(err)
			}
			known[ended] = levels
		}
		levels := known[ended]
		for i, n := range []int{14, 28} {
			for blocks < n+total(done) {
				sum += rng.NormFloat64()
				blocks++
			}
			if normalTail(sum/math.Sqrt(float64(blocks))) <= levels[i] {
				return true
			}
			if sum < 0 {
				ended[k] = n
				break
			}
		}
		done = append(done, Run{[]int{14, 28}, ended[k], ended[k] == 28})
	}
	return false
}

func total(runs []Run) (blocks int) {
	for _, r := range runs {
		blocks += r.Measured
	}
	return blocks
}

// However runs end, a later run's last level is lower than the first run's would
// be, and never 0: a pair can be blocked after any number of runs.
func TestRunLevelsOfRepeatedRuns(t *testing.T) {
	for _, ends := range [][]int{{28}, {10}, {3}, {21}, {28, 28, 28}, {10, 14, 28, 24}} {
		var runs []Run
		for _, end := range ends {
			runs = append(runs, Run{fiveLooks(), end, end == 28 || end == 21})
		}
		levels, err := RunLevels(append(runs, Run{fiveLooks(), 28, true}), 0.02, 0.2)
		if err != nil {
			t.Fatal(err)
		}
		if last := levels[len(levels)-1]; !(last > 0 && last <= 0.02*0.8) || len(levels) != 5 {
			t.Errorf("levels %v after runs of %v blocks", levels, ends)
		}
	}
}

func TestRunLevelsRefuse(t *testing.T) {
	full := Run{fiveLooks(), 28, true}
	for _, c := range []struct {
		name           string
		runs           []Run
		alpha, reserve float64
		want           error
	}{
		{"no run", nil, 0.02, 0.2, ErrFractions},
		{"a run without looks", []Run{{nil, 0, false}}, 0.02, 0.2, ErrFractions},
		{"more blocks than planned", []Run{{fiveLooks(), 29, false}}, 0.02, 0.2, ErrFractions},
		{"descending looks", []Run{{[]int{5, 3}, 3, true}}, 0.02, 0.2, ErrFractions},
		{"a last run before its first look", []Run{full, {fiveLooks(), 5, false}}, 0.02, 0.2, ErrFractions},
		{"alpha 0", []Run{full}, 0, 0.2, ErrAlpha},
		{"a reserve over 1", []Run{full}, 0.02, 1.1, ErrAlpha},
		{"a reserve that is not known", []Run{full}, 0.02, math.NaN(), ErrAlpha},
		{"more looks than can be told apart", []Run{full, full, full, full, full, full, full, full, full}, 0.02, 0.2, ErrFractions},
	} {
		if _, err := RunLevels(c.runs, c.alpha, c.reserve); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}
