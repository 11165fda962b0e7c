package load

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"
)

// poolLane is a lane's workers and what they share.
type poolLane struct {
	pool    *pool
	dial    dialFunc
	workers []*worker

	mu       sync.Mutex // guards all below, the tally, and conn of every worker
	tally    *tally
	idle     []*worker // the one used last is on top
	live     int       // workers that have a connection
	down     bool      // no connection, and the last attempt failed as downKind
	downKind kind
	backoff  int64 // 0 while attempts succeed
	retryAt  int64

	// The running slice; while there is none, requests is empty.
	running  *running
	requests []Request
	parsed   []*http.Request // the same for HTTP/2
	due      []int64         // nil with fixed concurrency
	next     int             // first request that was neither handed out nor given up
	arrived  int             // first request that was not due when last looked
	inFlight int             // handed out and not ended
	finished bool
	origin   int64
	stop     int64
}

// job is a request for a worker; without a request the worker looks after its
// connection.
type job struct {
	request *Request
	parsed  *http.Request // the same for HTTP/2
	due     int64
}

// close shuts the lane's connections and takes it from the pool.
func (lane *poolLane) close() error {
	lane.pool.lanes = slices.DeleteFunc(lane.pool.lanes, func(other *poolLane) bool { return other == lane })
	return lane.shut()
}

// shut closes all connections.
func (lane *poolLane) shut() error {
	var err error
	for _, w := range lane.workers {
		if w.conn != nil {
			err = errors.Join(err, w.conn.close())
			w.conn = nil
		}
	}
	return err
}

// retire forgets the slice that has ended.
func (lane *poolLane) retire() {
	lane.mu.Lock()
	defer lane.mu.Unlock()
	lane.running, lane.requests, lane.parsed, lane.due = nil, nil, nil, nil
	lane.next, lane.arrived, lane.inFlight, lane.finished = 0, 0, 0, false
	lane.idle = lane.idle[:0]
}

// settle reopens what broke since the last slice.
func (lane *poolLane) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(settleTime))
	defer cancel()
	for _, w := range lane.workers {
		select {
		case <-w.jobs: // left over from a cancelled slice
		default:
		}
		w.examine()
	}
	lane.backoff, lane.down = 0, false // the target may be back
	for _, w := range lane.workers {
		if w.conn == nil && lane.backoff == 0 && ctx.Err() == nil {
			w.redial(ctx)
		}
	}
}

// issue hands what is due to idle workers, gives up what nobody can send any
// more, and returns when to look again.
func (lane *poolLane) issue(now int64) (next int64) {
	lane.mu.Lock()
	defer lane.mu.Unlock()
	defer lane.checkFinished()
	if now >= lane.stop {
		lane.expire(now)
		return never // what is under way has its own time limit
	}
	if lane.due == nil {
		return lane.stop // workers help themselves
	}
	for lane.next < len(lane.requests) {
		due := lane.dueAt(lane.next)
		if due > now {
			return min(due, lane.stop)
		}
		expires := due + int64(lane.pool.config.Timeout)
		w := lane.ready()
		switch {
		case w != nil:
			w.jobs <- lane.hand(due) // has room: an idle worker has no job
		case lane.down:
			lane.giveUp(lane.downKind, due, now)
		case expires <= now:
			lane.giveUp(timeout, due, now)
		default: // it waits; the worker that is free first takes it
			return min(lane.nextArrival(now), expires, lane.stop)
		}
	}
	return lane.stop
}

func (lane *poolLane) dueAt(i int) int64 { return lane.origin + lane.due[i] }

// nextArrival returns when the next request is due that is not yet.
func (lane *poolLane) nextArrival(now int64) int64 {
	lane.arrived = max(lane.arrived, lane.next)
	for lane.arrived < len(lane.requests) {
		if due := lane.dueAt(lane.arrived); due > now {
			return due
		}
		lane.arrived++
	}
	return never
}

// ready returns the worker that was idle last and whose connection still stands.
// The others look after theirs.
func (lane *poolLane) ready() *worker {
	for top := len(lane.idle) - 1; top >= 0; top-- {
		w := lane.idle[top]
		lane.idle = lane.idle[:top]
		if w.conn.ready() {
			return w
		}
		w.jobs <- job{}
	}
	return nil
}

// hand makes the next request a job.
func (lane *poolLane) hand(due int64) job {
	j := job{request: &lane.requests[lane.next], due: due}
	if lane.parsed != nil {
		j.parsed = lane.parsed[lane.next]
	}
	lane.next++
	lane.inFlight++
	return j
}

// take gives a free worker what it is to do at once; without anything it is idle.
func (lane *poolLane) take(w *worker) (j job, ok bool) {
	lane.mu.Lock()
	defer lane.mu.Unlock()
	defer lane.checkFinished()
	now := lane.pool.now()
	if now >= lane.stop {
		lane.expire(now)
	}
	for lane.next < len(lane.requests) {
		if lane.due == nil {
			return lane.hand(max(w.free, lane.origin)), true
		}
		due := lane.dueAt(lane.next)
		if due > now {
			break
		}
		if due+int64(lane.pool.config.Timeout) > now {
			return lane.hand(due), true
		}
		lane.giveUp(timeout, due, now)
	}
	lane.idle = append(lane.idle, w)
	return job{}, false
}

// expire ends the slice: with fixed concurrency nothing more is sent, by timetable
// nothing more is waited for.
func (lane *poolLane) expire(now int64) {
	for lane.due != nil && lane.next < len(lane.requests) {
		lane.giveUp(timeout, lane.dueAt(lane.next), now)
	}
	lane.next = len(lane.requests)
}

// giveUp ends the next request without sending it.
func (lane *poolLane) giveUp(k kind, due, now int64) {
	lane.tally.giveUp(&lane.requests[lane.next], k, due, now)
	lane.next++
}

// checkFinished tells the slice once all requests of the lane have ended.
func (lane *poolLane) checkFinished() {
	if lane.running == nil || lane.finished || lane.next < len(lane.requests) || lane.inFlight > 0 {
		return
	}
	lane.finished = true
	lane.running.laneDone()
}

// attempt asks to make a connection. It returns how long to wait before asking
// again; 0 means go ahead.
func (lane *poolLane) attempt() time.Duration {
	lane.mu.Lock()
	defer lane.mu.Unlock()
	now := lane.pool.now()
	if lane.backoff > 0 && now < lane.retryAt {
		return time.Duration(lane.retryAt - now)
	}
	lane.retryAt = now + lane.backoff
	return 0
}

// penalise makes the next attempt wait after one that failed, and when no
// connection is left, gives up what is due. The caller holds mu.
func (lane *poolLane) penalise(k kind, now int64) {
	lane.backoff = min(max(2*lane.backoff, firstBackoff), maxBackoff)
	lane.retryAt = now + lane.backoff
	if lane.live > 0 {
		return
	}
	lane.down, lane.downKind = true, k
	if lane.due == nil && lane.next < len(lane.requests) {
		lane.giveUp(k, now, now) // no timetable to fail by: each attempt costs a request
	}
	for lane.due != nil && lane.next < len(lane.requests) && lane.dueAt(lane.next) <= now {
		lane.giveUp(k, lane.dueAt(lane.next), now)
	}
	lane.checkFinished()
}

// interrupt ends all exchanges of a slice that was cancelled.
func (lane *poolLane) interrupt(s *running) {
	lane.mu.Lock()
	defer lane.mu.Unlock()
	if lane.running != s {
		return // it has ended meanwhile: the next one is not to suffer
	}
	for _, w := range lane.workers {
		if w.conn != nil {
			w.conn.interrupt()
		}
	}
}
