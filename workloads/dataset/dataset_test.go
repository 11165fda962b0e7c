package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func generator(t testing.TB, c Config) *Generator {
	t.Helper()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func clustered(seed uint64) Config {
	return Config{Seed: seed, Dimension: 768, Distribution: Clustered, Clusters: 50, StdDev: 0.2}
}

func TestNewRefusesBadConfigurations(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		want   string
	}{
		{"no dimension", Config{Distribution: Uniform}, "dimension 0"},
		{"huge dimension", Config{Dimension: 1 << 20, Distribution: Uniform}, "dimension 1048576"},
		{"unknown distribution", Config{Dimension: 8, Distribution: "normal"}, `"normal": use "clustered" or "uniform"`},
		{"no clusters", Config{Dimension: 8, Distribution: Clustered}, "0 clusters"},
		{"negative deviation", Config{Dimension: 8, Distribution: Clustered, Clusters: 1, StdDev: -1}, "deviation -1"},
		{"deviation not a number", Config{Dimension: 8, Distribution: Clustered, Clusters: 1, StdDev: math.NaN()}, "deviation NaN"},
	} {
		_, err := New(c.config)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// The digest pins the bytes: whoever changes it changes every committed baseline.
func TestBytesAreTheSameEverywhere(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{clustered(42), "82c11f8a66ff6215"},
		{Config{Seed: 42, Dimension: 768, Distribution: Uniform}, "ce0a7d8250161781"},
	} {
		g := generator(t, c.config)
		h := fnv.New64a()
		for _, i := range []uint64{0, 1, 9999, 1 << 40, math.MaxUint64} {
			for _, x := range g.Vector(nil, i) {
				h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
			}
			h.Write(g.Content(nil, i))
		}
		if got := fmt.Sprintf("%016x", h.Sum64()); got != c.want {
			t.Errorf("%s: digest %s, want %s", c.config.Distribution, got, c.want)
		}
	}
}

func TestVectorsAreUnitAndPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{
			Seed:         rapid.Uint64().Draw(t, "seed"),
			Dimension:    rapid.IntRange(1, 100).Draw(t, "dimension"),
			Distribution: rapid.SampledFrom([]string{Clustered, Uniform}).Draw(t, "distribution"),
			Clusters:     rapid.IntRange(1, 20).Draw(t, "clusters"),
			StdDev:       rapid.Float64Range(0, 2).Draw(t, "deviation"),
		}
		g, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		i := rapid.Uint64().Draw(t, "index")
		v := g.Vector(nil, i)
		if n := math.Sqrt(dot(v, v)); math.Abs(n-1) > 1e-5 {
			t.Errorf("length %v, want 1", n)
		}
		dirty := make([]float32, c.Dimension+3)
		for j := range dirty {
			dirty[j] = 7
		}
		if w := g.Vector(dirty, i); dot(v, w) != dot(v, v) || len(w) != c.Dimension {
			t.Errorf("a used buffer changed the vector")
		}
	})
}

// Engram and the reference store drop a memory whose cosine with another is 0.95
// or more, so the documented example has to stay clear of that.
func TestClusteredCosines(t *testing.T) {
	g := generator(t, clustered(7))
	const n = 400
	vs := make([][]float32, n)
	for i := range vs {
		vs[i] = g.Vector(nil, uint64(i))
	}
	var within, across, highest float64
	var members, others int
	for i := range vs {
		for j := range i {
			c := dot(vs[i], vs[j])
			highest = max(highest, c)
			if c > 0.5 {
				within += c
				members++
			} else {
				across += c
				others++
			}
		}
	}
	if m := within / float64(members); math.Abs(m-0.901) > 0.005 {
		t.Errorf("mean cosine within a cluster %.3f, want about 0.901", m)
	}
	if m := across / float64(others); math.Abs(m) > 0.02 {
		t.Errorf("mean cosine across clusters %.3f, want about 0", m)
	}
	if share := float64(members) / float64(members+others); math.Abs(share-0.02) > 0.01 {
		t.Errorf("%.3f of the pairs share a cluster, want about 1/50", share)
	}
	if highest >= 0.94 {
		t.Errorf("highest cosine %.3f is too near to the duplicate limit", highest)
	}
}

func TestNoiseMoments(t *testing.T) {
	var sum, squares float64
	const n = 1 << 20
	for i := range uint64(n) {
		x := float64(noise(mix(i*golden))) / noiseDeviation
		sum += x
		squares += x * x
	}
	if m := sum / n; math.Abs(m) > 0.005 {
		t.Errorf("mean %v, want 0", m)
	}
	if v := squares / n; math.Abs(v-1) > 0.005 {
		t.Errorf("variance %v, want 1", v)
	}
}

func TestContent(t *testing.T) {
	g := generator(t, clustered(1))
	shape := regexp.MustCompile(`^[a-z]+( [a-z]+){9,14}$`)
	seen := map[string]bool{}
	frequency := map[string]int{}
	for i := range uint64(5000) {
		text := g.Content(nil, i)
		if !shape.Match(text) {
			t.Fatalf("text %d is %q", i, text)
		}
		if seen[string(text)] {
			t.Errorf("text %d occurs twice: %q", i, text)
		}
		seen[string(text)] = true
		for _, w := range strings.Fields(string(text)) {
			frequency[w]++
		}
		if cue := g.Words(nil, i, 3, 4); !bytes.Contains(text, cue) || bytes.Count(cue, []byte(" ")) != 3 {
			t.Fatalf("cue %q is not four words of %q", cue, text)
		}
	}
	if first, hundredth := frequency[spell(0)], frequency[spell(99)]; first < 6*hundredth || first > 16*hundredth {
		t.Errorf("word 1 occurs %d times, word 100 %d: want a ratio of about 10", first, hundredth)
	}
	if got := g.Words(nil, 0, 100, 4); len(got) != 0 {
		t.Errorf("words past the end: %q", got)
	}
}

func TestWordsAreDistinct(t *testing.T) {
	seen := map[string]int{}
	for rank, w := range newVocabulary().words {
		if other, ok := seen[w]; ok {
			t.Errorf("ranks %d and %d are both %q", other, rank, w)
		}
		seen[w] = rank
	}
}

func dot(a, b []float32) float64 {
	var s float64
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

func BenchmarkVector(b *testing.B) {
	g := generator(b, clustered(1))
	var v []float32
	b.SetBytes(768 * 4)
	for i := 0; b.Loop(); i++ {
		v = g.Vector(v, uint64(i))
	}
}
