package experiment

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestFit(t *testing.T) {
	slow := AssumedCosts(false)
	slow.Start = 10 * time.Second
	for _, tt := range []struct {
		name      string
		available time.Duration
		costs     Costs
		want      Shape
	}{
		{"a quick server in five minutes gets the default shape", 285 * time.Second, AssumedCosts(false), Shape{Blocks: 28, Rounds: 4}},
		{"in turn, a round takes two open parts", 70 * time.Second, AssumedCosts(true), Shape{Blocks: 8, Rounds: 2}},
		{"more time than the default shape needs buys nothing", time.Hour, AssumedCosts(false), Shape{Blocks: 28, Rounds: 4}},
		{"a slow start buys rounds, until eight blocks are left", 285 * time.Second, slow, Shape{Blocks: 8, Rounds: 8}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Fit(tt.available, tt.costs)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("Fit = %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestFitRefusesTooSmallBudget(t *testing.T) {
	_, err := Fit(20*time.Second, AssumedCosts(false))
	var small *BudgetError
	if !errors.As(err, &small) {
		t.Fatalf("Fit = %v, want a *BudgetError", err)
	}
	if _, err := Fit(small.Needed, AssumedCosts(false)); err != nil {
		t.Errorf("Fit with the time that the error names: %v", err)
	}
}

func TestFitStaysWithinItsTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := func(name string, most float64) time.Duration {
			return time.Duration(rapid.Float64Range(0.01, most).Draw(t, name) * float64(time.Second))
		}
		c := Costs{Start: seconds("start", 30), WarmUp: seconds("warm", 10), Stop: seconds("stop", 5), Round: seconds("round", 3)}
		available := seconds("available", 3600)
		s, err := Fit(available, c)
		if err != nil {
			return
		}
		if took := time.Duration(s.Blocks) * c.Block(s.Rounds); took > available {
			t.Fatalf("%+v takes %s of %s", s, took, available)
		}
		if s.Blocks < minBlocks || s.Rounds < minRounds {
			t.Fatalf("%+v is under the least shape", s)
		}
	})
}

func TestLooks(t *testing.T) {
	for _, tt := range []struct {
		blocks int
		want   []int
	}{
		{28, []int{10, 14, 19, 24, 28}},
		{12, []int{7, 9, 11, 12}}, // the first look has seven blocks
		{8, []int{7, 8}},
		{1, []int{1}},
	} {
		if diff := cmp.Diff(tt.want, Looks(tt.blocks)); diff != "" {
			t.Errorf("Looks(%d): %s", tt.blocks, diff)
		}
	}
}

func TestScheduleIsBalanced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Shape{Blocks: rapid.IntRange(1, 60).Draw(t, "blocks"), Rounds: 2 * rapid.IntRange(1, 10).Draw(t, "rounds")}
		layouts := [2]int{rapid.IntRange(1, 9).Draw(t, "base layouts"), rapid.IntRange(1, 9).Draw(t, "head layouts")}
		blocks := Schedule(rapid.Uint64().Draw(t, "seed"), s, layouts)
		var started, solo int
		used := [2]map[int]int{{}, {}}
		for _, b := range blocks {
			started += b.Order[0]
			if b.Solo {
				solo++
			}
			first := 0
			for _, f := range b.First {
				first += f
			}
			if s.Rounds%4 == 0 && first != s.Rounds/2 {
				t.Fatalf("block %d: head goes first in %d of %d rounds", b.Index, first, s.Rounds)
			}
			for arm := range used {
				used[arm][b.Layouts[arm]]++
			}
		}
		if d := 2*started - s.Blocks; d < -1 || d > 1 {
			t.Fatalf("head is started first in %d of %d blocks", started, s.Blocks)
		}
		if want := (s.Blocks + soloEvery - 1) / soloEvery; solo != want {
			t.Fatalf("%d blocks with solo slices, want %d", solo, want)
		}
		for arm := range used {
			for layout := range layouts[arm] {
				if n := used[arm][layout]; n < s.Blocks/layouts[arm] || n > s.Blocks/layouts[arm]+1 {
					t.Fatalf("arm %d: layout %d in %d of %d blocks", arm, layout, n, s.Blocks)
				}
			}
		}
	})
}

func TestScheduleIsPure(t *testing.T) {
	s, layouts := Shape{Blocks: 28, Rounds: 4}, [2]int{8, 8}
	if diff := cmp.Diff(Schedule(7, s, layouts), Schedule(7, s, layouts)); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(Schedule(7, s, layouts), Schedule(8, s, layouts)) {
		t.Error("another seed gives the same schedule")
	}
}
