package refstore

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fivegate/fivegate/workloads/dataset"
)

// fast is the dataset of the scenario ci/fast_regression_check.
func fast(t testing.TB) *dataset.Generator {
	t.Helper()
	g, err := dataset.New(dataset.Config{Seed: 20251121, Dimension: 768, Distribution: dataset.Clustered, Clusters: 200, StdDev: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// unlogged is a persist function that keeps nothing.
func unlogged(episode, []string) error { return nil }

// filled is a space with the first n items of a dataset, told a second apart.
func filled(t testing.TB, g *dataset.Generator, n int) *space {
	t.Helper()
	sp := newSpace("default", time.Now(), 768)
	for i := range uint64(n) {
		put(t, sp, episode{id: fmt.Sprint(i), content: string(g.Content(nil, i)), confidence: 0.9, observed: int64(i) * 1e9}, g.Vector(nil, i))
	}
	return sp
}

func put(t testing.TB, sp *space, e episode, v []float32) outcome {
	t.Helper()
	o, err := sp.store(e, v, unlogged)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// exact is what a search of everything finds.
func exact(sp *space, v []float32, k int) []hit {
	best := newRanking(k)
	q := unit(v)
	for i := range sp.episodes {
		if !sp.episodes[i].dead {
			best.offer(hit{uint32(i), sp.vectors.cosine(uint32(i), q)})
		}
	}
	return best.hits
}

// recallAt is the share of the k nearest that the index finds, over some cues.
func recallAt(t *testing.T, sp *space, g *dataset.Generator, k, cues int) float64 {
	t.Helper()
	found, wanted := 0, 0
	for i := range uint64(cues) {
		v := g.Vector(nil, 1<<40+i)
		near, err := sp.recallVector(v, k, -1)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range exact(sp, v, k) {
			wanted++
			if slices.ContainsFunc(near, func(m memory) bool { return m.id == sp.episodes[h.index].id }) {
				found++
			}
		}
	}
	return float64(found) / float64(wanted)
}

func TestRecallOfTheFastScenario(t *testing.T) {
	g := fast(t)
	sp := filled(t, g, 10_000)
	if n, concepts := sp.counts(); n != 10_000 || concepts < 50 || concepts > 200 {
		t.Errorf("%d memories in %d concepts, want 10000 in about 100", n, concepts)
	}
	r := recallAt(t, sp, g, 10, 300)
	t.Logf("recall@10 = %.4f", r)
	if r < 0.95 {
		t.Errorf("recall@10 is %.3f, want at least 0.95", r)
	}
}

func TestRecallWhileConceptsForm(t *testing.T) {
	g := fast(t)
	for _, n := range []int{1, 50, 65, 300, 1500} {
		sp := filled(t, g, n)
		if r := recallAt(t, sp, g, 5, 50); r < 0.9 {
			t.Errorf("recall@5 of %d memories is %.3f, want at least 0.9", n, r)
		}
	}
}

func TestEachEpisodeHasOneConcept(t *testing.T) {
	sp := filled(t, fast(t), 2000)
	seen := make([]int, len(sp.episodes))
	for c, k := range sp.index.concepts {
		for _, i := range k.members {
			seen[i]++
			if sp.index.of[i] != uint32(c) {
				t.Errorf("episode %d is a member of %d but assigned to %d", i, c, sp.index.of[i])
			}
		}
	}
	for i, n := range seen {
		if n != 1 {
			t.Errorf("episode %d is in %d concepts", i, n)
		}
	}
}

// Vectors that cannot be told apart must not be split for ever.
func TestEqualVectorsDoNotSplit(t *testing.T) {
	x := conceptIndex{centroids: matrix{dimension: 4}}
	m := matrix{dimension: 4}
	for range 1000 {
		m.add([]float32{1, 0, 0, 0})
		x.add([]float32{1, 0, 0, 0}, &m)
	}
	if len(x.concepts) != 1 {
		t.Errorf("%d concepts, want 1", len(x.concepts))
	}
}

func TestRanking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOf(rapid.IntRange(0, 9)).Draw(t, "scores")
		k := rapid.IntRange(0, 12).Draw(t, "k")
		r := newRanking(k)
		var all []hit
		for i, s := range scores {
			h := hit{uint32(i), float32(s)}
			r.offer(h)
			all = append(all, h)
		}
		slices.SortFunc(all, func(a, b hit) int {
			if better(a, b) {
				return -1
			}
			return 1
		})
		if want := all[:min(k, len(all))]; !slices.Equal(r.hits, want) {
			t.Errorf("kept %v, want %v", r.hits, want)
		}
	})
}

// near is v turned a little: its cosine with v is about c.
func near(v []float32, c float32) []float32 {
	w := slices.Clone(v)
	w[0] += 3 * (1 - c)
	return w
}

func TestDuplicates(t *testing.T) {
	v := []float32{1, 2, 3, 4}
	twin := near(v, 0.99)
	for _, c := range []struct {
		name      string
		second    episode
		embedding []float32
		want      outcome
		live      []string
	}{
		{"less confident is dropped", episode{id: "b", confidence: 0.5}, twin, outcome{id: "a", confidence: 0.45, dropped: true}, []string{"a"}},
		{"as confident is dropped", episode{id: "b", confidence: 0.7}, twin, outcome{id: "a", confidence: 0.63, dropped: true}, []string{"a"}},
		{"more confident replaces", episode{id: "b", confidence: 0.9}, twin, outcome{id: "b", confidence: 0.9, replaced: true}, []string{"b"}},
		{"same id replaces, whatever its confidence", episode{id: "a", confidence: 0.1}, twin, outcome{id: "a", confidence: 0.1, replaced: true}, []string{"a"}},
		{"same id, another meaning", episode{id: "a", confidence: 0.9}, []float32{-4, 3, 0, 1}, outcome{id: "a", confidence: 0.9, replaced: true}, []string{"a"}},
		{"another meaning is kept", episode{id: "b", confidence: 0.5}, []float32{-4, 3, 0, 1}, outcome{id: "b", confidence: 0.5}, []string{"a", "b"}},
		{"no direction repeats nothing", episode{id: "b", confidence: 0.5}, make([]float32, 4), outcome{id: "b", confidence: 0.5}, []string{"a", "b"}},
	} {
		sp := newSpace("default", time.Now(), 4)
		put(t, sp, episode{id: "a", confidence: 0.7}, v)
		got := put(t, sp, c.second, c.embedding)
		if abs(got.confidence-c.want.confidence) < 1e-4 { // pressure takes a little
			got.confidence = c.want.confidence
		}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		var live []string
		page, n := sp.list(0, 10, false)
		for _, m := range page {
			live = append(live, m.ID)
		}
		if !slices.Equal(live, c.live) || n != len(c.live) {
			t.Errorf("%s: holds %v (count %d), want %v", c.name, live, n, c.live)
		}
	}
}

func abs(x float32) float32 { return max(x, -x) }

// Two duplicates that arrive at once have not seen each other in the index. Seven
// memories told eight times stay in one concept, where the search is exact.
func TestSimultaneousDuplicates(t *testing.T) {
	g := fast(t)
	for range 20 {
		sp := newSpace("default", time.Now(), 768)
		var workers sync.WaitGroup
		for w := range 8 {
			workers.Go(func() {
				for i := range uint64(7) {
					put(t, sp, episode{id: fmt.Sprint(w, "-", i), confidence: float32(w) / 10}, g.Vector(nil, i))
					if _, err := sp.recallVector(g.Vector(nil, i), 5, 0); err != nil {
						t.Error(err)
					}
					sp.recallText("nothing", 5, 0.1, true)
				}
			})
		}
		workers.Wait()
		if n, _ := sp.counts(); n != 7 {
			t.Fatalf("%d memories, want 7", n)
		}
	}
}

// A few members end up nearer to a concept that formed later, where a duplicate of
// them is not looked for; they have to stay few.
func TestDuplicatesAreFoundInALargeIndex(t *testing.T) {
	g := fast(t)
	sp := filled(t, g, 3000)
	missed := 0
	for i := range uint64(3000) {
		if sp.duplicate(unit(g.Vector(nil, i))).score < duplicateCosine {
			missed++
		}
	}
	if missed > 15 {
		t.Errorf("%d of 3000 duplicates were missed, want at most 15", missed)
	}
}

func TestFailedPersistLeavesNothing(t *testing.T) {
	sp := newSpace("default", time.Now(), 2)
	put(t, sp, episode{id: "a", confidence: 0.5}, []float32{1, 0})
	full := func(episode, []string) error { return fmt.Errorf("disk full") }
	if _, err := sp.store(episode{id: "b", confidence: 0.9}, []float32{1, 0}, full); err == nil {
		t.Error("no error")
	}
	if _, ok := sp.get("a"); !ok {
		t.Error("the memory that was to be replaced is gone")
	}
	if _, ok := sp.get("b"); ok {
		t.Error("the memory that was not logged is there")
	}
}

func TestSpacesDoNotLeak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newStore(time.Now())
		spaces := []string{"red", "green", "blue"}
		for i := range rapid.IntRange(1, 40).Draw(t, "stores") {
			name := rapid.SampledFrom(spaces).Draw(t, "space")
			sp, err := s.space(name, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			v := rapid.SliceOfN(rapid.Float32Range(-1, 1), 3, 3).Draw(t, "vector")
			if _, err := s.remember(sp, episode{id: fmt.Sprint(name, i), content: "the same words " + name, confidence: 0.8}, v); err != nil {
				t.Fatal(err)
			}
		}
		for _, sp := range s.list() {
			byVector, err := sp.recallVector([]float32{1, 1, 1}, 100, -1)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range append(byVector, sp.recallText("the same words", 75, 0, true)...) {
				if !strings.HasPrefix(m.id, sp.id) {
					t.Errorf("space %s recalled %s", sp.id, m.id)
				}
			}
		}
	})
}

func TestFirstEmbeddingSetsTheDimension(t *testing.T) {
	s := newStore(time.Now())
	sp, err := s.space(defaultSpace, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.remember(sp, episode{id: "a"}, []float32{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.remember(sp, episode{id: "b"}, []float32{1, 2}); err == nil || !strings.Contains(err.Error(), "2 dimensions, want 3") {
		t.Errorf("error %v", err)
	}
	late, err := s.space("created_later", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.remember(late, episode{id: "c"}, []float32{1, 2, 3}); err != nil {
		t.Error(err)
	}
}

func BenchmarkSearch(b *testing.B) {
	g := fast(b)
	sp := filled(b, g, 10_000)
	cues := make([][]float32, 256)
	for i := range cues {
		cues[i] = g.Vector(nil, 1<<40+uint64(i))
	}
	for i := 0; b.Loop(); i++ {
		if _, err := sp.recallVector(cues[i%len(cues)], 10, 0.2); err != nil {
			b.Fatal(err)
		}
	}
}
