package load

import (
	"math"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestPoolUse(t *testing.T) {
	cores := time.Duration(runtime.GOMAXPROCS(0))
	second := time.Second
	for _, test := range []struct {
		reason       string
		cpu, starved time.Duration
		want         time.Duration
	}{
		{"half of its cores used", cores * second / 2, 0, second / 2},
		{"and kept from them for a quarter", cores * second / 2, cores * second / 4, 3 * second / 4},
		{"more threads than cores waited", cores * second / 2, 9 * cores * second, second},
		{"threads ended", cores * second / 2, -second, second / 2},
	} {
		if got := poolUse(second, test.cpu, test.starved); got.queuedBusy != test.want || got.busy != test.want || got.queued != second {
			t.Errorf("%s: got %+v, want %v busy", test.reason, got, test.want)
		}
	}
}

func TestSelfCheck(t *testing.T) {
	second := time.Second
	healthy := selfCheck{
		open: true, due: 1000, sent: 1000,
		lagP99: 1e5, waitP99: 1, responseP99: 2e6,
		use: use{wall: second, busy: second / 5},
	}
	tests := []struct {
		reason string
		change func(c *selfCheck)
		want   string // part of the reason; "" for valid
	}{
		{"a healthy slice", func(*selfCheck) {}, ""},
		{"lag under 1 ms is tolerated before a fast target", func(c *selfCheck) { c.lagP99 = 0.99e6 }, ""},
		{"lag over 1 ms is not", func(c *selfCheck) { c.lagP99 = 1.01e6 }, "send lag P99 1.01ms is over 1ms"},
		{"nor when nothing completed", func(c *selfCheck) { c.lagP99, c.responseP99 = 2e6, math.NaN() }, "over 1ms"},
		{"lag of a tenth of the response is tolerated", func(c *selfCheck) { c.lagP99, c.responseP99 = 4e6, 50e6 }, ""},
		{"more is not", func(c *selfCheck) { c.lagP99, c.responseP99 = 6e6, 50e6 }, "send lag"},
		{"0.5% unsent is tolerated", func(c *selfCheck) { c.sent = 995 }, ""},
		{"more is not", func(c *selfCheck) { c.sent = 994 }, "6 of 1000 requests were not sent"},
		{"what a dead target did not take is its own fault", func(c *selfCheck) { c.sent, c.gaveUp = 10, 990 }, ""},
		{"a slow target: requests wait while the engine sleeps", func(c *selfCheck) {
			c.waitP99, c.responseP99 = 80e6, 100e6
			c.use.queued, c.use.queuedBusy = second/2, second/10
		}, ""},
		{"a slow engine: requests wait while it works", func(c *selfCheck) {
			c.waitP99, c.responseP99 = 80e6, 100e6
			c.use.queued, c.use.queuedBusy = second/2, second/2-second/20
		}, "busy 90% of the time in which requests waited"},
		{"a short queue is not worth a verdict", func(c *selfCheck) {
			c.waitP99 = 5e5
			c.use.queued, c.use.queuedBusy = second/100, second/100
		}, ""},
		{"requests that a busy engine let run out", func(c *selfCheck) {
			c.sent, c.gaveUp = 900, 100
			c.use.queued, c.use.queuedBusy = second/2, second/2
		}, "busy 100%"},
		{"goroutines that get their threads", func(c *selfCheck) { c.use.pooled, c.use.threadWaitP99 = true, 900*time.Microsecond }, ""},
		{"goroutines that wait for threads", func(c *selfCheck) { c.use.pooled, c.use.threadWaitP99 = true, 2*time.Millisecond }, "waited for a thread, P99 2ms, over 1ms"},
		{"and before a slow target", func(c *selfCheck) {
			c.use.pooled, c.use.threadWaitP99, c.responseP99 = true, 2*time.Millisecond, 50e6
		}, ""},
		{"lag in the tail of a pool", func(c *selfCheck) { c.use.pooled, c.lagP999, c.responseP999 = true, 6e6, 20e6 }, "send lag P99.9 6ms is over 5ms"},
		{"of a tenth of the response is tolerated", func(c *selfCheck) { c.use.pooled, c.lagP999, c.responseP999 = true, 9e6, 100e6 }, ""},
		{"and of a loop, which shows all of it as busy time", func(c *selfCheck) { c.lagP999, c.responseP999 = 6e6, 20e6 }, ""},
		{"lag in the tail when nothing completed", func(c *selfCheck) {
			c.use.pooled, c.lagP999, c.responseP99, c.responseP999 = true, 6e6, math.NaN(), math.NaN()
		}, "is over 5ms"},
		{"fixed concurrency, idle engine", func(c *selfCheck) { c.open, c.use.busy = false, second*9/10 }, ""},
		{"fixed concurrency, busy engine", func(c *selfCheck) { c.open, c.use.busy = false, second*97/100 }, "busy 97% of the closed loop"},
		{"a slice without anything", func(c *selfCheck) { *c = selfCheck{open: true, responseP99: math.NaN()} }, ""},
	}
	for _, test := range tests {
		c := healthy
		test.change(&c)
		got := c.limited()
		if got != "" && test.want == "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.reason, got, test.want)
		}
	}
}
