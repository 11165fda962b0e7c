package stats

import (
	"math"
	"slices"
)

// candidates are places where a segment may end: where means of as many runs on
// the left and on the right differ by more than noise does now and then, and more
// than at their neighbours, at one of the scales. The start and the end of the
// series are among them.
func candidates(clean, noise []float64) (places []int, weights []float64) {
	n := len(clean)
	weights = make([]float64, n)
	sum, variance := make([]float64, n+1), make([]float64, n+1)
	for i, v := range clean {
		weights[i] = 1 / (noise[i] * noise[i])
		// From the first value on, so that small changes of large values keep digits.
		sum[i+1] = sum[i] + v - clean[0]
		variance[i+1] = variance[i] + noise[i]*noise[i]
	}
	chosen := make([]bool, n+1)
	chosen[0], chosen[n] = true, true
	// Of short series every place is one: dynamic programming over so few is free.
	if n <= everyPlace {
		for i := range chosen {
			chosen[i] = true
		}
	}
	contrast := make([]float64, n+1)
	for scale := LeastSegment; n > everyPlace && scale <= n/2; scale += (scale + 1) / 2 {
		for i := LeastSegment; i <= n-LeastSegment; i++ {
			l, r := min(scale, i), min(scale, n-i)
			fl, fr := float64(l), float64(r)
			difference := (sum[i+r]-sum[i])/fr - (sum[i]-sum[i-l])/fl
			contrast[i] = math.Abs(difference) / math.Sqrt((variance[i]-variance[i-l])/(fl*fl)+(variance[i+r]-variance[i])/(fr*fr))
		}
		for _, i := range peaks(contrast[LeastSegment:n-LeastSegment+1], scale/2, leastContrast) {
			chosen[i+LeastSegment] = true
		}
		// Where slopes begin there is no peak, so places at even distances too.
		if scale >= n/32 {
			for i := scale; i < n-LeastSegment; i += scale {
				chosen[i] = true
			}
		}
	}
	for i, c := range chosen {
		if c {
			places = append(places, i)
		}
	}
	return places, weights
}

const (
	everyPlace    = 300
	leastContrast = 2.5 // standard deviations; what is significant in the end has 4 and more at its best scale
)

// peaks are the indexes whose value is at least the threshold and the largest
// within so many places on either side.
func peaks(values []float64, within int, threshold float64) (out []int) {
	for i := 0; i < len(values); i++ {
		if values[i] < threshold {
			continue
		}
		last := -1
		if len(out) > 0 {
			last = out[len(out)-1]
		}
		switch {
		case last < 0 || i-last > within:
			out = append(out, i)
		case values[i] > values[last]:
			out[len(out)-1] = i
		}
	}
	return out
}

// divide returns the ends of the segments, chosen among places, with the least
// weighted sum of squares plus penalty: Schwarz's for a level and its place, and as
// much as for one of the two for a slope. weights are 1 over variances.
func divide(times, clean []float64, places []int, weights []float64) []int {
	s := newSums(times, clean, weights)
	price := math.Log(float64(len(clean)))
	best, previous := make([]float64, len(places)), make([]int, len(places))
	for j := 1; j < len(places); j++ {
		best[j] = math.Inf(1)
		for i := range j {
			n := places[j] - places[i]
			if n < LeastSegment && n < len(clean) {
				break
			}
			cost := s.rss(places[i], places[j], false)
			if n >= leastSlope {
				cost = min(cost, s.rss(places[i], places[j], true)+price)
			}
			if total := best[i] + cost + 2*price; total < best[j] {
				best[j], previous[j] = total, i
			}
		}
	}
	var ends []int
	for j := len(places) - 1; j > 0; j = previous[j] {
		ends = append(ends, places[j])
	}
	slices.Reverse(ends)
	return ends
}
