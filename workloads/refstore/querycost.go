package refstore

import (
	"net/http"
	"runtime"
	"sync"
	"time"
)

// sampleEvery is how many requests there are to one whose handler is measured: a
// prime, to meet all requests of a periodic stream.
const sampleEvery = 17

// queryCosts makes the slow queries of slow-queries cost their factor. What a query
// costs is the CPU of its handler, which is measured, and that of the rest of the
// process (network, garbage collection), of which each request is taken to cause
// the same amount: the process's CPU per request less that of the handlers, which
// is sampled.
type queryCosts struct {
	factor float64

	mu       sync.Mutex
	begun    bool
	start    time.Duration // process CPU at the first request
	burnt    time.Duration
	requests int64
	handlers time.Duration // CPU of the sampled handlers, without burning
	samples  int64
}

// serve answers a request, slowly if it was chosen.
func (c *queryCosts) serve(next http.Handler, w *heldWriter, r *http.Request, slow bool) {
	if !c.count() && !slow {
		next.ServeHTTP(w, r)
		return
	}
	runtime.LockOSThread() // the thread's clock has to be that of this goroutine
	defer runtime.UnlockOSThread()
	began := threadCPU()
	release := w.release
	w.release = func() {
		handler := threadCPU() - began
		extra := c.record(handler, slow)
		burnUntil(began + handler + extra)
		release()
	}
	next.ServeHTTP(w, r)
}

// count notes a request, and says whether it is one to sample.
func (c *queryCosts) count() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.begun {
		c.begun, c.start = true, processCPU()
	}
	c.requests++
	return c.requests%sampleEvery == 0
}

// record notes what a handler used, and returns what it has to burn on top.
func (c *queryCosts) record(handler time.Duration, slow bool) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handlers += handler
	c.samples++
	if !slow {
		return 0
	}
	perRequest := (processCPU() - c.start - c.burnt) / time.Duration(c.requests)
	rest := max(0, perRequest-c.handlers/time.Duration(c.samples))
	extra := time.Duration((c.factor - 1) * float64(handler+rest))
	c.burnt += extra
	return extra
}

// burnUntil burns until the thread's CPU clock reaches the deadline.
func burnUntil(deadline time.Duration) {
	for threadCPU() < deadline {
		burn(8) // about 1 µs between two looks at a clock that takes 0.6
	}
}
