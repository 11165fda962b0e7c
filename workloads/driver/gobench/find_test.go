package gobench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/result"
)

// What a test binary prints, as recorded from Go 1.26.
const (
	printedSubs  = "goos: linux\nBenchmarkX\nBenchmarkX/a/b\nBenchmarkX/a/b-2 \t 1\t 140.0 ns/op\nBenchmarkX/x-2\nBenchmarkX/x-2-2 \t 1\t 261.0 ns/op\nPASS\n"
	printedFail  = "BenchmarkX\nBenchmarkX/ok\nBenchmarkX/ok-2 \t 1\t 430.0 ns/op\nBenchmarkX/bad\n    d_test.go:7: it broke\n--- FAIL: BenchmarkX/bad\nBenchmarkX/after\nBenchmarkX/after-2 \t 1\t 290.0 ns/op\n--- FAIL: BenchmarkX\nFAIL\n"
	printedPanic = "BenchmarkX\nBenchmarkX/ok\nBenchmarkX/ok-2 \t 1\t 470.0 ns/op\nBenchmarkX/bad\n"
	printedSkip  = "BenchmarkX\n    d_test.go:6: why not\n--- SKIP: BenchmarkX\nPASS\n"
)

func TestDiscovered(t *testing.T) {
	for _, test := range []struct {
		why, output, how string
		want             map[string]string
	}{
		{"sub-benchmarks, one with a number in its name", printedSubs, "", map[string]string{"BenchmarkX/a/b": "measured", "BenchmarkX/x-2": "measured"}},
		{"a name that is another's beginning", "BenchmarkX\nBenchmarkX/a\nBenchmarkX/a-2 1 3 ns/op\nBenchmarkX/a/b\nBenchmarkX/a/b-2 1 3 ns/op\n", "", map[string]string{"BenchmarkX/a": "measured", "BenchmarkX/a/b": "measured"}},
		{"one of several fails", printedFail, "exit status 1", map[string]string{"BenchmarkX/ok": "measured", "BenchmarkX/bad": "it failed: d_test.go:7: it broke", "BenchmarkX/after": "measured"}},
		{"one panics", printedPanic, "exit status 2: panic: oh", map[string]string{"BenchmarkX/ok": "measured", "BenchmarkX/bad": "exit status 2: panic: oh"}},
		{"it skips itself", printedSkip, "", map[string]string{"BenchmarkX": "skipped"}},
		{"no benchmark is run at all", "PASS\n", "", map[string]string{"BenchmarkX": "skipped"}},
		{"it ends before it begins", "", "signal: killed", map[string]string{"BenchmarkX": "signal: killed"}},
		{"another whose name begins alike", "BenchmarkXY\nBenchmarkXY-2 1 3 ns/op\nBenchmarkX\nBenchmarkX-2 1 3 ns/op\n", "", map[string]string{"BenchmarkX": "measured"}},
	} {
		got := map[string]string{}
		for name, f := range discovered("BenchmarkX", test.output, test.how, 2) {
			switch {
			case f.failed != "":
				got[name] = f.failed
			case f.skipped:
				got[name] = "skipped"
			default:
				got[name] = "measured"
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.why, diff)
		}
	}
}

func TestCompareFates(t *testing.T) {
	ran, failed, skipped := fate{}, fate{failed: "panic: no"}, fate{skipped: true}
	absent := fate{failed: "-"}
	for _, test := range []struct {
		base, head fate
		ended      [2]string
		want       string
	}{
		{ran, ran, [2]string{}, "measured"},
		{ran, failed, [2]string{}, "failed-head panic: no"},
		{failed, ran, [2]string{}, "failed-base panic: no"},
		{failed, failed, [2]string{}, "failed-base panic: no"},
		{absent, ran, [2]string{}, "new"},
		{ran, absent, [2]string{}, "removed"},
		{absent, failed, [2]string{}, "failed-head it is new, and panic: no"},
		{ran, absent, [2]string{1: "it hangs"}, "failed-head it was not reached: it hangs"},
		{absent, ran, [2]string{0: "it hangs"}, "failed-base it was not reached: it hangs"},
		{ran, skipped, [2]string{}, "removed head skips it"},
		{skipped, ran, [2]string{}, "new base skips it"},
		{skipped, skipped, [2]string{}, "left-out it skips itself"},
		{absent, skipped, [2]string{}, "left-out it skips itself"},
	} {
		var fates [2]map[string]fate
		for arm, f := range []fate{test.base, test.head} {
			fates[arm] = map[string]fate{}
			if f.failed != "-" {
				fates[arm]["BenchmarkX"] = f
			}
		}
		b := compareFates("BenchmarkX", fates, test.ended)
		got := string(b.State)
		if b.Detail != "" {
			got += " " + b.Detail
		}
		if got != test.want {
			t.Errorf("base %+v, head %+v, %q: %s, want %s", test.base, test.head, test.ended, got, test.want)
		}
	}
}

func TestUnmeasured(t *testing.T) {
	has := map[string]bool{"BenchmarkX": false}
	for _, test := range []struct {
		p    pkg
		want result.BenchmarkState
	}{
		{pkg{benchmarks: [2]map[string]bool{has, has}}, result.BenchmarkIdentical},
		{pkg{benchmarks: [2]map[string]bool{nil, has}}, result.BenchmarkNew},
		{pkg{benchmarks: [2]map[string]bool{has, nil}}, result.BenchmarkRemoved},
		{pkg{benchmarks: [2]map[string]bool{has, has}, broken: [2]string{"no", "no"}}, result.BenchmarkFailedBase},
		{pkg{benchmarks: [2]map[string]bool{has, has}, broken: [2]string{1: "no"}}, result.BenchmarkFailedHead},
		{pkg{benchmarks: [2]map[string]bool{nil, has}, broken: [2]string{0: "no"}}, result.BenchmarkNew},
	} {
		if got := unmeasured(&test.p, "BenchmarkX"); got.State != test.want {
			t.Errorf("%+v: %s, want %s", test.p, got.State, test.want)
		}
	}
}

func TestScan(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"a_test.go": `package a
import "testing"
func BenchmarkSerial(b *testing.B) { b.Run("x", func(b *testing.B) {}) }
func BenchmarkDirect(b *testing.B) { b.RunParallel(nil) }
func BenchmarkThrough(b *testing.B) { helper(b) }
func BenchmarkNoType(b int) {}
func Benchmarkless(b *testing.B) {}
func (t thing) BenchmarkMethod(b *testing.B) {}
func Benchmark(b *testing.B) {}
`,
		"b_test.go": `package a_test
import "testing"
func helper(b *testing.B) { other(b) }
func other(b *testing.B) { helper(b); b.RunParallel(nil) }
`,
		"broken_test.go": `package a
func BenchmarkHalf(b *testing.B) {}
func (`,
	}
	var paths []string
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	want := map[string]bool{"BenchmarkSerial": false, "BenchmarkDirect": true, "BenchmarkThrough": true, "Benchmark": false, "BenchmarkHalf": false}
	if diff := cmp.Diff(want, scan(append(paths, filepath.Join(dir, "missing_test.go")))); diff != "" {
		t.Error(diff)
	}
}

func TestDataOfTheCheckout(t *testing.T) {
	var dirs [2]string
	for arm := range dirs {
		dirs[arm] = t.TempDir()
		for _, name := range []string{"a/testdata/x", "a/b.go", ".git/testdata/y"} {
			path := filepath.Join(dirs[arm], name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			text := name
			if arm == 1 && name != "a/testdata/x" {
				text = "other"
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := Suite{worktree: dirs}
	if differ, err := s.dataDiffers(); differ || err != nil {
		t.Errorf("only code differs: %t, %v", differ, err)
	}
	if err := os.WriteFile(filepath.Join(dirs[1], "a/testdata/x"), []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if differ, err := s.dataDiffers(); !differ || err != nil {
		t.Errorf("test data differ: %t, %v", differ, err)
	}
}

func TestStartOf(t *testing.T) {
	s := &subject{name: "BenchmarkX"}
	for n, want := range map[int64]start{
		1:    {nothing, 1, 1},
		2:    {nothing, 1, 3},
		9:    {nothing, 1, 10},
		10:   {"^BenchmarkX$", 2, 8},
		1000: {"^BenchmarkX$", 2, 998},
	} {
		if got := s.startOf(n); got != want {
			t.Errorf("%d iterations: %+v, want %+v", n, got, want)
		}
	}
}

func TestBrief(t *testing.T) {
	for _, test := range [][3]string{
		{"BenchmarkX\n", "panic: oh\n\ngoroutine 1\nexit status 2\n", "exit status 2: panic: oh"},
		{"--- FAIL: BenchmarkX\nFAIL\n", "", "exit status 2: --- FAIL: BenchmarkX"},
		{"", "", "exit status 2"},
	} {
		if got := brief("exit status 2", test[0], test[1]); got != test[2] {
			t.Errorf("%q, want %q", got, test[2])
		}
	}
}

func ExampleNoBenchmarksError() {
	fmt.Println(&NoBenchmarksError{Packages: []string{"./..."}})
	// Output: no package of ./... has a benchmark (func BenchmarkX(b *testing.B)) in base or head
}
