package load

import (
	"errors"

	"golang.org/x/sys/unix"
)

// connState is what a connection is doing.
//
//	broken ──dial──▶ connecting ──▶ idle ◀──▶ busy
//	  ▲                  │           │         │
//	  └──────────────────┴───────────┴─────────┘
type connState uint8

const (
	broken connState = iota
	connecting
	idle
	busy
)

// conn is one connection of a lane.
type conn struct {
	lane  *epollLane
	id    int32 // index into loop.conns, and the epoll set's name for it
	fd    int
	state connState
	used  bool // it has completed a request since it was made

	request *Request
	due     int64
	sent    int64
	free    int64  // since when it is idle
	rest    []byte // of the request, not yet taken by the socket
	began   int64  // when it entered the queue it is in

	parser     responseParser
	body       capture // for requests that ask for it
	prev, next *conn   // in loop.busy or loop.dialing
}

// queue holds connections in the order in which they entered it. All leave it
// at the latest a fixed time after, so the first is always the next to expire
// and no heap is needed.
type queue struct {
	first, last *conn
}

func (q *queue) push(c *conn, now int64) {
	c.began, c.prev, c.next = now, q.last, nil
	if q.last == nil {
		q.first = c
	} else {
		q.last.next = c
	}
	q.last = c
}

func (q *queue) remove(c *conn) {
	if c.prev == nil {
		q.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		q.last = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
}

// send offers a request to an idle connection.
func (l *loop) send(c *conn, r *Request, due, now int64) {
	c.state, c.request, c.due, c.sent = busy, r, due, now
	c.parser.await(r, &c.body)
	c.rest = r.Wire
	c.lane.tally.send(now, due, c.free)
	c.lane.inFlight++
	l.busy.push(c, now)
	if !l.write(c, now) {
		return
	}
	if len(c.rest) > 0 {
		l.watch(c, unix.EPOLLIN|unix.EPOLLOUT)
	}
}

// write offers what is left of the request to the socket. It returns false when
// that broke the connection.
func (l *loop) write(c *conn, now int64) bool {
	n, errno := writeSocket(c.fd, c.rest)
	switch errno {
	case 0, unix.EAGAIN, unix.EINTR:
		c.rest = c.rest[n:]
		return true
	}
	l.fail(c, kindOfErrno(errno), now)
	return false
}

// watch changes what the epoll set reports of a connection.
func (l *loop) watch(c *conn, events uint32) {
	if err := l.poll.Change(c.fd, events|unix.EPOLLRDHUP, c.id); err != nil {
		l.err = errors.Join(l.err, err)
	}
}

// handle acts on what the epoll set reported of a connection.
func (l *loop) handle(c *conn, events uint32, now int64) {
	switch c.state {
	case connecting:
		l.finishDial(c, now)
	case idle:
		// Closed by the server, or bytes that nobody asked for.
		k := protocol
		if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			k = closed
		}
		l.lose(c, k, now)
	case busy:
		if events&unix.EPOLLOUT != 0 && len(c.rest) > 0 {
			if !l.write(c, now) {
				return
			}
			if len(c.rest) == 0 {
				l.watch(c, unix.EPOLLIN)
			}
		}
		if events&^uint32(unix.EPOLLOUT) != 0 {
			l.read(c, now)
		}
	}
}

// read takes what has arrived of a response, one buffer at a time: what is left
// is reported again, after the other connections had their turn.
func (l *loop) read(c *conn, now int64) {
	n, errno := readSocket(c.fd, l.buffer)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return
	case errno != 0:
		l.fail(c, kindOfErrno(errno), now)
		return
	case n == 0 && c.parser.endOfStream():
		l.complete(c, now)
		return
	case n == 0:
		l.fail(c, closed, now)
		return
	}
	used, done, err := c.parser.feed(l.buffer[:n])
	switch {
	case err != nil || done && used < n:
		l.fail(c, protocol, now)
	case done:
		l.complete(c, now)
	}
}

// complete ends a request whose response is there. The time was taken before; the
// body is looked at only now.
func (l *loop) complete(c *conn, now int64) {
	lane := c.lane
	now = max(now, c.sent) // stray bytes can be there before the request
	if failure, right := c.request.judge(c.parser.status, &c.body); right {
		lane.tally.complete(c.request, c.due, c.sent, now)
	} else {
		lane.tally.fail(c.request, failure, now)
	}
	l.busy.remove(c)
	lane.inFlight--
	c.used = true
	lane.backoff = 0
	if c.parser.mustClose || len(c.rest) > 0 {
		l.lose(c, closed, now)
		return
	}
	c.request = nil
	lane.release(c, now)
}

// fail ends a request that has no response, and its connection with it.
func (l *loop) fail(c *conn, k kind, now int64) {
	c.lane.tally.fail(c.request, k, now)
	l.abandon(c, k, now)
}

// abandon takes a connection from its request without counting anything.
func (l *loop) abandon(c *conn, k kind, now int64) {
	l.busy.remove(c)
	c.lane.inFlight--
	l.lose(c, k, now)
}

// lose closes a connection and leaves it to be opened again.
func (l *loop) lose(c *conn, k kind, now int64) {
	lane := c.lane
	if c.state == idle {
		lane.unidle(c)
	}
	lane.live--
	used := c.used
	l.shut(c)
	// A server that accepts and then hangs up is as dead as one that refuses.
	// One that is silent is not: a timeout is already a long interval.
	if !used && k != timeout {
		lane.penalise(k, now)
	}
}

// shut closes the socket.
func (l *loop) shut(c *conn) {
	if err := unix.Close(c.fd); err != nil {
		l.err = errors.Join(l.err, err)
	}
	c.state, c.fd, c.request, c.rest, c.used = broken, -1, nil, nil, false
	c.lane.broken = append(c.lane.broken, c)
	l.again = true
}
