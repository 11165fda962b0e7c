package calibration

import (
	"math/rand/v2"
	"slices"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
	"github.com/fivegate/fivegate/gate/verdict"
)

// drawer puts checks together from the blocks of base against itself.
//
// Arms that run the same source differ in luck only: of the layout, of the launch,
// of the round. So which arm was called base may be exchanged, as long as a
// layout keeps its side throughout a check, since layout luck does. For each check
// the layouts are dealt out anew to the two sides, as many to each as a check has;
// blocks whose layouts then stand on different sides can be used, turned round
// where need be; so many of them as a check has are drawn without replacement.
//
// Each check so drawn is distributed as a measured one: layouts are exchangeable,
// launches of one layout are too, and no block is used twice, so that nothing is
// counted as more evidence than it is. The mean over draws is an unbiased
// estimate (a U-statistic, Hoeffding, Ann. Math. Stat. 19, 1948) of the rate at
// which checks of that many blocks are blocked. Nothing is centred: the deal is
// symmetric, so the true effect of a drawn check is 0 whatever the arms' means.
// Drawing with replacement, as a bootstrap does, would make a check of 28 blocks
// from 40 noisier by a third than it is.
type drawer struct {
	pool     *verdict.Pool
	builds   [2]map[int]int // layout of base, of head → build
	shared   int            // builds that both arms have
	distinct int
}

func newDrawer(doc *result.Document, pool *verdict.Pool) *drawer {
	d := &drawer{pool: pool}
	number := map[string]int{}
	arms := map[int]int{} // build → how many arms have it
	for i := range d.builds {
		d.builds[i] = map[int]int{}
		mine := map[int]bool{}
		for _, l := range doc.Arms[i].Layouts {
			if _, known := number[l.SHA256]; !known {
				number[l.SHA256] = len(number)
			}
			d.builds[i][l.ID] = number[l.SHA256]
			mine[number[l.SHA256]] = true
		}
		for b := range mine {
			arms[b]++
		}
	}
	for _, n := range arms {
		if n == 2 {
			d.shared++
		}
	}
	d.distinct = len(number)
	return d
}

// sides deals the builds out: bit 0 is set for those that base may have, bit 1 for
// head's.
func (d *drawer) sides(rng *rand.Rand) []int {
	side := make([]int, d.distinct)
	for i, build := range rng.Perm(d.distinct) {
		switch {
		case i < d.shared:
			side[build] = 3
		case (i-d.shared)%2 == 0:
			side[build] = 1
		default:
			side[build] = 2
		}
	}
	return side
}

// deals is how often layouts are dealt out to find enough usable blocks. About
// half of them are each time; which deal is kept depends on which layouts met, and
// not on what was measured.
const deals = 64

// draw puts together a check of at most so many blocks, in the order in which
// they were measured.
func (d *drawer) draw(rng *rand.Rand, blocks int) []verdict.Pick {
	var usable []verdict.Pick
	for range deals {
		if found := d.usable(rng); len(found) > len(usable) {
			usable = found
		}
		if len(usable) >= blocks {
			break
		}
	}
	rng.Shuffle(len(usable), func(i, j int) { usable[i], usable[j] = usable[j], usable[i] })
	usable = usable[:min(blocks, len(usable))]
	slices.SortFunc(usable, func(a, b verdict.Pick) int { return a.Block - b.Block })
	return usable
}

// usable deals the layouts out and returns the blocks whose layouts then stand on
// different sides, turned so that they do so rightly.
func (d *drawer) usable(rng *rand.Rand) (usable []verdict.Pick) {
	side := d.sides(rng)
	for b := range d.pool.Blocks() {
		baseLayout, headLayout := d.pool.Layouts(b)
		x, y := side[d.builds[0][baseLayout]], side[d.builds[1][headLayout]]
		straight, turned := x&1 != 0 && y&2 != 0, x&2 != 0 && y&1 != 0
		swap := turned
		if straight && turned {
			swap = rng.IntN(2) == 0
		}
		if straight || turned {
			usable = append(usable, verdict.Pick{Block: b, Swap: swap})
		}
	}
	return usable
}

// mirrored is the same check with base and head exchanged.
func mirrored(picks []verdict.Pick) []verdict.Pick {
	out := slices.Clone(picks)
	for i := range out {
		out[i].Swap = !out[i].Swap
	}
	return out
}

// looksOf are the looks of a check that has fewer blocks than planned, at the same
// shares.
func looksOf(looks []int, blocks int) (out []int) {
	last := looks[len(looks)-1]
	for _, l := range looks {
		n := min(blocks, max((l*blocks+last-1)/last, min(stats.MinBlocks, blocks)))
		if len(out) == 0 || n > out[len(out)-1] {
			out = append(out, n)
		}
	}
	return out
}
