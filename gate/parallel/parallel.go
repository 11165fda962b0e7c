// Package parallel spreads independent work over the cores.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// For calls f for 0 to n−1 from as many goroutines as there are cores, and returns
// when all are done. What f does for one number must not depend on another, so
// that the order, which is the scheduler's, changes nothing.
func For(n int, f func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	all.Wait()
}
