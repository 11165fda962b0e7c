package refstore

import (
	"math"

	"gonum.org/v1/gonum/blas/blas32"
)

// chunkRows is the number of vectors per allocation. Chunks never move, so that
// growing copies nothing; 256 × 768 floats are 768 KiB.
const chunkRows = 256

// matrix holds vectors of one dimension, with the inverse of each one's length.
// The chunks hold no pointers, so the garbage collector does not walk them.
type matrix struct {
	dimension int
	chunks    [][]float32
	inverse   []float32 // 1/length; 0 for a zero vector
}

// row is vector i. The slice aliases the matrix.
func (m *matrix) row(i uint32) []float32 {
	at := int(i%chunkRows) * m.dimension
	return m.chunks[i/chunkRows][at : at+m.dimension : at+m.dimension]
}

// grow appends a zero vector and returns its row.
func (m *matrix) grow() []float32 {
	i := len(m.inverse)
	if i%chunkRows == 0 {
		m.chunks = append(m.chunks, make([]float32, chunkRows*m.dimension))
	}
	m.inverse = append(m.inverse, 0)
	return m.row(uint32(i))
}

// add appends a copy of v.
func (m *matrix) add(v []float32) {
	copy(m.grow(), v)
	m.inverse[len(m.inverse)-1] = inverseLength(v)
}

// cosine is the cosine of row i and q, where q has length 1.
func (m *matrix) cosine(i uint32, q []float32) float32 {
	return dot(m.row(i), q) * m.inverse[i]
}

// dot is the inner product of two vectors of the same dimension.
func dot(x, y []float32) float32 {
	return blas32.Dot(blas32.Vector{N: len(x), Inc: 1, Data: x}, blas32.Vector{N: len(y), Inc: 1, Data: y})
}

// axpy adds a·x to y.
func axpy(a float32, x, y []float32) {
	blas32.Axpy(a, blas32.Vector{N: len(x), Inc: 1, Data: x}, blas32.Vector{N: len(y), Inc: 1, Data: y})
}

// inverseLength is 1/|v|, or 0 for a vector of length zero.
func inverseLength(v []float32) float32 {
	if s := dot(v, v); s > 0 && !math.IsInf(float64(s), 0) {
		return float32(1 / math.Sqrt(float64(s)))
	}
	return 0
}

// unit is v scaled to length 1; a zero vector stays zero.
func unit(v []float32) []float32 {
	u := make([]float32, len(v))
	axpy(inverseLength(v), v, u)
	return u
}
