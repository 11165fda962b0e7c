package experiment

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// The shape of a check, from docs/statistics.md §2. Many blocks with few rounds
// beat the reverse, because a launch has luck of its own.
const (
	wantBlocks  = 28
	minBlocks   = 8 // fewer, and the block error has no degrees of freedom to speak of
	wantRounds  = 4
	minRounds   = 2
	maxRounds   = 40
	openPart    = 1000 * time.Millisecond
	closedPart  = 400 * time.Millisecond
	soloEvery   = 4       // one solo slice per arm in every fourth block
	overhead    = 1.0 / 3 // of a block; above it, rounds are added
	drainMargin = 100 * time.Millisecond
	reserve     = 4 * time.Second // kept for the verdict, the report and the clean-up
)

// Costs are the measured or assumed times of what a block does besides rounds.
type Costs struct {
	Start  time.Duration // one launch: data directory, process, readiness, dataset
	WarmUp time.Duration // both arms
	Stop   time.Duration // both arms
	Round  time.Duration // one round: open, drain, closed, bookkeeping
}

// AssumedCosts are used when nothing has been measured: a server that starts in
// a third of a second. Arms in alternation take an open part each.
func AssumedCosts(alternate bool) Costs {
	c := Costs{
		Start:  350 * time.Millisecond,
		WarmUp: 1200 * time.Millisecond,
		Stop:   200 * time.Millisecond,
		Round:  openPart + closedPart + drainMargin,
	}
	if alternate {
		c.Round += openPart + drainMargin
	}
	return c
}

// fixed is the cost of a block without its rounds, solo slices shared out.
func (c Costs) fixed() time.Duration {
	return 2*c.Start + c.WarmUp + c.Stop + 2*c.Round/soloEvery
}

// Block is the expected duration of one block of so many rounds.
func (c Costs) Block(rounds int) time.Duration {
	return c.fixed() + time.Duration(rounds)*c.Round
}

// Shape is the number of blocks and of rounds in each.
type Shape struct{ Blocks, Rounds int }

// BudgetError says that the time does not suffice for a check that could decide
// anything.
type BudgetError struct {
	Available time.Duration // for measuring, after builds and calibration
	Needed    time.Duration
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("budget too small: %s are left for measuring and %d blocks of %d rounds need %s; raise the budget by at least %s",
		e.Available.Round(time.Second), minBlocks, minRounds, e.Needed.Round(time.Second),
		(e.Needed - e.Available + time.Second).Round(time.Second))
}

// Fit chooses blocks × rounds so that they fit the time that is available.
// Where starting is dear, rounds are added until the overhead is a third of the
// block, so long as at least eight blocks remain.
func Fit(available time.Duration, c Costs) (Shape, error) {
	if need := minBlocks * c.Block(minRounds); available < need {
		return Shape{}, &BudgetError{Available: available, Needed: need}
	}
	rounds := int(math.Ceil(float64(c.fixed()) * (1 - overhead) / overhead / float64(c.Round)))
	rounds = min(max(rounds, wantRounds), maxRounds)
	for rounds > minRounds && available < minBlocks*c.Block(rounds) {
		rounds--
	}
	blocks := min(int(available/c.Block(rounds)), wantBlocks)
	return Shape{Blocks: blocks, Rounds: rounds}, nil
}

// Calibrate makes a check as long as its budget allows, with no looks before the
// end, of the blocks that a check of another budget has.
type Calibrate struct {
	CheckBudget time.Duration // of that other check
	Check       Shape         // of that other check, set by Check when it is known
}

// fit chooses blocks × rounds, of a usual check when c is nil. spent is what
// preparing took, which the other check needs too.
func (c *Calibrate) fit(available, spent time.Duration, costs Costs) (Shape, error) {
	if c == nil {
		return Fit(available, costs)
	}
	var err error
	if c.Check, err = Fit(c.CheckBudget-spent-reserve, costs); err != nil {
		return Shape{}, fmt.Errorf("a check of %s on this runner: %w", c.CheckBudget, err)
	}
	blocks := int(available / costs.Block(c.Check.Rounds))
	if blocks < minBlocks {
		return Shape{}, &BudgetError{Available: available, Needed: minBlocks * costs.Block(c.Check.Rounds)}
	}
	return Shape{Blocks: blocks, Rounds: c.Check.Rounds}, nil
}

// Looks are the numbers of complete blocks after which the evidence is looked
// at: at about ⅓, ½, ⅔ and 5/6 of the blocks, and at the end, but not before
// seven. The last step is the extension that an undecided check is given within
// its budget.
func Looks(blocks int) []int {
	var out []int
	for _, share := range []float64{0.34, 0.5, 0.67, 0.84, 1} {
		n := max(int(math.Ceil(share*float64(blocks)-1e-9)), min(7, blocks))
		if len(out) == 0 || n > out[len(out)-1] {
			out = append(out, n)
		}
	}
	return out
}

// Block is what one block does.
type Block struct {
	Index   int
	Order   [2]int // arms in the order they are started: 0 is base, 1 is head
	Layouts [2]int // layout of each arm
	First   []int  // the arm that goes first in each round
	Solo    bool   // solo slices follow the rounds
}

// Schedule lays the blocks out. Start order and first place are balanced and
// shuffled, since the second in a pair is 2–3% slower; layouts change with every
// block, as two different permutations for the two arms. It is a pure function
// of its arguments.
func Schedule(seed uint64, s Shape, layouts [2]int) []Block {
	rng := rand.New(rand.NewPCG(seed, 0x5ced))
	starts := balanced(rng, s.Blocks)
	firsts := balanced(rng, s.Blocks)
	var perms [2][]int
	out := make([]Block, s.Blocks)
	for b := range out {
		blk := Block{Index: b, Order: [2]int{starts[b], 1 - starts[b]}, Solo: b%soloEvery == 0}
		for arm := range perms {
			if len(perms[arm]) == 0 {
				perms[arm] = rng.Perm(max(layouts[arm], 1))
			}
			blk.Layouts[arm], perms[arm] = perms[arm][0], perms[arm][1:]
		}
		for r := range s.Rounds {
			abba := (r + 1) / 2 % 2 // 0 1 1 0 0 1 1 0 …
			blk.First = append(blk.First, firsts[b]^abba)
		}
		out[b] = blk
	}
	return out
}

// balanced returns n zeros and ones, shuffled, whose numbers differ by one at
// most.
func balanced(rng *rand.Rand, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i % 2
	}
	rng.Shuffle(n, func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
