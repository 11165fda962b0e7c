package gobench

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// names are names as the testing package prints them: no white space, levels
// divided by slashes.
func names() *rapid.Generator[string] {
	level := rapid.StringMatching(`[A-Za-z0-9.*+?()|\[\]{}^$\\#=,_é%-]{1,8}`)
	return rapid.Custom(func(t *rapid.T) string {
		return "Benchmark" + strings.Join(rapid.SliceOfN(level, 1, 4).Draw(t, "levels"), "/")
	})
}

func TestExactlyChoosesOneBenchmark(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, other := names().Draw(t, "name"), names().Draw(t, "other")
		f, err := parseFilter(exactly(name))
		if err != nil {
			t.Fatal(err)
		}
		if !f.matches(name) {
			t.Fatalf("%s does not match %q", exactly(name), name)
		}
		above := strings.HasPrefix(name+"/", other+"/") || strings.HasPrefix(other+"/", name+"/")
		if !above && f.matches(other) {
			t.Fatalf("%s matches %q too", exactly(name), other)
		}
	})
}

func TestFilter(t *testing.T) {
	for _, test := range []struct {
		text, name string
		want       bool
	}{
		{"", "BenchmarkA/b", true},
		{"A", "BenchmarkA", true},
		{"A/b", "BenchmarkA", true}, // a parent, or one without sub-benchmarks
		{"A/b", "BenchmarkA/b/c", true},
		{"A/b", "BenchmarkA/c", false},
		{"A|B/c", "BenchmarkB/c", true},
		{"A|B/c", "BenchmarkB/d", false},
		{"A|B/c", "BenchmarkA/d", true},
		{"(A|B)/c", "BenchmarkA/d", false},
		{"^A", "BenchmarkA", false},
		{"[/|]", "BenchmarkA/b", false},
		{`A\/b`, "BenchmarkA/b", false}, // not a divider, and no name has it within a level
	} {
		f, err := parseFilter(test.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.matches(test.name); got != test.want {
			t.Errorf("%q matches %q: %t", test.text, test.name, got)
		}
	}
	if _, err := parseFilter("A/("); err == nil || !strings.Contains(err.Error(), `--bench "A/("`) {
		t.Errorf("error %v", err)
	}
}

func TestLabels(t *testing.T) {
	for _, test := range [][2]string{
		{label("", printed("BenchmarkA/b", 1)), "BenchmarkA/b"},
		{label("x/y", printed("BenchmarkA", 4)), "x/y.BenchmarkA-4"},
	} {
		if test[0] != test[1] {
			t.Errorf("%q, want %q", test[0], test[1])
		}
	}
}
