package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestEstimateRefusesWhatItCannotKnow(t *testing.T) {
	three := [][]float64{{0.1}, {0.2}, {0.3}}
	for _, c := range []struct {
		name    string
		blocks  [][]float64
		layouts Layouts
		sd      float64
		want    error
	}{
		{"no block", nil, Layouts{}, 0, ErrTooFewBlocks},
		{"one block of many rounds", [][]float64{make([]float64, 1000)}, Layouts{}, 0, ErrTooFewBlocks},
		{"two blocks", three[:2], Layouts{}, 0, ErrTooFewBlocks},
		{"a block without rounds", [][]float64{{0.1}, {}, {0.3}}, Layouts{}, 0, ErrEmptyBlock},
		{"NaN: 0/0", [][]float64{{0.1}, {math.NaN()}, {0.3}}, Layouts{}, 0, ErrNotFinite},
		{"infinite: division by 0", [][]float64{{0.1}, {math.Inf(1)}, {0.3}}, Layouts{}, 0, ErrNotFinite},
		{"layouts of another number of blocks", three, Layouts{Base: []int{1}, Head: []int{1, 2, 3}}, 0, ErrLayouts},
		{"layouts of one arm only", three, Layouts{Base: []int{1, 2, 3}}, 0, ErrLayouts},
		{"negative layout SD", three, Layouts{}, -0.1, ErrLayoutSD},
		{"NaN layout SD", three, Layouts{}, math.NaN(), ErrLayoutSD},
	} {
		if e, err := Estimate(c.blocks, c.layouts, c.sd); !errors.Is(err, c.want) || e != (Effect{}) {
			t.Errorf("%s: %+v, %v; want only %v", c.name, e, err, c.want)
		}
	}
	if h := (Effect{}).HalfWidth(0.01); !math.IsInf(h, 1) {
		t.Errorf("the zero effect has half-width %v, want +Inf", h)
	}
	for _, alpha := range []float64{0, -1, 0.6, math.NaN()} {
		if h := (Effect{SEBlock: 1, DFBlock: 3}).HalfWidth(alpha); !math.IsInf(h, 1) {
			t.Errorf("half-width at level %v is %v, want +Inf", alpha, h)
		}
	}
}

func TestEstimateOfEqualRatios(t *testing.T) {
	e, err := Estimate([][]float64{{0.07, 0.07}, {0.07}, {0.07}}, Layouts{}, 0)
	if err != nil || e.Theta != 0.07 || e.HalfWidth(0.004) != 0 || e.PValue() != 0 {
		t.Fatalf("%+v, %v", e, err)
	}
	e, _ = Estimate([][]float64{{0.07, 0.07}, {0.07}, {0.07}}, Layouts{}, 0.02)
	within(t, "half-width from layouts alone", e.HalfWidth(0.004), 0.02*normalQuantile(0.004), 1e-6)
}

// Rounds of one block must not pass for independent evidence: the error of a
// block that holds nearly all rounds is the error between blocks.
func TestEstimateOfUnequalBlocks(t *testing.T) {
	blocks := [][]float64{slices.Repeat([]float64{0.10, 0.1001}, 500)}
	for i := range 9 {
		blocks = append(blocks, []float64{0.01 * float64(i-4)})
	}
	e, err := Estimate(blocks, Layouts{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if spread := 0.03; e.SEBlock < spread {
		t.Errorf("SE %v of an estimate that rests on one launch, want at least the spread between launches, %v", e.SEBlock, spread)
	}
}

func TestLayoutErrorOfOneLayout(t *testing.T) {
	blocks := [][]float64{{0.01}, {0.02}, {0.03}, {0.02}, {0.01}, {0.05}, {0.02}}
	plain, _ := Estimate(blocks, Layouts{}, 0)
	one := Layouts{Base: make([]int, 7), Head: slices.Repeat([]int{3}, 7)}
	own := Layouts{Base: []int{1, 2, 3, 4, 5, 6, 7}, Head: []int{8, 9, 10, 11, 12, 13, 14}}
	for _, c := range []struct {
		name    string
		layouts Layouts
		want    float64
	}{
		{"unknown layouts count as one", Layouts{}, math.Hypot(plain.SEBlock, 0.02)},
		{"one layout an arm", one, math.Hypot(plain.SEBlock, 0.02)},
		{"a layout for each block", own, plain.SEBlock},
	} {
		e, err := Estimate(blocks, c.layouts, 0.02)
		if err != nil {
			t.Fatal(err)
		}
		within(t, c.name, e.SEBlock, c.want, 1e-12)
	}
}

func drawBlocks(t *rapid.T) ([][]float64, Layouts) {
	blocks := rapid.SliceOfN(values(1, 8), 3, 20).Draw(t, "blocks")
	ids := rapid.SliceOfN(rapid.IntRange(0, 4), len(blocks), len(blocks))
	return blocks, Layouts{Base: ids.Draw(t, "base"), Head: ids.Draw(t, "head")}
}

func TestEffectProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blocks, layouts := drawBlocks(t)
		e, err := Estimate(blocks, layouts, 0.02)
		if err != nil {
			t.Fatal(err)
		}
		alpha := rapid.Float64Range(1e-6, 0.4).Draw(t, "alpha")
		if wide := e.HalfWidth(alpha / 2); wide < e.HalfWidth(alpha) {
			t.Fatal("a smaller level gives a narrower interval")
		}
		if p := e.PValue(); e.Theta > 0 && p > 1e-12 && p < 0.49 &&
			(e.Lower(p*1.001) < -1e-9 || e.Lower(p*0.999) > 1e-9) {
			t.Fatalf("p-value %v, but lower bounds %v and %v beside it", p, e.Lower(p*1.001), e.Lower(p*0.999))
		}
		if mde, caught := e.MDE(alpha, 0.95), e.Caught(alpha, 0.95, 0.04879); mde < math.Expm1(e.HalfWidth(alpha)) || caught < mde || caught < 0.05 {
			t.Fatalf("MDE %v, caught %v, half-width %v", mde, caught, e.HalfWidth(alpha))
		}

		swapped := make([][]float64, len(blocks))
		for b := range blocks {
			for _, d := range blocks[b] {
				swapped[b] = append(swapped[b], -d)
			}
		}
		s, _ := Estimate(swapped, Layouts{Base: layouts.Head, Head: layouts.Base}, 0.02)
		if math.Abs(s.Theta+e.Theta) > 1e-12 || math.Abs(s.SEBlock-e.SEBlock) > 1e-12 || math.Abs(s.SERound-e.SERound) > 1e-12 {
			t.Fatalf("swapped arms: %+v of %+v", s, e)
		}

		rng := rand.New(rand.NewPCG(2, rapid.Uint64().Draw(t, "order")))
		other := Layouts{}
		var moved [][]float64
		for _, b := range rng.Perm(len(blocks)) {
			rounds := slices.Clone(blocks[b])
			rng.Shuffle(len(rounds), func(i, j int) { rounds[i], rounds[j] = rounds[j], rounds[i] })
			moved = append(moved, rounds)
			other.Base, other.Head = append(other.Base, layouts.Base[b]+100), append(other.Head, layouts.Head[b]+7)
		}
		if m, _ := Estimate(moved, other, 0.02); m != e {
			t.Fatalf("order or names matter: %+v, %+v", m, e)
		}
	})
}

func TestMDEIsThePowerItPromises(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	const checks, alpha = 3000, 0.004
	var hits int64
	for range checks {
		blocks := make([][]float64, 14)
		for b := range blocks {
			luck := 0.02 * rng.NormFloat64()
			for range 4 {
				blocks[b] = append(blocks[b], luck+0.02*rng.NormFloat64())
			}
		}
		e, err := Estimate(blocks, Layouts{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if e.Theta+math.Log1p(e.MDE(alpha, 0.95)) > e.HalfWidth(alpha) {
			hits++
		}
	}
	if low, high := ClopperPearson(hits, checks, 0.999); high < 0.94 {
		t.Errorf("an effect of the MDE is seen in %.3f to %.3f of the checks, want 0.95", low, high)
	}
}

func TestBlocksNeeded(t *testing.T) {
	e := Effect{SERound: 0.005, DFRound: 60, SEBlock: 0.02, DFBlock: 8, Blocks: 14, Rounds: 56}
	n, ok := e.BlocksNeeded(0.004, 0.95, 0.05)
	if !ok || e.scaled(n).MDE(0.004, 0.95) > 0.05 || e.scaled(n-1).MDE(0.004, 0.95) <= 0.05 {
		t.Errorf("%d blocks, %v: MDE %v there, %v with one less", n, ok, e.scaled(n).MDE(0.004, 0.95), e.scaled(n-1).MDE(0.004, 0.95))
	}
	if n, ok := e.BlocksNeeded(0.004, 0.95, 1); n != 14 || !ok {
		t.Errorf("what is reached already needs %d blocks, %v; want 14", n, ok)
	}
	frozen := Effect{SEBlock: 0.021, SELayout: 0.02, DFBlock: 20, Blocks: 14}
	if n, ok := frozen.BlocksNeeded(0.004, 0.95, 0.05); ok {
		t.Errorf("%d blocks are said to help against one frozen layout", n)
	}
	if _, ok := (Effect{}).BlocksNeeded(0.004, 0.95, 0.1); ok {
		t.Error("the zero effect needs a known number of blocks")
	}
}

func TestRemoveOrder(t *testing.T) {
	blocks := [][]float64{{0.21, -0.19, 0.22, -0.18}, {-0.2, 0.2, 0.19, -0.21}, {0.2, 0.21, -0.2, -0.19}}
	second := [][]bool{{true, false, true, false}, {false, true, true, false}, {true, true, false, false}}
	moved, cost, err := RemoveOrder(blocks, second)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "cost", cost, 0.2, 0.05)
	before, _ := Estimate(blocks, Layouts{}, 0)
	after, _ := Estimate(moved, Layouts{}, 0)
	if math.Abs(after.Theta) > 0.01 || after.SERound > before.SERound/5 {
		t.Errorf("%+v became %+v", before, after)
	}
	if _, cost, err := RemoveOrder([][]float64{{0.3}}, [][]bool{{true}}); cost != 0 || err != nil {
		t.Errorf("one order only: cost %v, %v; want 0", cost, err)
	}
	for _, bad := range [][][]bool{nil, {{true}, {true}, {true}}} {
		if _, _, err := RemoveOrder(blocks, bad); !errors.Is(err, ErrTooFewValues) {
			t.Errorf("order %v: %v", bad, err)
		}
	}
	if _, _, err := RemoveOrder([][]float64{{math.NaN()}}, [][]bool{{true}}); !errors.Is(err, ErrNotFinite) {
		t.Errorf("NaN: %v", err)
	}
}
