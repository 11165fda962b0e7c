package load

import (
	"bufio"
	"crypto/tls"
	"io"
	"math"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/workloads/arrival"
	"github.com/fivegate/fivegate/workloads/load/stall"
)

// eachHTTP2 runs a test once with each way to speak HTTP/2.
func eachHTTP2(t *testing.T, f func(t *testing.T, config Config)) {
	config := usual()
	config.TLS = &tls.Config{RootCAs: authority(t).pool}
	for _, config.Protocol = range []Protocol{H2, H2C} {
		t.Run(string(config.Protocol), func(t *testing.T) { f(t, config) })
	}
}

func TestHostileHTTP2Servers(t *testing.T) {
	tests := []struct {
		name  string
		serve func(net.Conn)
		kinds []string
	}{
		{"never answers", framed(func(*peer, uint32) {}), []string{"timeout"}},
		{"never says anything", func(c net.Conn) { io.Copy(io.Discard, c) }, []string{"timeout"}},
		{"speaks another protocol", func(c net.Conn) { io.WriteString(c, "220 mail ready\r\n"); io.Copy(io.Discard, c) }, []string{"protocol", "closed"}},
		{"speaks HTTP/1.1", func(c net.Conn) { io.WriteString(c, plainOK); io.Copy(io.Discard, c) }, []string{"protocol", "closed"}},
		{"hangs up on every connection", func(c net.Conn) { bufio.NewReader(c).Discard(24) }, []string{"closed", "reset"}},
		{"hangs up on every request", framed(func(p *peer, _ uint32) { p.Close() }), []string{"closed", "reset"}},
		{"hangs up after the header", framed(func(p *peer, id uint32) { p.headers(id, 0, status200); p.Close() }), []string{"closed", "reset"}},
		{"stops after the header", framed(func(p *peer, id uint32) { p.headers(id, 0, status200) }), []string{"timeout"}},
		{"resets every stream", framed(func(p *peer, id uint32) { p.reset(id, 2) }), []string{"reset"}},
		{"resets every stream after the header", framed(func(p *peer, id uint32) { p.headers(id, 0, status200); p.reset(id, 2) }), []string{"reset"}},
		{"refuses every stream", framed(func(p *peer, id uint32) { p.reset(id, 7) }), []string{"reset"}},
		{"goes away at once, each time", framed(func(p *peer, _ uint32) { p.goAway(0, 0) }), []string{"closed"}},
		{"goes away in anger", framed(func(p *peer, _ uint32) { p.goAway(0, 11); p.Close() }), []string{"closed", "reset"}},
		{"answers nobody's stream", framed(func(p *peer, id uint32) { p.answer(id+1000, "ok") }), []string{"protocol", "closed"}},
		{"has no status", framed(func(p *peer, id uint32) { p.headers(id, flagEnd, lowerCase) }), []string{"protocol"}},
		{"shouts", framed(func(p *peer, id uint32) { p.headers(id, flagEnd, status200+upperCase) }), []string{"protocol"}},
		{"sends garbage for a header", framed(func(p *peer, id uint32) { p.headers(id, flagEnd, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") }), []string{"protocol", "closed"}},
		{"promises more than it sends", framed(func(p *peer, id uint32) {
			p.headers(id, 0, status200+length5)
			p.frame(frameData, flagEnd, id, "ok")
		}), []string{"protocol"}},
		{"sends more than it promises", framed(func(p *peer, id uint32) {
			p.headers(id, 0, status200+length1)
			p.frame(frameData, flagEnd, id, "ok")
		}), []string{"protocol"}},
		{"redirects", framed(func(p *peer, id uint32) { p.headers(id, flagEnd, status302) }), []string{"status"}},
		{"sends interim responses without end", framed(func(p *peer, id uint32) {
			for range 3000 {
				p.headers(id, 0, status100)
			}
		}), []string{"protocol", "timeout"}},
		{"sends more than it is allowed", framed(func(p *peer, id uint32) {
			p.headers(id, 0, status200)
			for p.frame(frameData, 0, id, strings.Repeat("x", 1<<14)) == nil {
			}
		}), []string{"protocol", "closed", "reset", "timeout"}},
		{"sends a body without end", framed(func(p *peer, id uint32) {
			p.headers(id, 0, status200)
			for p.frame(frameData, 0, id, "x") == nil {
				time.Sleep(5 * time.Millisecond) // the fault itself
			}
		}), []string{"timeout"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			eachHTTP2(t, func(t *testing.T, config Config) {
				withstand(t, config, test.serve, test.kinds)
			})
		})
	}
}

// A server of a normal kind that sends for ever, as fast as it may.
func TestEndlessBodiesEndAsTimeouts(t *testing.T) {
	eachProtocol(t, func(t *testing.T, config Config) {
		config.Timeout = 300 * time.Millisecond
		block := make([]byte, 1<<16)
		engine, lanes := start(t, config, web(t, config, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for sent := 0; sent < 1<<30; sent += len(block) {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		})))
		requests := sequence(8)
		requests[0].Expect = &Expectation{Body: func([]byte) bool { return true }}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, 8)}, Requests: requests})
		runtime.ReadMemStats(&after)
		if errors := errorsOf(lane); errors["timeout"] != 8 {
			t.Errorf("errors %v, want 8 timeouts", errors)
		}
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
			t.Errorf("the heap grew by %d MiB", grown>>20)
		}
	})
}

// Going away in good order, as servers do after so many requests, costs nothing
// but a new connection.
func TestGoingAwayCostsNoRequest(t *testing.T) {
	eachHTTP2(t, func(t *testing.T, config Config) {
		target := serve(t, config, "", framed(func(p *peer, id uint32) {
			p.answered++
			if p.answered <= 10 {
				p.answer(id, "ok")
			}
			if p.answered == 10 {
				p.goAway(id, 0)
			}
		}))
		engine, lanes := start(t, config, target.address())
		const n = 100
		lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, n)}, Requests: sequence(n)})
		if completed, _ := outcome(lane); completed != n {
			t.Errorf("%d completed, errors %v; want all %d", completed, errorsOf(lane), n)
		}
		if lane.Reopened < n/10-1 {
			t.Errorf("%d connections were reopened, each takes 10 of %d requests", lane.Reopened, n)
		}
	})
}

func TestStreamsShareConnections(t *testing.T) {
	eachHTTP2(t, func(t *testing.T, config Config) {
		target := serve(t, config, "", friendly(config))
		config.Connections = maxStreams + 50
		engine, lanes := start(t, config, target.address())
		n := 2 * config.Connections
		report, err := engine.Closed(t.Context(), ClosedLoop{Lanes: lanes, Requests: sequence(n), Duration: time.Minute, Concurrency: config.Connections})
		if err != nil {
			t.Fatal(err)
		}
		checkSums(t, report)
		if completed, _ := outcome(report.Lanes[0]); completed != int64(n) || target.acceptedSoFar() != 2 {
			t.Errorf("%d of %d completed on %d connections, want all on 2", completed, n, target.acceptedSoFar())
		}
	})
}

func TestRequestsThatCannotBeTranslated(t *testing.T) {
	config := usual()
	config.Protocol = H2C
	target := serve(t, config, "", friendly(config))
	engine, lanes := start(t, config, target.address())
	for wire, want := range map[string]string{
		"hello\r\n\r\n":          "HTTP/1.1",
		"GET / HTTP/1.1\r\n\r\n": "no Host",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhello":        "body",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nhello":        "follow its end",
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + strings.Repeat("x", 10_000):     "follow its end",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzz": "body",
	} {
		requests := append(sequence(1), Request{Probe: -1, Wire: []byte(wire)})
		_, err := engine.Open(t.Context(), OpenLoop{Lanes: lanes, Due: [][]int64{{0, 0}}, Requests: requests})
		if err == nil || !strings.Contains(err.Error(), "request 1") || !strings.Contains(err.Error(), want) {
			t.Errorf("%.50q: got error %v, want one with %q", wire, err, want)
		}
	}
}

// Ground truth for the plain transport: its P99.9 is within 10% of the closed form,
// or it says that it was the limit. Server and engine share this process and its
// cores with whatever else runs, so a run that is neither is tried again.
func TestPlainGroundTruth(t *testing.T) {
	config := usual()
	config.TLS = &tls.Config{RootCAs: authority(t).pool}
	config.Connections = 64
	for _, config.Protocol = range []Protocol{HTTPS1, H2, H2C} {
		for _, rate := range []int{1000, 3000} {
			var seen []string
			good := false
			for try := 0; try < 4 && !good; try++ {
				var text string
				good, text = plainTruth(t, config, rate)
				seen = append(seen, text)
			}
			t.Logf("%s at %d/s: %s", config.Protocol, rate, strings.Join(seen, "; "))
			if !good {
				t.Errorf("%s at %d/s: neither within 10%% of the truth nor marked", config.Protocol, rate)
			}
		}
	}
}

// plainTruth measures the P99.9 against a known stall once.
func plainTruth(t *testing.T, config Config, rate int) (good bool, text string) {
	truth := stall.Config{Service: time.Millisecond, Stall: 100 * time.Millisecond, Period: time.Second}
	handler, err := stall.NewHandler(truth)
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close()
	engine, lanes := start(t, config, web(t, config, handler))
	n := 2 * rate // two whole periods
	requests := make([]Request, n)
	for i := range requests {
		requests[i] = Request{Probe: -1, Wire: []byte("GET / HTTP/1.1\r\nHost: target\r\n\r\n")}
	}
	due := arrival.Constant{RatePerS: float64(rate)}.Due(1, 1, n, 0)
	lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{due}, Requests: requests})
	if completed, _ := outcome(lane); completed != int64(n) || len(handler.Arrivals()) != n {
		t.Errorf("%d completed and %d arrived of %d; errors %v", completed, len(handler.Arrivals()), n, errorsOf(lane))
	}
	ratio := lane.Operations[0].Response.Quantile(0.999) / float64(truth.Quantile(0.999))
	text = time.Duration(lane.Operations[0].Response.Quantile(0.999)).String() + " for " + truth.Quantile(0.999).String()
	if lane.Engine.Limited != "" {
		return true, text + ", " + lane.Engine.Limited
	}
	return math.Abs(ratio-1) <= 0.1, text
}
