package dataset

// golden is 2^64 divided by the golden ratio, the increment of SplitMix64.
const golden = 0x9e3779b97f4a7c15

// mix is the finaliser of SplitMix64: a bijection of 64-bit integers whose
// outputs for consecutive multiples of golden pass as independent (Steele, Lea
// and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// uniform maps a hash to [-1,1): 24 bits, hence exact in a float32.
func uniform(h uint64) float32 {
	return float32(int32(h>>40)-1<<23) * (1.0 / (1 << 23))
}

// noiseDeviation is the standard deviation of noise: that of the sum of four
// independent integers, each uniform on 0..65535: sqrt(4·(65536²−1)/12).
const noiseDeviation = 37837.22750410606

// noise maps a hash to an integer of mean zero and standard deviation
// noiseDeviation that is nearly normal: the sum of its four 16-bit parts
// (Irwin–Hall, n = 4; no value beyond 3.5 deviations). It costs a fifth of an
// exact normal, and needs no logarithm, whose last bit differs by architecture.
func noise(h uint64) float32 {
	even := h & 0x0000ffff0000ffff
	odd := h >> 16 & 0x0000ffff0000ffff
	pair := even + odd // two 17-bit sums, 32 bits apart
	return float32(int32(pair&0xffffffff+pair>>32) - 2*65535)
}
