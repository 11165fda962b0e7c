package load

import (
	"context"
	"time"
)

// worker is one goroutine of a pool's lane and its connection. While a slice
// runs it owns everything but conn, which is changed under lane.mu.
type worker struct {
	lane    *poolLane
	jobs    chan job  // at most one, and only for an idle worker
	conn    exchanger // nil while broken
	free    int64     // since when it could send
	scratch scratch
}

// exchanger is a worker's connection: it sends one request at a time and reads
// the response.
type exchanger interface {
	// ready reports, without waiting, that an idle connection can be used.
	ready() bool
	// inspect finds out whether a connection that is not ready can be used after
	// all. That may take inspectTime.
	inspect(s *scratch) bool
	// arm sets when the exchanges from now on are given up as a timeout.
	arm(deadline time.Time)
	exchange(j job, s *scratch) reply
	// proven reports whether a request was ever answered on the connection.
	proven() bool
	// interrupt ends the exchange under way. Unlike the other methods it may be
	// called meanwhile.
	interrupt()
	close() error
}

// dialFunc makes a connection for a worker; fresh is false when it is a share of
// one that was there.
type dialFunc func(ctx context.Context) (conn exchanger, fresh bool, err error)

// newDialer returns what makes a lane's connections.
func newDialer(config *Config, address string) (dialFunc, error) {
	secure, err := config.tlsFor(address)
	if err != nil {
		return nil, err
	}
	c := connector{address: address, tls: secure, h2: config.Protocol.multiplexed()}
	if c.h2 {
		return newSharing(c, config.Timeout).dial, nil
	}
	return c.dialWire, nil
}

// scratch is a worker's memory.
type scratch struct {
	buffer []byte // what is read into it is used at once and forgotten
	body   capture
}

// reply is what became of an exchange.
type reply struct {
	complete bool // a response is there, with status
	status   int
	kind     kind // of failure, when not complete
	keep     bool // the connection can be used again
	unsent   bool // the server says that it has not looked at the request
}

// resends is how often a request is sent again that servers say they have not
// looked at. Chosen: a new connection can be on its way out too, but not for ever.
const resends = 3

// run does what there is to do until the slice is over.
func (w *worker) run(s *running) {
	for s.ctx.Err() == nil {
		if w.conn == nil && !w.reopen(s.ctx) {
			return
		}
		j, ok := w.lane.take(w)
		if !ok {
			select {
			case j = <-w.jobs:
			case <-s.ctx.Done():
				return
			}
		}
		if j.request == nil {
			w.examine()
			continue
		}
		w.do(s, j)
	}
}

// do sends one request, reads its response and counts it.
func (w *worker) do(s *running, j job) {
	lane, base := w.lane, w.lane.pool.base
	now := lane.pool.now()
	deadline := now + int64(lane.pool.config.Timeout)
	if lane.due != nil {
		deadline = min(deadline, lane.stop)
	}
	lane.mu.Lock()
	lane.tally.send(now, j.due, w.free)
	w.arm(s, base.Add(time.Duration(deadline)))
	lane.mu.Unlock()

	out := w.conn.exchange(j, &w.scratch)
	for try := 0; try < resends && out.unsent && w.replace(s, base.Add(time.Duration(deadline))); try++ {
		out = w.conn.exchange(j, &w.scratch)
	}
	end := lane.pool.now()
	failure, right := out.kind, false
	if out.complete {
		failure, right = j.request.judge(out.status, &w.scratch.body)
	}

	lane.mu.Lock()
	defer lane.mu.Unlock()
	switch {
	case right:
		lane.tally.complete(j.request, j.due, now, end)
	case out.complete || s.parent.Err() == nil: // else we cut it short ourselves
		lane.tally.fail(j.request, failure, end)
	}
	lane.inFlight--
	if out.complete {
		lane.backoff = 0
	}
	w.free = end
	if !out.keep {
		w.lose(out.kind, end)
	}
	lane.checkFinished()
}

// arm sets the connection's time limit, unless the slice was cancelled: then it
// has been interrupted, or will be. The caller holds lane.mu.
func (w *worker) arm(s *running, deadline time.Time) {
	if s.parent.Err() == nil {
		w.conn.arm(deadline)
	}
}

// replace makes a new connection for a request that the server has put off.
func (w *worker) replace(s *running, deadline time.Time) bool {
	w.lane.mu.Lock()
	w.lose(closed, w.lane.pool.now())
	w.lane.mu.Unlock()
	if !w.redial(s.ctx) {
		return false
	}
	w.lane.mu.Lock()
	defer w.lane.mu.Unlock()
	w.arm(s, deadline)
	return true
}

// examine gives up an idle connection that cannot be used any more: the server
// has closed it, or has sent what nobody asked for.
func (w *worker) examine() {
	if w.conn == nil || w.conn.ready() || w.conn.inspect(&w.scratch) {
		return
	}
	w.lane.mu.Lock()
	defer w.lane.mu.Unlock()
	w.lose(closed, w.lane.pool.now())
}

// lose closes the connection, if there is one. The caller holds lane.mu.
func (w *worker) lose(k kind, now int64) {
	if w.conn == nil {
		return
	}
	proven := w.conn.proven()
	_ = w.conn.close() // it is given up either way
	w.conn = nil
	w.lane.live--
	// A server that accepts and then hangs up is as dead as one that refuses.
	// One that is silent is not: a timeout is already a long interval.
	if !proven && k != timeout {
		w.lane.penalise(k, now)
	}
}

// reopen makes the connection again, as often as the lane allows attempts. It
// returns false when ctx ended before.
func (w *worker) reopen(ctx context.Context) bool {
	for ctx.Err() == nil {
		wait := w.lane.attempt()
		if wait == 0 {
			if w.redial(ctx) {
				return true
			}
			continue
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return false
}

// redial makes one attempt at the connection and takes note of its outcome.
func (w *worker) redial(ctx context.Context) bool {
	err := w.dial(ctx)
	if err == nil {
		return true
	}
	if ctx.Err() == nil {
		w.lane.mu.Lock()
		defer w.lane.mu.Unlock()
		w.lane.penalise(kindOfError(err, refused), w.lane.pool.now())
	}
	return false
}

// dial makes the connection.
func (w *worker) dial(ctx context.Context) error {
	conn, fresh, err := w.lane.dial(ctx)
	if err != nil {
		return err
	}
	lane := w.lane
	lane.mu.Lock()
	defer lane.mu.Unlock()
	w.conn, w.free = conn, lane.pool.now()
	lane.live++
	lane.down = false
	if fresh {
		lane.tally.reopened++
	}
	return nil
}
