package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Drift is a steady change of a series.
type Drift struct {
	Slope     float64 // change for a unit of time
	Low, High float64 // interval of Slope at the level that was asked for
	P         float64 // one-sided: chance that a series without drift climbs (or falls) so clearly
}

// FindDrift estimates the slope of a series by the median of the slopes of all pairs
// (Theil, 1950), which a quarter of outliers does not move, with the interval of
// Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau" (JASA 63,
// 1968) of so much confidence on each side, 1−level. P is that of the test of Mann
// (1945) and Kendall in its normal approximation with ties. inflated is the
// dependence of neighbours, by which the test's variance grows (Hamed and Rao, J.
// Hydrology 204, 1998), at least 1.
//
// Pairs of the same time are left out. ErrTooFewValues for fewer than five runs or a
// single time; ErrNotFinite for values that are not.
func FindDrift(times, values []float64, inflated, level float64) (Drift, error) {
	n := len(values)
	if n < 5 || len(times) != n {
		return Drift{}, fmt.Errorf("%w: a drift of %d runs at %d times; at least 5", ErrTooFewValues, n, len(times))
	}
	slopes := make([]float64, 0, n*(n-1)/2)
	score := 0.0
	for i, v := range values {
		if !finite(v) || !finite(times[i]) {
			return Drift{}, fmt.Errorf("%w: run %d is %v at %v", ErrNotFinite, i, v, times[i])
		}
		for j := range i {
			if times[i] == times[j] {
				continue
			}
			slope := (v - values[j]) / (times[i] - times[j])
			slopes = append(slopes, slope)
			switch {
			case slope > 0:
				score++
			case slope < 0:
				score--
			}
		}
	}
	if len(slopes) == 0 {
		return Drift{}, fmt.Errorf("%w: all runs are of one time", ErrTooFewValues)
	}
	slices.Sort(slopes)
	variance := scoreVariance(times, values) * max(1, inflated)
	d := Drift{Slope: sortedMedian(slopes), P: 1}
	if variance > 0 {
		// One less for continuity: the score moves in steps of two.
		d.P = normalTail(max(0, math.Abs(score)-1) / math.Sqrt(variance))
	}
	reach := normalQuantile(level) * math.Sqrt(variance)
	last := float64(len(slopes) - 1)
	low, high := math.Round((last+1-reach)/2)-1, math.Round((last+1+reach)/2)
	d.Low, d.High = slopes[int(max(low, 0))], slopes[int(min(high, last))]
	return d, nil
}

// scoreVariance is the variance of Kendall's score without drift, ties in times and
// values taken off (Kendall, Rank Correlation Methods, 1975, ch. 4).
func scoreVariance(times, values []float64) float64 {
	term := func(n float64) float64 { return n * (n - 1) * (2*n + 5) }
	pairs := func(n float64) float64 { return n * (n - 1) }
	triples := func(n float64) float64 { return n * (n - 1) * (n - 2) }
	n := float64(len(values))
	at, vt := ties(times), ties(values)
	sum := func(counts []float64, f func(float64) float64) (s float64) {
		for _, c := range counts {
			s += f(c)
		}
		return s
	}
	variance := (term(n) - sum(at, term) - sum(vt, term)) / 18
	variance += sum(at, triples) * sum(vt, triples) / (9 * triples(n))
	return variance + sum(at, pairs)*sum(vt, pairs)/(2*pairs(n))
}

// ties are the sizes of groups of equal values.
func ties(values []float64) (counts []float64) {
	sorted := slices.Sorted(slices.Values(values))
	for from := 0; from < len(sorted); {
		to := from + 1
		for to < len(sorted) && sorted[to] == sorted[from] {
			to++
		}
		if to-from > 1 {
			counts = append(counts, float64(to-from))
		}
		from = to
	}
	return counts
}

// Difference is by how much the second of two samples is above the first.
type Difference struct {
	Value     float64 // of the means
	Low, High float64 // at the level that was asked for on each side
	P         float64 // two-sided
}

// Compare gives the difference between the means of two samples of a series, by
// Welch's t-test with variances inflated as FindChanges gives it. ErrTooFewValues for
// samples of fewer than two.
func Compare(before, after []float64, inflated, level float64) (Difference, error) {
	if len(before) < 2 || len(after) < 2 {
		return Difference{}, fmt.Errorf("%w: %d runs against %d; at least 2", ErrTooFewValues, len(before), len(after))
	}
	ml, vl := meanVariance(before)
	mr, vr := meanVariance(after)
	nl, nr := float64(len(before)), float64(len(after))
	el, er := vl/nl, vr/nr
	d := Difference{Value: mr - ml}
	d.Low, d.High, d.P = d.Value, d.Value, 0
	if d.Value == 0 {
		d.P = 1
	}
	if el+er == 0 {
		return d, nil
	}
	free := (el + er) * (el + er) / (el*el/(nl-1) + er*er/(nr-1))
	d.P = fTail(d.Value*d.Value, (el+er)*free, 1, free, max(1, inflated))
	reach := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: free}.Quantile(1-level) * math.Sqrt((el+er)*max(1, inflated))
	d.Low, d.High = d.Value-reach, d.Value+reach
	return d, nil
}

func meanVariance(values []float64) (m, variance float64) {
	m = mean(values)
	for _, v := range values {
		variance += (v - m) * (v - m)
	}
	return m, variance / float64(len(values)-1)
}

// SpreadChange is a place where the noise of a series became stronger or weaker.
type SpreadChange struct {
	Index         int     // first run of the new noise
	Before, After float64 // standard deviations, outliers apart
	P             float64
}

// FindSpreadChanges finds where the noise around the segments changes: changes of
// level in the square roots of the deviations, which are close to normal (as Cressie
// and Hawkins, Math. Geology 12, 1980, use them for variograms). level is as for
// FindChanges.
func FindSpreadChanges(s Segmentation, times, values []float64, level float64) ([]SpreadChange, error) {
	if len(values) == 0 || len(s.Clean) != len(values) {
		return nil, fmt.Errorf("%w: %d values for %d", ErrTooFewValues, len(values), len(s.Clean))
	}
	roots := make([]float64, len(values))
	for _, seg := range s.Segments {
		var middle float64
		for i := seg.From; i < seg.To; i++ {
			middle += timeOf(times, i) / float64(seg.To-seg.From)
		}
		for i := seg.From; i < seg.To; i++ {
			roots[i] = math.Sqrt(math.Abs(values[i] - seg.Level - seg.Slope*(timeOf(times, i)-middle)))
		}
	}
	found, err := FindChanges(nil, roots, level)
	if err != nil {
		return nil, err
	}
	var out []SpreadChange
	for i, c := range found.Changes {
		out = append(out, SpreadChange{
			Index: c.Index, P: c.P,
			Before: spread(roots, found.Segments[i]), After: spread(roots, found.Segments[i+1]),
		})
	}
	return out, nil
}

func timeOf(times []float64, i int) float64 {
	if times == nil {
		return float64(i)
	}
	return times[i]
}

// spread is the standard deviation that the median of a segment's deviations tells.
func spread(roots []float64, seg Segment) float64 {
	sorted := slices.Sorted(slices.Values(roots[seg.From:seg.To]))
	m := sortedMedian(sorted)
	return normalMAD * m * m
}
