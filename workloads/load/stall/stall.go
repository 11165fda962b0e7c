// Package stall is a server whose latency is known in advance: every request
// takes the same service time, and at fixed intervals the server holds all that
// arrives until a stall is over. What a load generator measures against it can
// be compared with a closed form, and what it leaves out shows.
//
// With 1 ms of service and a stall of 100 ms every 5 s, 2% of evenly spaced
// requests arrive in a stall, and one that arrives x after its beginning takes
// 100 ms − x + 1 ms. The slowest 1% is the first half of these, so P99 is 51 ms,
// and P99.9 is 96 ms (Config.Quantile). A generator that waits for a response
// before it sends again has one request per connection in the stall instead of
// hundreds, and reports a P99 of 1 ms; Server.Arrivals gives it away.
//
// The server speaks just enough HTTP/1.1: requests without a body, one at a
// time on each connection, all answered alike. Handler does the same behind
// net/http, for TLS and HTTP/2.
package stall

import (
	"errors"
	"fmt"
	"time"
)

// Config is what the server does. The zero value answers at once, always.
type Config struct {
	Service time.Duration // from arrival to answer
	Stall   time.Duration // length of a stall
	Period  time.Duration // from the beginning of a stall to that of the next; 0: no stalls
}

// Standard is the yardstick: 1 ms of service, 100 ms of stall every 5 s.
func Standard() Config {
	return Config{Service: time.Millisecond, Stall: 100 * time.Millisecond, Period: 5 * time.Second}
}

func (c Config) check() error {
	if c.Service < 0 || c.Stall < 0 || c.Period < 0 || c.Period > 0 && c.Stall >= c.Period {
		return fmt.Errorf("stall server: service %v, stall %v, period %v; none may be negative and a stall must be shorter than its period", c.Service, c.Stall, c.Period)
	}
	return nil
}

// edge moves stalls off the round times at which requests of a round rate
// arrive: there, whether the slowest one is held would be left to chance.
const edge = int64(450 * time.Microsecond)

// InStall reports whether a request that arrived at ns after the first one was
// held. The first stall begins half a period after the first request, less
// 0.45 ms, so that a run of k periods sees k whole stalls.
func (c Config) InStall(ns int64) bool {
	_, held := c.stallEnd(ns)
	return held
}

// stallEnd returns the end of the stall that ns falls into.
func (c Config) stallEnd(ns int64) (end int64, held bool) {
	if c.Period == 0 || c.Stall == 0 {
		return 0, false
	}
	period := int64(c.Period)
	lead := period/2 - edge
	if ns < lead {
		return 0, false
	}
	begin := (ns-lead)/period*period + lead
	end = begin + int64(c.Stall)
	return end, ns < end
}

// answerAt returns when a request that arrived at ns is answered. It never
// decreases, so waiting requests are a queue.
func (c Config) answerAt(ns int64) int64 {
	if end, held := c.stallEnd(ns); held {
		ns = end
	}
	return ns + int64(c.Service)
}

// Quantile returns the q-quantile of the response time of evenly spaced
// requests over whole periods, for a server that costs no CPU time itself.
func (c Config) Quantile(q float64) time.Duration {
	if c.Period == 0 {
		return c.Service
	}
	slowest := (1 - q) * float64(c.Period) // of each period, the stretch of arrivals that take longer
	return c.Service + max(0, c.Stall-time.Duration(slowest))
}

var errArrivals = errors.New("the server is running: close it before its arrivals are read")

const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// requestEnd finds the ends of requests without a body in a stream: it counts
// how far into CR LF CR LF the stream is.
type requestEnd uint8

// feed returns how many requests end in b.
func (e *requestEnd) feed(b []byte) (ended int) {
	const end = "\r\n\r\n"
	for _, c := range b {
		switch c {
		case end[*e]:
			*e++
		case '\r':
			*e = 1
		default:
			*e = 0
		}
		if *e == requestEnd(len(end)) {
			ended++
			*e = 0
		}
	}
	return ended
}
