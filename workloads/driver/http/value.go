package httpdriver

import (
	"math"
	"math/rand/v2"
	"sort"
	"strconv"

	"github.com/fivegate/fivegate/workloads/dataset"
	"github.com/fivegate/fivegate/workloads/scenario"
)

// generate appends a value to dst. serial is a number that no other request has.
type generate func(dst []byte, rng *rand.Rand, serial uint64) []byte

func newGenerator(v scenario.Value, seed uint64) (generate, error) {
	switch v.Type {
	case scenario.Sequence:
		return func(dst []byte, _ *rand.Rand, serial uint64) []byte {
			return strconv.AppendUint(dst, uint64(v.Start)+serial, 10)
		}, nil
	case scenario.Integer:
		pick := newPick(v.Max-v.Min+1, v.Zipf)
		return func(dst []byte, rng *rand.Rand, _ uint64) []byte {
			return strconv.AppendInt(dst, v.Min+pick(rng), 10)
		}, nil
	case scenario.Choice:
		pick := newPick(int64(len(v.Texts)), v.Zipf)
		return func(dst []byte, rng *rand.Rand, _ uint64) []byte {
			return append(dst, v.Texts[pick(rng)]...)
		}, nil
	}
	return newDatasetGenerator(v, seed)
}

// newDatasetGenerator makes the values that come from the dataset's generator: what
// is asked for has the words and the clusters of what was stored.
func newDatasetGenerator(v scenario.Value, seed uint64) (generate, error) {
	config := dataset.Config{Seed: seed, Dimension: 1, Distribution: dataset.Uniform}
	if v.Type == scenario.Vector {
		config = dataset.Config{Seed: seed, Dimension: v.Dimension, Distribution: v.Distribution, Clusters: v.Clusters, StdDev: v.StdDev}
	}
	data, err := dataset.New(config)
	if err != nil {
		return nil, err
	}
	if v.Type == scenario.Vector {
		return func(dst []byte, rng *rand.Rand, _ uint64) []byte {
			return append(data.AppendVector(append(dst, '['), rng.Uint64(), ","), ']')
		}, nil
	}
	return func(dst []byte, rng *rand.Rand, _ uint64) []byte {
		const shortest = 10 // words of the dataset's texts
		for left := v.Count; left > 0; left -= shortest {
			dst = data.Words(dst, rng.Uint64(), 0, min(left, shortest))
			if left > shortest {
				dst = append(dst, ' ')
			}
		}
		return dst
	}, nil
}

// newPick returns a function that draws from 0 to n−1: all equally often, or with
// an exponent above 0 by a Zipf distribution, in which the one of rank k, from 1,
// has a share of k^−exponent.
func newPick(n int64, exponent float64) func(*rand.Rand) int64 {
	if exponent == 0 {
		return func(rng *rand.Rand) int64 { return rng.Int64N(n) }
	}
	cumulative := make([]float64, n)
	sum := 0.0
	for i := range cumulative {
		sum += math.Pow(float64(i+1), -exponent)
		cumulative[i] = sum
	}
	return func(rng *rand.Rand) int64 {
		x := rng.Float64() * sum
		return min(int64(sort.Search(len(cumulative), func(i int) bool { return cumulative[i] > x })), n-1)
	}
}

// drawn are the values of one request, made when they are first asked for.
type drawn struct {
	values []generate
	rng    *rand.Rand
	serial uint64
	texts  [][]byte // by value; nil: not made yet
}

// text is a value of the request.
func (v *drawn) text(value int) []byte {
	if v.texts == nil {
		v.texts = make([][]byte, len(v.values))
	}
	if v.texts[value] == nil {
		v.texts[value] = v.values[value]([]byte{}, v.rng, v.serial)
	}
	return v.texts[value]
}
