package engram

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/scenario"
)

// small is a scenario of every operation.
func small() *scenario.Scenario {
	return &scenario.Scenario{
		Name: "small", Seed: 42, Probes: 60,
		Operations: []scenario.OperationWeight{
			{Name: scenario.Store, Weight: 0.35}, {Name: scenario.Recall, Weight: 0.35}, {Name: scenario.EmbeddingSearch, Weight: 0.30},
		},
		Data: scenario.Data{Nodes: 300, Dimension: 256, Spaces: 1, Distribution: scenario.Clustered, Clusters: 20, StdDev: 0.25},
	}
}

func driver(t testing.TB, s *scenario.Scenario) *Driver {
	t.Helper()
	d, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestNewRefuses(t *testing.T) {
	for want, change := range map[string]func(*scenario.Scenario){
		"has no operation":           func(s *scenario.Scenario) { s.Operations = nil },
		`unknown operation "dream"`:  func(s *scenario.Scenario) { s.Operations[0].Name = "dream" },
		"0 spaces":                   func(s *scenario.Scenario) { s.Data.Spaces = 0 },
		"-1 probes":                  func(s *scenario.Scenario) { s.Probes = -1 },
		`unknown distribution "odd"`: func(s *scenario.Scenario) { s.Data.Distribution = "odd" },
		"dimension 0 is outside":     func(s *scenario.Scenario) { s.Data.Dimension = 0 },
	} {
		s := small()
		change(s)
		if _, err := New(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestRoundIsPure(t *testing.T) {
	a, b := driver(t, small()), driver(t, small())
	b.Round(7, 33) // must leave no trace
	for _, round := range []uint64{0, 1, 1 << 35} {
		if !slices.EqualFunc(a.Round(round, 100), b.Round(round, 100), equal) {
			t.Errorf("round %d differs between two drivers", round)
		}
	}
	if slices.EqualFunc(a.Round(0, 100), a.Round(1, 100), equal) {
		t.Error("two rounds are the same")
	}
	other := small()
	other.Seed++
	if slices.EqualFunc(a.Round(0, 100), driver(t, other).Round(0, 100), equal) {
		t.Error("two seeds give the same round")
	}
}

func equal(a, b load.Request) bool {
	return a.Operation == b.Operation && a.Probe == b.Probe && bytes.Equal(a.Wire, b.Wire)
}

func TestProbesAreSplitByWeight(t *testing.T) {
	d := driver(t, small())
	if got := d.Operations(); !slices.Equal(got, []string{"store", "recall", "embedding_search"}) {
		t.Fatalf("operations %v", got)
	}
	perOp := map[int32]int{}
	for _, op := range d.Probes() {
		perOp[op]++
	}
	if perOp[0] != 0 || perOp[1] != 32 || perOp[2] != 28 { // 60 × .35/.65 = 32.3
		t.Errorf("probes by operation %v, want 32 recalls and 28 searches", perOp)
	}
}

func TestScenarioWithoutProbesOrQueries(t *testing.T) {
	s := small()
	s.Probes = 0
	for _, r := range driver(t, s).Round(0, 100) {
		if r.Probe != -1 {
			t.Fatalf("probe %d of none", r.Probe)
		}
	}
	s = small()
	s.Operations = []scenario.OperationWeight{{Name: scenario.Store, Weight: 1}}
	d := driver(t, s)
	if n := len(d.Probes()); n != 0 || len(d.Round(0, 10)) != 10 {
		t.Errorf("%d probes of stores", n)
	}
}

func TestWiresAreWholeRequests(t *testing.T) {
	s := small()
	s.Data.Spaces = 3
	d := driver(t, s)
	seen := map[string]bool{}
	for round := range uint64(3) {
		for _, w := range d.Round(round, 200) {
			b := bufio.NewReader(bytes.NewReader(w.Wire))
			r, err := http.ReadRequest(b)
			if err != nil {
				t.Fatalf("%q: %v", w.Wire, err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || b.Buffered() != 0 {
				t.Errorf("%q: %v, %d bytes too many", w.Wire, err, b.Buffered())
			}
			if r.Host != "target" || !strings.HasPrefix(r.Header.Get("X-Memory-Space"), "space_") || r.Close {
				t.Errorf("host %q, space %q, close %v", r.Host, r.Header.Get("X-Memory-Space"), r.Close)
			}
			if d.Operations()[w.Operation] != scenario.Store {
				if len(body) != 0 || r.URL.Query().Get("max_results") != "10" {
					t.Errorf("%s", w.Wire)
				}
				continue
			}
			id, _, _ := strings.Cut(string(body), ",")
			if seen[id] {
				t.Errorf("%s is stored twice", id)
			}
			seen[id] = true
		}
	}
	if len(seen) != 210 {
		t.Errorf("%d different ids, want 210", len(seen))
	}
}

func ExampleDriver_Round() {
	d, err := New(&scenario.Scenario{
		Seed:       1,
		Operations: []scenario.OperationWeight{{Name: scenario.Recall, Weight: 1}},
		Data:       scenario.Data{Nodes: 10, Dimension: 4, Spaces: 1, Distribution: scenario.Uniform},
		Probes:     1,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range d.Round(0, 1) {
		line, _, _ := bytes.Cut(r.Wire, []byte("\r\n"))
		fmt.Printf("%s, probe %d\n", line, r.Probe)
	}
	// Output: GET /api/v1/memories/recall?max_results=10&threshold=0.2&query=baca%20moca%20puca%20vese HTTP/1.1, probe 0
}

// BenchmarkRound makes a round of the fast scenario.
func BenchmarkRound(b *testing.B) {
	s, err := scenario.Load("ci/fast_regression_check")
	if err != nil {
		b.Fatal(err)
	}
	d := driver(b, s)
	for i := uint64(0); b.Loop(); i++ {
		d.Round(i, 1000)
	}
}
