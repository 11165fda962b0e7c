package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// sums are running sums by which a stretch of a series is fitted in constant time.
// Times and values count from the first ones, so that digits are kept.
type sums struct {
	times, values         []float64
	w, t, v, tt, tv, vv   []float64
	scale                 float64 // below this, a sum of squares is rounding
	firstTime, firstValue float64
}

// newSums takes weights, or nil for equal ones.
func newSums(times, values, weights []float64) *sums {
	n := len(values)
	s := &sums{times: times, values: values, firstTime: times[0], firstValue: values[0]}
	columns := make([]float64, 6*(n+1))
	for i, column := range []*[]float64{&s.w, &s.t, &s.v, &s.tt, &s.tv, &s.vv} {
		*column = columns[i*(n+1) : (i+1)*(n+1)]
	}
	for i := range values {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		t, v := times[i]-s.firstTime, values[i]-s.firstValue
		s.w[i+1], s.t[i+1], s.v[i+1] = s.w[i]+w, s.t[i]+w*t, s.v[i]+w*v
		s.tt[i+1], s.tv[i+1], s.vv[i+1] = s.tt[i]+w*t*t, s.tv[i]+w*t*v, s.vv[i]+w*v*v
	}
	s.scale = 1e-13 * s.vv[n]
	return s
}

// rss is the sum of squares around the mean of [from, to), or around a line.
func (s *sums) rss(from, to int, sloped bool) float64 {
	w, v := s.w[to]-s.w[from], s.v[to]-s.v[from]
	rss := s.vv[to] - s.vv[from] - v*v/w
	if sloped {
		t := s.t[to] - s.t[from]
		stt, stv := s.tt[to]-s.tt[from]-t*t/w, s.tv[to]-s.tv[from]-t*v/w
		if stt > 0 {
			rss -= stv * stv / stt
		}
	}
	if rss < s.scale {
		return 0
	}
	return rss
}

// fit is a segment with its level or line.
type fit struct {
	sums                     *sums
	from, to                 int
	sloped                   bool
	mean, middle             float64 // value and time
	slope, slopeSquares, rss float64
}

// fit fits a level to [from, to), or a line where it is significant.
func (d *division) fit(from, to int) fit {
	s := d.sums
	n := float64(to - from)
	v, t := s.v[to]-s.v[from], s.t[to]-s.t[from]
	f := fit{sums: s, from: from, to: to, mean: v/n + s.firstValue, middle: t/n + s.firstTime, rss: s.rss(from, to, false)}
	if to-from < leastSlope {
		return f
	}
	f.slopeSquares = s.tt[to] - s.tt[from] - t*t/n
	if f.slopeSquares <= 0 {
		return f
	}
	line := s.rss(from, to, true)
	if fTail(f.rss-line, line, 1, n-2, d.inflated) > d.level {
		return f
	}
	f.sloped, f.rss = true, line
	f.slope = (s.tv[to] - s.tv[from] - t*v/n) / f.slopeSquares
	return f
}

func (f fit) n() float64 { return float64(f.to - f.from) }

func (f fit) parameters() float64 {
	if f.sloped {
		return 2
	}
	return 1
}

func (f fit) sd() float64 { return math.Sqrt(f.rss / max(1, f.n()-f.parameters())) }

// at is the fitted value at the time of a run.
func (f fit) at(run int) float64 { return f.mean + f.slope*(f.sums.times[run]-f.middle) }

// leverage is the variance of the fitted value there, over that of the noise.
func (f fit) leverage(run int) float64 {
	if !f.sloped {
		return 1 / f.n()
	}
	t := f.sums.times[run] - f.middle
	return 1/f.n() + t*t/f.slopeSquares
}

// fTail is the chance that parameters more, which mean nothing, explain so much more
// of the squares than remain.
func fTail(explained, remaining, parameters, free, inflated float64) float64 {
	switch {
	case explained <= 0 || free < 1:
		return 1
	case remaining == 0:
		return 0
	}
	f := explained / parameters / (remaining / free) / inflated
	return mathext.RegIncBeta(free/2, parameters/2, free/(free+parameters*f))
}

// apart is the chance that segments k and k+1 are one, as far as can be told.
func (d *division) apart(k int) float64 {
	left, right := d.segment(k), d.segment(k+1)
	split := left.rss + right.rss
	if right.to-left.from >= leastSlope && d.sums.rss(left.from, right.to, true) <= split {
		return 1 // a line through both does as well as a step
	}
	if !left.sloped && !right.sloped {
		return d.steps(left, right)
	}
	whole := d.fit(left.from, right.to)
	parameters := left.parameters() + right.parameters()
	return fTail(whole.rss-split, split, parameters-whole.parameters(), left.n()+right.n()-parameters, d.inflated)
}

// unlike is the level of the F test by which the spreads of two segments are unlike.
const unlike = 0.05

// steps is the p-value of the difference between two levels: of Student's test, or of
// Welch's where the spreads are unlike. Welch's alone would hardly see a change
// after which there are few runs yet, since it takes the noise from these alone.
func (d *division) steps(left, right fit) float64 {
	difference := left.mean - right.mean
	squares := difference * difference * left.n() * right.n() / (left.n() + right.n())
	if squares <= d.sums.scale {
		return 1
	}
	vl, vr := left.rss/(left.n()-1), right.rss/(right.n()-1)
	if 2*min(varianceTail(vl, left.n(), vr, right.n()), varianceTail(vr, right.n(), vl, left.n())) > unlike {
		return fTail(squares, left.rss+right.rss, 1, left.n()+right.n()-2, d.inflated)
	}
	el, er := vl/left.n(), vr/right.n()
	free := (el + er) * (el + er) / (el*el/(left.n()-1) + er*er/(right.n()-1)) // Welch and Satterthwaite
	return fTail(difference*difference, (el+er)*free, 1, free, d.inflated)
}

// varianceTail is the chance that the first of two variances of the same noise is so
// much the larger.
func varianceTail(first, n, second, m float64) float64 {
	if first <= second {
		return 1
	}
	return fTail(first*(n-1), second*(m-1), n-1, m-1, 1)
}

// jumps says whether two segments that are apart differ where they meet, and not in
// their slopes alone.
func (d *division) jumps(left, right fit) bool {
	if !left.sloped && !right.sloped {
		return true
	}
	free := left.n() + right.n() - left.parameters() - right.parameters()
	difference := left.at(right.from) - right.at(right.from)
	// Where a slope begins is known to a few runs only, and so far it carries.
	near := d.sums.times[right.from] - d.sums.times[max(right.from-2*LeastSegment, 0)]
	if math.Abs(difference) <= max(math.Abs(left.slope), math.Abs(right.slope))*near {
		return false
	}
	leverage := left.leverage(right.from) + right.leverage(right.from)
	return fTail(difference*difference/leverage, left.rss+right.rss, 1, free, d.inflated) <= d.level
}

// obvious is the share of the level at which a change is beyond doubt whatever the
// dependence.
const obvious = 0.01

// leastDependent is the number of runs from which dependence is told from chance.
const leastDependent = 20

// dependence is by how much the variance of a mean exceeds that of as many
// independent runs: (1+ρ)/(1−ρ) with the correlation ρ of neighbours (that of a
// first-order autoregression), if it is significant. It is taken from what the
// obvious changes leave: the others may be nothing but dependence, and then would
// hide it. Removing levels biases ρ down by (1+4ρ)/n (Marriott and Pope, Biometrika
// 41, 1954); that is added again.
func (d *division) dependence() float64 {
	rough := *d
	rough.ends = slices.Clone(d.ends)
	rough.level *= obvious
	rough.merge()
	var products, squares, runs float64
	for k := range rough.ends {
		f := rough.segment(k)
		var before float64
		for i := f.from; i < f.to; i++ {
			r := d.sums.values[i] - f.at(i)
			if i > f.from {
				products += r * before
			}
			squares += r * r
			before = r
		}
		runs += f.n()
	}
	if squares <= d.sums.scale || runs < leastDependent {
		return 1
	}
	rho := products / squares
	rho += (1 + 4*rho) * float64(len(rough.ends)) / runs
	if rho*math.Sqrt(runs) < 2 {
		return 1
	}
	rho = min(rho, 0.95)
	return (1 + rho) / (1 - rho)
}
