package stall

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/fivegate/fivegate/workloads/load/internal/alarm"
)

// Handler answers like Server over all that net/http serves, TLS and HTTP/2 among
// it. It costs more than Server, so the closed form is a lower bound from lower
// rates on.
type Handler struct {
	config Config
	alarm  *alarm.Alarm
	base   time.Time
	ended  chan struct{}

	mu       sync.Mutex
	closed   bool
	first    int64 // when the first request arrived; -1 before
	arrivals []int64
	waiting  chan held // in the order of arrival, which is that of answering
}

// held is a request that is to be answered.
type held struct {
	at    int64
	ready chan struct{}
}

// mostHeld is how many requests can be waiting; more wait to arrive.
const mostHeld = 1 << 16

// NewHandler returns a handler that behaves as config says.
func NewHandler(config Config) (*Handler, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	a, err := alarm.New()
	if err != nil {
		return nil, err
	}
	h := &Handler{
		config: config, alarm: a, base: time.Now(), ended: make(chan struct{}),
		first: -1, waiting: make(chan held, mostHeld),
	}
	go h.release()
	return h, nil
}

// Close ends the handler once it has answered what it holds. Requests that come
// after are answered at once.
func (h *Handler) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	close(h.waiting)
	h.mu.Unlock()
	<-h.ended
	return h.alarm.Close()
}

// Arrivals returns when each request arrived so far, in ns from the first.
func (h *Handler) Arrivals() []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.arrivals)
}

// ServeHTTP answers "ok", at the time that the configuration gives.
func (h *Handler) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	<-h.arrive()
	w.Header()["Content-Length"] = answerLength
	_, _ = io.WriteString(w, "ok") // a client that is gone is no concern here
}

var answerLength = []string{"2"}

// arrive logs a request and returns what is closed when it is to be answered.
func (h *Handler) arrive() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := int64(time.Since(h.base))
	if h.first < 0 {
		h.first = now
	}
	at := now - h.first
	h.arrivals = append(h.arrivals, at)
	p := held{at: h.first + h.config.answerAt(at), ready: make(chan struct{})}
	if h.closed {
		close(p.ready)
	} else {
		h.waiting <- p
	}
	return p.ready
}

// release lets the requests go, one after the other as they came.
func (h *Handler) release() {
	defer close(h.ended)
	for p := range h.waiting {
		h.alarm.Sleep(time.Duration(p.at) - time.Since(h.base))
		close(p.ready)
	}
}
