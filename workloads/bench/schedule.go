package bench

import (
	"hash/fnv"
	"math/rand/v2"

	"github.com/fivegate/fivegate/gate/result"
)

// The shape of a check of benchmarks.
const (
	mostBlocks = 28 // as of a check by load; more hardly narrows the interval, since layouts repeat
	// alternatingRounds makes each block of an alternating benchmark A B B A, which
	// removes a drift that is even over the block.
	alternatingRounds = 2
)

// looks are the numbers of complete blocks after which a benchmark is looked at.
// The first is the least from which a block error can be estimated with the
// trimming of docs/statistics.md §4; the steps grow, since what seven blocks do
// not decide, eight will not.
func looks() []int { return []int{7, 10, 14, 19, 24, mostBlocks} }

// nextLook is the look that follows so many blocks, or 0 after the last.
func nextLook(blocks int) int {
	for _, look := range looks() {
		if look > blocks {
			return look
		}
	}
	return 0
}

// block is what one block does: a pair of places for each round, in the order in
// which they are started.
type block struct {
	layouts [2]int
	rounds  [][]Place
}

// schedule lays out all blocks of one benchmark. Layouts change with every block,
// by two different permutations for the arms. Of every two blocks in a row one
// starts with base and the other with head, in random order, so that first
// places are balanced at every look. It is a pure function of its arguments.
func schedule(seed uint64, name string, mode result.Mode, layouts [2]int) []block {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	rng := rand.New(rand.NewPCG(seed, hash.Sum64()))
	var perms [2][]int
	out := make([]block, mostBlocks)
	first := 0
	for b := range out {
		if b%2 == 0 {
			first = rng.IntN(2)
		} else {
			first = 1 - first
		}
		blk := &out[b]
		for arm := range perms {
			if len(perms[arm]) == 0 {
				perms[arm] = rng.Perm(max(layouts[arm], 1))
			}
			blk.layouts[arm], perms[arm] = perms[arm][0], perms[arm][1:]
		}
		there := []Place{{Arm: first, Layout: blk.layouts[first]}, {Arm: 1 - first, Layout: blk.layouts[1-first]}}
		blk.rounds = [][]Place{there}
		if mode == result.ModeAlternating {
			blk.rounds = append(blk.rounds, []Place{there[1], there[0]})
		}
	}
	return out
}
