// Package dataset makes embeddings and texts from a seed.
//
// Item i of a dataset is a pure function of (Config, i): no item depends on
// another, so workers may make them in any order, and a target that was loaded
// yesterday can be queried today with vectors that belong to the same clusters.
// The bytes are the same on every architecture: randomness comes from integer
// hashing, and each floating-point step is rounded explicitly so that no
// compiler may fuse a multiplication with an addition (Go specification,
// "Floating-point operators").
//
// It does not know spaces, requests or files; those belong to the drivers.
//
// Example: 10,000 vectors of 768 dimensions in 50 clusters whose members have a
// cosine of about 0.90 with one another (standard deviation 0.2):
//
//	g, err := dataset.New(dataset.Config{Seed: 42, Dimension: 768,
//		Distribution: dataset.Clustered, Clusters: 50, StdDev: 0.2})
//	v := g.Vector(nil, 17)  // unit length, 768 float32
//	t := g.Content(nil, 17) // a dozen ASCII words
package dataset

import (
	"fmt"
	"math"
	"math/bits"
)

// The distributions that Config.Distribution may name.
const (
	// Clustered draws a centre per cluster, uniform in [-1,1] per dimension, adds
	// noise of StdDev per dimension, clamps to [-1,1] and normalises.
	Clustered = "clustered"
	// Uniform draws each dimension uniformly from [-1,1] and normalises.
	Uniform = "uniform"
)

// maxDimension bounds Config.Dimension; the largest public embedding models have
// a few thousand dimensions. A larger one is taken for a mistyped figure.
const maxDimension = 65536

// Config describes a dataset.
type Config struct {
	Seed         uint64
	Dimension    int     // floats per vector
	Distribution string  // Clustered or Uniform
	Clusters     int     // number of clusters; Clustered only
	StdDev       float64 // noise per dimension around a centre; Clustered only
}

// Generator makes the items of one dataset. It is immutable, so that goroutines
// may share it.
type Generator struct {
	dimension int
	vectors   uint64    // key of the vector streams
	contents  uint64    // key of the text streams
	centres   []float32 // clusters × dimension; nil for Uniform
	clusters  uint64
	scale     float32 // of one step of the noise sum
	words     vocabulary
}

// New checks the configuration and draws the cluster centres.
func New(c Config) (*Generator, error) {
	if c.Dimension < 1 || c.Dimension > maxDimension {
		return nil, fmt.Errorf("dataset: dimension %d is outside 1 to %d", c.Dimension, maxDimension)
	}
	g := &Generator{
		dimension: c.Dimension,
		vectors:   mix(c.Seed ^ 0x76656374_6f727300),
		contents:  mix(c.Seed ^ 0x636f6e74_656e7473),
		words:     newVocabulary(),
	}
	switch c.Distribution {
	case Uniform:
		return g, nil
	case Clustered:
	default:
		return nil, fmt.Errorf("dataset: unknown distribution %q: use %q or %q", c.Distribution, Clustered, Uniform)
	}
	if c.Clusters < 1 || c.Clusters > 1<<24 {
		return nil, fmt.Errorf("dataset: %d clusters: at least 1 and at most %d are needed", c.Clusters, 1<<24)
	}
	if math.IsNaN(c.StdDev) || c.StdDev < 0 || c.StdDev > 10 {
		return nil, fmt.Errorf("dataset: standard deviation %v is outside 0 to 10", c.StdDev)
	}
	g.clusters = uint64(c.Clusters)
	g.scale = float32(c.StdDev / noiseDeviation)
	g.centres = make([]float32, c.Clusters*c.Dimension)
	key := mix(c.Seed ^ 0x63656e74_72657300)
	for i := range g.centres {
		g.centres[i] = uniform(mix(key + uint64(i)*golden))
	}
	return g, nil
}

// Vector appends vector index to dst[:0] and returns it: Dimension floats of
// Euclidean length 1, within rounding.
func (g *Generator) Vector(dst []float32, index uint64) []float32 {
	if cap(dst) < g.dimension {
		dst = make([]float32, g.dimension)
	}
	dst = dst[:g.dimension]
	key := mix(g.vectors + index*golden)
	if g.centres == nil {
		for i := range dst {
			key += golden
			dst[i] = uniform(mix(key))
		}
	} else {
		cluster, _ := bits.Mul64(mix(key), g.clusters)
		addNoise(dst, g.centres[int(cluster)*g.dimension:], key, g.scale)
	}
	normalise(dst)
	return dst
}

// addNoise sets dst to centre plus noise, clamped to [-1,1].
func addNoise(dst, centre []float32, key uint64, scale float32) {
	centre = centre[:len(dst)]
	for i := range dst {
		key += golden
		v := float32(centre[i] + float32(noise(mix(key))*scale))
		dst[i] = min(max(v, -1), 1)
	}
}

// normalise scales v to length 1. The squares are exact in float64 and are added
// in a fixed order, so that a fused multiply-add gives the same sum.
func normalise(v []float32) {
	var s [4]float64 // four chains, since one addition waits for the one before it
	n := len(v) &^ 3
	for i := 0; i < n; i += 4 {
		w := v[i : i+4 : i+4]
		s[0] += float64(w[0]) * float64(w[0])
		s[1] += float64(w[1]) * float64(w[1])
		s[2] += float64(w[2]) * float64(w[2])
		s[3] += float64(w[3]) * float64(w[3])
	}
	sum := (s[0] + s[1]) + (s[2] + s[3])
	for _, x := range v[n:] {
		sum += float64(x) * float64(x)
	}
	if sum == 0 { // all coordinates drew zero: possible only in tiny dimensions
		v[0] = 1
		return
	}
	inverse := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * inverse)
	}
}
