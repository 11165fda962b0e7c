package result

import (
	"iter"
	"math"
	"math/bits"
	"sync"
)

// The index space is HdrHistogram's for a unit of 1 ns, three significant
// digits and values up to maxValue: 2048 buckets of 1 ns, then 1024 buckets for
// each doubling, so that a bucket is never wider than 0.1% of its values.
const (
	significantDigits = 3
	subBucketBits     = 11 // 2^11 = 2048 is the least power of two above 2·10^3
	halfBits          = subBucketBits - 1
	halfCount         = 1 << halfBits
	maxBits           = 42
	maxValue          = 1<<maxBits - 1 // ns, about 73 minutes
	bucketCount       = (maxBits - subBucketBits + 2) * halfCount
)

// bucketIndex returns the bucket of a value in [0, maxValue].
func bucketIndex(ns int64) int {
	shift := bits.Len64(uint64(ns)|(1<<subBucketBits-1)) - subBucketBits
	return shift<<halfBits + int(ns>>shift)
}

// bucketRange returns the first value of a bucket and how many values it holds.
func bucketRange(index int) (first, width int64) {
	shift := index>>halfBits - 1
	if shift <= 0 {
		return int64(index), 1
	}
	return int64(index-shift<<halfBits) << shift, 1 << shift
}

// Histogram counts latencies in nanoseconds, in HdrHistogram's buckets for a
// unit of 1 ns, three significant digits and values up to 2^42−1 ns. It is
// immutable. A nil Histogram is an empty one.
//
// Counters are kept in the run-length form of HdrHistogram's V2 encoding, which
// takes one or two bytes for each bucket in use: a document holds tens of
// thousands of histograms of a few hundred samples each.
type Histogram struct {
	total    int64
	counters []byte // canonical, see counterWriter
}

// Total returns the number of samples.
func (h *Histogram) Total() int64 {
	if h == nil {
		return 0
	}
	return h.total
}

// Quantile returns the q-quantile in nanoseconds, for q from 0 (least) to 1
// (greatest). It is NaN when the histogram is empty or q is outside [0, 1].
//
// The convention: the c samples of a bucket are taken to lie evenly over the
// whole nanoseconds that the bucket holds, the k-th of them at (k−½)/c of the
// way from the first to the last; the quantile is then the one of Hazen
// (type 5 in Hyndman & Fan, Sample quantiles in statistical packages, 1996),
// linear between the order statistics at rank q·n + ½. It is continuous and
// monotone in q, so two arms never differ by a whole bucket for the sake of one
// sample.
func (h *Histogram) Quantile(q float64) float64 {
	return quantile(h.buckets(), h.Total(), q)
}

// Mean returns the mean in nanoseconds, each sample taken to lie in the middle
// of its bucket; NaN when the histogram is empty.
func (h *Histogram) Mean() float64 {
	if h.Total() == 0 {
		return math.NaN()
	}
	var sum float64
	for index, count := range h.buckets() {
		sum += sampleAt(index, 0.5) * float64(count)
	}
	return sum / float64(h.total)
}

// buckets yields the buckets in use and their counts, in ascending order.
func (h *Histogram) buckets() iter.Seq2[int, int64] {
	return func(yield func(int, int64) bool) {
		if h == nil {
			return
		}
		index := 0
		for rest := h.counters; len(rest) > 0; {
			counter, size := readCounter(rest)
			rest = rest[size:]
			if counter < 0 {
				index -= int(counter)
				continue
			}
			if counter > 0 && !yield(index, counter) {
				return
			}
			index++
		}
	}
}

// quantile computes what Histogram.Quantile describes.
func quantile(buckets iter.Seq2[int, int64], total int64, q float64) float64 {
	if total == 0 || !(q >= 0 && q <= 1) {
		return math.NaN()
	}
	n := float64(total)
	rank := min(max(q*n+0.5, 1), n) // between order statistics, from 1
	lower := math.Floor(rank)
	fraction := rank - lower
	below, before := math.NaN(), 0.0 // order statistic at lower, once found; samples in earlier buckets
	for index, count := range buckets {
		c := float64(count)
		if math.IsNaN(below) && lower <= before+c {
			below = sampleAt(index, (lower-before-0.5)/c)
			if fraction == 0 {
				return below
			}
		}
		if !math.IsNaN(below) && lower+1 <= before+c {
			above := sampleAt(index, (lower+1-before-0.5)/c)
			return below + fraction*(above-below)
		}
		before += c
	}
	return below
}

// sampleAt returns the value at a fraction of the way through a bucket.
func sampleAt(index int, fraction float64) float64 {
	first, width := bucketRange(index)
	return float64(first) + float64(width-1)*fraction
}

// densePool holds arrays of one counter per bucket, all zero.
var densePool = sync.Pool{New: func() any { return new([bucketCount]int64) }}

// MergeHistograms returns the histogram of all samples of hs: as if they had
// been recorded into one. Nil histograms are empty ones; the result is never
// nil.
func MergeHistograms(hs ...*Histogram) *Histogram {
	if only := onlyOne(hs); only != nil {
		return only // immutable, so it need not be copied
	}
	dense := densePool.Get().(*[bucketCount]int64)
	lowest, highest := bucketCount, -1
	for _, h := range hs {
		for index, count := range h.buckets() {
			dense[index] += count
			lowest, highest = min(lowest, index), max(highest, index)
		}
	}
	var merged counterWriter
	for index := lowest; index <= highest; index++ {
		if dense[index] != 0 {
			merged.add(index, dense[index])
			dense[index] = 0
		}
	}
	densePool.Put(dense)
	return merged.histogram()
}

// onlyOne returns the one histogram of hs that is not empty, if there is just one.
func onlyOne(hs []*Histogram) (only *Histogram) {
	for _, h := range hs {
		switch {
		case h.Total() == 0:
		case only != nil:
			return nil
		default:
			only = h
		}
	}
	return only
}
