package dataset

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAppendFixed(t *testing.T) {
	for x, want := range map[float32]string{0: "0.000000", 1: "1.000000", -1: "-1.000000", 0.5: "0.500000", -0.0000004: "0.000000", 0.9999996: "1.000000", 0.036123: "0.036123"} {
		if got := string(AppendFixed(nil, x)); got != want {
			t.Errorf("%v: %s, want %s", x, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float32Range(-1, 1).Draw(t, "x")
		text := string(AppendFixed([]byte("x"), x))[1:]
		got, err := strconv.ParseFloat(text, 64)
		if err != nil || got-float64(x) > 0.5001e-6 || float64(x)-got > 0.5001e-6 {
			t.Errorf("%v was written %s", x, text)
		}
	})
}

func TestAppendVector(t *testing.T) {
	g := generator(t, Config{Seed: 1, Dimension: 3, Distribution: Uniform})
	text := string(g.AppendVector([]byte("["), 7, ", "))
	numbers := strings.Split(strings.TrimPrefix(text, "["), ", ")
	for i, want := range g.Vector(nil, 7) {
		if i >= len(numbers) || numbers[i] != string(AppendFixed(nil, want)) {
			t.Fatalf("got %s, want %v", text, want)
		}
	}
}
