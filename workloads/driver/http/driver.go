// Package httpdriver drives any HTTP server with the requests that its scenario
// describes.
//
// It makes complete HTTP/1.1 requests, encoded before a slice begins and the same
// bytes for both arms; it does not send them in a measurement (that is package
// load's part, over whatever protocol), only when it sets a fresh target up.
//
// Everything in a request follows from the scenario's seed and the item that it is
// made for. Values are written so that they stay where they stand: percent-encoded
// in a path, escaped within the strings of a JSON body. A value that stands twice
// in a request is the same both times.
//
// Example:
//
//	d, err := httpdriver.New(s, httpdriver.Options{})
//	err = d.Load(ctx, addr, nil)    // the requests of [[setup]], once per fresh target
//	requests := d.Round(0, 1000)    // the same for every arm
package httpdriver

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/mix"
	"github.com/fivegate/fivegate/workloads/scenario"
)

// Options say how targets are spoken to.
type Options struct {
	Host     string        // of the Host header where the scenario has none; empty: localhost
	Protocol load.Protocol // of Load and Verify; empty: HTTP/1.1
	TLS      *tls.Config   // of Load and Verify, with the protocols that need it
}

// defaultHost is neutral: the arms have ports of their own, and must get the same
// bytes.
const defaultHost = "localhost"

// maxWire bounds a request with values in it. A round has thousands of requests,
// which are all in memory when it begins.
const maxWire = 64 << 10

// Driver makes the requests of one scenario. After UseProbes it does not change, so
// that goroutines may share it.
type Driver struct {
	*mix.Mix // the rounds and the probe set
	scenario *scenario.Scenario
	options  Options
	values   []generate
	requests []encoder // by operation
	setup    []encoder
	verify   *encoder // nil: there is none
	origin   uint64   // sequences of measured requests begin beyond those of setup
}

// New prepares the driver and encodes the probe set. It fails when the scenario is
// not one for HTTP servers, and when a request is too large to be held in memory
// thousands of times.
func New(s *scenario.Scenario, o Options) (*Driver, error) {
	if s.HTTP == nil || len(s.HTTP.Requests) == 0 {
		return nil, errors.New("http driver: the scenario has no [[request]]")
	}
	if o.Host == "" {
		o.Host = defaultHost
	}
	d := &Driver{scenario: s, options: o}
	for _, v := range s.HTTP.Values {
		g, err := newGenerator(v, s.Seed)
		if err != nil {
			return nil, fmt.Errorf("http driver: value %q: %w", v.Name, err)
		}
		d.values = append(d.values, g)
	}
	for i := range s.HTTP.Setup {
		d.setup = append(d.setup, d.newEncoder(&s.HTTP.Setup[i].Request))
		d.origin = max(d.origin, uint64(s.HTTP.Setup[i].Count))
	}
	if s.HTTP.Verify != nil {
		verify := d.newEncoder(s.HTTP.Verify)
		d.verify = &verify
	}
	operations := make([]mix.Operation, len(s.HTTP.Requests))
	for i := range s.HTTP.Requests {
		q := &s.HTTP.Requests[i]
		operations[i] = mix.Operation{Weight: s.Operations[i].Weight, Repeatable: q.Repeatable}
		d.requests = append(d.requests, d.newEncoder(q))
	}
	d.Mix = mix.New(s.Seed, operations, d.encode)
	if err := d.checkSizes(); err != nil {
		return nil, err
	}
	d.UseProbes(s.Probes)
	return d, nil
}

// checkSizes looks at one request of each operation.
func (d *Driver) checkSizes() error {
	for op := range d.requests {
		if n := len(d.encode(op, 0).Wire); n > maxWire && d.requests[op].wire == nil {
			return fmt.Errorf("http driver: request %q has %d bytes: with values in it at most %d are possible; use shorter texts, or a body without values",
				d.scenario.Operations[op].Name, n, maxWire)
		}
	}
	return nil
}

// Operations are the names of the requests, in the order of the scenario;
// Request.Operation is an index into them.
func (d *Driver) Operations() []string {
	names := make([]string, len(d.scenario.Operations))
	for i, o := range d.scenario.Operations {
		names[i] = o.Name
	}
	return names
}

// encode makes the request of an operation for an item.
func (d *Driver) encode(op int, item mix.Item) load.Request {
	e := &d.requests[op]
	return load.Request{Wire: d.wire(e, item, d.origin+item.Serial()), Expect: e.expect}
}

// expectation is what the engine must hold an answer against; nil: any success.
func expectation(e scenario.Expect) *load.Expectation {
	if len(e.Status) == 0 && e.Contains == "" && e.JSON == nil {
		return nil
	}
	x := &load.Expectation{Status: e.Status}
	if e.Contains != "" || e.JSON != nil {
		wanted := []byte(e.Contains)
		x.Body = func(body []byte) bool {
			return bytes.Contains(body, wanted) && (e.JSON == nil || e.JSON.Holds(body))
		}
	}
	return x
}
