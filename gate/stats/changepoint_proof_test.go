//go:build proof

package stats

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/internal/toolcache"
)

// What the annotated series come from, by name and version.
const (
	otavaVersion = "0.8.0"
	signalURL    = "https://github.com/mongodb/signal-processing-algorithms"
	signalCommit = "aec099a9696d17ccd1e85a357313614a01f859a2"
)

// annotated is a series with the changes that its project's own tests expect.
type annotated struct {
	name   string
	values []float64
	want   []int
	count  int // where only the number is told
}

func command(t *testing.T, dir, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		toolcache.Absent(t, fmt.Sprintf("%s %v: %v\n%s", name, args, err, stderr.String()))
	}
	return string(out)
}

// otava is a folder with Apache Otava's sources, and Python with it installed.
func otava(t *testing.T) (sources, python string) {
	t.Helper()
	dir, err := toolcache.Dir("apache-otava-"+otavaVersion, func(dir string) error {
		command(t, dir, "", "python3", "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", dir, "apache-otava=="+otavaVersion)
		command(t, dir, "", "tar", "xzf", "apache_otava-"+otavaVersion+".tar.gz")
		command(t, dir, "", "python3", "-m", "pip", "install", "--quiet", "--target", filepath.Join(dir, "site"), "apache-otava=="+otavaVersion)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "apache_otava-"+otavaVersion), filepath.Join(dir, "site")
}

// signal is a clone of MongoDB's project, whose package has no test data.
func signal(t *testing.T) string {
	t.Helper()
	dir, err := toolcache.Dir("signal-processing-algorithms-"+signalCommit[:12], func(dir string) error {
		command(t, dir, "", "git", "clone", "--quiet", signalURL, "clone")
		command(t, filepath.Join(dir, "clone"), "", "git", "checkout", "--quiet", signalCommit)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "clone")
}

// lists finds the lists of numbers that a Python file gives a name or returns.
func lists(t *testing.T, path, before string) [][]float64 {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	comments := regexp.MustCompile(`#[^\n]*`)
	var out [][]float64
	for _, m := range regexp.MustCompile(`(?s)`+before+`\[([-0-9.,\s]+)\]`).FindAllStringSubmatch(comments.ReplaceAllString(string(text), ""), -1) {
		var values []float64
		for part := range strings.SplitSeq(m[1], ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			v, err := strconv.ParseFloat(part, 64)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			values = append(values, v)
		}
		out = append(out, values)
	}
	if len(out) == 0 {
		t.Fatalf("%s holds no list after %q", path, before)
	}
	return out
}

func levels(runs int, levels ...float64) (values []float64) {
	for _, level := range levels {
		values = append(values, slices.Repeat([]float64{level}, runs)...)
	}
	return values
}

// series of both projects. The comments name the tests that expect the changes.
func annotations(t *testing.T, otava, signal string) []annotated {
	file := func(path ...string) string { return filepath.Join(append([]string{otava, "tests"}, path...)...) }
	two := lists(t, file("series_test.py"), `series_\d = `)
	csv := lists(t, file("csv_e2e_test.py"), `metrics\d = `)
	tiger := lists(t, file("tigerbeetle_test.py"), `return `)[0]
	detection := filepath.Join(signal, "tests", "test_detection.py")
	with := func(values []float64, at map[int]float64) []float64 {
		for i, v := range at {
			values[i] = v
		}
		return values
	}
	out := []annotated{
		{name: "otava analysis_test: single series", values: lists(t, file("analysis_test.py"), `series = `)[0], want: []int{10}},
		{name: "otava series_test: series1", values: two[0], want: []int{6}},
		{name: "otava series_test: series2", values: two[1], want: []int{4}},
		{name: "otava CSV example: metric1", values: csv[0]},
		{name: "otava CSV example: metric2", values: csv[1], want: []int{6}},
		{name: "otava tigerbeetle, as its docstring tells it", values: tiger, want: []int{16, 71, 97}},
		{name: "otava tigerbeetle, magnitude 5%", values: tiger, want: []int{15, 71}},
		{name: "otava tigerbeetle, p 0.001", values: tiger, want: []int{15, 61, 71, 95, 117, 131, 142, 148, 192, 212, 260}},
		{name: "otava tigerbeetle, p 0.00001", values: tiger, want: []int{71, 95, 131, 192, 212}},
		{name: "signal test_detection: random-ish", values: lists(t, detection, `series = `)[0], want: []int{20, 40}},
		{name: "signal: simple regression", values: levels(15, 50, 100), want: []int{15}},
		{name: "signal: finds ahead", values: with(levels(15, 50, 100), map[int]float64{14: 74}), want: []int{15}},
		{name: "signal: finds behind", values: with(levels(15, 50, 100), map[int]float64{14: 76}), want: []int{14}},
		{name: "signal: simple regression 2", values: with(levels(15, 50, 100), map[int]float64{2: 100}), want: []int{15}},
		{name: "signal: regression and recovery", values: with(levels(15, 50, 100, 50), map[int]float64{2: 100, 32: 100}), want: []int{15, 33}},
		{name: "signal: two regressions", values: with(levels(15, 50, 100, 150), map[int]float64{2: 100}), want: []int{15, 30}},
		{name: "signal: no regressions", values: levels(30, 50)},
	}
	for _, profile := range []string{"short", "small", "medium", "large", "very_large", "huge"} {
		var p struct {
			Series   []float64
			Expected int
		}
		read(t, filepath.Join(signal, "tests", "data", "profiling", profile+".json"), &p)
		out = append(out, annotated{name: "signal profile " + profile, values: p.Series, count: p.Expected})
	}
	var long, steady []float64
	read(t, filepath.Join(signal, "tests", "data", "long_series.json"), &long)
	read(t, filepath.Join(signal, "tests", "data", "real_series.json"), &steady)
	return append(out, annotated{name: "signal long series", values: long, count: 4}, annotated{name: "signal real series (two outliers, no change)", values: steady})
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// near2 is how far a found change may be from an annotated one.
const near2 = 2

// matched counts the pairs of found and wanted changes within near2 runs.
func matched(found, want []int) (n int) {
	free := slices.Clone(found)
	for _, w := range want {
		if i := slices.IndexFunc(free, func(f int) bool { return f-w <= near2 && w-f <= near2 }); i >= 0 {
			free = slices.Delete(free, i, i+1)
			n++
		}
	}
	return n
}

func share(n, of int) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", float64(n)/float64(of))
}

// ofOtava is what Otava finds with its defaults.
func ofOtava(t *testing.T, site string, all [][]float64) (found [][]int) {
	t.Helper()
	in, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("testdata/changepoint/run_otava.py")
	if err != nil {
		t.Fatal(err)
	}
	out := command(t, "", string(in), "env", "PYTHONPATH="+site, "python3", script)
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return found
}

func TestProofAnnotatedSeries(t *testing.T) {
	sources, site := otava(t)
	series := annotations(t, sources, signal(t))
	var all [][]float64
	for _, s := range series {
		all = append(all, s.values)
	}
	theirs := ofOtava(t, site, all)
	t.Log("| series | runs | its project expects | here | precision | recall | Otava " + otavaVersion + " with its defaults |\n|---|--:|---|---|--:|--:|---|")
	right, found, wanted := 0, 0, 0
	for i, s := range series {
		got := jumps(find(t, s.values))
		if s.count > 0 || strings.Contains(s.name, "profile") {
			t.Logf("| %s | %d | %d changes | %d changes | – | – | %d changes |", s.name, len(s.values), s.count, len(got), len(theirs[i]))
			continue
		}
		n := matched(got, s.want)
		t.Logf("| %s | %d | %v | %v | %s | %s | %v |", s.name, len(s.values), s.want, got, share(n, len(got)), share(n, len(s.want)), theirs[i])
		if !strings.Contains(s.name, "tigerbeetle, ") {
			right, found, wanted = right+n, found+len(got), wanted+len(s.want)
		}
	}
	t.Logf("without tigerbeetle, whose expectations differ: precision %s, recall %s", share(right, found), share(right, wanted))
	if right < wanted-1 || right < found-1 {
		t.Errorf("%d changes match of %d found and %d expected", right, found, wanted)
	}
}

// Series made here, whose changes are known, by both programs.
func TestProofKnownChanges(t *testing.T) {
	_, site := otava(t)
	rng := newRand(77)
	kinds := []struct {
		name string
		make func() ([]float64, []int)
	}{
		{"flat, 120 runs", func() ([]float64, []int) {
			return series(rng, stretch{runs: 120, level: 100, noise: 2}), nil
		}},
		{"flat, heavy tails", func() ([]float64, []int) {
			return series(rng, stretch{runs: 120, level: 100, noise: 2, heavy: true}), nil
		}},
		{"flat, neighbours depend (0.5)", func() ([]float64, []int) {
			return series(rng, stretch{runs: 120, level: 100, noise: 2, correlatesWith: 0.5}), nil
		}},
		{"flat, noise grows fourfold", func() ([]float64, []int) {
			return series(rng, stretch{runs: 60, level: 100, noise: 1}, stretch{runs: 60, level: 100, noise: 4}), nil
		}},
		{"flat, a spike in 20 runs", func() ([]float64, []int) {
			values := series(rng, stretch{runs: 120, level: 100, noise: 2})
			for i := range values {
				if rng.IntN(20) == 0 {
					values[i] *= 1.5
				}
			}
			return values, nil
		}},
		{"a step of 5%, noise 2%", func() ([]float64, []int) {
			return series(rng, stretch{runs: 60, level: 100, noise: 2}, stretch{runs: 60, level: 105, noise: 2}), []int{60}
		}},
		{"a step of 10%, noise 2%, 7 runs after", func() ([]float64, []int) {
			return series(rng, stretch{runs: 113, level: 100, noise: 2}, stretch{runs: 7, level: 110, noise: 2}), []int{113}
		}},
		{"up 8% and back after 14 runs", func() ([]float64, []int) {
			return series(rng, stretch{runs: 60, level: 100, noise: 2}, stretch{runs: 14, level: 108, noise: 2}, stretch{runs: 46, level: 100, noise: 2}), []int{60, 74}
		}},
		{"a step of 8%, heavy tails, 5% spikes", func() ([]float64, []int) {
			values := series(rng, stretch{runs: 60, level: 100, noise: 2, heavy: true}, stretch{runs: 60, level: 108, noise: 2, heavy: true})
			for i := range values {
				if rng.IntN(20) == 0 {
					values[i] *= 1.3
				}
			}
			return values, []int{60}
		}},
		{"four steps of 4% to 10% in 300 runs", func() ([]float64, []int) {
			return series(rng, stretch{runs: 60, level: 100, noise: 1.5}, stretch{runs: 60, level: 104, noise: 1.5}, stretch{runs: 60, level: 94, noise: 1.5}, stretch{runs: 60, level: 100, noise: 1.5}, stretch{runs: 60, level: 108, noise: 1.5}), []int{60, 120, 180, 240}
		}},
		{"a drift of 0.3% a run over 60 runs, no step", func() ([]float64, []int) {
			return series(rng, stretch{runs: 60, level: 100, noise: 1}, stretch{runs: 60, level: 100, grows: 0.3, noise: 1}), nil
		}},
	}
	const each = 200
	t.Log("| series, 200 of each | changes known | here: right | wrong | Otava: right | wrong |\n|---|--:|--:|--:|--:|--:|")
	for _, kind := range kinds {
		var all [][]float64
		var known [][]int
		for range each {
			values, want := kind.make()
			all, known = append(all, values), append(known, want)
		}
		theirs := ofOtava(t, site, all)
		var wanted, here, hereWrong, there, thereWrong int
		for i, values := range all {
			got := jumps(find(t, values))
			n, m := matched(got, known[i]), matched(theirs[i], known[i])
			wanted += len(known[i])
			here, hereWrong = here+n, hereWrong+len(got)-n
			there, thereWrong = there+m, thereWrong+len(theirs[i])-m
		}
		t.Logf("| %s | %d | %d | %d | %d | %d |", kind.name, wanted, here, hereWrong, there, thereWrong)
		if wanted == 0 && strings.HasPrefix(kind.name, "flat, 120") && hereWrong > 2 {
			t.Errorf("%s: %d changes", kind.name, hereWrong)
		}
	}
}
