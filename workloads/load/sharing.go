package load

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// maxStreams is how many workers share one HTTP/2 connection. It is how many
// streams net/http and most servers allow by default, and the least that RFC
// 9113 §6.5.2 recommends.
const maxStreams = 100

// sharing makes a lane's HTTP/2 connections, through net/http: a worker shares a
// connection that has room, and makes one where none has.
type sharing struct {
	connector
	scheme    string
	transport http.Transport

	dialing sync.Mutex // who comes while a connection is made shares it
	tcp     net.Conn   // of the last connection made

	mu    sync.Mutex
	conns []*shared
}

// shared is an HTTP/2 connection and how many workers use it.
type shared struct {
	sharing *sharing
	conn    *http.ClientConn
	tcp     net.Conn // below it
	users   int
	used    atomic.Bool // a request was answered on it
}

func newSharing(c connector, timeout time.Duration) *sharing {
	s := &sharing{connector: c, scheme: "http"}
	t := &s.transport
	t.DisableCompression = true // what the scenario says is sent, and nothing else
	t.MaxResponseHeaderBytes = maxHeadBytes
	t.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 1 << 20, WriteByteTimeout: timeout}
	t.Protocols = new(http.Protocols)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := s.connect(ctx)
		if err == nil {
			s.tcp = below(conn)
		}
		return conn, err
	}
	if c.tls == nil {
		t.Protocols.SetUnencryptedHTTP2(true)
		t.DialContext = dial
		return s
	}
	s.scheme = "https"
	t.Protocols.SetHTTP2(true)
	t.DialTLSContext = dial
	return s
}

// dial is a dialFunc.
func (s *sharing) dial(ctx context.Context) (exchanger, bool, error) {
	s.dialing.Lock()
	defer s.dialing.Unlock()
	if c := s.join(); c != nil {
		return &stream{shared: c}, false, nil
	}
	conn, err := s.transport.NewClientConn(ctx, s.scheme, s.address)
	if err != nil {
		return nil, false, err
	}
	c := &shared{sharing: s, conn: conn, tcp: s.tcp, users: 1}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, c)
	return &stream{shared: c}, true, nil
}

// join adds a worker to a connection that has room; nil when none has.
func (s *sharing) join() *shared {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		if c.users < maxStreams && c.conn.Err() == nil && c.conn.Available() > 0 {
			c.users++
			return c
		}
	}
	return nil
}

// release takes a worker from a connection; the last one closes it.
func (c *shared) release() error {
	s := c.sharing
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.users--; c.users > 0 {
		return nil
	}
	s.conns = slices.DeleteFunc(s.conns, func(other *shared) bool { return other == c })
	c.hangUp()
	return c.conn.Close()
}

// hangUp closes the TCP connection, without the goodbyes that a server which does
// not read could hold up. All exchanges on it end.
func (c *shared) hangUp() { _ = c.tcp.Close() }

// stream is a worker's share of an HTTP/2 connection.
type stream struct {
	shared   *shared
	deadline time.Time
}

func (c *stream) ready() bool            { return c.shared.conn.Err() == nil }
func (c *stream) inspect(*scratch) bool  { return false }
func (c *stream) arm(deadline time.Time) { c.deadline = deadline }
func (c *stream) proven() bool           { return c.shared.used.Load() }
func (c *stream) close() error           { return c.shared.release() }

// interrupt ends the connection, and with it all exchanges of all its workers.
func (c *stream) interrupt() { c.shared.hangUp() }

func (c *stream) exchange(j job, s *scratch) reply {
	ctx, cancel := context.WithDeadline(context.Background(), c.deadline)
	defer cancel()
	response, err := c.shared.conn.RoundTrip(requestFor(ctx, j.parsed))
	if err != nil {
		return c.failure(err)
	}
	defer response.Body.Close()
	if err := c.receive(response, j.request, s); err != nil {
		return c.failure(err)
	}
	c.shared.used.Store(true)
	return reply{complete: true, status: response.StatusCode, kind: closed, keep: c.ready()}
}

// receive reads the body to its end.
func (c *stream) receive(response *http.Response, r *Request, s *scratch) error {
	wanted := r.wantsBody()
	if wanted {
		s.body.begin(r.Expect.maxBody())
		for _, value := range response.Header["Content-Encoding"] {
			s.body.takeCoding([]byte(value), false)
		}
	}
	for {
		n, err := response.Body.Read(s.buffer)
		if wanted {
			s.body.add(s.buffer[:n])
		}
		if err != nil {
			return notEOF(err)
		}
	}
}

// notEOF returns nil for the regular end of a body.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// failure says what an error of net/http means.
func (c *stream) failure(err error) reply {
	out := reply{kind: kindOfStream(err), keep: c.ready()}
	// A server that goes away leaves streams unprocessed, and says so; they may
	// be sent again elsewhere (RFC 9113 §6.8). One that has answered nothing at
	// all is not going away in good order.
	if text := err.Error(); strings.Contains(text, textGraceful) || strings.Contains(text, textUnusable) {
		out.unsent, out.keep = c.proven(), false
	} else if out.kind == closed && out.keep {
		out.kind = protocol // not the connection ended early but the body
	}
	return out
}

// net/http keeps most errors of HTTP/2 to itself, so their texts have to do; the
// tests hold it to them.
const (
	textGraceful = "graceful shutdown GOAWAY"
	textUnusable = "client conn not usable"
	textFromPeer = "received from peer"
)

// kindOfStream names what an error of an HTTP/2 exchange means.
func kindOfStream(err error) kind {
	var own streamError
	if errors.As(err, &own) {
		if own.Cause != nil && own.Cause.Error() == textFromPeer {
			return reset
		}
		return protocol // which we found out and the server did not
	}
	if k := kindOfError(err, protocol); k != protocol {
		return k
	}
	var errno syscall.Errno
	text := err.Error()
	for _, end := range []string{"GOAWAY", textUnusable, "client conn is closed", "could not be established", "force closed"} {
		if strings.Contains(text, end) {
			return closed
		}
	}
	if errors.As(err, &errno) {
		return closed
	}
	return protocol
}

// streamError takes over net/http's error for the end of one stream, which lets
// itself be converted to any struct of these fields.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamError) Error() string { return "stream error" }
