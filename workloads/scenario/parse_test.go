package scenario

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/result"
)

// testFolder is what scenarios of the tests have beside them.
var testFolder = fstest.MapFS{
	"queries.txt":     {Data: []byte("\ufeffred lamp\r\n\n50% \"off\"\nблу\n")},
	"data/order.json": {Data: []byte(`{"article": "${not a value}"}`)},
	"empty.txt":       {Data: []byte("\n\r\n")},
	"latin1.txt":      {Data: []byte("caf\xe9\n")},
	"large.bin":       {Data: make([]byte, maxBodyBytes+1)},
}

var update = flag.Bool("update", false, "rewrite the expected faults of testdata/err")

// testFiles returns the files of a folder of testdata. An empty folder would be
// a test that tests nothing.
func testFiles(t testing.TB, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.toml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/%s: %v", folder, err)
	}
	return files
}

func readTestFile(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestBadFiles compares what is printed about each bad file with the .out file
// beside it.
func TestBadFiles(t *testing.T) {
	for _, file := range testFiles(t, "err") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			text := readTestFile(t, file)
			s, err := Parse(filepath.Base(file), text, testFolder)
			if s != nil {
				t.Error("a scenario was returned beside the error")
			}
			var faults diag.Faults
			if !errors.As(err, &faults) {
				t.Fatalf("got %v, want faults", err)
			}
			var got bytes.Buffer
			if err := faults.Print(&got, text); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".toml") + ".out"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(readTestFile(t, golden)), got.String()); diff != "" {
				t.Errorf("(-want +got; -update rewrites):\n%s", diff)
			}
		})
	}
}

func TestGoodFiles(t *testing.T) {
	for _, file := range testFiles(t, "ok") {
		s, err := Parse(file, readTestFile(t, file), testFolder)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		sum := 0.0
		for _, o := range s.Operations {
			sum += o.Weight
		}
		if sum < 1-weightTolerance || sum > 1+weightTolerance {
			t.Errorf("%s: weights sum to %v", file, sum)
		}
	}
}

func TestEveryKey(t *testing.T) {
	text := readTestFile(t, "testdata/ok/every_key.toml")
	got, err := Parse("every_key.toml", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &Scenario{
		Name: "Every key", Description: "All that may be said", Text: string(text), SHA256: got.SHA256,
		Seed: 7, Budget: time.Minute,
		Arrival:    Arrival{Pattern: Constant, RatePerS: 1000, Jitter: 0.125},
		Operations: []OperationWeight{{Store, 0.5}, {Recall, 0.3}, {EmbeddingSearch, 0.2}},
		Data:       Data{Nodes: 1000, Dimension: 768, Spaces: 1, Distribution: Clustered, Clusters: 20, StdDev: 0.2},
		Probes:     100,
		Limits:     result.Limits{P99S: 0.05, ThroughputPerS: 800, ErrorRate: 0.01, ErrorRateSet: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDefaults(t *testing.T) {
	got, err := Parse("smallest.toml", readTestFile(t, "testdata/ok/smallest.toml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	got.Text, got.SHA256 = "", ""
	want := &Scenario{
		Name: "Smallest", Seed: 1, Budget: 5 * time.Minute,
		Arrival:    Arrival{Pattern: Constant, RatePerS: 100, Jitter: 0.15, Stagger: true},
		Operations: []OperationWeight{{Recall, 1}},
		Data:       Data{Nodes: 1, Dimension: 1, Spaces: 1, Distribution: Clustered, Clusters: 10, StdDev: 0.1},
		Probes:     600,
		Limits:     result.Limits{ErrorRate: 0.01, ErrorRateSet: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// engramBaseline has the keys and values of the scenario by which Engram's
// milestone 17 is tracked.
const engramBaseline = `
name = "M17 Baseline"
description = "Reads and writes mixed"

[duration]
total_seconds = 60

[arrival]
pattern = "constant"
rate = 1000.0

[operations]
store_weight = 0.5
recall_weight = 0.425
embedding_search_weight = 0.075
pattern_completion_weight = 0.0  # switched off

[data]
num_nodes = 1000
embedding_dim = 768
memory_spaces = 1

[validation]
expected_p99_latency_ms = 50.0
expected_throughput_ops_sec = 800.0
max_error_rate = 0.01

[chaos]
enabled = false
`

func TestEngramFilesAreUnderstood(t *testing.T) {
	s, err := Parse("m17_baseline.toml", []byte(engramBaseline), nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Arrival.RatePerS != 1000 || s.Data.Clusters != 10 || s.Limits.P99S != 0.05 || s.Budget != time.Minute {
		t.Errorf("got %+v", s)
	}
	inline := strings.Replace(engramBaseline, "memory_spaces = 1",
		`embedding_distribution = { type = "clustered", num_clusters = 1000, std_dev = 0.15 }`+"\nmemory_spaces = 16", 1)
	if s, err = Parse("inline.toml", []byte(inline), nil); err != nil || s.Data.Clusters != 1000 || s.Data.Spaces != 16 {
		t.Errorf("an inline distribution: %+v, %v", s, err)
	}
}

// TestGoTypesStayHidden: messages are for people who do not know Go.
func TestGoTypesStayHidden(t *testing.T) {
	for _, file := range testFiles(t, "err") {
		_, err := Parse(file, readTestFile(t, file), testFolder)
		for _, word := range []string{"int64", "float64", "string", "struct", "time.Duration", "%!"} {
			if strings.Contains(err.Error(), word) {
				t.Errorf("%q in: %v", word, err)
			}
		}
	}
}

// TestOneFaultEach: no mistake but the collected ones sets off another fault.
func TestOneFaultEach(t *testing.T) {
	several := map[string]int{
		"many.toml":                      10,
		"http_many.toml":                 10,
		"table_twice.toml":               2, // the header and its key
		"empty.toml":                     3, // name, arrival and request
		"arrival_poisson_with_rate.toml": 2, // lambda is missing, rate is unknown
		"data_distribution_uniform_with_clusters.toml": 2, // both keys of clusters
	}
	for _, file := range testFiles(t, "err") {
		want := max(several[filepath.Base(file)], 1)
		var faults diag.Faults
		if _, err := Parse(file, readTestFile(t, file), testFolder); !errors.As(err, &faults) || len(faults) != want {
			t.Errorf("%s: %d faults, want %d:\n%v", filepath.Base(file), len(faults), want, faults)
		}
	}
}

// TestWeightsAdvice: the weights that the message proposes are accepted.
func TestWeightsAdvice(t *testing.T) {
	file := func(lines string) []byte {
		return []byte("name = 'x'\n[arrival]\npattern = 'constant'\nrate = 1\n[data]\nnum_nodes = 1\nembedding_dim = 1\nmemory_spaces = 1\n[operations]\n" + lines)
	}
	rapid.Check(t, func(t *rapid.T) {
		weight := rapid.Float64Range(0, 100)
		lines := ""
		for _, w := range weightKeys {
			lines += w.key + " = " + decimal(weight.Draw(t, w.key)+0.001) + "\n"
		}
		_, err := Parse("w.toml", file(lines), nil)
		if err == nil {
			return
		}
		_, advice, found := strings.Cut(err.Error(), "giving ")
		if !found {
			t.Fatalf("no advice in %v", err)
		}
		advice = strings.ReplaceAll(strings.TrimSuffix(advice, " [weights]"), ", ", "\n")
		if _, err := Parse("w.toml", file(advice), nil); err != nil {
			t.Errorf("the advice is refused: %v", err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, folder := range []string{"ok", "err"} {
		for _, file := range testFiles(f, folder) {
			f.Add(readTestFile(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse("f.toml", text, testFolder)
		if err != nil {
			if s != nil {
				t.Error("a scenario was returned beside the error")
			}
			return
		}
		if s.Seed == 0 || s.Budget <= 0 || !(s.Arrival.RatePerS > 0) || len(s.Operations) == 0 || s.HTTP == nil && s.Data.Nodes < 1 || s.Name == "" {
			t.Errorf("accepted, and not usable: %+v", s)
		}
		again, err := Parse("f.toml", []byte(s.Text), testFolder)
		if err != nil || !strings.HasPrefix(again.Text, s.Text) { // more than equal where it names files: they are accounted for once more
			t.Fatalf("its own text is refused, or another: %v", err)
		}
		again.Text, again.SHA256 = s.Text, s.SHA256
		if !reflect.DeepEqual(s, again) {
			t.Error("its own text gives another scenario")
		}
	})
}
