package calibration

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/verdict"
)

// TestDrawnChecksKeepTheirSides checks what makes a drawn check one that could have
// been measured: no block twice, in order, and no layout on both sides, but for
// the one that both arms share.
func TestDrawnChecksKeepTheirSides(t *testing.T) {
	doc := resulttest.Check(resulttest.Options{Seed: 1, Blocks: 48, Rounds: 2, Layouts: 6, RatePerS: 20, Probes: -1})
	doc.Plan.Metrics = []string{"cpu_per_op"}
	doc.Arms[1].Layouts[0] = doc.Arms[0].Layouts[0] // as a check builds them
	pool, err := verdict.NewPool(doc)
	if err != nil {
		t.Fatal(err)
	}
	d := newDrawer(doc, pool)
	if d.distinct != 11 || d.shared != 1 {
		t.Fatalf("%d builds, %d shared", d.distinct, d.shared)
	}
	swaps, total := 0, 0
	for i := range 200 {
		picks := d.draw(rand.New(rand.NewPCG(1, uint64(i))), 20)
		onSide := map[int]int{}
		for j, p := range picks {
			if j > 0 && p.Block <= picks[j-1].Block {
				t.Fatalf("draw %d: block %d after %d", i, p.Block, picks[j-1].Block)
			}
			base, head := d.pool.Layouts(p.Block)
			x, y := d.builds[0][base], d.builds[1][head]
			if p.Swap {
				x, y = y, x
				swaps++
			}
			total++
			onSide[x] |= 1
			onSide[y] |= 2
		}
		both := 0
		for _, s := range onSide {
			if s == 3 {
				both++
			}
		}
		if both > 1 || len(picks) != 20 {
			t.Errorf("draw %d: %d layouts on both sides, %d blocks", i, both, len(picks))
		}
	}
	if share := float64(swaps) / float64(total); share < 0.4 || share > 0.6 {
		t.Errorf("%.2f of the blocks are turned round, want half", share)
	}
}

func TestLooksOfShorterChecks(t *testing.T) {
	planned := []int{10, 14, 19, 24, 28}
	for blocks, want := range map[int][]int{28: planned, 21: {8, 11, 15, 18, 21}, 8: {7, 8}, 7: {7}} {
		if diff := cmp.Diff(want, looksOf(planned, blocks)); diff != "" {
			t.Errorf("%d blocks: %s", blocks, diff)
		}
	}
	if !slices.IsSorted(looksOf([]int{1, 2, 3}, 9)) {
		t.Error("looks do not ascend")
	}
}
