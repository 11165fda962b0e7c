package simulate

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// machine is a world with the usual disturbances and one metric.
func machine(effect float64) World {
	return World{
		Blocks: 28, Rounds: 4, Metrics: []Metric{{Name: "cpu_per_op", Noise: 0.014, Effect: effect}},
		Outliers: 0.05, OutlierSize: 5, LaunchSD: 0.007, LayoutSD: 0.02, Layouts: 8,
	}
}

func TestRunOnClearCases(t *testing.T) {
	for _, c := range []struct {
		name   string
		effect float64
		ends   func(Tally) int64
	}{
		{"identical arms pass", 0, func(t Tally) int64 { return t.Passed }},
		{"20% slower is blocked", math.Log(1.2), func(t Tally) int64 { return t.Blocked }},
		{"20% faster is an improvement", -math.Log(1.2), func(t Tally) int64 { return t.Improved }},
	} {
		tally, err := Run(machine(c.effect), Standard(), 200, 1)
		if err != nil || c.ends(tally) < 198 || tally.Used <= 0 || tally.Used > 1 {
			t.Errorf("%s: %+v, %v", c.name, tally, err)
		}
	}
}

func TestRunDoesNotDependOnTheNumberOfProcessors(t *testing.T) {
	tally := func() Tally {
		got, err := Run(machine(math.Log(1.05)), Standard(), 100, 7)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	want := tally()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	if got := tally(); got != want {
		t.Errorf("%+v with 3 processors, %+v before", got, want)
	}
}

func TestRunMeasuresAgain(t *testing.T) {
	p := Standard()
	p.Retries = 2
	until := func(u Until, apart bool, effect float64) Tally {
		p.Until, p.Apart = u, apart
		tally, err := Run(machine(effect), p, 50, 1)
		if err != nil {
			t.Fatal(err)
		}
		return tally
	}
	if tally := until(UntilBlocked, false, 0); tally.Passed != 50 || tally.Used < 3*10/28. {
		t.Errorf("three runs until blocked, identical arms: %+v", tally)
	}
	if tally := until(UntilPassed, false, 0); tally.Passed != 50 || tally.Used > 0.6 {
		t.Errorf("until passed, identical arms need one run: %+v", tally)
	}
	if tally := until(UntilPassed, true, math.Log(1.2)); tally.Blocked != 50 || tally.Used < 3*10/28. {
		t.Errorf("until passed, 20%% slower: %+v", tally)
	}
	p.Looks = nil
	if _, err := Run(machine(0), p, 1, 1); err == nil {
		t.Error("a procedure without looks was run")
	}
}

// Another run has layouts of its own beside the one that all runs share, and the
// drift of another day.
func TestAgain(t *testing.T) {
	w := machine(0)
	w.DriftSD = 0.1
	s := w.start(rand.New(rand.NewPCG(1, 1)))
	s.extend(w.Blocks)
	drift := s.drift[0]
	s.again()
	s.extend(2 * w.Blocks)
	used := map[int]int{}
	for _, l := range s.base.used {
		used[l]++
	}
	if len(used) != 2*w.Layouts-1 || used[0] < 6 || s.drift[0] == drift {
		t.Errorf("layouts of 56 blocks in two runs: %v; drift %v, then %v", used, drift, s.drift[0])
	}
}

func TestRunSuite(t *testing.T) {
	w := machine(0)
	w.Rounds = 1
	w.Metrics = nil
	for range 20 {
		w.Metrics = append(w.Metrics, Metric{Noise: 0.01})
	}
	w.Metrics[3].Effect = math.Log(1.2)
	tally, err := RunSuite(w, StandardSuite(28), 20, 1)
	if err != nil || tally.Blocked != 20 || tally.Slower != 20 || tally.Found != 20 || tally.FalselyBlocked != 0 || tally.Used >= 1 {
		t.Errorf("one of 20 benchmarks 20%% slower: %+v, %v", tally, err)
	}
	w.Metrics[3].Effect = 0
	if tally, err = RunSuite(w, StandardSuite(14), 20, 1); err != nil || tally.Passed != 20 || tally.Used > 0.5 {
		t.Errorf("none slower, 14 blocks at most: %+v, %v", tally, err)
	}
}

// The disturbances must not themselves be an effect.
func TestWorldKeepsItsTruth(t *testing.T) {
	w := machine(0.1)
	w.DriftSD, w.Correlation, w.Position, w.BurstShare, w.BurstSize = 0.03, 0.5, 0.09, 0.1, 0.4
	const checks = 300
	var sum float64
	for i := range uint64(checks) {
		s := w.start(rand.New(rand.NewPCG(1, i)))
		s.extend(w.Blocks)
		for b, rounds := range s.rounds[0] {
			seconds := 0
			for j, d := range rounds {
				sum += d / float64(checks*w.Blocks*w.Rounds)
				if s.second[b][j] {
					seconds++
				}
			}
			if seconds != w.Rounds/2 {
				t.Fatalf("head was second in %d of %d rounds of a block", seconds, w.Rounds)
			}
		}
		used := map[int]int{}
		for _, l := range s.base.used {
			used[l]++
		}
		if len(used) != w.Layouts || used[0] < 3 || used[0] > 4 {
			t.Fatalf("28 blocks over 8 layouts: %v", used)
		}
	}
	if math.Abs(sum-0.1) > 0.003 {
		t.Errorf("mean log ratio %v, want the true 0.1", sum)
	}
}

func TestRunTail(t *testing.T) {
	w := NoisyProbes()
	w.Blocks, w.Probes, w.All = 10, 150, 1.15
	tally, err := RunTail(w, 0.004, math.Log(1.05), 8, 3)
	if err != nil || tally.Blocked != 8 || math.Abs(tally.Theta-math.Log(1.15)) > 0.03 {
		t.Errorf("15%% more work everywhere: %+v, %v", tally, err)
	}
	w.Probes = 10
	if _, err := RunTail(w, 0.004, 0, 2, 3); err == nil {
		t.Error("ten probes made a tail")
	}
}
