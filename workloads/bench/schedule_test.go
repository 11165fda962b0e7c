package bench

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/fivegate/fivegate/gate/result"
)

func TestSchedule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, name := rapid.Uint64().Draw(t, "seed"), rapid.String().Draw(t, "name")
		mode := rapid.SampledFrom([]result.Mode{result.ModeDuet, result.ModeAlternating}).Draw(t, "mode")
		layouts := [2]int{rapid.IntRange(1, 9).Draw(t, "base"), rapid.IntRange(1, 9).Draw(t, "head")}
		blocks := schedule(seed, name, mode, layouts)
		if !reflect.DeepEqual(blocks, schedule(seed, name, mode, layouts)) {
			t.Fatal("not a pure function of its arguments")
		}
		var headFirst int
		var used [2]map[int]bool
		for b, blk := range blocks {
			for arm := range used {
				if b%layouts[arm] == 0 {
					used[arm] = map[int]bool{}
				}
				if used[arm][blk.layouts[arm]] {
					t.Fatalf("block %d: layout %d again before all were used", b, blk.layouts[arm])
				}
				used[arm][blk.layouts[arm]] = true
			}
			if want := map[result.Mode]int{result.ModeDuet: 1, result.ModeAlternating: 2}[mode]; len(blk.rounds) != want {
				t.Fatalf("%d rounds in %s", len(blk.rounds), mode)
			}
			for _, places := range blk.rounds {
				for _, p := range places {
					if p.Layout != blk.layouts[p.Arm] {
						t.Fatalf("block %d: place %+v, layouts %v", b, p, blk.layouts)
					}
				}
				headFirst += places[0].Arm - places[1].Arm
			}
			if len(blk.rounds) == 2 && blk.rounds[0][0] != blk.rounds[1][1] {
				t.Fatalf("block %d is not A B B A: %v", b, blk.rounds)
			}
			if headFirst < -1 || headFirst > 1 {
				t.Fatalf("after block %d one arm was first %d times more often", b, headFirst)
			}
		}
	})
}

func TestLooks(t *testing.T) {
	blocks := 0
	for _, look := range looks() {
		if got := nextLook(blocks); got != look {
			t.Errorf("after %d blocks the next look is %d, want %d", blocks, got, look)
		}
		blocks = look
	}
	if nextLook(blocks) != 0 || blocks != mostBlocks {
		t.Errorf("the last look is at %d", blocks)
	}
}
