package httpdriver

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/mix"
)

const (
	requestTimeout = 30 * time.Second // of a request that sets a target up
	maxAnswer      = 1 << 20          // bytes of an answer that is looked at, as in a measurement
)

// Items of setup, which no round has: request k of table i is setupStream + i<<32 + k.
const (
	setupStream  = 1 << 59
	verifyStream = 1 << 58
)

// AnswerError is an answer that a request of [[setup]] or [verify] must not get.
type AnswerError struct {
	Request string // method and path
	Status  int
	Why     string // what was expected
	Body    string // its beginning
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s was answered %d, and %s: %s", e.Request, e.Status, e.Why, e.Body)
}

// Load sends the requests of [[setup]]: one table after the other, each over some
// connections at a time. progress, which may be nil, is called from one goroutine
// at a time. The first request that fails ends it; the error is an *AnswerError if
// it was answered.
func (d *Driver) Load(ctx context.Context, addr string, progress func(done, total int)) error {
	count := &counter{progress: progress}
	for i := range d.setup {
		count.total += d.scenario.HTTP.Setup[i].Count
	}
	for i := range d.setup {
		if err := d.fill(ctx, addr, i, count); err != nil {
			return fmt.Errorf("http driver: [[setup]] table %d: %w", i+1, err)
		}
	}
	return nil
}

// fill sends the requests of one table. Its workers take them in their order.
func (d *Driver) fill(parent context.Context, addr string, table int, count *counter) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	s := &d.scenario.HTTP.Setup[table]
	c := d.newClient(addr, s.Connections)
	defer c.CloseIdleConnections()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(s.Connections, s.Count) {
		workers.Go(func() {
			for k := next.Add(1) - 1; k < int64(s.Count); k = next.Add(1) - 1 {
				item := setupStream + mix.Item(table)<<32 + mix.Item(k)
				if err := d.send(ctx, c, addr, &d.setup[table], d.wire(&d.setup[table], item, uint64(k))); err != nil {
					cancel(fmt.Errorf("request %d of %d: %w", k+1, s.Count, err))
					return
				}
				count.add()
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// Verify sends the request of [verify], if there is one. The error is an
// *AnswerError if the answer is not the one expected.
func (d *Driver) Verify(ctx context.Context, addr string) error {
	if d.verify == nil {
		return nil
	}
	c := d.newClient(addr, 1)
	defer c.CloseIdleConnections()
	if err := d.send(ctx, c, addr, d.verify, d.wire(d.verify, verifyStream, 0)); err != nil {
		return fmt.Errorf("http driver: [verify]: %w", err)
	}
	return nil
}

// newClient is a client that sends a target exactly what it is given, over a few
// connections of the scenario's protocol.
func (d *Driver) newClient(addr string, connections int) *http.Client {
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr) // no proxy, whatever the Host header says
		},
		MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections,
		DisableCompression: true,
		Protocols:          new(http.Protocols),
	}
	if d.options.TLS != nil {
		t.TLSClientConfig = d.options.TLS.Clone()
	}
	switch d.options.Protocol {
	case load.H2:
		t.Protocols.SetHTTP2(true)
	case load.H2C:
		t.Protocols.SetUnencryptedHTTP2(true)
	case load.HTTP1, load.HTTPS1, "":
		t.Protocols.SetHTTP1(true)
	}
	return &http.Client{
		Timeout: requestTimeout, Transport: t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// send sends one encoded request and holds the answer against what is expected.
func (d *Driver) send(ctx context.Context, c *http.Client, addr string, e *encoder, wire []byte) error {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
	if err != nil {
		return fmt.Errorf("the request cannot be read back: %w", err)
	}
	if _, body, _ := bytes.Cut(wire, []byte("\r\n\r\n")); len(body) > 0 {
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.Body, _ = r.GetBody() // so that it can be sent again over another connection
	}
	r = r.WithContext(ctx)
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", addr
	if d.options.Protocol == load.HTTPS1 || d.options.Protocol == load.H2 {
		r.URL.Scheme = "https"
	}
	r.Header.Del("Accept-Encoding") // bodies are looked at
	answer, err := c.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
	}
	if why := e.wrong(answer.StatusCode, body); why != "" {
		return &AnswerError{Request: r.Method + " " + r.URL.Path, Status: answer.StatusCode, Why: why, Body: clip(body)}
	}
	return nil
}

// wrong says what is expected of an answer and not the case; empty when all is.
func (e *encoder) wrong(status int, body []byte) string {
	if !e.statusExpected(status) {
		if len(e.request.Expect.Status) == 0 {
			return "200 to 299 was expected"
		}
		return "expected was " + strings.Trim(fmt.Sprint(e.request.Expect.Status), "[]")
	}
	if e.expect != nil && e.expect.Body != nil && !e.expect.Body(body) {
		return "its body is not as expected"
	}
	return ""
}

func (e *encoder) statusExpected(status int) bool {
	if len(e.request.Expect.Status) == 0 {
		return status/100 == 2
	}
	return slices.Contains(e.request.Expect.Status, status)
}

// clip is the beginning of an answer, on one line.
func clip(body []byte) string {
	const most = 300
	line := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), most)]), "")), " ")
	if len(body) > most {
		line += "…"
	}
	return line
}

// counter reports progress.
type counter struct {
	mu          sync.Mutex
	done, total int
	progress    func(done, total int)
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	if c.progress != nil {
		c.progress(c.done, c.total)
	}
}
