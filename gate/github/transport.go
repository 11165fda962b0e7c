package github

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Time is the clock that a client waits by, and its luck. Tests give their own.
type Time struct {
	Now    func() time.Time
	Sleep  func(context.Context, time.Duration) error // returns early, with the context's error, when that ends
	Jitter func() float64                             // in [0, 1)
}

// How a client behaves towards a service that is busy. GitHub asks for a second
// between writes, for what Retry-After or x-ratelimit-reset say, and for a minute
// where neither does ("Best practices for using the REST API").
const (
	writeSpacing = time.Second
	firstBackoff = time.Second
	limitBackoff = time.Minute
	maxAttempts  = 5
	maxWait      = 3 * time.Minute // of all waits of a client together; then the job summary must do
	maxBody      = 16 << 20        // bytes of an answer
)

// transport adds the token, spaces writes, waits and repeats, and remembers
// answers by their ETag. One request at a time: the client is serial.
type transport struct {
	Time
	next  http.RoundTripper
	host  string // the only one that gets the token
	token string

	calls     int
	waited    time.Duration
	lastWrite time.Time
	pages     map[string]answered
}

// answered is an answer that may be asked for again: a 304 costs nothing of the rate
// limit.
type answered struct {
	etag   string
	header http.Header
	body   []byte
}

// RoundTrip sends a request, again and again while the service is busy and the
// request may be repeated. An answer that says so is returned when the patience is
// at its end.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := drain(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	for attempt := 1; ; attempt++ {
		if err := t.space(r); err != nil {
			return nil, err
		}
		answer, err := t.send(r, body)
		wait, again := t.patience(r, answer, err, attempt)
		if !again || t.waited+wait > maxWait {
			return answer, err
		}
		t.waited += wait
		if err := t.Sleep(r.Context(), wait); err != nil {
			return nil, fmt.Errorf("waiting to repeat %s %s: %w", r.Method, r.URL.Path, err)
		}
	}
}

func drain(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer body.Close()
	return io.ReadAll(body)
}

// space keeps a second between writes.
func (t *transport) space(r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || strings.HasSuffix(r.URL.Path, "/graphql") { // only queries are sent there
		return nil
	}
	now := t.Now()
	if wait := t.lastWrite.Add(writeSpacing).Sub(now); !t.lastWrite.IsZero() && wait > 0 {
		if err := t.Sleep(r.Context(), wait); err != nil {
			return fmt.Errorf("waiting to send %s %s: %w", r.Method, r.URL.Path, err)
		}
	}
	t.lastWrite = t.Now()
	return nil
}

// send sends a request once. The answer's body is in memory.
func (t *transport) send(original *http.Request, body []byte) (*http.Response, error) {
	r := original.Clone(original.Context())
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	if t.token != "" && r.URL.Host == t.host {
		r.Header.Set("Authorization", "Bearer "+t.token)
	}
	known, have := t.pages[r.URL.String()]
	if have && r.Method == http.MethodGet {
		r.Header.Set("If-None-Match", known.etag)
	}
	t.calls++
	answer, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	answer.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	switch etag := answer.Header.Get("ETag"); {
	case answer.StatusCode == http.StatusNotModified && have:
		answer.StatusCode, answer.Status, answer.Header, text = http.StatusOK, "200 OK", known.header.Clone(), known.body
	case r.Method == http.MethodGet && answer.StatusCode == http.StatusOK && etag != "":
		t.pages[r.URL.String()] = answered{etag, answer.Header.Clone(), text}
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return answer, nil
}

// patience says whether to send the request again, and after which wait.
func (t *transport) patience(r *http.Request, answer *http.Response, err error, attempt int) (time.Duration, bool) {
	if attempt == maxAttempts || r.Context().Err() != nil {
		return 0, false
	}
	switch {
	case err != nil, answer.StatusCode >= 500:
		// It may have had its effect: only what is the same twice is sent twice.
		return t.backoff(firstBackoff, attempt), repeatable(r)
	case limited(answer):
		wait, told := t.told(answer.Header)
		if !told {
			wait = t.backoff(limitBackoff, attempt)
		}
		return wait, true // it was refused before it had an effect
	}
	return 0, false
}

// repeatable says whether a request that may have had its effect can be sent
// again. A comment is created by each POST, and annotations are added by each PATCH
// of a check run.
func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	case http.MethodPatch:
		return !strings.Contains(r.URL.Path, "/check-runs/")
	}
	return false
}

// limited says whether an answer is a rate limit rather than a refusal: a 403 for
// want of permission is not to be repeated.
func limited(answer *http.Response) bool {
	switch answer.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusForbidden:
		text, _ := drain(answer.Body)
		answer.Body = io.NopCloser(bytes.NewReader(text))
		return answer.Header.Get("Retry-After") != "" || answer.Header.Get("X-RateLimit-Remaining") == "0" ||
			strings.Contains(strings.ToLower(string(text)), "secondary rate limit")
	}
	return false
}

// told is how long the service asks to wait, if it says.
func (t *transport) told(h http.Header) (time.Duration, bool) {
	if after := h.Get("Retry-After"); after != "" {
		if seconds, err := strconv.Atoi(after); err == nil && seconds >= 0 {
			return time.Duration(seconds) * time.Second, true
		}
		if at, err := http.ParseTime(after); err == nil {
			return max(0, at.Sub(t.Now())), true
		}
	}
	if h.Get("X-RateLimit-Remaining") == "0" {
		if reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			return max(0, time.Unix(reset, 0).Sub(t.Now())), true
		}
	}
	return 0, false
}

// backoff doubles with each attempt, and is scattered by half of itself, so that
// reporters that met a fault together do not come back together.
func (t *transport) backoff(first time.Duration, attempt int) time.Duration {
	wait := first << (attempt - 1)
	return wait/2 + time.Duration(t.Jitter()*float64(wait))
}
