package stats

import (
	"fmt"
	"math"
)

// Count is a number of failed requests out of all that were due.
type Count struct {
	Errors, Total int64
}

func (c Count) rate() float64 {
	if c.Total == 0 {
		return 0
	}
	return float64(c.Errors) / float64(c.Total)
}

// maxTotal keeps all arithmetic on counts exact and fast.
const maxTotal = 1_000_000_000

// RateTest is the comparison of error rates.
type RateTest struct {
	Base, Head Count   // over all blocks
	Difference float64 // head's rate less base's, a fraction in [−1, 1]
	P          float64 // one-sided p-value of "head does not fail more often"
	Requests   float64 // the part of P that treats requests as independent: Fisher's exact test
	Between    float64 // the part of P that treats blocks as independent: the sign test
	Blocks     int
}

// ErrorRate tests whether head fails more often than base. base[b] and
// head[b] are the counts of block b.
//
// Two exact one-sided tests must both agree; P is the larger p-value:
//
//   - Fisher's exact test on the totals (Fisher 1934): is the difference more
//     than chance among independent requests?
//   - The sign test on the blocks whose rates differ: does it happen in block
//     after block? Failures come in bursts (one stall, a hundred time-outs);
//     to Fisher's test alone, one burst in one arm is overwhelming evidence.
//
// With n blocks that differ the second can reach no less than 2^−n, so a
// verdict at level .004 needs 8. Neither test uses an approximation. Fisher's
// tail is summed from Loader's saddle-point form of the binomial, with relative
// error under 1e-9 for up to 1e9 requests an arm.
//
// ErrTooFewBlocks without blocks or when the arms differ in length, ErrCounts
// for negative counts, more errors than requests, an arm without requests or
// with more than 1e9.
func ErrorRate(base, head []Count) (RateTest, error) {
	if len(base) == 0 || len(base) != len(head) {
		return RateTest{}, fmt.Errorf("%w: %d of base, %d of head", ErrTooFewBlocks, len(base), len(head))
	}
	t := RateTest{Blocks: len(base)}
	var worse, differ int64
	for b := range base {
		if err := t.Base.add(base[b], "base", b); err != nil {
			return RateTest{}, err
		}
		if err := t.Head.add(head[b], "head", b); err != nil {
			return RateTest{}, err
		}
		switch diff := head[b].rate() - base[b].rate(); {
		case diff > 0:
			worse++
			differ++
		case diff < 0:
			differ++
		}
	}
	if t.Base.Total == 0 || t.Head.Total == 0 {
		return RateTest{}, fmt.Errorf("%w: an arm had no requests", ErrCounts)
	}
	t.Difference = t.Head.rate() - t.Base.rate()
	t.Requests = fisher(t.Base, t.Head)
	t.Between = signTest(worse, differ)
	t.P = max(t.Requests, t.Between)
	return t, nil
}

func (c *Count) add(x Count, arm string, block int) error {
	if x.Errors < 0 || x.Total < 0 || x.Errors > x.Total || x.Total > maxTotal || c.Total+x.Total > maxTotal {
		return fmt.Errorf("%w: %s in block %d: %d errors of %d requests", ErrCounts, arm, block, x.Errors, x.Total)
	}
	c.Errors += x.Errors
	c.Total += x.Total
	return nil
}

// Upper returns the upper bound of the difference of rates at one-sided level
// alpha: the two Clopper–Pearson bounds joined by squares (the hybrid of
// Newcombe, Stat. Med. 17, 1998). It treats requests as independent. +Inf for
// alpha outside (0, 0.5].
func (t RateTest) Upper(alpha float64) float64 {
	if !(alpha > 0 && alpha <= 0.5) || t.Base.Total == 0 || t.Head.Total == 0 {
		return math.Inf(1)
	}
	low, _ := clopperPearson(t.Base, alpha)
	_, high := clopperPearson(t.Head, alpha)
	return t.Difference + math.Hypot(high-t.Head.rate(), t.Base.rate()-low)
}

// Lower returns the lower bound of the difference of rates; see Upper.
func (t RateTest) Lower(alpha float64) float64 {
	swapped := RateTest{Base: t.Head, Head: t.Base, Difference: -t.Difference}
	return -swapped.Upper(alpha)
}

// ClopperPearson returns the exact two-sided interval of a binomial proportion
// with k successes of n at the given confidence in (0, 1) (Clopper & Pearson,
// Biometrika 26, 1934): it covers the true proportion at least that often.
// Impossible arguments give NaN, NaN; n = 0 gives 0, 1.
func ClopperPearson(k, n int64, confidence float64) (low, high float64) {
	if k < 0 || n < k || n > maxTotal || !(confidence > 0 && confidence < 1) {
		return math.NaN(), math.NaN()
	}
	return clopperPearson(Count{Errors: k, Total: n}, (1-confidence)/2)
}

// clopperPearson returns the bounds, each at one-sided level alpha: the p at
// which so many errors or more, or so many or fewer, have probability alpha.
// Each tail is summed away from the mean, so that nothing cancels.
func clopperPearson(c Count, alpha float64) (low, high float64) {
	low, high = 0, 1
	k, n := c.Errors, c.Total
	if k > 0 {
		low = bisect(0, c.rate(), func(p float64) bool { return upperTerms(k, n, p) < alpha })
	}
	if k < n {
		high = bisect(c.rate(), 1, func(p float64) bool { return lowerTerms(k, n, p) > alpha })
	}
	return low, high
}

// bisect returns where below turns from true to false between low and high.
func bisect(low, high float64, below func(float64) bool) float64 {
	for high-low > 1e-15*high {
		middle := low + (high-low)/2
		if middle <= low || middle >= high {
			break
		}
		if below(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// signTest returns P(X ≥ worse) for X ~ Binomial(differ, ½); 1 when no block
// differs.
func signTest(worse, differ int64) float64 {
	if worse == 0 {
		return 1
	}
	return binomialUpper(worse, differ, 0.5)
}
