package load

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/fivegate/fivegate/workloads/load/internal/epoll"
	"golang.org/x/sys/unix"
)

const (
	// maxSleep bounds how long a cancelled context goes unnoticed.
	maxSleep = int64(20 * time.Millisecond)

	// sendBatch is how many overdue requests are sent before responses are
	// looked at again.
	sendBatch = 16

	// A goroutine that has not been scheduled anew for 10 ms is preempted, and
	// until then each of its sleeps costs it its P, which takes CPU time and tens
	// of µs to get back (runtime.retake, Go 1.26; measured on 2 cores: half of the
	// sleeps of 1 ms). Yielding by itself, when there is room before the next
	// due time, avoids both.
	yieldAfter = int64(5 * time.Millisecond)
	yieldRoom  = int64(50 * time.Microsecond)
)

// loop drives all lanes from one thread. Everything in it belongs to that
// thread, except jobs and what cancelled points to. Times are ns since base.
type loop struct {
	base    time.Time
	timeout int64
	poll    *epoll.Set
	buffer  []byte  // what is read is parsed at once and forgotten
	conns   []*conn // by id; nil where free
	busy    queue   // by the time of sending
	dialing queue
	err     error // a failure of this process: ends the slice

	jobs      chan func()
	cancelled *atomic.Bool // the running slice's context has ended

	// The running slice.
	lanes       []*epollLane
	requests    []Request
	running     bool // between the start and the end, preparation left out
	open        bool
	concurrency int
	origin      int64 // from when due times count
	stop        int64
	again       bool // a connection broke: look at once whether to reopen it

	woke      int64 // when the last sleep ended
	yielded   int64 // when the scheduler last had its turn
	accounted int64 // up to when use is known
	use       use
}

func (l *loop) now() int64 { return int64(time.Since(l.base)) }

// execute runs one slice.
func (l *loop) execute(ctx context.Context, p *plan) error {
	defer l.watchContext(ctx)()
	l.prepare(p)
	l.settle()
	cpu := threadCPU()
	l.start(p)
	for !l.finished() && l.err == nil && !l.cancelled.Load() {
		l.turn()
	}
	l.running = false
	l.account(l.now(), true)
	p.use, p.cpu = l.use, threadCPU()-cpu
	p.use.wall = time.Duration(l.now() - l.origin)
	l.abandonAll()
	if err := l.takeError(); err != nil {
		return err
	}
	return ctx.Err()
}

// watchContext makes cancelled follow ctx, until stop is called. The flag is new
// each time: a context that ends just then must not reach into the next slice.
func (l *loop) watchContext(ctx context.Context) (stop func() bool) {
	cancelled := new(atomic.Bool)
	l.cancelled = cancelled
	return context.AfterFunc(ctx, func() { cancelled.Store(true) })
}

// prepare takes the slice over from its plan.
func (l *loop) prepare(p *plan) {
	l.lanes = l.lanes[:0]
	for i, lane := range p.lanes {
		e := lane.link.(*epollLane)
		e.next, e.due = 0, nil
		if p.due != nil {
			e.due = p.due[i]
		}
		e.backoff, e.down = 0, false // the target may be back since the last slice
		l.lanes = append(l.lanes, e)
	}
	l.requests, l.open, l.concurrency = p.requests, p.due != nil, p.concurrency
}

// settle reopens, before the clock runs, what broke since the last slice.
func (l *loop) settle() {
	end := l.now() + settleTime
	for l.err == nil && !l.cancelled.Load() {
		now := l.now()
		wake := min(l.redial(now), now+maxSleep)
		if l.settled() {
			wake = 0
		}
		if n := l.sleep(wake); n == 0 && (l.settled() || l.woke > end) {
			return
		}
		l.expire(l.woke)
	}
}

func (l *loop) settled() bool {
	for _, lane := range l.lanes {
		if !lane.settled() {
			return false
		}
	}
	return true
}

// start fixes the slice's place in time.
func (l *loop) start(p *plan) {
	p.started = time.Now().Add(startLead)
	l.origin = l.now() + int64(startLead)
	l.stop = l.origin + int64(p.stop)
	l.running, l.use = true, use{}
	if !l.open { // nothing to be on time for
		p.started, l.origin = p.started.Add(-startLead), l.origin-int64(startLead)
	}
	l.accounted = l.origin
}

// turn does what is to be done now and sleeps until there is more.
func (l *loop) turn() {
	now := l.now()
	wake := min(l.expire(now), l.redial(now), now+maxSleep)
	l.again = false
	wake = min(wake, l.issue())
	if l.again {
		wake = 0
	}
	if !l.finished() {
		l.sleep(wake)
	}
}

// sleep waits until wake, or until connections have something to say, which it
// then acts on. Their news is dated to the end of the sleep: it was there by
// then, and working through it takes this thread's time, not the target's. It
// returns how many had news.
func (l *loop) sleep(wake int64) int {
	now := l.now()
	if now-l.yielded > yieldAfter && wake-now > yieldRoom {
		runtime.Gosched()
		now = l.now()
		l.yielded = now
	}
	l.account(now, true)
	n, err := l.poll.Wait(wake - now)
	if err != nil {
		l.err = errors.Join(l.err, err)
		return 0
	}
	woke := l.now()
	l.woke = woke
	l.account(woke, false)
	for i := range n {
		id, events, ok := l.poll.Event(i)
		if !ok {
			continue
		}
		// A connection closed earlier in this batch is not spoken for any more.
		if c := l.conns[id]; c != nil && c.state != broken {
			l.handle(c, events, woke)
		}
		if l.running {
			l.issue()
		}
	}
	return n
}

// account adds the time since the last call, up to now, to the slice's use.
func (l *loop) account(now int64, working bool) {
	from := l.accounted
	if !l.running || now <= from {
		return
	}
	l.accounted = now
	spent := time.Duration(now - from)
	queued := time.Duration(max(0, now-max(from, l.queuedSince())))
	l.use.queued += queued
	if working {
		l.use.busy += spent
		l.use.queuedBusy += queued
	}
}

// queuedSince returns the due time of the oldest request that waits for a
// connection; it may be in the future.
func (l *loop) queuedSince() int64 {
	since := int64(never)
	if !l.open {
		return since
	}
	for _, lane := range l.lanes {
		if lane.next < len(lane.due) && len(lane.idle) == 0 && !lane.down {
			since = min(since, l.origin+lane.due[lane.next])
		}
	}
	return since
}

// issue sends, or gives up, requests until the next is not due yet, and returns
// when that is.
func (l *loop) issue() int64 {
	for range sendBatch {
		lane, at := l.earliest()
		if lane == nil {
			return never
		}
		now := l.now()
		if at > now {
			return at
		}
		l.act(lane, now)
	}
	return 0
}

// earliest returns the lane that something can be done for first, and when.
func (l *loop) earliest() (*epollLane, int64) {
	var first *epollLane
	at := int64(never)
	for _, lane := range l.lanes {
		if t := l.actionAt(lane); t < at {
			first, at = lane, t
		}
	}
	return first, at
}

// actionAt returns when the lane's next request is to be sent or given up.
func (l *loop) actionAt(lane *epollLane) int64 {
	if lane.next >= len(l.requests) {
		return never
	}
	free := len(lane.idle) > 0
	if !l.open {
		if free && lane.inFlight < l.concurrency {
			return 0
		}
		return never
	}
	due := l.origin + lane.due[lane.next]
	if free || lane.down {
		return due
	}
	return due + l.timeout
}

// act sends the lane's next request, or gives it up when there is no connection.
func (l *loop) act(lane *epollLane, now int64) {
	top := len(lane.idle) - 1
	if top < 0 {
		k := timeout
		if lane.down {
			k = lane.downKind
		}
		l.giveUp(lane, k, l.origin+lane.due[lane.next], now)
		return
	}
	c := lane.idle[top]
	lane.idle = lane.idle[:top]
	due := max(c.free, l.origin)
	if l.open {
		due = l.origin + lane.due[lane.next]
	}
	r := &l.requests[lane.next]
	lane.next++
	l.send(c, r, due, now)
}

// giveUp ends the lane's next request without sending it.
func (l *loop) giveUp(lane *epollLane, k kind, due, now int64) {
	lane.tally.giveUp(&l.requests[lane.next], k, due, now)
	lane.next++
}

// expire ends what has taken too long, and returns when to look again.
func (l *loop) expire(now int64) (next int64) {
	next = never
	for c := l.busy.first; c != nil; c = l.busy.first {
		if at := c.began + l.timeout; at > now {
			next = at
			break
		}
		l.fail(c, timeout, now)
	}
	for c := l.dialing.first; c != nil; c = l.dialing.first {
		if at := c.began + dialTimeout; at > now {
			next = min(next, at)
			break
		}
		l.failDial(c, unix.ETIMEDOUT, now)
	}
	if !l.running {
		return next
	}
	if now < l.stop {
		return min(next, l.stop)
	}
	l.expireSlice(now)
	return next
}

// expireSlice ends the slice: with fixed concurrency nothing more is sent, by
// timetable nothing more is waited for.
func (l *loop) expireSlice(now int64) {
	for _, lane := range l.lanes {
		for l.open && lane.next < len(l.requests) {
			l.giveUp(lane, timeout, l.origin+lane.due[lane.next], now)
		}
		lane.next = len(l.requests)
	}
	for l.open && l.busy.first != nil {
		l.fail(l.busy.first, timeout, now)
	}
}

// abandonAll breaks the connections that still have a request, after a slice
// that did not end by itself: their responses would fall into the next one.
func (l *loop) abandonAll() {
	for l.busy.first != nil {
		l.abandon(l.busy.first, timeout, l.woke)
	}
}

func (l *loop) finished() bool {
	for _, lane := range l.lanes {
		if lane.next < len(l.requests) || lane.inFlight > 0 {
			return false
		}
	}
	return true
}

// takeError returns what this process failed at, once.
func (l *loop) takeError() error {
	err := l.err
	l.err = nil
	return err
}
