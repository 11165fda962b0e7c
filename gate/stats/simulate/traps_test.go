package simulate

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/fivegate/fivegate/gate/parallel"
	"github.com/fivegate/fivegate/gate/stats"
)

// The traps are errors that gates were published with: each is reproduced with
// fixed seeds by a naive gate beside this one. docs/why.md tells them and names
// their sources. Those that need a document are in gate/verdict.

// trapChecks is how many checks each trap is shown on: enough to tell 2% from
// twice as much.
const trapChecks = 600

// naively counts the identical pairs of a world that a naive gate calls slower.
func naively(w World, alarm func(*state) bool) (alarms int64) {
	alarmed := make([]bool, trapChecks)
	parallel.For(trapChecks, func(i int) {
		s := w.start(rand.New(rand.NewPCG(7, uint64(i))))
		alarmed[i] = alarm(s)
	})
	for _, a := range alarmed {
		if a {
			alarms++
		}
	}
	return alarms
}

// here counts those that this gate blocks by significance alone: without the guard
// of size, which hides most errors of the rest.
func here(t *testing.T, w World, change func(*Procedure)) Tally {
	t.Helper()
	p := Standard()
	p.Rule.Threshold = 0
	if change != nil {
		change(&p)
	}
	tally, err := Run(w, p, trapChecks, 7)
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

// trap demands that the naive gate's alarms are between two shares, and this
// gate's no more than nominal.
func trap(t *testing.T, alarms int64, least, most float64, tally Tally) {
	t.Helper()
	low, high := stats.ClopperPearson(alarms, trapChecks, 0.999)
	if high < least || low > most {
		t.Errorf("the naive gate alarms in %d of %d identical pairs, want %v to %v", alarms, trapChecks, least, most)
	}
	if low, _ := stats.ClopperPearson(tally.Blocked, tally.Checks, 0.999); low > Standard().Alpha {
		t.Errorf("this gate blocks %d of %d identical pairs, at most %v may be", tally.Blocked, tally.Checks, Standard().Alpha)
	}
	t.Logf("identical pairs called slower: %d of %d naively, %d of %d here", alarms, trapChecks, tally.Blocked, tally.Checks)
}

// significant is Student's test of the mean of values, two-sided.
func significant(values []float64, level float64) bool {
	mean, sd := stat.MeanStdDev(values, nil)
	n := float64(len(values))
	t := math.Abs(mean) / (sd / math.Sqrt(n))
	return 2*distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Survival(t) < level
}

// quiet is a machine without any luck, on which only the trap itself can fool.
func quiet() World {
	w := machine(0)
	w.Outliers, w.LaunchSD, w.LayoutSD, w.Layouts = 0, 0, 0, 0
	return w
}

// Looking at a 5% test after every fourth block, and stopping at the first p under
// 0.05, alarms in some 16% of identical pairs: seven looks (Armitage, McPherson &
// Rowe 1969, table 2, has 14% for five and 19% for ten).
func TestTrapPeekingUntilSignificant(t *testing.T) {
	w := quiet()
	alarms := naively(w, func(s *state) bool {
		for blocks := 4; blocks <= w.Blocks; blocks += 4 {
			s.extend(blocks)
			if significant(firstRounds(s), 0.05) {
				return true
			}
		}
		return false
	})
	trap(t, alarms, 0.13, 0.20, here(t, w, func(p *Procedure) {
		p.Looks, p.LayoutSD = []float64{0.25, 0.36, 0.5, 0.6, 0.75, 0.85, 1}, 0 // as often
	}))
}

// firstRounds are the log ratios of the first round of each block.
func firstRounds(s *state) (values []float64) {
	for _, rounds := range s.rounds[0] {
		values = append(values, rounds[0])
	}
	return values
}

// Base first and head second in every pair: whatever being second costs, here 30%,
// is certified as head's, and the more pairs, the more surely.
func TestTrapFixedOrderWithinPairs(t *testing.T) {
	cost := math.Log(1.3)
	w := quiet()
	w.Metrics[0].Noise = 0.05
	alarms := naively(w, func(s *state) bool {
		s.extend(w.Blocks)
		values := firstRounds(s)
		for i := range values {
			values[i] += cost
		}
		return significant(values, 0.001) && stat.Mean(values, nil) > math.Log(1.25)
	})
	balanced := w
	balanced.Position, balanced.Order = cost/2, true
	trap(t, alarms, 0.99, 1, here(t, balanced, func(p *Procedure) { p.LayoutSD = 0 }))
}

// A hundred iterations of one process an arm: Welch's test takes them as
// independent, though all of them have the same launch, whose luck is 2% here.
func TestTrapSamplesOfOneProcess(t *testing.T) {
	launch, within := 0.02, 0.014
	w := quiet()
	w.LaunchSD = launch
	alarms := naively(w, func(s *state) bool {
		luck := launch * s.rng.NormFloat64()
		values := make([]float64, 100)
		for i := range values {
			values[i] = luck + within*s.rng.NormFloat64()
		}
		return significant(values, 0.05)
	})
	trap(t, alarms, 0.7, 1, here(t, w, func(p *Procedure) { p.LayoutSD = 0 }))
}

// One build an arm: the luck of its layout, 2%, is the same in every launch and
// round, and no measuring removes it. Where that is not known, more time only makes
// a wrong answer surer. Known, it stands in the interval; with a layout for every
// block it is averaged out.
func TestTrapOneFrozenLayout(t *testing.T) {
	w := machine(0)
	w.Layouts = 1
	short := here(t, w, func(p *Procedure) { p.LayoutSD = 0 })
	long := w
	long.Blocks = 4 * w.Blocks
	longer := here(t, long, func(p *Procedure) { p.LayoutSD = 0 })
	trap(t, short.Blocked, 0.3, 1, here(t, w, nil))
	if longer.Blocked < short.Blocked {
		t.Errorf("measured four times as long, %d of %d identical pairs are called slower, after %d", longer.Blocked, longer.Checks, short.Blocked)
	}
	w.Layouts = 0
	trap(t, longer.Blocked, 0.3, 1, here(t, w, nil))
}

// Measuring again until it is green, each run by itself, lets a slow-down pass that
// one check rarely misses. With the runs pooled it passes no more often.
func TestTrapRetryUntilGreen(t *testing.T) {
	w := machine(math.Log(1.1))
	w.LaunchSD, w.Metrics[0].Noise = 0.07, 0.2
	count := func(change func(*Procedure)) (passed int64) {
		p := Standard()
		p.Looks, p.Until, p.Retries = []float64{0.5, 1}, UntilPassed, 3 // the levels of five looks six times take minutes
		change(&p)
		tally, err := Run(w, p, trapChecks, 7)
		if err != nil {
			t.Fatal(err)
		}
		return tally.Passed + tally.Improved
	}
	once := count(func(p *Procedure) { p.Retries = 0 })
	apart := count(func(p *Procedure) { p.Apart = true })
	pooled := count(func(*Procedure) {})
	low, _ := stats.ClopperPearson(pooled, trapChecks, 0.999)
	_, high := stats.ClopperPearson(once, trapChecks, 0.999)
	if apart < 3*once || low > high {
		t.Errorf("of %d pairs that are 10%% slower pass: %d at once, %d of runs by themselves, %d pooled; want many more by themselves, and no more pooled", trapChecks, once, apart, pooled)
	}
	t.Logf("of %d pairs that are 10%% slower pass: %d at once, %d measured up to three times more each by itself, %d pooled", trapChecks, once, apart, pooled)
}

// Measuring again until it is red, each run by itself, blocks an identical pair
// several times as often as the error that was agreed on.
func TestTrapRetryUntilRed(t *testing.T) {
	w := quiet()
	again := func(apart bool) Tally {
		return here(t, w, func(p *Procedure) { p.Looks, p.LayoutSD, p.Retries, p.Apart = []float64{0.5, 1}, 0, 3, apart })
	}
	trap(t, again(true).Blocked, 0.04, 0.15, again(false))
}
