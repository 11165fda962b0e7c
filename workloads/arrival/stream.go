package arrival

// stream is a counter-based generator: the i-th draw is a hash of (key, i), so
// draws can be made in any order. It is SplitMix64 (Steele, Lea and Flood,
// "Fast splittable pseudorandom number generators", OOPSLA 2014) read at
// position i: its state is key + (i+1)·γ, finalised by David Stafford's mix 13.
type stream struct {
	key uint64
}

// gamma is 2^64 over the golden ratio, made odd: SplitMix64's increment.
const gamma = 0x9e3779b97f4a7c15

// newStream hashes the round before joining it to the seed, and the sum again,
// so that neither (seed+1, round) and (seed, round+1) nor neighbouring rounds
// share stretches of the sequence.
func newStream(seed, round uint64) stream {
	return stream{key: mix(mix(round+gamma) ^ seed)}
}

// uniform returns draw i in the open interval (0,1): 53 random bits and a half
// step, so that a logarithm is always finite.
func (s stream) uniform(i uint64) float64 {
	return (float64(mix(s.key+(i+1)*gamma)>>11) + 0.5) * 0x1p-53
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
