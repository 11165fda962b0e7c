package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// connectionHeaders mean something for one HTTP/1.1 connection and may not be
// sent in HTTP/2 (RFC 9113 §8.2.2).
var connectionHeaders = []string{"Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Te"}

// parseRequests translates a sequence for HTTP/2. Requests that share their bytes
// share the translation.
func parseRequests(requests []Request, p Protocol) ([]*http.Request, error) {
	scheme := "http"
	if p.secure() {
		scheme = "https"
	}
	type text struct {
		first *byte
		size  int
	}
	known := make(map[text]*http.Request)
	parsed := make([]*http.Request, len(requests))
	for i := range requests {
		wire := requests[i].Wire
		key := text{&wire[0], len(wire)}
		r := known[key]
		if r == nil {
			var err error
			if r, err = parseRequest(wire, scheme); err != nil {
				return nil, fmt.Errorf("translate request %d to HTTP/2: %w", i, err)
			}
			known[key] = r
		}
		parsed[i] = r
	}
	return parsed, nil
}

// parseRequest reads one whole HTTP/1.1 request. Its body is kept in GetBody, and
// Body is nil: a copy with a body of its own is sent.
func parseRequest(wire []byte, scheme string) (*http.Request, error) {
	source := bytes.NewReader(wire)
	in := bufio.NewReader(source)
	r, err := http.ReadRequest(in)
	if err != nil {
		return nil, fmt.Errorf("read it as HTTP/1.1: %w", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read its body: %w", err)
	}
	if in.Buffered()+source.Len() > 0 {
		return nil, errors.New("bytes follow its end: is its Content-Length right?")
	}
	r.URL.Scheme, r.URL.Host, r.RequestURI = scheme, r.Host, ""
	if r.Host == "" {
		return nil, errors.New("it has no Host")
	}
	for _, name := range connectionHeaders {
		r.Header.Del(name)
	}
	if _, ok := r.Header["User-Agent"]; !ok {
		r.Header["User-Agent"] = nil // else net/http would add its own
	}
	r.Close, r.TransferEncoding, r.Body, r.ContentLength = false, nil, nil, int64(len(body))
	if len(body) > 0 {
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	return r, nil
}

// requestFor returns a copy of a request to be sent once.
func requestFor(ctx context.Context, parsed *http.Request) *http.Request {
	r := parsed.WithContext(ctx)
	if parsed.GetBody != nil {
		r.Body, _ = parsed.GetBody() // cannot fail: it is in memory
	}
	return r
}
