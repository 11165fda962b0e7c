package stats

import (
	"math"
	"slices"
)

// normalMAD is the standard deviation of a normal distribution over its median
// absolute deviation.
const normalMAD = 1.4826

// outlierAt is how many standard deviations from the median of its neighbours makes
// an outlier. Chosen: of normal noise one run in 10,000.
const outlierAt = 4.5

// around is how many runs on either side are a run's neighbours: with three, up to
// three outliers in a row are told from a level, which takes LeastSegment.
const around = 3

// tame returns the values with outliers moved to the reach of the noise around
// their neighbours' median, and the outliers' indexes (Hampel's filter: Davies and
// Gather, JASA 88, 1993, §5).
func tame(values []float64) (clean []float64, outliers []int) {
	clean = slices.Clone(values)
	n := len(values)
	if n < 2*LeastSegment {
		return clean, nil
	}
	medians, off := make([]float64, n), make([]float64, n)
	var window [2*around + 1]float64
	for i := range values {
		from := min(max(i-around, 0), n-len(window))
		copy(window[:], values[from:from+len(window)])
		slices.Sort(window[:])
		medians[i] = window[around]
		off[i] = math.Abs(values[i] - medians[i])
	}
	// The deviation from a median of seven that holds the run itself is smaller than
	// from the level: 0.82 of it, simulated for the normal distribution.
	spread := localMedians(off)
	for i, v := range values {
		// Among equal values, where every deviation would be beyond the noise, a share
		// of the value stands for it.
		reach := max(outlierAt*normalMAD/0.82*spread[i], 1e-9*math.Abs(medians[i]))
		if off[i] > reach {
			outliers = append(outliers, i)
			clean[i] = medians[i] + math.Copysign(min(reach, off[i]), v-medians[i])
		}
	}
	return clean, outliers
}

// localRuns is how many runs tell the noise at a place.
const localRuns = 50

// localMedians are medians over about localRuns values around each place, in steps of
// half of that.
func localMedians(values []float64) []float64 {
	n := len(values)
	out := make([]float64, n)
	window := make([]float64, 0, localRuns)
	for from := 0; from < n; from += localRuns / 2 {
		to := min(from+localRuns/2, n)
		low := max(0, min(from-localRuns/4, n-localRuns))
		high := min(n, max(low+localRuns, to))
		window = append(window[:0], values[low:high]...)
		slices.Sort(window)
		m := sortedMedian(window)
		for i := from; i < to; i++ {
			out[i] = m
		}
	}
	return out
}

func sortedMedian(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// noise is the standard deviation of the noise at each place, from first
// differences, which levels and slow slopes do not touch. It is never less than a
// tenth of the whole series', so that a stretch of equal values is not all that
// counts. The values are scaled to at most 1.
func noise(clean []float64) []float64 {
	n := len(clean)
	if n < 2 {
		return make([]float64, n)
	}
	diffs := make([]float64, n)
	for i := 1; i < n; i++ {
		diffs[i] = math.Abs(clean[i]-clean[i-1]) * normalMAD / math.Sqrt2
	}
	diffs[0] = diffs[1]
	sorted := slices.Clone(diffs)
	slices.Sort(sorted)
	least := max(sortedMedian(sorted)/10, 1e-9) // of values of at most 1
	out := localMedians(diffs)
	for i := range out {
		out[i] = max(out[i], least)
	}
	return out
}
