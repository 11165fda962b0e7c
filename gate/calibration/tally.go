package calibration

import (
	"math"
	"slices"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
)

// tally counts how checks ended.
type tally struct {
	scales []float64 // 1, then the ends of what the noise may be
	trials []trialEnd
}

// trialEnd is what became of one check: as drawn and exchanged, by effect and by
// scale of the noise.
type trialEnd struct {
	drawn    int // blocks
	verdicts [2][6][3]verdictOf
	reach    []reach
}

// reach is what a metric of a check could have seen.
type reach struct {
	metric string
	mde    float64
	blocks int // at which a slow-down of 5% would be; 0: at no number
}

func (t *tally) drawnBlocks() float64 {
	var sum int
	for i := range t.trials {
		sum += t.trials[i].drawn
	}
	return float64(sum) / float64(len(t.trials))
}

// row sums up one effect. The interval holds what is not known of the noise's size,
// by the share of blocked checks at both ends of it, and the chance of drawing a
// finite number of checks, by Clopper–Pearson.
func (t *tally) row(effect int) (r Row) {
	n := int64(2 * len(t.trials))
	r.Blocked.Low, r.Blocked.High = 1, 0
	for s := range t.scales {
		var blocked, open int64
		var blocks int
		for i := range t.trials {
			for side := range 2 {
				v := t.trials[i].verdicts[side][effect][s]
				blocks += v.blocks
				switch v.outcome {
				case stats.Regression:
					blocked++
				case stats.Inconclusive:
					open++
				case stats.Continue, stats.Pass, stats.Improvement:
				}
			}
		}
		low, high := stats.ClopperPearson(blocked, n, confidence)
		r.Blocked.Low, r.Blocked.High = min(r.Blocked.Low, low), max(r.Blocked.High, high)
		if s == 0 {
			r.Blocked.Value = float64(blocked) / float64(n)
			r.Inconclusive, r.Blocks = float64(open)/float64(n), float64(blocks)/float64(n)
		}
	}
	return r
}

// metric sums up what one metric did.
func (t *tally) metric(m *Metric, check Shape) {
	var mdes []float64
	var blocks []int
	var falsely int64
	for i := range t.trials {
		for _, r := range t.trials[i].reach {
			if r.metric == m.Name {
				mdes, blocks = append(mdes, r.mde), append(blocks, r.blocks)
			}
		}
		for side := range 2 {
			if slices.Contains(t.trials[i].verdicts[side][0][0].blocked, m.Name) {
				falsely++
			}
		}
	}
	n := int64(2 * len(t.trials))
	low, high := stats.ClopperPearson(falsely, n, confidence)
	m.FalseAlarms = result.Share{Value: float64(falsely) / float64(n), Low: low, High: high}
	m.MDE, m.BlocksFor5, m.MinutesFor5 = 0, 0, 0
	if len(mdes) == 0 {
		return
	}
	slices.Sort(mdes)
	if mde := mdes[len(mdes)/2]; !math.IsInf(mde, 0) && !math.IsNaN(mde) {
		m.MDE = mde
	}
	slices.SortFunc(blocks, func(a, b int) int { return rank(a) - rank(b) })
	if m.BlocksFor5 = blocks[len(blocks)/2]; m.BlocksFor5 > 0 {
		m.MinutesFor5 = (check.PrepareS + float64(m.BlocksFor5)*check.BlockS) / 60
	}
}

// rank orders numbers of blocks, of which 0 stands for more than any.
func rank(blocks int) int {
	if blocks == 0 {
		return math.MaxInt
	}
	return blocks
}
