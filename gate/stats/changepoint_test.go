package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// stretch is so many runs around a level that grows from run to run.
type stretch struct {
	runs           int
	level, grows   float64
	noise          float64
	heavy          bool // Student's t with three degrees of freedom
	correlatesWith float64
}

// series draws stretches one after the other.
func series(rng *rand.Rand, stretches ...stretch) (values []float64) {
	before := 0.0
	for _, s := range stretches {
		for i := range s.runs {
			e := rng.NormFloat64()
			if s.heavy {
				a, b, c := rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()
				e /= math.Sqrt((a*a + b*b + c*c) / 3)
			}
			before = s.correlatesWith*before + e*math.Sqrt(1-s.correlatesWith*s.correlatesWith)
			values = append(values, s.level+s.grows*float64(i)+s.noise*before)
		}
	}
	return values
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 8)) }

func find(t interface{ Fatal(...any) }, values []float64) Segmentation {
	s, err := FindChanges(nil, values, 0.001)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func jumps(s Segmentation) (at []int) {
	for _, c := range s.Changes {
		if c.Jump {
			at = append(at, c.Index)
		}
	}
	return at
}

func TestChangesAreWhereLevelsJump(t *testing.T) {
	rng := newRand(1)
	with := func(values []float64, at int, v float64) []float64 {
		values[at] = v
		return values
	}
	tests := []struct {
		why      string
		values   []float64
		want     []int
		outliers []int
	}{
		{"equal values have no change", series(rng, stretch{runs: 30, level: 50}), nil, nil},
		{"all are 0", make([]float64, 30), nil, nil},
		{"a step without noise", series(rng, stretch{runs: 15, level: 50}, stretch{runs: 15, level: 100}), []int{15}, nil},
		{"from 0 on", series(rng, stretch{runs: 15}, stretch{runs: 15, level: 1}), []int{15}, nil},
		{"below 0", series(rng, stretch{runs: 15, level: -9, noise: 0.1}, stretch{runs: 15, level: -5, noise: 0.1}), []int{15}, nil},
		{"a run between the levels is on the nearer one", with(series(rng, stretch{runs: 15, level: 50}, stretch{runs: 15, level: 100}), 14, 76), []int{14}, nil},
		{"one run that stands apart is no level", with(series(rng, stretch{runs: 15, level: 50}, stretch{runs: 15, level: 100}), 2, 100), []int{15}, []int{2}},
		{"up and down again", series(rng, stretch{runs: 30, level: 100, noise: 1}, stretch{runs: 20, level: 110, noise: 1}, stretch{runs: 30, level: 100, noise: 1}), []int{30, 50}, nil},
		{"two steps up", series(rng, stretch{runs: 20, level: 100, noise: 1}, stretch{runs: 20, level: 106, noise: 1}, stretch{runs: 20, level: 112, noise: 1}), []int{20, 40}, nil},
		{"four runs make a level", series(rng, stretch{runs: 40, level: 100, noise: 0.5}, stretch{runs: 4, level: 110, noise: 0.5}), []int{40}, nil},
		{"three at the end do not yet", series(rng, stretch{runs: 40, level: 100, noise: 0.5}, stretch{runs: 3, level: 110, noise: 0.5}), nil, []int{40, 41, 42}},
		{"more noise is no change of level", series(rng, stretch{runs: 40, level: 100, noise: 1}, stretch{runs: 40, level: 100, noise: 5}), nil, nil},
		{"too few runs for two levels", []float64{1, 1, 1, 2, 2, 2, 2}, nil, nil},
		{"a single run", []float64{7}, nil, nil},
	}
	for _, tt := range tests {
		s := find(t, tt.values)
		if diff := cmp.Diff(tt.want, jumps(s)); diff != "" {
			t.Errorf("%s: changes (-want +got)\n%s", tt.why, diff)
		}
		if tt.outliers != nil && !slices.Equal(tt.outliers, s.Outliers) {
			t.Errorf("%s: outliers %v, want %v", tt.why, s.Outliers, tt.outliers)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		why           string
		times, values []float64
		want          error
	}{
		{"no runs", nil, nil, ErrTooFewValues},
		{"as many times as values", []float64{1}, []float64{1, 2}, ErrTooFewValues},
		{"times ascend", []float64{2, 1}, []float64{1, 2}, ErrTooFewValues},
		{"NaN", nil, []float64{1, math.NaN()}, ErrNotFinite},
		{"infinite time", []float64{1, math.Inf(1)}, []float64{1, 2}, ErrNotFinite},
	} {
		if _, err := FindChanges(tt.times, tt.values, 0.001); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.why, err)
		}
	}
}

// A slow drift is a slope and not a staircase; its beginning is no jump.
func TestDriftIsASlope(t *testing.T) {
	s := find(t, series(newRand(2), stretch{runs: 60, level: 100, noise: 0.5}, stretch{runs: 60, level: 100, grows: 0.3, noise: 0.5}))
	if j := jumps(s); len(j) > 0 {
		t.Errorf("jumps at %v in a drift", j)
	}
	last := s.Segments[len(s.Segments)-1]
	if len(s.Segments) != 2 || !last.Sloped || math.Abs(last.Slope-0.3) > 0.02 || last.From < 50 || last.From > 70 {
		t.Errorf("segments %+v, want a level and a slope of 0.3 from about run 60", s.Segments)
	}
}

// With 200 flat series of each kind, at most two may show a change: noise that is
// normal, heavy in its tails, or of which neighbours depend on each other.
func TestFlatSeriesShowNoChange(t *testing.T) {
	rng := newRand(3)
	for _, kind := range []struct {
		why   string
		noise stretch
	}{
		{"a fifth of a year", stretch{runs: 73, level: 100, noise: 3}},
		{"a year", stretch{runs: 365, level: 100, noise: 3}},
		{"heavy tails", stretch{runs: 200, level: 100, noise: 3, heavy: true}},
		{"dependent neighbours", stretch{runs: 200, level: 100, noise: 3, correlatesWith: 0.3}},
	} {
		flagged := 0
		for range 200 {
			if s := find(t, series(rng, kind.noise)); len(s.Changes) > 0 {
				flagged++
			}
		}
		if flagged > 2 {
			t.Errorf("%s: %d of 200 flat series show a change", kind.why, flagged)
		}
	}
}

// leastCost is the least cost of dividing the first runs, by trying everything.
func leastCost(times, values []float64, weights []float64) float64 {
	n, price := len(values), math.Log(float64(len(values)))
	cost := func(from, to int, sloped bool) float64 {
		var w, wt, wv float64
		for i := from; i < to; i++ {
			w, wt, wv = w+weights[i], wt+weights[i]*times[i], wv+weights[i]*values[i]
		}
		var stt, stv, svv float64
		for i := from; i < to; i++ {
			a, b := times[i]-wt/w, values[i]-wv/w
			stt, stv, svv = stt+weights[i]*a*a, stv+weights[i]*a*b, svv+weights[i]*b*b
		}
		if sloped {
			return svv - stv*stv/stt
		}
		return svv
	}
	best := make([]float64, n+1)
	for to := 1; to <= n; to++ {
		best[to] = math.Inf(1)
		for from := range to {
			if to-from < LeastSegment {
				continue
			}
			c := cost(from, to, false)
			if to-from >= leastSlope {
				c = min(c, cost(from, to, true)+price)
			}
			best[to] = min(best[to], best[from]+c+2*price)
		}
	}
	return best[n]
}

// The division is the cheapest there is, as a slow program finds that adds up every
// stretch by itself.
func TestDivisionIsTheCheapest(t *testing.T) {
	rng := newRand(4)
	for range 30 {
		values := series(rng, stretch{runs: 5 + rng.IntN(20), level: 1, noise: 0.1}, stretch{runs: 4 + rng.IntN(15), level: 1.5, noise: 0.2}, stretch{runs: 12, level: 1, grows: 0.1, noise: 0.1})
		times := make([]float64, len(values))
		for i := range times {
			times[i] = float64(i) + rng.Float64()
		}
		places, weights := candidates(values, noise(values))
		got, from := 0.0, 0
		s, price := newSums(times, values, weights), math.Log(float64(len(values)))
		for _, to := range divide(times, values, places, weights) {
			c := s.rss(from, to, false)
			if to-from >= leastSlope {
				c = min(c, s.rss(from, to, true)+price)
			}
			got, from = got+c+2*price, to
		}
		if want := leastCost(times, values, weights); from != len(values) || math.Abs(got-want) > 1e-6*want {
			t.Fatalf("the division costs %v, the cheapest %v", got, want)
		}
	}
}

// Units do not matter, and whatever the numbers, segments tile the series.
func TestSegmentationIsEquivariantAndTiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := newRand(rapid.Uint64().Draw(t, "seed"))
		values := series(rng,
			stretch{runs: rapid.IntRange(4, 40).Draw(t, "n"), level: 100, noise: 1},
			stretch{runs: rapid.IntRange(1, 40).Draw(t, "m"), level: 100 + rapid.Float64Range(-20, 20).Draw(t, "step"), noise: 1})
		s := find(t, values)
		factor := math.Ldexp(1, rapid.IntRange(-40, 40).Draw(t, "factor"))
		scaled := slices.Clone(values)
		for i := range scaled {
			scaled[i] *= factor
		}
		other := find(t, scaled)
		if !slices.Equal(jumps(s), jumps(other)) || !slices.Equal(s.Outliers, other.Outliers) {
			t.Fatalf("times %v: changes at %v, before at %v", factor, jumps(other), jumps(s))
		}
		if again := find(t, values); !cmp.Equal(again, s) {
			t.Fatal("the same series gave another answer")
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-1e300, 1e300), rapid.Float64Range(0, 3), rapid.SampledFrom([]float64{0, 1, 5e-324, math.MaxFloat64, -math.MaxFloat64})), 1, 60).Draw(t, "values")
		s, err := FindChanges(nil, values, 0.001)
		if err != nil {
			t.Fatal(err)
		}
		from := 0
		for k, seg := range s.Segments {
			if seg.From != from || seg.To <= seg.From || math.IsNaN(seg.Level) || math.IsNaN(seg.SD) {
				t.Fatalf("segment %d is %+v", k, seg)
			}
			from = seg.To
		}
		if from != len(values) || len(s.Changes) != len(s.Segments)-1 {
			t.Fatalf("%d segments with %d changes up to %d of %d", len(s.Segments), len(s.Changes), from, len(values))
		}
		for _, c := range s.Changes {
			if !(c.P >= 0 && c.P <= 0.001) {
				t.Fatalf("a change with chance %v", c.P)
			}
		}
	})
}

// p-values as SciPy 1.16.3 gives them: ttest_ind with equal_var True and False.
func TestStepsAgreeWithSciPy(t *testing.T) {
	division := func(values []float64) *division {
		times := make([]float64, len(values))
		for i := range times {
			times[i] = float64(i)
		}
		return &division{sums: newSums(times, values, nil), level: 1e-9, inflated: 1, ends: []int{6, len(values)}}
	}
	steps := func(values []float64) float64 {
		d := division(values)
		return d.steps(d.segment(0), d.segment(1))
	}
	for _, tt := range []struct {
		why  string
		got  float64
		want float64
	}{
		{"spreads alike: Student's", steps([]float64{1.02, 0.95, 0.99, 1.00, 1.12, 0.90, 0.50, 0.51, 0.48, 0.48, 0.55}), 2.126784204126262e-07},
		{"spreads the same: Student's", steps([]float64{5, 5.1, 4.9, 5.2, 4.8, 5.05, 7, 7.1, 6.9, 7.2, 6.8, 7.05}), 3.247383756356563e-10},
		{"spreads unlike: Welch's", steps([]float64{5, 5.1, 4.9, 5.2, 4.8, 5.05, 7, 3, 9.5, 8, 10.2, 6.1}), 0.08317071337738682},
	} {
		if math.Abs(tt.got-tt.want) > 1e-6*tt.want {
			t.Errorf("%s: %v, want %v", tt.why, tt.got, tt.want)
		}
	}
}

func TestSpreadChanges(t *testing.T) {
	rng := newRand(5)
	values := series(rng, stretch{runs: 80, level: 100, noise: 1}, stretch{runs: 60, level: 100, noise: 5})
	found, err := FindSpreadChanges(find(t, values), nil, values, 0.001)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Index < 75 || found[0].Index > 88 || found[0].After < 3*found[0].Before {
		t.Errorf("%+v, want one change, from 1 to 5 at about run 80", found)
	}
	flagged := 0
	for range 200 {
		values := series(rng, stretch{runs: 100, level: 100, noise: 1}, stretch{runs: 60, level: 120, noise: 1})
		found, err := FindSpreadChanges(find(t, values), nil, values, 0.001)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			flagged++
		}
	}
	if flagged > 2 {
		t.Errorf("%d of 200 series with the same noise throughout show a change of it", flagged)
	}
}
