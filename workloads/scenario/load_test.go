package scenario

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/dataset"
)

func TestEmbeddedScenarios(t *testing.T) {
	names := Names()
	if len(names) == 0 || !slices.IsSorted(names) {
		t.Fatalf("names are %q", names)
	}
	for _, name := range names {
		if _, err := Load(name); err != nil {
			t.Errorf("%v", err)
		}
	}
}

func TestFastRegressionCheck(t *testing.T) {
	s, err := Load("ci/fast_regression_check")
	if err != nil {
		t.Fatal(err)
	}
	want := []OperationWeight{{Store, 0.35}, {Recall, 0.35}, {EmbeddingSearch, 0.30}}
	if !slices.Equal(s.Operations, want) || s.Arrival.RatePerS != 1000 || s.Arrival.Pattern != Constant || s.Budget != 300*time.Second {
		t.Errorf("got %+v", s)
	}
	if limits := (result.Limits{P99S: 0.01, ThroughputPerS: 800, ErrorRate: 0.01, ErrorRateSet: true}); s.Limits != limits {
		t.Errorf("limits are %+v, want %+v", s.Limits, limits)
	}
	if s.Data.Nodes != 10_000 || s.Data.Dimension != 768 || s.Data.Spaces != 1 || s.Probes != 600 {
		t.Errorf("got %+v, %d probes", s.Data, s.Probes)
	}
}

// TestFastRegressionCheckDoesNotCollapse checks what the file's comment says:
// a store that drops vectors with a cosine of 0.95 or more keeps them all.
func TestFastRegressionCheckDoesNotCollapse(t *testing.T) {
	s, err := Load("ci/fast_regression_check")
	if err != nil {
		t.Fatal(err)
	}
	g, err := dataset.New(dataset.Config{
		Seed: s.Seed, Dimension: s.Data.Dimension,
		Distribution: s.Data.Distribution, Clusters: s.Data.Clusters, StdDev: s.Data.StdDev,
	})
	if err != nil {
		t.Fatal(err)
	}
	const sample = 400 // 80,000 pairs, some 400 of them within a cluster
	vectors := make([][]float32, sample)
	for i := range vectors {
		vectors[i] = g.Vector(nil, uint64(i))
	}
	var nearest float32
	for i, a := range vectors {
		for _, b := range vectors[:i] {
			nearest = max(nearest, dot(a, b))
		}
	}
	if nearest < 0.85 || nearest > 0.93 {
		t.Errorf("the nearest pair has a cosine of %.3f, want 0.85 to 0.93: clusters, and no duplicates", nearest)
	}
}

func dot(a, b []float32) float32 {
	var sum float32
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

func TestLoadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.toml")
	text := readTestFile(t, "testdata/ok/smallest.toml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Load(path)
	if err != nil || s.Name != "Smallest" {
		t.Fatalf("got %+v, %v", s, err)
	}
	if err := os.WriteFile(path, append(text, "[chaos]\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	var faults diag.Faults
	if _, err := Load(path); !errors.As(err, &faults) || faults[0].File != path {
		t.Errorf("got %v, want a fault in %s", err, path)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("#", diag.MaxTOMLBytes+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); !errors.As(err, &faults) || faults[0].Rule != "size" {
		t.Errorf("got %v, want a fault about the size", err)
	}
}

func TestLoadMissing(t *testing.T) {
	_, err := Load("ci/fast_regresion_check")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	want := `scenario "ci/fast_regresion_check" is neither a file nor an embedded scenario: `
	if !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %q", err)
	}
	for _, name := range Names() {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %q", name, err)
		}
	}
	for _, unreadable := range []string{t.TempDir(), ""} {
		if _, err := Load(unreadable); err == nil {
			t.Errorf("%q was read", unreadable)
		}
	}
}
