package parallel_test

import (
	"sync/atomic"
	"testing"

	"github.com/fivegate/fivegate/gate/parallel"
)

func TestForCallsEachOnce(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 2, 1000} {
		calls := make([]atomic.Int32, max(n, 0))
		parallel.For(n, func(i int) { calls[i].Add(1) })
		for i := range calls {
			if c := calls[i].Load(); c != 1 {
				t.Errorf("of %d, number %d was called %d times", n, i, c)
			}
		}
	}
}
