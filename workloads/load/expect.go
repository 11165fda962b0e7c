package load

import (
	"fmt"
	"slices"
)

// DefaultMaxBody is how many bytes of a body are kept for Expectation.Body where
// Expectation.MaxBody is 0.
const DefaultMaxBody = 1 << 20

// Expectation is what a right answer looks like. Requests and lanes share it; it
// is never modified. No expectation at all means any status of 2xx and any body.
type Expectation struct {
	// Status holds the status codes that are right; empty means any 2xx. A
	// redirect is a status like any other and never followed.
	Status []int

	// Body reports whether the body is right; nil: the body is not looked at, and
	// dropped as it comes. It is called for a right status, once the response was
	// timed, with the body as it was before Content-Encoding: gzip is undone, and
	// a body in another coding or one that cannot be decoded is a wrong one
	// without asking. It must neither keep nor change the bytes. The epoll
	// transport calls it on the engine's thread, so time spent in it may show as
	// the engine's lag.
	Body func([]byte) bool

	// MaxBody is how many bytes of the decoded body are kept for Body; a longer
	// one is a wrong body. 0 means DefaultMaxBody. Each connection keeps a buffer
	// as large as the largest body that it has seen, and twice that with gzip.
	MaxBody int
}

func (x *Expectation) check() error {
	for _, code := range x.Status {
		if code < 200 || code > 599 {
			return fmt.Errorf("expects status %d; a final one is from 200 to 599", code)
		}
	}
	if x.MaxBody < 0 {
		return fmt.Errorf("expects a body of at most %d bytes; use 0 for the default", x.MaxBody)
	}
	return nil
}

func (x *Expectation) maxBody() int {
	if x.MaxBody == 0 {
		return DefaultMaxBody
	}
	return x.MaxBody
}

// wantsBody reports whether the body of the response is to be kept.
func (r *Request) wantsBody() bool { return r.Expect != nil && r.Expect.Body != nil }

// judge says whether a complete response is the right answer, and if it is not,
// as what the request fails. body is what was captured, if the request wants one.
func (r *Request) judge(code int, body *capture) (failure kind, right bool) {
	x := r.Expect
	switch {
	case x == nil || len(x.Status) == 0:
		right = code/100 == 2
	default:
		right = slices.Contains(x.Status, code)
	}
	if !right {
		return status, false
	}
	if !r.wantsBody() {
		return 0, true
	}
	if content, ok := body.content(x.maxBody()); !ok || !x.Body(content) {
		return wrongBody, false
	}
	return 0, true
}
