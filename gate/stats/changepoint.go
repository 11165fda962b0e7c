package stats

import (
	"fmt"
	"math"
	"slices"
)

// Segmentation is what a series over time is made of: stretches on one level, or
// rising or falling steadily, with noise and outliers.
type Segmentation struct {
	Segments []Segment
	Changes  []ChangePoint // between segments, in order; one less than segments
	Outliers []int         // runs that stand apart from their neighbours, ascending
	Inflated float64       // by how much dependence between neighbours inflates variances, at least 1
	Clean    []float64     // the values, outliers moved to where noise reaches
}

// Segment is a stretch [From, To) of a series.
type Segment struct {
	From, To int
	Sloped   bool    // rises or falls steadily; else it is level
	Level    float64 // mean
	Slope    float64 // change for a unit of time; 0 when it is level
	SD       float64 // of the noise around level or slope
	Start    float64 // value at From
	End      float64 // value at To−1
}

// ChangePoint is the place where a segment ends and another begins.
type ChangePoint struct {
	Index  int     // first run of the new segment
	Before float64 // where the old segment ends
	After  float64 // where the new one begins
	P      float64 // chance that a series without changes has one as clear anywhere
	Jump   bool    // the level jumps; else only the slope changes here
}

// LeastSegment is the number of runs that make a level. Fewer that stand apart
// are outliers: a spike, or a change that is too new to tell.
const LeastSegment = 4

// leastSlope is the number of runs from which a slope is told from a step.
const leastSlope = 12

// FindChanges divides a series into segments. times are ascending, in any unit
// (nil: the runs' numbers), values in any. level bounds the chance that a series
// without changes shows one (0.001).
//
// Two stages, as Cho and Kirch, "Two-stage data segmentation permitting multiscale
// change points, heavy tails and dependence" (Ann. Inst. Stat. Math. 74, 2022):
//
//  1. Outliers are moved in (Hampel's filter over seven runs), the noise is taken
//     from first differences, which steps do not touch. Candidates are the places
//     where moving sums left and right differ most, at all scales (MOSUM, Eichinger
//     and Kirch, Bernoulli 24, 2018). Among them the division with the least
//     residual sum of squares plus Schwarz's penalty is found exactly by dynamic
//     programming (Jackson et al., IEEE Signal Process. Lett. 12, 2005). A segment
//     may have a slope, at a price: else a slow drift would look like a staircase.
//  2. From that, which has too many, the least significant place is taken away
//     until all that stay are significant, as in the merge of Fleming et al.,
//     "Hunter" (ICPE 2023). Unlike there, the level is shared out over all places of
//     the series (Bonferroni), and variances are inflated by what neighbours
//     depend on each other.
//
// The values must be finite: ErrNotFinite; times as many as values and ascending,
// else ErrTooFewValues. A series of fewer than 2·LeastSegment runs is one segment.
func FindChanges(times, values []float64, level float64) (Segmentation, error) {
	if times == nil {
		times = make([]float64, len(values))
		for i := range times {
			times[i] = float64(i)
		}
	}
	if len(times) != len(values) || len(values) == 0 || !slices.IsSorted(times) {
		return Segmentation{}, fmt.Errorf("%w: %d times for %d values, ascending and at least one", ErrTooFewValues, len(times), len(values))
	}
	for i, v := range values {
		if !finite(v) || !finite(times[i]) {
			return Segmentation{}, fmt.Errorf("%w: run %d is %v at %v", ErrNotFinite, i, v, times[i])
		}
	}
	// Scaled, so that no square is beyond what a number holds.
	scale := 0.0
	for _, v := range values {
		scale = max(scale, math.Abs(v))
	}
	if scale == 0 {
		scale = 1
	}
	scaled := make([]float64, len(values))
	for i, v := range values {
		scaled[i] = v / scale
	}
	clean, outliers := tame(scaled)
	places, weights := candidates(clean, noise(clean))
	d := division{sums: newSums(times, clean, nil), level: level / float64(len(values)), inflated: 1}
	d.ends = divide(times, clean, places, weights)
	d.merge()
	d.inflated = d.dependence()
	d.merge()
	d.settle()
	d.merge()
	return d.result(clean, outliers).times(scale), nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// division is a series with the ends of its segments.
type division struct {
	sums     *sums
	ends     []int   // of each segment, ascending; the last is the number of runs
	level    float64 // for one place
	inflated float64
}

// segment is the k-th.
func (d *division) segment(k int) fit {
	from := 0
	if k > 0 {
		from = d.ends[k-1]
	}
	return d.fit(from, d.ends[k])
}

// merge takes away the least significant end until all that stay are significant.
func (d *division) merge() {
	p := make([]float64, len(d.ends)-1) // of the end after segment k
	for k := range p {
		p[k] = d.apart(k)
	}
	for len(p) > 0 {
		weakest := 0
		for k := range p {
			if p[k] > p[weakest] {
				weakest = k
			}
		}
		if p[weakest] <= d.level {
			return
		}
		d.ends = slices.Delete(d.ends, weakest, weakest+1)
		p = slices.Delete(p, weakest, weakest+1)
		for _, k := range []int{weakest - 1, weakest} {
			if k >= 0 && k < len(p) {
				p[k] = d.apart(k)
			}
		}
	}
}

// settle moves each end to where it divides its two segments best.
func (d *division) settle() {
	for k := range len(d.ends) - 1 {
		from := 0
		if k > 0 {
			from = d.ends[k-1]
		}
		to := d.ends[k+1]
		best, least := d.ends[k], math.Inf(1)
		left, right := d.segment(k).sloped, d.segment(k+1).sloped
		for at := from + LeastSegment; at <= to-LeastSegment; at++ {
			if rss := d.sums.rss(from, at, left) + d.sums.rss(at, to, right); rss < least {
				best, least = at, rss
			}
		}
		d.ends[k] = best
	}
}

func (d *division) result(clean []float64, outliers []int) Segmentation {
	out := Segmentation{Outliers: outliers, Inflated: d.inflated, Clean: clean}
	var before fit
	for k := range d.ends {
		f := d.segment(k)
		seg := Segment{From: f.from, To: f.to, Sloped: f.sloped, Level: f.mean, Slope: f.slope, SD: f.sd(), Start: f.at(f.from), End: f.at(f.to - 1)}
		out.Segments = append(out.Segments, seg)
		if k > 0 {
			out.Changes = append(out.Changes, ChangePoint{
				Index: f.from, Before: out.Segments[k-1].End, After: seg.Start,
				P: min(1, d.apart(k-1)*float64(len(clean))), Jump: d.jumps(before, f),
			})
		}
		before = f
	}
	return out
}

// times scales the values.
func (s Segmentation) times(scale float64) Segmentation {
	for i := range s.Clean {
		s.Clean[i] *= scale
	}
	for i := range s.Segments {
		seg := &s.Segments[i]
		for _, v := range []*float64{&seg.Level, &seg.Slope, &seg.SD, &seg.Start, &seg.End} {
			*v *= scale
		}
	}
	for i := range s.Changes {
		s.Changes[i].Before *= scale
		s.Changes[i].After *= scale
	}
	return s
}
