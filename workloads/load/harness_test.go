package load

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// eachTransport runs a test once with each transport that this system has for
// HTTP/1.1.
func eachTransport(t *testing.T, f func(t *testing.T, config Config)) {
	eachCleartext(t, f)
	config := usual()
	config.Protocol, config.TLS = HTTPS1, &tls.Config{RootCAs: authority(t).pool}
	t.Run("plain", func(t *testing.T) { f(t, config) })
}

func eachCleartext(t *testing.T, f func(t *testing.T, config Config)) {
	config := usual()
	t.Run("native", func(t *testing.T) { f(t, config) })
	config.Portable = true
	t.Run("portable", func(t *testing.T) { f(t, config) })
}

func usual() Config {
	return Config{CPU: -1, Connections: 4, Timeout: 5 * time.Second, Operations: []string{"store", "recall"}, Probes: 8}
}

// server is a loopback TCP server whose behaviour is a function of the
// connection, so that it can misbehave in any way.
type server struct {
	listener net.Listener
	tls      *tls.Config // nil for cleartext
	serving  sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]bool
	accepted int
	stopped  bool
}

// serve starts a server on a free port, or on address when it is given, that
// runs handle for each connection and closes the connection after it. Where config
// is for TLS, handle gets the inside of it.
func serve(t *testing.T, config Config, address string, handle func(c net.Conn)) *server {
	t.Helper()
	if !config.Protocol.secure() {
		return serveTLS(t, nil, address, handle)
	}
	return serveTLS(t, &tls.Config{
		Certificates: []tls.Certificate{authority(t).issue(t, time.Hour, "127.0.0.1")},
		NextProtos:   []string{"h2", "http/1.1"},
	}, address, handle)
}

func serveTLS(t *testing.T, secure *tls.Config, address string, handle func(c net.Conn)) *server {
	t.Helper()
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{listener: listener, tls: secure, conns: map[net.Conn]bool{}}
	s.serving.Go(func() { s.accept(handle) })
	t.Cleanup(s.crash)
	return s
}

func (s *server) accept(handle func(net.Conn)) {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		inside := c
		if s.tls != nil {
			inside = tls.Server(c, s.tls)
		}
		s.mu.Lock()
		s.conns[inside] = true
		s.accepted++
		if s.stopped {
			c.Close()
		}
		s.mu.Unlock()
		s.serving.Go(func() {
			handle(inside)
			inside.Close()
		})
	}
}

// crash closes the listener and resets all connections, as a killed process
// does, and waits for the handlers.
func (s *server) crash() {
	s.listener.Close()
	s.mu.Lock()
	s.stopped = true
	for c := range s.conns {
		tcp := below(c).(*net.TCPConn)
		tcp.SetLinger(0)
		tcp.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// hangUp closes all connections in good order, as servers do with idle ones.
func (s *server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

func (s *server) address() string { return s.listener.Addr().String() }

func (s *server) acceptedSoFar() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// answering returns a handler that reads requests one by one and writes what
// answer returns for each; an empty answer ends the connection.
func answering(answer func(request string) string) func(net.Conn) {
	return func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			request, err := readRequest(r)
			if err != nil {
				return
			}
			text := answer(request)
			if text == "" {
				return
			}
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}

// readRequest reads a request without a body, or with one of Content-Length.
func readRequest(r *bufio.Reader) (head string, err error) {
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		head += line
		fmt.Sscanf(line, "Content-Length: %d", &length)
		if line == "\r\n" {
			_, err := r.Discard(length)
			return head, err
		}
	}
}

const plainOK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func ok(string) string { return plainOK }

// start returns an engine with one lane for each address.
func start(t *testing.T, config Config, addresses ...string) (*Engine, []*Lane) {
	t.Helper()
	engine, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Errorf("close the engine: %v", err)
		}
	})
	var lanes []*Lane
	for _, address := range addresses {
		lane, err := engine.Connect(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		lanes = append(lanes, lane)
	}
	return engine, lanes
}

// sequence returns n requests, alternating between the operations.
func sequence(n int) []Request {
	requests := make([]Request, n)
	for i := range requests {
		requests[i] = Request{Operation: uint8(i % 2), Probe: -1, Wire: []byte("GET / HTTP/1.1\r\nHost: target\r\n\r\n")}
	}
	return requests
}

// every returns n due times, one each period.
func every(period time.Duration, n int) []int64 {
	due := make([]int64, n)
	for i := range due {
		due[i] = int64(i) * int64(period)
	}
	return due
}

// open runs a slice that must not fail as a whole and returns its only lane.
func open(t *testing.T, engine *Engine, s OpenLoop) LaneReport {
	t.Helper()
	report, err := engine.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	checkSums(t, report)
	return report.Lanes[0]
}

// checkSums asserts what holds for every report: each request of the schedule
// ended exactly once, and only completed ones are in the histograms.
func checkSums(t *testing.T, report Report) {
	t.Helper()
	for i, lane := range report.Lanes {
		completed, failed := outcome(lane)
		if completed+failed != lane.Due {
			t.Errorf("lane %d: %d completed and %d failed of %d due", i, completed, failed, lane.Due)
		}
		if lane.Sent+lane.Unsent != lane.Due {
			t.Errorf("lane %d: %d sent and %d unsent of %d due", i, lane.Sent, lane.Unsent, lane.Due)
		}
		for _, op := range lane.Operations {
			if op.Response != nil && op.Response.Total() != op.Completed {
				t.Errorf("lane %d: %s has %d responses in the histogram, %d completed", i, op.Name, op.Response.Total(), op.Completed)
			}
		}
	}
}

func outcome(lane LaneReport) (completed, failed int64) {
	for _, op := range lane.Operations {
		completed += op.Completed
		for _, count := range op.Errors {
			failed += count
		}
	}
	return completed, failed
}

// errorsOf sums the errors of all operations, as "closed:3 status:1".
func errorsOf(lane LaneReport) map[string]int64 {
	sum := map[string]int64{}
	for _, op := range lane.Operations {
		for k, count := range op.Errors {
			sum[k] += count
		}
	}
	return sum
}

// openFiles counts this process's descriptors.
func openFiles(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted in /proc, which only Linux has")
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// head returns a request's first line.
func head(request string) string {
	line, _, _ := strings.Cut(request, "\r\n")
	return line
}
