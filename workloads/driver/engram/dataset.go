package engram

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	maxConnections = 8 // that load at a time, one per space
	attempts       = 4 // of a request that the target answers with 5xx
	retryDelay     = 50 * time.Millisecond
	requestTimeout = 30 * time.Second // of a request while loading; that of Engram's tool
	maxAnswer      = 8 << 20          // bytes of an answer that is read
	tolerance      = 0.01             // of the number of memories, see Verify
)

// StatusError is an answer that is no success.
type StatusError struct {
	Request string // method and path
	Status  int
	Body    string // its beginning
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s was answered %d: %s", e.Request, e.Status, e.Body)
}

// CountError is a dataset that is not there, or not all of it.
type CountError struct {
	Have, Want int // memories in the scenario's spaces
}

func (e *CountError) Error() string {
	return fmt.Sprintf("the target holds %d memories of a dataset of %d: load it into an empty data directory; if it was, the target dropped some as duplicates or lost them", e.Have, e.Want)
}

// client talks to one target outside measurements.
type client struct {
	http *http.Client
	base string
}

// newClient is a client that reuses its connections; close it after use.
func newClient(addr string) *client {
	return &client{
		base: "http://" + addr,
		http: &http.Client{
			Timeout: requestTimeout,
			Transport: &http.Transport{
				DialContext:         (&net.Dialer{}).DialContext, // no proxy from the environment
				MaxIdleConnsPerHost: maxConnections,
			},
		},
	}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// Load creates the spaces and stores the dataset. Each space is filled over one
// connection, one memory after another, so that what a target makes of the order
// (an index, for instance) is the same for both arms; up to eight spaces are
// filled at a time. progress, which may be nil, is called from one goroutine at a
// time. The error is a *StatusError if the target refused a request; one that it
// answered with 5xx was repeated three times.
func (d *Driver) Load(ctx context.Context, addr string, progress func(done, total int)) error {
	c := newClient(addr)
	defer c.close()
	for _, space := range d.spaces {
		if err := c.createSpace(ctx, space); err != nil {
			return fmt.Errorf("engram driver: create memory space %s on %s: %w", space, addr, err)
		}
	}
	if err := d.fill(ctx, c, newCounter(d.nodes, progress)); err != nil {
		return fmt.Errorf("engram driver: load the dataset into %s: %w", addr, err)
	}
	return nil
}

// fill stores the items of all spaces. The first error ends it.
func (d *Driver) fill(parent context.Context, c *client, done *counter) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	var workers sync.WaitGroup
	n := min(maxConnections, len(d.spaces))
	for worker := range n {
		workers.Go(func() {
			for first := worker; first < len(d.spaces); first += n {
				if err := d.fillSpace(ctx, c, first, done); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// fillSpace stores the items of one space in their order.
func (d *Driver) fillSpace(ctx context.Context, c *client, first int, done *counter) error {
	var body []byte
	for item := first; item < d.nodes; item += len(d.spaces) {
		body = d.memory(body[:0], uint64(item))
		if err := c.post(ctx, "/api/v1/memories/remember", d.spaces[first], body); err != nil {
			return fmt.Errorf("item %d: %w", item, err)
		}
		done.add()
	}
	return nil
}

// createSpace makes a space; one that exists is no error.
func (c *client) createSpace(ctx context.Context, space string) error {
	return c.post(ctx, "/api/v1/spaces", space, []byte(`{"id":"`+space+`"}`))
}

// post sends a JSON body, and again if the target has an error of its own.
func (c *client) post(ctx context.Context, path, space string, body []byte) error {
	for attempt := 1; ; attempt++ {
		_, err := c.do(ctx, http.MethodPost, path, space, body)
		var status *StatusError
		if err == nil || attempt == attempts || !errors.As(err, &status) || status.Status < 500 {
			return err
		}
		select {
		case <-time.After(retryDelay):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// do sends one request and reads the answer.
func (c *client) do(ctx context.Context, method, path, space string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Memory-Space", space)
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if answer.StatusCode/100 != 2 {
		return text, &StatusError{Request: method + " " + path, Status: answer.StatusCode, Body: clip(text)}
	}
	return text, nil
}

// clip is the beginning of an answer, on one line.
func clip(text []byte) string {
	const most = 300
	line := strings.Join(strings.Fields(string(text[:min(len(text), most)])), " ")
	if len(text) > most {
		line += "…"
	}
	return strings.ToValidUTF8(line, "")
}

// Verify checks that a target holds the dataset, by the number of memories in the
// scenario's spaces: within one percent, since a target may take two for the same,
// or, after a repeated request, count one twice. The error is a *CountError if it
// does not.
func (d *Driver) Verify(ctx context.Context, addr string) error {
	c := newClient(addr)
	defer c.close()
	have, err := c.count(ctx, d.spaces)
	if err != nil {
		return fmt.Errorf("engram driver: count the memories of %s: %w", addr, err)
	}
	if slack := tolerance * float64(d.nodes); float64(have) < float64(d.nodes)-slack || float64(have) > float64(d.nodes)+slack {
		return fmt.Errorf("engram driver: %s: %w", addr, &CountError{Have: have, Want: d.nodes})
	}
	return nil
}

// count is the number of memories in some spaces.
func (c *client) count(ctx context.Context, spaces []string) (int, error) {
	text, err := c.do(ctx, http.MethodGet, "/api/v1/system/health", spaces[0], nil)
	var status *StatusError
	if errors.As(err, &status) && status.Status == http.StatusServiceUnavailable {
		err = nil // Engram says so when it thinks itself unwell, and counts all the same
	}
	if err != nil {
		return 0, err
	}
	var health struct {
		Spaces []struct {
			Space    string `json:"space"`
			Memories int    `json:"memories"`
		} `json:"spaces"`
	}
	if err := json.Unmarshal(text, &health); err != nil {
		return 0, fmt.Errorf("GET /api/v1/system/health: %w", err)
	}
	wanted := make(map[string]bool, len(spaces))
	for _, s := range spaces {
		wanted[s] = true
	}
	total := 0
	for _, s := range health.Spaces {
		if wanted[s.Space] {
			total += s.Memories
		}
	}
	return total, nil
}

// counter reports progress.
type counter struct {
	mu       sync.Mutex
	done     int
	total    int
	progress func(done, total int)
}

func newCounter(total int, progress func(done, total int)) *counter {
	if progress == nil {
		progress = func(int, int) {}
	}
	return &counter{total: total, progress: progress}
}

// add counts one item.
func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	c.progress(c.done, c.total)
}
