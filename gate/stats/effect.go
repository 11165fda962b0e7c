package stats

import (
	"fmt"
	"math"
)

// minBlocks is the fewest blocks that give an error at all: two launches
// cannot tell a lucky launch from an effect.
const minBlocks = 3

// Effect is an estimated change from base to head on the scale of natural
// logarithms, + being worse, with the errors that belong to it.
type Effect struct {
	Theta    float64 // ln(head/base), the 20% trimmed mean over all rounds
	SERound  float64 // error as if all rounds were independent; 0 when the estimate has no such term
	SEBlock  float64 // error between blocks, SELayout included
	SELayout float64 // part of SEBlock that more blocks of the same layouts do not reduce
	DFRound  int     // degrees of freedom of SERound; 0 when there is no such term
	DFBlock  int     // degrees of freedom of SEBlock
	Blocks   int
	Rounds   int // over all blocks
}

// Estimate returns the effect behind blocks[b][j] = ln(head/base) of round j
// in block b, signed so that + is worse.
//
//	θ    = 20% trimmed mean of all N values
//	SE_r = Yuen's error over the N values, df h−1
//	SE_B = Yuen's error over u_1…u_R (u_b the Hodges–Lehmann estimate of block
//	       b), df R − 2⌊0.2R⌋ − 1, plus the error of the layouts
//
// Blocks are taken as independent, rounds of one block are not: both errors
// are kept and the wider interval counts (see HalfWidth). With n_b rounds in
// block b, SE_B is multiplied by √(R·Σ(n_b/N)²) (Kish's design effect, 1 for
// equal n_b), because θ then leans on the large blocks.
//
// Layouts. layoutSD is the standard deviation of the log ratio between two
// random layouts of the same source (0.02 until calibrated; 0 where both arms
// are the same bytes or layout cannot matter). The spread between blocks holds
// layout luck only as far as layouts change between blocks; what it misses,
//
//	SE_L² = layoutSD²·(R·S − 1)/(R − 1), S = ½(Σ_base w_l² + Σ_head w_l²)
//
// with w_l the share of the rounds measured on layout l (R being replaced by
// 1/Σ(n_b/N)² when blocks differ in size), is added to SE_B²: all of layoutSD²
// with one layout per arm, however many blocks; nothing when each block has
// layouts of its own. SE_L counts as known, so that the degrees of freedom are
// Satterthwaite's. Eight layouts over 28 blocks need that term: see
// TestLayoutErrorTerms for the measured coverage without it, and why two-way
// clustering (Cameron, Gelbach & Miller, J. Bus. Econ. Stat. 29, 2011) is not
// used in its place.
//
// All values equal give errors of exactly 0. Fewer than 3 blocks, an empty
// block, a value that is NaN, infinite or beyond ±700, layouts that do not
// match the blocks, and a negative layoutSD are errors. The order of rounds
// and blocks changes nothing, to the last bit.
func Estimate(blocks [][]float64, layouts Layouts, layoutSD float64) (Effect, error) {
	if len(blocks) < minBlocks {
		return Effect{}, fmt.Errorf("%w: %d, at least %d launches of each arm are needed to know the error", ErrTooFewBlocks, len(blocks), minBlocks)
	}
	var all []float64
	centres := make([]float64, len(blocks))
	sizes := make([]float64, len(blocks))
	for b, rounds := range blocks {
		if len(rounds) == 0 {
			return Effect{}, fmt.Errorf("%w: block %d; leave it out", ErrEmptyBlock, b)
		}
		for j, d := range rounds {
			if !usable(d) {
				return Effect{}, fmt.Errorf("%w: block %d, round %d is %v", ErrNotFinite, b, j, d)
			}
		}
		all = append(all, rounds...)
		centres[b] = HodgesLehmann(rounds)
		sizes[b] = float64(len(rounds))
	}
	share, err := layouts.share(sizes)
	if err != nil {
		return Effect{}, err
	}
	round, err := Yuen(all)
	if err != nil {
		return Effect{}, err
	}
	block, err := Yuen(centres)
	if err != nil {
		return Effect{}, err
	}
	e := Effect{
		Theta: round.Estimate, SERound: round.SE, DFRound: round.DF,
		SEBlock: block.SE * math.Sqrt(float64(len(blocks))*kish(sizes)), DFBlock: block.DF,
		Blocks: len(blocks), Rounds: len(all),
	}
	return e.withLayoutError(layoutSD, share, kish(sizes))
}

// kish returns Σ(n_b/N)², one over the effective number of blocks.
func kish(sizes []float64) float64 {
	var sum, squares float64 // whole numbers: exact, in any order
	for _, n := range sizes {
		sum += n
		squares += n * n
	}
	return squares / (sum * sum)
}

// HalfWidth returns the half-width of the interval at one-sided level alpha in
// (0, 0.5]: the larger of t·SE over the error terms, each with its own degrees
// of freedom. It is +Inf where nothing can be said: alpha outside its range,
// or an effect without degrees of freedom (the zero Effect).
func (e Effect) HalfWidth(alpha float64) float64 {
	h, _ := e.widest(alpha)
	return h
}

// widest returns the largest t·SE and its SE.
func (e Effect) widest(alpha float64) (halfWidth, se float64) {
	if !(alpha > 0 && alpha <= 0.5) || e.DFBlock < 1 || math.IsNaN(e.Theta) {
		return math.Inf(1), math.Inf(1)
	}
	halfWidth, se = studentQuantile(alpha, e.DFBlock)*e.SEBlock, e.SEBlock
	if e.DFRound >= 1 && e.SERound > 0 {
		if h := studentQuantile(alpha, e.DFRound) * e.SERound; h > halfWidth {
			halfWidth, se = h, e.SERound
		}
	}
	if math.IsNaN(halfWidth) {
		return math.Inf(1), math.Inf(1)
	}
	return halfWidth, se
}

// Lower returns the lower bound of the log ratio at one-sided level alpha.
func (e Effect) Lower(alpha float64) float64 { return e.Theta - e.HalfWidth(alpha) }

// Upper returns the upper bound of the log ratio at one-sided level alpha.
func (e Effect) Upper(alpha float64) float64 { return e.Theta + e.HalfWidth(alpha) }

// PValue returns the one-sided p-value of "head is not worse": the level at
// which Lower reaches 0, for θ > 0; 1 otherwise and where nothing can be said.
func (e Effect) PValue() float64 {
	if !(e.Theta > 0) || e.DFBlock < 1 || math.IsNaN(e.SEBlock) || math.IsNaN(e.SERound) {
		return 1
	}
	p := 0.0
	if e.SEBlock > 0 {
		p = studentTail(e.Theta/e.SEBlock, e.DFBlock)
	}
	if e.DFRound >= 1 && e.SERound > 0 {
		p = max(p, studentTail(e.Theta/e.SERound, e.DFRound))
	}
	return p
}
