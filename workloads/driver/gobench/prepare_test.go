package gobench

import (
	"slices"
	"testing"

	"github.com/fivegate/fivegate/workloads/bench"
)

func TestAgree(t *testing.T) {
	for _, test := range []struct {
		why               string
		own, said, waited float64
		want              bool
	}{
		{"it computes", 1.0, 1.02, 0, true},
		{"clocks differ a little", 1.03, 1.0, 0, true},
		{"it sleeps", 0.5, 1.0, 0, false},
		{"it stops the timer", 1.5, 1.0, 0, false},
		{"it had to wait for the CPU", 0.5, 1.0, 0.5, true},
		{"it sleeps on a busy machine", 0.05, 1.0, 1.0, false},
		{"it stops the timer on a busy machine", 1.5, 1.0, 1.0, false},
	} {
		if got := agree(test.own, test.said, test.waited); got != test.want {
			t.Errorf("%s: %t", test.why, got)
		}
	}
}

func TestUnsteady(t *testing.T) {
	at := func(bytes, allocations float64) line {
		return line{values: bench.Sample{{Unit: "B/op", Value: bytes}, {Unit: "allocs/op", Value: allocations}}}
	}
	for _, test := range []struct {
		why        string
		n          int64
		base, head line
		want       []string
	}{
		{"one long operation that allocates next to nothing", 1, at(16, 1), at(0, 0), []string{"B/op", "allocs/op"}},
		{"one that allocates much", 1, at(1e6, 500), at(16, 1), nil},
		{"one that allocates much in head only", 1, at(16, 1), at(1e6, 500), nil},
		{"some hundred that allocate nothing", 500, at(0, 0), at(1, 0), []string{"B/op"}},
		{"so many that the runtime's share vanishes", 1e6, at(0, 0), at(0, 0), nil},
	} {
		got := unsteady(test.n, test.base, test.head)
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.why, got, test.want)
		}
	}
}
