package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func TestDecomposeByHand(t *testing.T) {
	// Means 2, 5, 8 and squares within of 2 each: MS within 1, MS between 27, n₀ 3.
	c, err := Decompose([][]float64{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "round", c.Round, 1, 1e-14)
	within(t, "block", c.Block, math.Sqrt(26.0/3), 1e-14)

	// Unequal: {0, 2} and {5}: MS within 2, grand mean 7/3, MS between
	// 2·(4/3)² + (8/3)² = 32/3, n₀ = 3 − 5/3 = 4/3; (32/3 − 2)/(4/3) = 6.5.
	c, err = Decompose([][]float64{{0, 2}, {5}})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "round", c.Round, math.Sqrt2, 1e-14)
	within(t, "block", c.Block, math.Sqrt(6.5), 1e-14)
}

// Drawn with known standard deviations, the estimates find them.
func TestDecomposeFindsWhatWasDrawn(t *testing.T) {
	const blockSD, roundSD = 0.02, 0.05
	rng := rand.New(rand.NewPCG(3, 1))
	blocks := make([][]float64, 4000)
	for b := range blocks {
		centre := blockSD * rng.NormFloat64()
		for range 2 + b%4 {
			blocks[b] = append(blocks[b], centre+roundSD*rng.NormFloat64())
		}
	}
	c, err := Decompose(blocks)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(c.Round/roundSD-1) > 0.05 || math.Abs(c.Block/blockSD-1) > 0.10 {
		t.Errorf("components %+v, drawn with %v and %v", c, blockSD, roundSD)
	}
}

func TestDecomposeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		blocks [][]float64
		want   error
	}{
		"one block":      {[][]float64{{1, 2}}, ErrTooFewValues},
		"one round each": {[][]float64{{1}, {2}}, ErrTooFewValues},
		"an empty block": {[][]float64{{1, 2}, {}}, ErrEmptyBlock},
		"nothing at all": {nil, ErrTooFewValues},
	} {
		if _, err := Decompose(c.blocks); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
