package load

import (
	"math"
	"testing"
	"time"
)

func TestWaitP99(t *testing.T) {
	bounds := []float64{math.Inf(-1), 0, 1e-6, 1e-3, 1, math.Inf(1)}
	before := []uint64{1, 2, 3, 4, 5}
	plus := func(more ...uint64) []uint64 {
		for i := range more {
			more[i] += before[i]
		}
		return more
	}
	tests := []struct {
		reason string
		counts []uint64
		want   time.Duration
	}{
		{"nothing happened", plus(0, 0, 0, 0, 0), 0},
		{"all quick", plus(0, 100, 0, 0, 0), 0},
		{"1% is not over", plus(0, 99, 0, 1, 0), 0},
		{"more is", plus(0, 98, 0, 2, 0), time.Millisecond},
		{"the slowest count too", plus(0, 98, 1, 0, 1), time.Microsecond},
		{"beyond the last bound", plus(0, 0, 0, 0, 9), time.Second},
	}
	for _, test := range tests {
		if got := waitP99(test.counts, before, bounds); got != test.want {
			t.Errorf("%s: got %v, want %v", test.reason, got, test.want)
		}
	}
}

func TestThreadWaitsAreMeasured(t *testing.T) {
	var w threadWaits
	w.start()
	if len(w.before) == 0 {
		t.Fatal("this version of Go does not tell how long goroutines wait")
	}
	if got := w.p99(); got < 0 {
		t.Errorf("got %v", got)
	}
}
