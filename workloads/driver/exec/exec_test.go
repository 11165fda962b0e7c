package exec

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/bench"
	"github.com/fivegate/fivegate/workloads/process"
	"github.com/fivegate/fivegate/workloads/target"
)

// programs are what a command of the tests does, as a shell script.
const (
	spin = `i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done` // some 25 ms of CPU time
	wait = `sleep 0.05`
)

// newSubject is a command that is one script in base and another in head.
func newSubject(t *testing.T, base, head string, change func(*Config)) *Subject {
	t.Helper()
	cfg := &Config{Name: "./run.sh", WarmUp: 1, Target: target.Config{Start: []string{"./run.sh", "one word"}}}
	for arm, script := range []string{base, head} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "run.sh"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		cfg.Builds[arm] = []target.Build{{Arm: []string{"base", "head"}[arm], Worktree: dir}}
	}
	if change != nil {
		change(cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var both = []bench.Place{{Arm: 0}, {Arm: 1}}

func units(sample bench.Sample) (names []string) {
	for _, v := range sample {
		names = append(names, v.Unit)
	}
	return names
}

func value(t *testing.T, sample bench.Sample, unit string) float64 {
	t.Helper()
	for _, v := range sample {
		if v.Unit == unit {
			return v.Value
		}
	}
	t.Errorf("no %s in %v", unit, sample)
	return 0
}

func TestMethod(t *testing.T) {
	parallel := "(" + spin + ") & (" + spin + ") & wait"
	for _, test := range []struct {
		name, base, head string
		cores            int // that it needs to show itself
		change           func(*Config)
		want             result.Mode
	}{
		{"bound by the processor", spin, spin, 1, nil, result.ModeDuet},
		{"waits", wait, wait, 1, nil, result.ModeAlternating},
		{"head waits", spin, spin + "; " + wait, 1, nil, result.ModeAlternating},
		{"base waits", spin + "; " + wait, spin, 1, nil, result.ModeAlternating},
		{"parallel", parallel, parallel, 2, nil, result.ModeAlternating},
		{"wanted in turn", spin, spin, 1, func(c *Config) { c.InTurn = true }, result.ModeAlternating},
	} {
		t.Run(test.name, func(t *testing.T) {
			if runtime.NumCPU() < test.cores {
				t.Skipf("needs %d cores to see a parallel command; run it on a larger machine", test.cores)
			}
			// A machine that is busy with other things may hide what a command is for a
			// while.
			for try := 1; ; try++ {
				s := newSubject(t, test.base, test.head, test.change)
				method, err := s.Prepare(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if method.Iterations < 1 || method.Iterations > mostRuns || method.Cost <= 0 {
					t.Errorf("%+v", method)
				}
				if method.Mode == test.want {
					return
				}
				if try == 5 {
					t.Fatalf("%+v, want %s", method, test.want)
				}
			}
		})
	}
}

func TestSamples(t *testing.T) {
	s := newSubject(t, spin, spin, nil)
	if _, err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.runs, s.memory = 2, false
	for _, duet := range []bool{true, false} {
		s.duet = duet
		places, want := both, []string{"sec/op", "user-sec/op", "sys-sec/op", "page-faults/op", "context-switches/op"}
		if !duet {
			places, want = both[1:], []string{"sec/op", "cpu-sec/op", "user-sec/op", "sys-sec/op", "page-faults/op", "context-switches/op"}
		}
		samples, err := s.Run(t.Context(), places...)
		if err != nil {
			t.Fatal(err)
		}
		if len(samples) != len(places) {
			t.Fatalf("%d samples of %d places", len(samples), len(places))
		}
		for _, sample := range samples {
			if diff := cmp.Diff(want, units(sample)); diff != "" {
				t.Error(diff)
			}
			cpu := value(t, sample, "user-sec/op") + value(t, sample, "sys-sec/op")
			if sec := value(t, sample, "sec/op"); sec <= 0 || cpu <= 0 || duet && sec != cpu || !duet && sec < cpu/float64(runtime.NumCPU()) {
				t.Errorf("duet %t: %v", duet, sample)
			}
		}
	}
}

// The mean of a round is over its runs, and memory is the largest.
func TestTotal(t *testing.T) {
	var sum total
	for i := range 3 {
		n := int64(i + 1)
		e := exit{Exit: process.Exit{Wall: time.Duration(n) * time.Second}}
		e.User, e.System, e.MaxRSSBytes, e.MinorFaults, e.MajorFaults = time.Duration(n)*time.Millisecond, 2*time.Millisecond, n<<30, 10, 1
		e.VoluntarySwitches, e.InvoluntarySwitches, e.Instructions, e.Cycles = 3, 4, 1000*n, 500
		sum.add(e)
	}
	s := &Subject{cfg: &Config{Counter: CounterPerf}, memory: true}
	got := map[string]float64{}
	for _, v := range s.sample(sum) {
		got[v.Unit] = v.Value
		if v.Better != result.LowerIsBetter {
			t.Errorf("%s: better is %q", v.Unit, v.Better)
		}
	}
	want := map[string]float64{
		"sec/op": 2, "cpu-sec/op": 0.004, "user-sec/op": 0.002, "sys-sec/op": 0.002, "peak-RSS-bytes": 3 << 30,
		"page-faults/op": 11, "context-switches/op": 7, "instructions/op": 2000, "cycles/op": 500,
	}
	for unit, x := range want {
		if d := got[unit] - x; d > 1e-12 || d < -1e-12 {
			t.Errorf("%s is %v, want %v", unit, got[unit], x)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v", got)
	}
	sum.add(exit{}) // a run whose peak memory is not known
	if names := strings.Join(units(s.sample(sum)), " "); strings.Contains(names, "RSS") {
		t.Errorf("%s holds memory that is not known of each run", names)
	}
}

func TestFailures(t *testing.T) {
	fails := "echo fine; echo 'no such input' >&2; exit 2"
	for _, test := range []struct {
		name, base, head string
		change           func(*Config)
		arm              int
		words            string
	}{
		{"head fails", spin, fails, nil, 1, `exit status 2; it printed "no such input"`},
		{"base fails", fails, spin, nil, 0, "exit status 2"},
		{"both fail", fails, "exit 3", nil, 0, "exit status 2"},
		{"head is killed", spin, "kill -9 $$", nil, 1, "signal: killed"},
		{"head leaves a process behind", spin, "sleep 1000 & true", nil, 1, "(sleep) behind"},
		{"prepare fails in head", spin, spin, func(c *Config) {
			c.Prepare = []string{"sh", "-c", `test "$PWD" = "$1" || { echo dirty; exit 1; }`, "sh", c.Builds[0][0].Worktree}
		}, 1, `prepare: exit status 1; it printed "dirty"`},
		{"cleanup is not there", spin, spin, func(c *Config) { c.Cleanup = []string{"./clean"} }, 0, "cleanup: program"},
		{"the program is not there", spin, spin, func(c *Config) { c.Target.Start = []string{"./no-tool"} }, 0, "no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSubject(t, test.base, test.head, test.change)
			s.runs, s.duet = 1, true
			_, err := s.Prepare(t.Context())
			assertFailure(t, err, test.arm, test.words)
			_, err = s.Run(t.Context(), both...)
			assertFailure(t, err, test.arm, test.words)
		})
	}
}

func assertFailure(t *testing.T, err error, arm int, words string) {
	t.Helper()
	var failed *bench.Failure
	if !errors.As(err, &failed) || failed.Arm != arm || !strings.Contains(failed.Detail, words) || strings.Contains(failed.Detail, "\n") {
		t.Errorf("error %v, want arm %d and %q", err, arm, words)
	}
}

func TestHeadThatHangs(t *testing.T) {
	s := newSubject(t, "true", "exec sleep 1000", nil)
	s.limit = 100 * time.Millisecond
	_, err := s.Run(t.Context(), both...)
	assertFailure(t, err, 1, "had not ended after")
	if _, err := s.Run(t.Context(), both[0]); err != nil {
		t.Errorf("base alone: %v", err)
	}
}

func TestCancel(t *testing.T) {
	why := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	s := newSubject(t, spin, spin, nil)
	if _, err := s.Run(ctx, both...); !errors.Is(err, why) {
		t.Errorf("error %v", err)
	}
}

// Prepare and cleanup go round each run, warm-ups included, in each worktree; a
// build is warmed up once.
func TestOrderOfCommands(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	say := func(word string) []string {
		return []string{"sh", "-c", `echo "$1 $(basename "$PWD")" >>"$2"`, "sh", word, log}
	}
	s := newSubject(t, "", "", func(c *Config) {
		c.Prepare, c.Cleanup, c.Target.Start = say("prepare"), say("cleanup"), say("run")
	})
	s.runs = 2
	for range 2 {
		if _, err := s.Run(t.Context(), both[1]); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	where := " " + filepath.Base(s.cfg.Builds[1][0].Worktree) + "\n"
	if want := strings.Repeat("prepare"+where+"run"+where+"cleanup"+where, 1+2*2); string(text) != want {
		t.Errorf("got\n%swant\n%s", text, want)
	}
}

func TestCachegrindIsExact(t *testing.T) {
	if err := findValgrind(); err != nil {
		t.Skipf("%v; install it, such as by apt install valgrind", err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	session, err := target.NewSession(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	few, more := "i=0; while [ $i -lt 100 ]; do i=$((i+1)); done", "i=0; while [ $i -lt 200 ]; do i=$((i+1)); done"
	s := newSubject(t, few, few+"; sh -c '"+more+"'", func(c *Config) { c.Counter, c.Session = CounterCachegrind, session })
	method, err := s.Prepare(t.Context())
	if err != nil || method.Mode != result.ModeDuet || method.Iterations != 1 {
		t.Fatalf("%+v, %v", method, err)
	}
	samples, err := s.Run(t.Context(), both...)
	if err != nil {
		t.Fatal(err)
	}
	base, head := value(t, samples[0], "instructions/op"), value(t, samples[1], "instructions/op")
	// Each shell starts anew, which is most of what it does here.
	if len(samples[0]) != 1 || base < 10_000 || head < 1.5*base {
		t.Errorf("base %v, head, with a child, %v", samples[0], samples[1])
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "fivegate-*", "data", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

func TestUnknownCounter(t *testing.T) {
	if _, err := New(&Config{Counter: "abacus"}); err == nil || !strings.Contains(err.Error(), `"cachegrind"`) {
		t.Errorf("error %v", err)
	}
	_, err := New(&Config{Counter: CounterPerf})
	if can := process.CanCount(); (can == nil) != (err == nil) {
		t.Errorf("error %v, where counting says %v", err, can)
	}
}
