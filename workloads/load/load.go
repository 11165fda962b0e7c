// Package load offers HTTP requests to one or two targets by a timetable, records
// how long each took from the moment that it was due, and checks that it kept
// the timetable itself.
//
// # Contract
//
// A request is due at a time that was fixed before the slice began; nothing
// that a target does shifts it, and none is skipped. When it is due it goes out
// on a free warm connection of its lane, the one used last, so that few stay
// hot. When all are busy it waits its turn, first in first out, and that wait
// is part of its response time, because users wait too. There is no storm of
// new connections and no goroutine per request.
//
// Four times are kept apart for each request:
//
//	response  due time → end of the response      what users see; in the histograms
//	wait      due time → a connection is free     the target's doing, part of response
//	lag       due and connection free → sent      the engine's own lateness
//	service   sent → end of the response
//
// A failed request never enters a latency histogram; it is counted by kind:
//
//	refused    no TCP connection could be made
//	tls        no TLS on it: handshake, certificate or a broken record
//	reset      the connection was reset; HTTP/2: or the stream
//	closed     the connection ended before the response did
//	timeout    no complete response within Config.Timeout of being sent, or no
//	           free connection within Config.Timeout of being due
//	status     a complete response with a status that is not expected
//	body       a complete response with a body that is not expected
//	protocol   a malformed response, or bytes that nobody asked for
//
// What is expected is Request.Expect; without it, any status of 2xx. A body that
// no expectation looks at is dropped as it comes, however long it is.
//
// A broken connection is reopened beside the running schedule. While a target
// takes no connection at all, its requests fail at their due times with the
// kind of the last attempt, and attempts are made at growing intervals: a dead
// target costs errors, not a hang and not a connection storm.
//
// # Transports
//
// epoll: on Linux, cleartext HTTP/1.1. One locked operating system thread drives
// all lanes from its own epoll set, off Go's network poller, whose timers are a
// millisecond coarse and whose goroutine hand-offs cost more than the requests.
//
// plain: TLS and HTTP/2. A fixed set of goroutines for each lane, one a connection,
// and one that paces them all. HTTP/1.1 over TLS is crypto/tls below the epoll
// transport's own parser. HTTP/2 is net/http's: requests are translated before
// the slice, and up to 100 of a lane's Config.Connections are streams of one
// connection, as net/http shares it, so a connection that breaks fails all that
// is under way on it. A request that a server which goes away (GOAWAY) says it
// has not looked at is sent again on another connection; no other is ever sent
// twice. A server that allows fewer streams than that makes the rest wait inside
// net/http, which counts as service.
//
// portable: cleartext HTTP/1.1 by the plain transport, where there is no epoll.
//
// All keep the contract above. Nothing follows redirects, keeps cookies, uses a
// proxy, asks for compression by itself or resumes TLS sessions. Engine.Transport
// and Report.Transport say which it is.
//
// # What the caller does
//
// The epoll thread allocates nothing while a slice runs, but a collection that
// other goroutines cause can still pause it, and the plain transport allocates:
// run slices with the collector off (debug.SetGCPercent(-1) and a memory limit)
// and collect between them. Give the engine a core of its own, away from the
// targets.
package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// Request is one request of a sequence.
type Request struct {
	Operation uint8        // index into Config.Operations
	Probe     int32        // index into the probe set; -1 when it is none
	Wire      []byte       // the complete HTTP/1.1 request; shared by all lanes and never modified
	Expect    *Expectation // what a right answer is; nil: any status of 2xx
}

// Config is what an engine keeps from slice to slice.
type Config struct {
	CPU         int           // core to pin the engine's thread to; -1 leaves it free. Only epoll has one such thread
	Connections int           // warm connections of each lane
	Timeout     time.Duration // of a request, see the package comment
	Operations  []string      // names, indexed by Request.Operation
	Probes      int           // size of the probe set
	Protocol    Protocol      // what all targets speak; HTTP1 when empty
	TLS         *tls.Config   // for HTTPS1 and H2: authorities, client certificates, ServerName (else the address's host); nil: the system's authorities
	Portable    bool          // use the portable transport even where a faster one exists
}

// Engine drives lanes. Its methods may be called from any goroutine and run one
// at a time.
type Engine struct {
	config    Config
	name      string
	transport transport

	mu     sync.Mutex
	closed bool
}

// Lane is a set of warm connections to one target.
type Lane struct {
	engine *Engine
	tally  *tally
	link   link
}

// OpenLoop is a slice by timetable: request i of each lane is due at Due[lane][i].
type OpenLoop struct {
	Lanes    []*Lane
	Due      [][]int64 // for each lane: ns from the start of the slice, ascending, one for each request
	Requests []Request // the same for all lanes

	// Drain is how long after the last due time the slice ends at the latest;
	// what is outstanding then counts as a timeout. 0 means twice
	// Config.Timeout, by which every request has ended anyway.
	Drain time.Duration
}

// ClosedLoop is a slice of fixed concurrency: each lane takes the requests in
// order, the next as soon as one of its Concurrency ends. No request is sent
// after Duration or when the sequence is used up; those under way are waited
// for and counted.
type ClosedLoop struct {
	Lanes       []*Lane
	Requests    []Request
	Duration    time.Duration
	Concurrency int // of each lane, at most Config.Connections
}

// Report is what a slice yielded.
type Report struct {
	Started   time.Time // the moment from which due times count
	Lanes     []LaneReport
	CPU       time.Duration // of the engine: its thread with epoll, the whole process otherwise
	Transport string        // "epoll", "portable" or "plain"
}

// LaneReport is what a slice yielded on one lane.
type LaneReport struct {
	Due        int64              // requests of the schedule; closed loop: sent
	Sent       int64              // requests of which at least the first byte was offered to a connection
	Unsent     int64              // Due − Sent: given up because the target took no connection, or because the slice was cancelled
	Reopened   int64              // connections made anew because one had broken
	Duration   time.Duration      // first due time (closed loop: first send) to last end
	Operations []result.Operation // Response is nil for a closed loop
	Engine     result.Engine      // the self-check; ForeignS is left to the caller
	Probes     []int64            // response in ns by probe; 0 when it was not measured or failed
}

// transport moves requests. It is called by one goroutine at a time.
type transport interface {
	connect(ctx context.Context, address string, t *tally) (link, error)
	run(ctx context.Context, p *plan) error
	close() error
}

// link is a transport's side of a lane.
type link interface {
	close() error
}

// Bounds on making connections while a slice runs, chosen: a target that
// restarts is found again within 200 ms, and one that is dead sees at most five
// attempts a second from each lane once the interval has grown.
const (
	firstBackoff = int64(5 * time.Millisecond)
	maxBackoff   = int64(200 * time.Millisecond)
	dialTimeout  = int64(time.Second)
)

const (
	// startLead is between the end of preparation and the start of a slice, so
	// that a request due at 0 is not late.
	startLead = time.Millisecond

	// settleTime bounds, in ns and for each lane, the wait for broken connections
	// before a slice.
	settleTime = int64(100 * time.Millisecond)
)

const (
	never      = math.MaxInt64 // a time
	bufferSize = 1 << 16       // of a read, which is parsed at once and forgotten
)

// plan is one slice, checked, and what the transport has to say about it.
type plan struct {
	lanes    []*Lane
	due      [][]int64 // nil for a closed loop
	requests []Request

	// stop counts from the start of the slice. Open loop: all that is
	// outstanding then is given up. Closed loop: nothing is sent from then on.
	stop        time.Duration
	concurrency int

	started time.Time
	cpu     time.Duration
	use     use
}

// New starts an engine. It fails when the configuration makes no sense or its
// thread cannot be pinned to the core.
func New(config Config) (*Engine, error) {
	if config.Protocol == "" {
		config.Protocol = HTTP1
	}
	if err := config.check(); err != nil {
		return nil, err
	}
	name, t, err := newTransport(config)
	if err != nil {
		return nil, fmt.Errorf("start load engine: %w", err)
	}
	return &Engine{config: config, name: name, transport: t}, nil
}

func (c *Config) check() error {
	switch {
	case c.CPU < -1:
		return fmt.Errorf("load engine: core %d does not exist; use -1 for any", c.CPU)
	case c.Connections < 1:
		return fmt.Errorf("load engine: %d connections; at least 1 is needed", c.Connections)
	case c.Timeout <= 0:
		return fmt.Errorf("load engine: timeout %v; it must be positive, or a silent target hangs the slice", c.Timeout)
	case len(c.Operations) == 0 || len(c.Operations) > 256:
		return fmt.Errorf("load engine: %d operations; 1 to 256 are possible", len(c.Operations))
	case c.Probes < 0:
		return fmt.Errorf("load engine: a probe set of %d", c.Probes)
	}
	return c.Protocol.check()
}

// Transport says what moves the requests: "epoll", "portable" or "plain".
func (e *Engine) Transport() string { return e.name }

var errClosed = errors.New("load engine is closed")

// Close closes all connections and ends the engine's thread.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	return e.transport.close()
}

// Connect opens Config.Connections connections to addr, "host:port", TLS included;
// with HTTP/2 they are shared. It fails at the first one that is not accepted, and
// says what is wrong with a certificate.
func (e *Engine) Connect(ctx context.Context, addr string) (*Lane, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errClosed
	}
	t := newTally(e.config.Operations, e.config.Probes)
	l, err := e.transport.connect(ctx, addr, t)
	if err != nil {
		return nil, fmt.Errorf("connect to target at %s: %w", addr, err)
	}
	return &Lane{engine: e, tally: t, link: l}, nil
}

// Close closes the lane's connections. After Engine.Close it does nothing.
func (l *Lane) Close() error {
	l.engine.mu.Lock()
	defer l.engine.mu.Unlock()
	if l.engine.closed {
		return nil
	}
	return l.link.close()
}

// Open runs a slice by timetable. When ctx ends it stops within 100 ms and
// returns what was measured so far beside the error of ctx; targets' faults are
// counted, not returned.
func (e *Engine) Open(ctx context.Context, s OpenLoop) (Report, error) {
	if err := e.checkOpen(s); err != nil {
		return Report{}, fmt.Errorf("open-loop slice: %w", err)
	}
	drain := s.Drain
	if drain <= 0 {
		drain = 2 * e.config.Timeout
	}
	var last int64
	for _, due := range s.Due {
		if len(due) > 0 {
			last = max(last, due[len(due)-1])
		}
	}
	return e.run(ctx, &plan{
		lanes: s.Lanes, due: s.Due, requests: s.Requests,
		stop: time.Duration(last) + drain, concurrency: e.config.Connections,
	})
}

// Closed runs a slice of fixed concurrency. Errors are as of Open.
func (e *Engine) Closed(ctx context.Context, s ClosedLoop) (Report, error) {
	if err := e.checkClosed(s); err != nil {
		return Report{}, fmt.Errorf("closed-loop slice: %w", err)
	}
	return e.run(ctx, &plan{
		lanes: s.Lanes, requests: s.Requests,
		stop: s.Duration, concurrency: s.Concurrency,
	})
}

func (e *Engine) run(ctx context.Context, p *plan) (Report, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return Report{}, errClosed
	}
	for i, lane := range p.lanes {
		lane.tally.begin()
		if p.due != nil {
			lane.tally.plan(p.due[i])
		}
	}
	err := p.run(ctx, e.transport)
	return p.report(e.name), err
}

func (p *plan) run(ctx context.Context, t transport) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.run(ctx, p)
}
