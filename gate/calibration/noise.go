package calibration

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/fivegate/fivegate/gate/stats"
	"github.com/fivegate/fivegate/gate/verdict"
)

// byBlock groups the rounds of a metric.
func byBlock(rounds []verdict.Round) (groups [][]float64, first []verdict.Round) {
	for i, r := range rounds {
		if i == 0 || r.Block != rounds[i-1].Block {
			groups, first = append(groups, nil), append(first, r)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], r.Ratio)
	}
	return groups, first
}

// noise splits the spread of a metric's rounds. known is false when there are too
// few of them.
func (d *drawer) noise(name string) (n Noise, layouts layoutLuck, known bool) {
	rounds := d.pool.Rounds(name)
	groups, first := byBlock(rounds)
	c, err := stats.Decompose(groups)
	if err != nil {
		return Noise{}, layoutLuck{}, false
	}
	layouts = d.layoutLuck(groups, first)
	n.Layout = math.Min(layouts.sd, c.Block)
	n.Launch = math.Sqrt(max(0, c.Block*c.Block-n.Layout*n.Layout))
	n.Within = math.Min(d.pool.Within(name), c.Round)
	n.Round = math.Sqrt(max(0, c.Round*c.Round-n.Within*n.Within))
	return n, layouts, true
}

// layoutLuck is the standard deviation of the log ratio between two random layouts
// and an upper bound of it at 90%; known is false where there are too few layouts
// or blocks to tell.
type layoutLuck struct {
	sd, upper float64
	known     bool
}

// leastLayouts and leastBlocks make a spread between layouts that is worth having:
// 7 degrees of freedom know it to a factor of 1.6.
const (
	leastLayouts = 8
	leastBlocks  = 24
)

// layoutLuck separates layouts from launches by least squares: the mean of block b
// is l_head(b) − l_base(b) + noise, so that with the design Z (+1 for head's build,
// −1 for base's), the sum of squares that the builds explain has the expectation
//
//	E[y'P_Z y] = 2n·σ_l² + rank(Z)·σ_e²
//
// while what is left estimates σ_e² (method 3 of Henderson, Biometrics 9, 1953).
// Two layouts differ by √2·σ_l. The bound takes what is explained for a multiple
// of χ² with rank(Z) degrees of freedom.
func (d *drawer) layoutLuck(groups [][]float64, first []verdict.Round) layoutLuck {
	n := len(groups)
	if d.distinct < leastLayouts || n < leastBlocks {
		return layoutLuck{}
	}
	z := mat.NewDense(n, d.distinct, nil)
	y := mat.NewVecDense(n, nil)
	for b, ratios := range groups {
		y.SetVec(b, stat.Mean(ratios, nil))
		head, base := d.builds[1][first[b].HeadLayout], d.builds[0][first[b].BaseLayout]
		z.Set(b, head, z.At(b, head)+1)
		z.Set(b, base, z.At(b, base)-1) // a build against itself says nothing of layouts: its row is 0
	}
	var svd mat.SVD
	if !svd.Factorize(z, mat.SVDThin) {
		return layoutLuck{}
	}
	values := svd.Values(nil)
	rank := 0
	for _, v := range values {
		if v > 1e-9*values[0] {
			rank++
		}
	}
	if rank < leastLayouts-1 || n-rank < leastBlocks/2 {
		return layoutLuck{}
	}
	var u mat.Dense
	svd.UTo(&u)
	var explained float64
	for k := range rank {
		p := mat.Dot(u.ColView(k), y)
		explained += p * p
	}
	weight := mat.Norm(z, 2)
	weight *= weight // trace of Z'Z: 2n, less the rows of 0
	noise := (mat.Dot(y, y) - explained) / float64(n-rank)
	sd := func(explained float64) float64 {
		return math.Sqrt(2 * max(0, explained-float64(rank)*noise) / weight)
	}
	low := distuv.ChiSquared{K: float64(rank)}.Quantile(0.10)
	return layoutLuck{sd: sd(explained), upper: sd(explained * float64(rank) / low), known: true}
}

// noiseDF are the degrees of freedom by which a metric's block noise is known. For
// normal values it is their number less one; heavy tails know it less well:
// Var(s²)/σ⁴ = 2/(n−1) + γ₂/n with γ₂ the excess kurtosis.
func noiseDF(groups [][]float64) float64 {
	n := len(groups)
	if n < 4 {
		return 1
	}
	centres := make([]float64, n)
	for i, g := range groups {
		centres[i] = stats.HodgesLehmann(g)
	}
	excess := stat.ExKurtosis(centres, nil)
	if math.IsNaN(excess) || math.IsInf(excess, 0) {
		excess = 0
	}
	return max(1, 2/(2/float64(n-1)+max(0, excess)/float64(n)))
}

// noiseScales are the factors within which the true noise lies, at 95%, of what
// was seen.
func noiseScales(df float64) (low, high float64) {
	chi := distuv.ChiSquared{K: df}
	return math.Sqrt(df / chi.Quantile(0.975)), math.Sqrt(df / chi.Quantile(0.025))
}

// disturbances compares quiet rounds with loud ones. What was the same in all
// rounds says nothing and is left out.
func disturbances(rounds []verdict.Round) (out []Disturbance) {
	centred := aboutBlocks(rounds)
	for _, c := range []struct {
		name  string
		value func(verdict.Round) float64
	}{
		{"steal", func(r verdict.Round) float64 { return r.StealS }},
		{"pressure", func(r verdict.Round) float64 { return r.PressureS }},
		{"other-work", func(r verdict.Round) float64 { return r.ForeignS }},
		{"engine-lag", func(r verdict.Round) float64 { return r.LagS }},
	} {
		sorted := slices.Clone(rounds)
		slices.SortFunc(sorted, func(a, b verdict.Round) int { return cmp.Compare(c.value(a), c.value(b)) })
		if len(sorted) < 16 || c.value(sorted[0]) == c.value(sorted[len(sorted)-1]) {
			continue
		}
		middle := c.value(sorted[len(sorted)/2])
		var quiet, loud []float64
		for i, r := range rounds {
			if c.value(r) <= middle {
				quiet = append(quiet, centred[i])
			} else {
				loud = append(loud, centred[i])
			}
		}
		if len(loud) >= 8 {
			out = append(out, Disturbance{Name: c.name, QuietSD: rootMeanSquare(quiet), LoudSD: rootMeanSquare(loud)})
		}
	}
	return out
}

// aboutBlocks are the rounds' ratios less the mean of their block.
func aboutBlocks(rounds []verdict.Round) []float64 {
	sum, n := map[int]float64{}, map[int]float64{}
	for _, r := range rounds {
		sum[r.Block] += r.Ratio
		n[r.Block]++
	}
	out := make([]float64, len(rounds))
	for i, r := range rounds {
		out[i] = r.Ratio - sum[r.Block]/n[r.Block]
	}
	return out
}

func rootMeanSquare(xs []float64) float64 {
	var sum float64
	for _, x := range xs {
		sum += x * x
	}
	return math.Sqrt(sum / float64(len(xs)))
}
