package load

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// wire is a connection that carries HTTP/1.1 over TCP or TLS: requests byte for
// byte as they are, responses by the parser that the epoll loop uses, so that
// both count the same faults under the same kinds. (A worker on net/http would
// cost two more goroutine hand-offs a request, and send its own idea of it.)
type wire struct {
	conn   net.Conn        // TCP or TLS
	tcp    net.Conn        // the TCP connection below
	raw    syscall.RawConn // of tcp
	secure bool
	parser responseParser
	look   func(fd uintptr) // peek, as a value made once
	state  peeked
	used   bool // a request was answered on it
}

// peeked is what a look at an idle connection shows.
type peeked uint8

const (
	quiet peeked = iota // nothing to read: as it should be
	ended               // closed or reset by the server
	noisy               // there is something to read
)

// inspectTime is how long an idle TLS connection may take to show whether what
// there is to read is for TLS itself: a session ticket, or the end. Chosen: all of
// it has arrived, so it is only decrypted.
const inspectTime = 200 * time.Microsecond

// dialWire is a dialFunc for HTTP/1.1.
func (c *connector) dialWire(ctx context.Context) (exchanger, bool, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, false, err
	}
	w := &wire{conn: conn, tcp: below(conn), secure: c.tls != nil}
	w.look = w.peek
	tcp, ok := w.tcp.(syscall.Conn)
	if !ok {
		return nil, false, errors.Join(errors.New("not a connection of the system"), conn.Close())
	}
	if w.raw, err = tcp.SyscallConn(); err != nil {
		return nil, false, errors.Join(err, conn.Close())
	}
	return w, true, nil
}

// below returns the TCP connection that conn is or that TLS runs on.
func below(conn net.Conn) net.Conn {
	if secure, ok := conn.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return conn
}

func (c *wire) ready() bool {
	if err := c.raw.Control(c.look); err != nil {
		return false
	}
	return c.state == quiet
}

// peek looks at what there is to read, and leaves it there.
func (c *wire) peek(fd uintptr) {
	var b [1]byte
	n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		c.state = quiet
	case err != nil || n == 0:
		c.state = ended
	default:
		c.state = noisy
	}
}

// inspect lets TLS read what is there. What is for nobody else leaves a good
// connection behind; bytes for us, or the end, do not.
func (c *wire) inspect(s *scratch) bool {
	if !c.secure || c.state != noisy || c.conn.SetReadDeadline(time.Now().Add(inspectTime)) != nil {
		return false
	}
	_, err := c.conn.Read(s.buffer)
	return errors.Is(err, os.ErrDeadlineExceeded)
}

func (c *wire) proven() bool { return c.used }

func (c *wire) arm(deadline time.Time) {
	_ = c.conn.SetDeadline(deadline) // fails only when closed, which the exchange finds out
}

// interrupt sets a deadline that has passed.
func (c *wire) interrupt() { c.arm(time.Unix(1, 0)) }

// close leaves out the goodbye that TLS would say: a server that does not read
// could hold it up for seconds.
func (c *wire) close() error { return c.tcp.Close() }

func (c *wire) exchange(j job, s *scratch) reply {
	c.parser.await(j.request, &s.body)
	if _, err := c.conn.Write(j.request.Wire); err != nil {
		return reply{kind: kindOfError(err, closed)}
	}
	for {
		n, err := c.conn.Read(s.buffer)
		if n > 0 {
			used, done, bad := c.parser.feed(s.buffer[:n])
			switch {
			case bad != nil || done && used < n:
				return reply{kind: protocol}
			case done:
				return c.complete()
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && c.parser.endOfStream():
			return c.complete()
		default:
			return reply{kind: kindOfError(err, closed)}
		}
		if n == len(s.buffer) {
			runtime.Gosched() // a flood is not to keep the others from their turn
		}
	}
}

func (c *wire) complete() reply {
	c.used = true
	return reply{complete: true, status: c.parser.status, kind: closed, keep: !c.parser.mustClose}
}
