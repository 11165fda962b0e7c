package dataset

import "math"

// AppendVector appends vector index to dst as decimal numbers, with a separator
// between two.
func (g *Generator) AppendVector(dst []byte, index uint64, separator string) []byte {
	for i, x := range g.Vector(nil, index) {
		if i > 0 {
			dst = append(dst, separator...)
		}
		dst = AppendFixed(dst, x)
	}
	return dst
}

// AppendFixed appends a number of −1 to 1 to dst with six decimals: more than an
// embedding's cosines need, and five times as fast as the shortest form that
// reads back exactly.
func AppendFixed(dst []byte, x float32) []byte {
	n := int64(math.Round(float64(x) * 1e6))
	if n < 0 {
		dst = append(dst, '-')
		n = -n
	}
	dst = append(dst, byte('0'+n/1e6), '.', 0, 0, 0, 0, 0, 0)
	for i := 1; i <= 6; i++ {
		dst[len(dst)-i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}
