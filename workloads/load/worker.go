package load

import (
	"context"
	"net"
	"time"
)

// worker is one connection of the portable transport. While a slice runs, its
// goroutine owns everything but conn, which lane.mu guards.
type worker struct {
	lane   *portableLane
	conn   net.Conn // nil while broken
	used   bool     // it has completed a request since it was made
	free   int64    // since when it could send
	parser responseParser
	buffer []byte
}

// run sends requests until there are no more.
func (w *worker) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		if w.conn == nil && !w.reopen(ctx, timer) {
			return
		}
		if w.conn == nil {
			continue
		}
		r, due := w.lane.take(w.free)
		if r == nil || !w.sleep(ctx, timer, due) {
			return
		}
		w.do(ctx, r, due)
	}
}

// sleep waits until a time; false when ctx ended first.
func (w *worker) sleep(ctx context.Context, timer *time.Timer, until int64) bool {
	wait := until - w.lane.transport.now()
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer.Reset(time.Duration(wait))
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// do sends one request and reads its response.
func (w *worker) do(ctx context.Context, r *Request, due int64) {
	lane := w.lane
	now := lane.transport.now()
	deadline := now + int64(lane.transport.config.Timeout)
	lane.mu.Lock()
	if lane.due != nil {
		deadline = min(deadline, lane.stop)
	}
	lane.tally.send(now, due, w.free)
	if ctx.Err() == nil { // else interrupt's deadline stands
		_ = w.conn.SetDeadline(lane.transport.base.Add(time.Duration(deadline)))
	}
	lane.mu.Unlock()

	k, ok := w.exchange(r)
	end := lane.transport.now()
	lane.mu.Lock()
	defer lane.mu.Unlock()
	switch {
	case ok && w.parser.status/100 == 2:
		lane.tally.complete(r, due, now, end)
	case ok:
		lane.tally.fail(r, status, end)
	case ctx.Err() == nil:
		lane.tally.fail(r, k, end)
	}
	if ok {
		w.used, w.free, lane.backoff = true, end, 0
	}
	if !ok || w.parser.mustClose {
		w.lose(k, end)
	}
}

// exchange moves the bytes. Without a complete response it returns the kind of
// failure.
func (w *worker) exchange(r *Request) (k kind, ok bool) {
	if _, err := w.conn.Write(r.Wire); err != nil {
		return kindOfError(err, closed), false
	}
	w.parser.reset()
	for {
		n, err := w.conn.Read(w.buffer)
		if n > 0 {
			used, done, err := w.parser.feed(w.buffer[:n])
			if err != nil || done && used < n {
				return protocol, false
			}
			if done {
				return 0, true
			}
		}
		if err != nil {
			k := kindOfError(err, closed)
			return k, k == closed && w.parser.endOfStream()
		}
	}
}

// lose closes the connection. The caller holds lane.mu.
func (w *worker) lose(k kind, now int64) {
	_ = w.conn.Close() // it is given up either way
	w.conn = nil
	w.lane.live--
	if !w.used && k != timeout {
		w.lane.penalise(k, now)
	}
	w.used = false
}

// reopen makes the connection again, once the lane allows an attempt; meanwhile
// it gives up what is due on a lane that is down. It returns false when the slice
// is over, and leaves conn nil when the attempt failed.
func (w *worker) reopen(ctx context.Context, timer *time.Timer) bool {
	lane := w.lane
	for {
		now := lane.transport.now()
		next := lane.failDue(now)
		if lane.finished(now) {
			return false
		}
		lane.mu.Lock()
		retryAt := lane.retryAt
		wait := lane.backoff > 0 && now < retryAt
		if !wait {
			lane.retryAt = now + lane.backoff
		}
		lane.mu.Unlock()
		if !wait {
			break
		}
		if !w.sleep(ctx, timer, min(next, retryAt)) {
			return false
		}
	}
	err := w.dial(ctx)
	lane.mu.Lock()
	defer lane.mu.Unlock()
	now := lane.transport.now()
	if err != nil {
		if ctx.Err() == nil {
			lane.penalise(kindOfError(err, refused), now)
		}
		return true
	}
	lane.tally.reopened++
	return true
}

// dial makes the connection.
func (w *worker) dial(ctx context.Context) error {
	dialer := net.Dialer{Timeout: time.Duration(dialTimeout)}
	conn, err := dialer.DialContext(ctx, "tcp", w.lane.address)
	if err != nil {
		return err
	}
	w.lane.mu.Lock()
	defer w.lane.mu.Unlock()
	w.conn, w.used, w.free = conn, false, w.lane.transport.now()
	w.lane.live++
	w.lane.down = false
	return nil
}
