package load

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxDialing is how many attempts each lane has under way at once: enough to
// refill it after a restart, and no storm. Chosen.
const maxDialing = 8

// epollLane is a lane's connections and its place in the running slice.
type epollLane struct {
	loop  *loop
	tally *tally
	to    unix.Sockaddr
	conns []conn

	idle     []*conn // the one used last is on top
	broken   []*conn
	dialing  int
	live     int // idle or busy
	inFlight int // busy

	// down: no connection, and the last attempt to make one failed as downKind.
	down     bool
	downKind kind
	dialErr  error // of the last attempt, for Connect
	backoff  int64 // 0 while attempts succeed
	retryAt  int64

	due  []int64 // from the start of the slice
	next int     // first request that was neither sent nor given up
}

// release makes a connection free from now on.
func (lane *epollLane) release(c *conn, now int64) {
	c.state, c.free = idle, now
	lane.idle = append(lane.idle, c)
}

// unidle takes a connection out of the idle ones.
func (lane *epollLane) unidle(c *conn) {
	for i, other := range lane.idle {
		if other == c {
			lane.idle = append(lane.idle[:i], lane.idle[i+1:]...)
			return
		}
	}
}

// penalise makes the next attempt wait after one that failed.
func (lane *epollLane) penalise(k kind, now int64) {
	lane.backoff = min(max(2*lane.backoff, firstBackoff), maxBackoff)
	lane.retryAt = now + lane.backoff
	if lane.live == 0 {
		lane.down, lane.downKind = true, k
	}
}

// settled reports whether nothing would be gained by waiting for connections.
func (lane *epollLane) settled() bool {
	return lane.down || len(lane.broken) == 0 && lane.dialing == 0
}

// close shuts all connections.
func (lane *epollLane) close() error {
	return lane.loop.do(func() error {
		lane.loop.drop(lane)
		return lane.loop.takeError()
	})
}

// drop shuts a lane's connections and forgets it.
func (l *loop) drop(lane *epollLane) {
	for i := range lane.conns {
		c := &lane.conns[i]
		if c.state == connecting {
			l.dialing.remove(c)
		}
		if c.state != broken {
			l.shut(c)
		}
		l.conns[c.id] = nil
	}
	lane.conns, lane.idle, lane.broken = nil, nil, nil
	lane.dialing, lane.live = 0, 0
}

// adopt numbers a new lane's connections, all of them still to be made.
func (l *loop) adopt(lane *epollLane) {
	for i := range lane.conns {
		c := &lane.conns[i]
		c.lane, c.fd, c.id = lane, -1, l.freeID()
		l.conns[c.id] = c
		lane.broken = append(lane.broken, c)
	}
}

// freeID returns an unused place in l.conns.
func (l *loop) freeID() int32 {
	for id, c := range l.conns {
		if c == nil {
			return int32(id)
		}
	}
	l.conns = append(l.conns, nil)
	return int32(len(l.conns) - 1)
}

// redial begins to reopen broken connections, as far as the lanes' bounds allow.
// It returns when to look again.
func (l *loop) redial(now int64) (next int64) {
	next = never
	for _, lane := range l.lanes {
		for len(lane.broken) > 0 && l.err == nil {
			if lane.backoff > 0 && now < lane.retryAt {
				next = min(next, lane.retryAt)
				break
			}
			if lane.dialing >= maxDialing || lane.backoff > 0 && lane.dialing > 0 {
				break // the end of an attempt wakes the loop
			}
			l.dial(lane, now)
		}
	}
	return next
}

// dial begins one attempt.
func (l *loop) dial(lane *epollLane, now int64) {
	top := len(lane.broken) - 1
	c := lane.broken[top]
	if lane.backoff > 0 {
		lane.retryAt = now + lane.backoff
	}
	fd, err := dial(lane.to)
	if err != nil {
		l.dialFailed(lane, err, now)
		return
	}
	lane.broken = lane.broken[:top]
	c.fd, c.state = fd, connecting
	if err := l.poll.Add(fd, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP, c.id); err != nil {
		l.err = errors.Join(l.err, err)
	}
	lane.dialing++
	l.dialing.push(c, now)
}

// finishDial takes the outcome of an attempt.
func (l *loop) finishDial(c *conn, now int64) {
	code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = syscall.Errno(code)
	}
	if err != nil {
		l.failDial(c, err, now)
		return
	}
	lane := c.lane
	l.dialing.remove(c)
	lane.dialing--
	l.watch(c, unix.EPOLLIN)
	lane.live++
	lane.down = false
	lane.tally.reopened++
	lane.release(c, now)
}

// failDial ends an attempt that is under way.
func (l *loop) failDial(c *conn, err error, now int64) {
	l.dialing.remove(c)
	c.lane.dialing--
	l.shut(c)
	l.dialFailed(c.lane, err, now)
}

// dialFailed takes note of an attempt that came to nothing.
func (l *loop) dialFailed(lane *epollLane, err error, now int64) {
	var ours *socketError
	if errors.As(err, &ours) {
		l.err = errors.Join(l.err, err)
		return
	}
	lane.dialErr = err
	lane.penalise(kindOfDial(err), now)
	if !l.open && lane.down && l.running && lane.next < len(l.requests) {
		// There is no timetable to fail by, so each attempt costs a request.
		l.giveUp(lane, lane.downKind, now, now)
	}
}
