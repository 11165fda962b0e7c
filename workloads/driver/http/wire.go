package httpdriver

import (
	"strconv"
	"strings"

	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/mix"
	"github.com/fivegate/fivegate/workloads/scenario"
)

// encoder makes the bytes of one kind of request.
type encoder struct {
	request *scenario.Request
	host    string // empty: the scenario has a Host header
	wire    []byte // the request, where nothing in it changes; else nil
	expect  *load.Expectation
}

func (d *Driver) newEncoder(q *scenario.Request) encoder {
	e := encoder{request: q, host: d.options.Host, expect: expectation(q.Expect)}
	_, pathFixed := q.Path.Fixed()
	_, bodyFixed := q.Body.Fixed()
	changes := !pathFixed || !bodyFixed
	for _, h := range q.Headers {
		_, valueFixed := h.Value.Fixed()
		changes = changes || !valueFixed
		if strings.EqualFold(h.Name, "Host") {
			e.host = ""
		}
	}
	if !changes {
		e.wire = e.build(&drawn{})
	}
	return e
}

// wire is the request of an item, whose serial number no other request has.
func (d *Driver) wire(e *encoder, item mix.Item, serial uint64) []byte {
	if e.wire != nil {
		return e.wire
	}
	return e.build(&drawn{values: d.values, rng: d.Random(item), serial: serial})
}

// build makes a complete request: its line, Host, the scenario's headers in their
// order, and Content-Length where there is a body or the method is one that has
// one (RFC 9110, section 8.6).
func (e *encoder) build(v *drawn) []byte {
	q := e.request
	b := make([]byte, 0, 512)
	b = append(b, q.Method...)
	b = append(b, ' ')
	b = v.expand(b, q.Path, scenario.Form)
	b = append(b, " HTTP/1.1\r\n"...)
	if e.host != "" {
		b = appendHeader(b, "Host", e.host)
	}
	for _, h := range q.Headers {
		b = append(b, h.Name...)
		b = append(b, ": "...)
		b = v.expand(b, h.Value, scenario.Plain)
		b = append(b, "\r\n"...)
	}
	var body []byte
	if text, fixed := q.Body.Fixed(); fixed {
		body = []byte(text)
	} else {
		body = v.expand(nil, q.Body, q.Encoding)
	}
	if len(body) > 0 || q.Method == "POST" || q.Method == "PUT" || q.Method == "PATCH" {
		b = appendHeader(b, "Content-Length", strconv.Itoa(len(body)))
	}
	b = append(b, "\r\n"...)
	return append(b, body...)
}

func appendHeader(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// expand appends a template with its values in an encoding.
func (v *drawn) expand(b []byte, t scenario.Template, e scenario.Encoding) []byte {
	for _, part := range t {
		if part.Value < 0 {
			b = append(b, part.Text...)
		} else {
			b = e.Append(b, v.text(part.Value))
		}
	}
	return b
}
