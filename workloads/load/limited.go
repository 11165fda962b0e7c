package load

import (
	"fmt"
	"math"
	"time"
)

// use is how a transport spent a slice.
type use struct {
	wall       time.Duration
	busy       time.Duration // not asleep waiting for something to do
	queued     time.Duration // some request was due and had no free connection
	queuedBusy time.Duration // both

	pooled        bool          // moved by goroutines
	threadWaitP99 time.Duration // pooled: what 1% of wake-ups waited for a thread, or longer
}

// selfCheck decides whether the engine, and not the target, was the limit of a
// lane in a slice.
//
// The engine thread can spoil a slice in three ways, each visible in another
// number. It can be late while connections are free: that is lag, which no
// target can cause, since it counts only from when a connection is free. It can
// leave requests unsent. And, the treacherous one, it can be so slow in taking
// responses that connections seem busy, requests queue for them and it all
// looks like a slow target; then however it never sleeps while requests queue,
// whereas in front of a slow target it sleeps most of that time.
//
// A pool of goroutines does not know when it sleeps, and takes each response by
// one that must first get a thread and a core. So how long they waited for a
// thread counts as lag does, and lag itself must be small where the tail is
// measured too: what keeps a request from being sent in time keeps others, unseen,
// from being taken in time.
type selfCheck struct {
	open         bool
	use          use
	due          int64
	sent         int64
	gaveUp       int64
	lagP99       float64 // ns, and so are the following
	lagP999      float64
	waitP99      float64
	responseP99  float64 // NaN when nothing completed, as the next
	responseP999 float64
}

const (
	// The first two are the field's rule (reference: LDBC SNB driver and
	// Hyperfoil use laxer ones of the same form).
	lagFloorNS    = 1e6
	lagOfResponse = 0.10
	leastSent     = 0.995

	// tailFloorNS is chosen: no target's P99.9 stands out from what the system
	// does to a process of many threads below that.
	tailFloorNS = 5e6

	// busyLimit is chosen: Hyperfoil fails a run when a core is less than 20 %
	// idle. A queue of a stalled target that has just woken up is worked off
	// with the engine busy, so only the whole of the queued time can tell.
	busyLimit = 0.80

	// busyClosed is higher: at fixed concurrency a busy engine only lowers the
	// concurrency that the target sees.
	busyClosed = 0.95
)

// limited returns the reason, or "" when the engine was not the limit.
func (c selfCheck) limited() string {
	if !c.open {
		if share := ratio(c.use.busy, c.use.wall); share > busyClosed {
			return fmt.Sprintf("the engine was busy %.0f%% of the closed loop: it could not offer more", 100*share)
		}
		return ""
	}
	tolerable := lagFloorNS
	if tenth := lagOfResponse * c.responseP99; tenth > tolerable { // false for NaN
		tolerable = tenth
	}
	if c.lagP99 > tolerable {
		return fmt.Sprintf("send lag P99 %v is over %v", time.Duration(c.lagP99), time.Duration(tolerable))
	}
	tail := max(tailFloorNS, lagOfResponse*c.responseP999)
	if math.IsNaN(tail) {
		tail = tailFloorNS
	}
	if c.use.pooled && c.lagP999 > tail {
		return fmt.Sprintf("send lag P99.9 %v is over %v", time.Duration(c.lagP999), time.Duration(tail))
	}
	if wanted := c.due - c.gaveUp; float64(c.sent) < leastSent*float64(wanted) {
		return fmt.Sprintf("%d of %d requests were not sent", wanted-c.sent, wanted)
	}
	if wait := c.use.threadWaitP99; float64(wait) > tolerable {
		return fmt.Sprintf("goroutines waited for a thread, P99 %v, over %v", wait, time.Duration(tolerable))
	}
	waited := c.waitP99 > tolerable || float64(c.gaveUp) > (1-leastSent)*float64(c.due)
	if share := ratio(c.use.queuedBusy, c.use.queued); waited && share > busyLimit {
		return fmt.Sprintf("the engine was busy %.0f%% of the time in which requests waited for a connection", 100*share)
	}
	return ""
}

func ratio(part, whole time.Duration) float64 {
	if whole <= 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
