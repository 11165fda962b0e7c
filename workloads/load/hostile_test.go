package load

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// A server may do anything; the slice ends, each request is counted once and
// under the right kind, and memory stays bounded.
func TestHostileServers(t *testing.T) {
	tests := []struct {
		name  string
		serve func(net.Conn)
		kinds []string // those that the errors may be of, all of them failed
	}{
		{"never answers", func(c net.Conn) { io.Copy(io.Discard, c) }, []string{"timeout"}},
		{"hangs up on every request", answering(func(string) string { return "" }), []string{"closed", "reset"}},
		{"hangs up on every connection", func(net.Conn) {}, []string{"closed", "reset"}},
		{"hangs up within the header", once("HTTP/1.1 200 OK\r\nContent-Le"), []string{"closed"}},
		{"hangs up after the header", once("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), []string{"closed"}},
		{"hangs up within a chunk", once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc"), []string{"closed"}},
		{"promises more than it sends", answering(func(string) string { return "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok" }), []string{"timeout"}},
		{"sends more than it promises", answering(func(string) string { return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nok" }), []string{"protocol"}},
		{"answers twice", answering(func(string) string { return plainOK + plainOK }), []string{"protocol"}},
		{"speaks before it is asked", func(c net.Conn) { io.WriteString(c, "SSH-2.0-x\r\n"); io.Copy(io.Discard, c) }, []string{"protocol", "closed", "reset"}},
		{"speaks another protocol", answering(func(string) string { return "220 mail ready\r\n" }), []string{"protocol"}},
		{"contradicts itself", answering(func(string) string {
			return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok"
		}), []string{"protocol"}},
		{"answers with failures", answering(func(string) string { return "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno" }), []string{"status"}},
		{"redirects", answering(func(string) string { return "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n" }), []string{"status"}},
		{"sends chunks without end", endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nabcd\r\n"), []string{"timeout"}},
		{"sends a body without end", endless("HTTP/1.1 200 OK\r\n\r\n", "abcd"), []string{"timeout"}},
		{"sends a terabyte", endless("HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n", "abcd"), []string{"timeout"}},
		{"sends a header without end", endless("HTTP/1.1 200 OK\r\n", "X: y\r\n"), []string{"protocol"}},
		{"sends a line without end", endless("HTTP/1.1 200 OK\r\nX: ", "abcd"), []string{"protocol"}},
		{"sends interim responses without end", endless("", "HTTP/1.1 100 Continue\r\n\r\n"), []string{"protocol"}},
		{"sends a byte at a time", loris, []string{"timeout"}},
		{"resets within the response", resetting, []string{"reset"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, config Config) {
				withstand(t, config, test.serve, test.kinds)
			})
		})
	}
}

// withstand offers load to a hostile server, and at the same time to one that is
// not, whose schedule must not suffer. On a machine that has no time for either,
// it takes more time.
func withstand(t *testing.T, config Config, hostile func(net.Conn), kinds []string) {
	var faults []string
	for _, config.Timeout = range []time.Duration{150 * time.Millisecond, 500 * time.Millisecond, 3 * time.Second} {
		if faults = attack(t, config, hostile, kinds); len(faults) == 0 {
			return
		}
	}
	t.Errorf("%s", strings.Join(faults, "\n"))
}

// attack is one such slice and what was wrong with it.
func attack(t *testing.T, config Config, hostile func(net.Conn), kinds []string) (faults []string) {
	const n = 40
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	target, neighbour := serve(t, config, "", hostile), serve(t, config, "", friendly(config))
	defer neighbour.crash()
	defer target.crash()
	before := openFiles(t)
	engine, lanes := start(t, config, neighbour.address())
	lane, err := engine.Connect(t.Context(), target.address())
	if err != nil { // of a server that hangs up
		if !slices.Contains(kinds, "closed") {
			fault("%v", err)
		}
		return faults
	}
	due := every(time.Millisecond, n)
	var memory, after runtime.MemStats
	runtime.ReadMemStats(&memory)
	report, err := engine.Open(t.Context(), OpenLoop{Lanes: append(lanes, lane), Due: [][]int64{due, due}, Requests: sequence(n)})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	checkSums(t, report)
	if well := report.Lanes[0]; well.Sent != n || len(errorsOf(well)) > 0 {
		fault("the neighbour was sent %d of %d, errors %v", well.Sent, n, errorsOf(well))
	}
	if completed, failed := outcome(report.Lanes[1]); completed != 0 || failed != n {
		fault("%d completed, %d failed; want all %d failed", completed, failed, n)
	}
	for k := range maps.Keys(errorsOf(report.Lanes[1])) {
		if !slices.Contains(kinds, k) {
			fault("errors %v, want only %v", errorsOf(report.Lanes[1]), kinds)
		}
	}
	if grown := int64(after.HeapAlloc) - int64(memory.HeapAlloc); grown > 32<<20 {
		fault("the heap grew by %d MiB", grown>>20)
	}
	if accepted := target.acceptedSoFar(); accepted > config.Connections+2*n {
		fault("%d connections for %d requests", accepted, n)
	}
	if err := engine.Close(); err != nil {
		t.Error(err)
	}
	target.crash()
	neighbour.crash()
	if now := openFiles(t); now >= before {
		t.Errorf("%d descriptors left of %d", now, before)
	}
	return faults
}

// friendly serves as it should.
func friendly(config Config) func(net.Conn) {
	if config.Protocol.multiplexed() {
		return framed(func(p *peer, id uint32) { p.answer(id, "ok") })
	}
	return answering(ok)
}

// once answers a connection's first request with text and hangs up.
func once(text string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := readRequest(bufio.NewReader(c)); err == nil {
			io.WriteString(c, text)
		}
	}
}

// endless answers with a beginning and then repeats a text until nobody listens,
// as fast as leaves this process something to answer others with.
func endless(beginning, repeated string) func(net.Conn) {
	block := strings.Repeat(repeated, 8192)
	return func(c net.Conn) {
		if _, err := readRequest(bufio.NewReader(c)); err != nil {
			return
		}
		for text := beginning; ; text = block {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// loris sends a correct response so slowly that it never ends.
func loris(c net.Conn) {
	if _, err := readRequest(bufio.NewReader(c)); err != nil {
		return
	}
	for i := range plainOK {
		if _, err := io.WriteString(c, plainOK[i:i+1]); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond) // the fault itself
	}
}

func resetting(c net.Conn) {
	if _, err := readRequest(bufio.NewReader(c)); err == nil {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok")
		tcp := below(c).(*net.TCPConn)
		tcp.SetLinger(0)
		tcp.Close() // before TLS says goodbye
	}
}

// What is unusual but correct must not count as an error.
func TestUnusualServers(t *testing.T) {
	tests := []struct {
		name     string
		serve    func(net.Conn)
		reopened bool
	}{
		{"closes after each response, and says so", once("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"), true},
		{"frames by closing", once("HTTP/1.1 200 OK\r\n\r\nok"), true},
		{"is old", once("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), true},
		{"is old and keeps alive", answering(func(string) string {
			return "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
		}), false},
		{"has nothing to say", answering(func(string) string { return "HTTP/1.1 204 No Content\r\n\r\n" }), false},
		{"asks to continue first", answering(func(string) string { return "HTTP/1.1 100 Continue\r\n\r\n" + plainOK }), false},
		{"sends chunks, extensions and trailers", answering(func(string) string {
			return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nX: y\r\n\r\n"
		}), false},
		{"sends a long header", answering(func(string) string {
			return "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 40_000) + "\r\nContent-Length: 2\r\n\r\nok"
		}), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, config Config) {
				target := serve(t, config, "", test.serve)
				engine, lanes := start(t, config, target.address())
				lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, 40)}, Requests: sequence(40)})
				if completed, _ := outcome(lane); completed != 40 {
					t.Errorf("%d completed, errors %v; want all 40", completed, errorsOf(lane))
				}
				if test.reopened != (lane.Reopened > 0) {
					t.Errorf("%d connections were reopened", lane.Reopened)
				}
			})
		})
	}
}

func TestLargeRequestsAreSentWhole(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		target := serve(t, config, "", answering(ok))
		engine, lanes := start(t, config, target.address())
		requests := sequence(6)
		body := strings.Repeat("x", 8<<20) // far more than a socket buffer
		for i := range requests {
			requests[i].Wire = []byte("POST / HTTP/1.1\r\nHost: target\r\nContent-Length: 8388608\r\n\r\n" + body)
		}
		lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, 6)}, Requests: requests})
		if completed, _ := outcome(lane); completed != 6 {
			t.Errorf("%d completed, errors %v; want all 6", completed, errorsOf(lane))
		}
	})
}

// A target that crashes costs errors for the rest of the schedule: no hang, no
// storm of connections, and no blame on the engine.
func TestCrashInTheMiddleOfASlice(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		answered := make(chan struct{}, 1000)
		target := serve(t, config, "", answering(func(string) string {
			answered <- struct{}{}
			return plainOK
		}))
		engine, lanes := start(t, config, target.address())
		crashed := make(chan struct{})
		go func() {
			defer close(crashed)
			for range 50 {
				<-answered
			}
			target.crash()
		}()
		const n = 400
		lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, n)}, Requests: sequence(n)})
		<-crashed
		completed, failed := outcome(lane)
		errors := errorsOf(lane)
		if completed == 0 || failed == 0 || errors["refused"] < failed/2 || errors["timeout"] > 0 {
			t.Errorf("%d completed, errors %v; want some completed and the rest mostly refused", completed, errors)
		}
		if strings.Contains(lane.Engine.Limited, "not sent") {
			t.Errorf("a dead target was blamed on the engine: %s", lane.Engine.Limited)
		}
		again := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, 20)}, Requests: sequence(20)})
		if errors := errorsOf(again); errors["refused"] != 20 || again.Sent != 0 {
			t.Errorf("the next slice on the dead target: errors %v, want 20 refused", errors)
		}
		report, err := engine.Closed(t.Context(), ClosedLoop{Lanes: lanes, Requests: sequence(1000), Duration: 300 * time.Millisecond, Concurrency: 2})
		if err != nil {
			t.Fatal(err)
		}
		if refused := errorsOf(report.Lanes[0])["refused"]; refused == 0 || refused > 100 {
			t.Errorf("a closed loop on the dead target made %d attempts, want few and some", refused)
		}
	})
}

func TestRestartInTheMiddleOfASlice(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		answered := make(chan struct{}, 5000)
		target := serve(t, config, "", answering(func(string) string {
			answered <- struct{}{}
			return plainOK
		}))
		engine, lanes := start(t, config, target.address())
		restarted := make(chan struct{})
		go func() {
			defer close(restarted)
			for range 50 {
				<-answered
			}
			target.crash()
			serve(t, config, target.address(), answering(func(string) string {
				answered <- struct{}{}
				return plainOK
			}))
		}()
		const n = 1500
		lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, n)}, Requests: sequence(n)})
		<-restarted
		completed, failed := outcome(lane)
		if completed < n/2 || completed+failed != n || lane.Reopened < 1 { // it may crash between two requests
			t.Errorf("%d completed, errors %v, %d reopened; want the lane to recover", completed, errorsOf(lane), lane.Reopened)
		}
	})
}
