package load

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const portableName = "portable"

// portable is the transport for systems without epoll: a goroutine for each
// connection, paced by Go's timers. It keeps the same contract, a millisecond
// less precisely, and allocates. Each connection takes the next request of its
// lane when it is free and waits until it is due.
type portable struct {
	config Config
	base   time.Time

	mu    sync.Mutex
	lanes []*portableLane
}

func newPortable(config Config) *portable {
	return &portable{config: config, base: time.Now()}
}

func (t *portable) now() int64 { return int64(time.Since(t.base)) }

// portableLane is a lane's workers and what they share.
type portableLane struct {
	transport *portable
	address   string
	workers   []*worker

	mu       sync.Mutex // guards all below, the tally, and conn of every worker
	tally    *tally
	requests []Request
	due      []int64 // nil with fixed concurrency
	next     int
	origin   int64
	stop     int64
	live     int
	down     bool
	downKind kind
	backoff  int64
	retryAt  int64
}

func (t *portable) connect(ctx context.Context, address string, counts *tally) (link, error) {
	lane := &portableLane{transport: t, address: address, tally: counts}
	for range t.config.Connections {
		w := &worker{lane: lane, buffer: make([]byte, bufferSize)}
		lane.workers = append(lane.workers, w)
		if err := w.dial(ctx); err != nil {
			return nil, errors.Join(err, lane.close())
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lanes = append(t.lanes, lane)
	return lane, nil
}

func (lane *portableLane) close() error {
	var err error
	for _, w := range lane.workers {
		if w.conn != nil {
			err = errors.Join(err, w.conn.Close())
			w.conn = nil
		}
	}
	return err
}

func (t *portable) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	for _, lane := range t.lanes {
		err = errors.Join(err, lane.close())
	}
	return err
}

func (t *portable) run(ctx context.Context, p *plan) error {
	cpu := processCPU()
	p.started = time.Now()
	origin := t.now()
	var workers sync.WaitGroup
	for i, l := range p.lanes {
		lane := l.link.(*portableLane)
		lane.requests, lane.next, lane.due = p.requests, 0, nil
		if p.due != nil {
			lane.due = p.due[i]
		}
		lane.origin, lane.stop = origin, origin+int64(p.stop)
		lane.backoff, lane.down = 0, false
		defer context.AfterFunc(ctx, lane.interrupt)()
		for _, w := range lane.workers[:p.concurrency] {
			workers.Go(func() { w.run(ctx) })
		}
	}
	workers.Wait()
	for _, l := range p.lanes {
		l.link.(*portableLane).finish(ctx)
	}
	p.cpu = processCPU() - cpu
	// The process cannot tell when it slept, so all of the slice counts as
	// queued time: only a process that used up its cores blames itself.
	wall := time.Duration(t.now() - origin)
	busy := p.cpu / time.Duration(runtime.GOMAXPROCS(0))
	p.use = use{wall: wall, busy: busy, queued: wall, queuedBusy: busy}
	return ctx.Err()
}

// interrupt ends all reads and writes under way.
func (lane *portableLane) interrupt() {
	lane.mu.Lock()
	defer lane.mu.Unlock()
	for _, w := range lane.workers {
		if w.conn != nil {
			_ = w.conn.SetDeadline(time.Unix(1, 0)) // fails only on a closed connection
		}
	}
}

// take hands out the lane's next request and when it is due. It returns nil when
// there is nothing more to send.
func (lane *portableLane) take(free int64) (r *Request, due int64) {
	lane.mu.Lock()
	defer lane.mu.Unlock()
	now := lane.transport.now()
	if lane.due == nil && now >= lane.stop {
		lane.next = len(lane.requests)
	}
	for lane.next < len(lane.requests) {
		r, due = &lane.requests[lane.next], max(free, lane.origin)
		if lane.due != nil {
			due = lane.origin + lane.due[lane.next]
		}
		lane.next++
		if now <= due+int64(lane.transport.config.Timeout) && now < lane.stop {
			return r, due
		}
		lane.tally.giveUp(r, timeout, due, now)
	}
	return nil, 0
}

// failDue gives up the requests that are due while the lane is down, and
// returns when the next one is due.
func (lane *portableLane) failDue(now int64) (next int64) {
	lane.mu.Lock()
	defer lane.mu.Unlock()
	for lane.down && lane.due != nil && lane.next < len(lane.requests) {
		due := lane.origin + lane.due[lane.next]
		if due > now {
			return due
		}
		lane.tally.giveUp(&lane.requests[lane.next], lane.downKind, due, now)
		lane.next++
	}
	return never
}

// finish gives up what is left at the end of a slice that was not cancelled.
func (lane *portableLane) finish(ctx context.Context) {
	lane.mu.Lock()
	defer lane.mu.Unlock()
	for ctx.Err() == nil && lane.due != nil && lane.next < len(lane.requests) {
		due := lane.origin + lane.due[lane.next]
		lane.tally.giveUp(&lane.requests[lane.next], timeout, due, lane.transport.now())
		lane.next++
	}
}

// finished reports whether nothing is left to send.
func (lane *portableLane) finished(now int64) bool {
	lane.mu.Lock()
	defer lane.mu.Unlock()
	return lane.next >= len(lane.requests) || now >= lane.stop
}

// penalise makes the next attempt to connect wait. The caller holds mu.
func (lane *portableLane) penalise(k kind, now int64) {
	lane.backoff = min(max(2*lane.backoff, firstBackoff), maxBackoff)
	lane.retryAt = now + lane.backoff
	if lane.live == 0 {
		lane.down, lane.downKind = true, k
		if lane.due == nil && lane.next < len(lane.requests) {
			// There is no timetable to fail by, so each attempt costs a request.
			lane.tally.giveUp(&lane.requests[lane.next], k, now, now)
			lane.next++
		}
	}
}

// kindOfError names what a failed read, write or dial means; other is for
// errors that have no kind of their own.
func kindOfError(err error, other kind) kind {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, context.DeadlineExceeded):
		return timeout
	case errors.Is(err, syscall.ECONNRESET):
		return reset
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return closed
	}
	return other
}

func processCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
