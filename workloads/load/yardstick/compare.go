package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/load/stall"
)

// client is a load generator under comparison.
type client interface {
	name() string
	protocol() load.Protocol
	run(ctx context.Context, address string, rate int, duration time.Duration) (measured, error)
}

// measured is one run of one client: what it says of itself, and what the
// server saw.
type measured struct {
	client string
	rate   int

	p99, p999 time.Duration
	lagP99    time.Duration
	lagKnown  bool
	dropped   int64 // or failed
	cpu       time.Duration
	threadUS  float64 // ours: CPU of the engine's thread alone for each request
	limited   string  // ours: the self-check's reason

	due  int
	saw  served
	fail error
}

// plainProtocols are what the plain transport is measured with.
var plainProtocols = []load.Protocol{load.HTTPS1, load.H2, load.H2C}

// compare runs everything and writes the tables.
func compare(ctx context.Context, o options, stdout, progress io.Writer) error {
	clients := []client{ours{o.connections, o.pin, load.HTTP1}}
	if o.rivals && len(o.rates) > 0 {
		folder, err := os.MkdirTemp("", "yardstick")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		for _, module := range []string{vegetaModule, k6Module} {
			if err := install(ctx, folder, module, progress); err != nil {
				return err
			}
		}
		clients = append(clients, vegeta{folder}, k6{folder})
	}
	r := results{options: o, config: stall.Standard(), started: time.Now().UTC()}
	for _, rate := range o.rates {
		for _, c := range clients {
			fmt.Fprintf(progress, "%s at %d/s for %v\n", c.name(), rate, o.duration)
			r.runs = append(r.runs, measure(ctx, c, r.config, o, rate, o.duration))
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	for _, rate := range o.plainRates {
		for _, p := range plainProtocols {
			c := ours{o.connections, o.pin, p}
			fmt.Fprintf(progress, "%s at %d/s for %v\n", c.name(), rate, o.duration)
			r.plain = append(r.plain, measure(ctx, c, r.config, o, rate, o.duration))
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	if o.peak {
		for _, c := range clients[:min(2, len(clients))] { // ours and vegeta
			p, err := findPeak(ctx, c, o, progress)
			if err != nil {
				return err
			}
			r.peaks = append(r.peaks, p)
		}
	}
	text := r.markdown()
	fmt.Fprint(stdout, text)
	if o.out == "" {
		return nil
	}
	return os.WriteFile(o.out, []byte(text), 0o644)
}

// measure runs one client against a fresh server.
func measure(ctx context.Context, c client, config stall.Config, o options, rate int, duration time.Duration) measured {
	s, err := startServer(ctx, config, c.protocol(), o.pin)
	if err != nil {
		return measured{client: c.name(), rate: rate, fail: err}
	}
	m, err := c.run(ctx, s.address, rate, duration)
	m.client, m.rate, m.fail = c.name(), rate, err
	m.due = int(float64(rate) * duration.Seconds())
	saw, err := s.stop()
	m.saw = saw
	if m.fail == nil {
		m.fail = err
	}
	return m
}

// peak is the highest rate that a client sent to 98% without a failure.
type peak struct {
	client string
	rate   int
	cpuUS  float64 // CPU of the client for each request there
}

const (
	peakDuration = 4 * time.Second
	peakWidth    = 1.03 // the search ends when the bounds are this close
	peakSent     = 0.98
)

// findPeak doubles the rate until the client falls behind and then bisects. The
// server answers at once, and the judge is what it saw.
func findPeak(ctx context.Context, c client, o options, progress io.Writer) (peak, error) {
	best := peak{client: c.name()}
	good, bad := 1000.0, 0.0
	for rate := 2 * good; bad == 0 || bad/good > peakWidth; {
		m := measure(ctx, c, stall.Config{}, o, int(rate), peakDuration)
		if err := ctx.Err(); err != nil {
			return best, err
		}
		held := m.heldRate()
		fmt.Fprintf(progress, "%s at %d/s: held %v, %v\n", c.name(), m.rate, held, m.fail)
		if held {
			good = rate
			best.rate, best.cpuUS = m.rate, m.cpuUS()
		} else {
			bad = rate
		}
		rate = 2 * good
		if bad > 0 {
			rate = (good + bad) / 2
		}
	}
	return best, nil
}

// heldRate reports whether the server saw at least 98% of the requests, at 98%
// of the rate or more.
func (m measured) heldRate() bool {
	arrived := float64(m.saw.Arrived)
	return m.fail == nil && m.dropped == 0 &&
		arrived >= peakSent*float64(m.due) && arrived >= peakSent*float64(m.rate)*m.saw.SpanS
}

// cpuUS returns the client's CPU time for each request, in µs.
func (m measured) cpuUS() float64 {
	return m.cpu.Seconds() * 1e6 / float64(max(m.saw.Arrived, 1))
}

// sentPercent returns how much of the schedule reached the server.
func (m measured) sentPercent() float64 {
	return 100 * float64(m.saw.Arrived) / float64(max(m.due, 1))
}

// inStallPercent returns how many of the arrivals fell into stalls.
func (m measured) inStallPercent() float64 {
	return 100 * float64(m.saw.InStall) / float64(max(m.saw.Arrived, 1))
}

// excess returns by how much a quantile is over its closed form, in percent.
func excess(got, want time.Duration) float64 {
	return 100 * (float64(got)/float64(want) - 1)
}
