package refstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	version      = "0.1.0"
	maxBody      = 2 << 20         // bytes of a JSON body
	drainTimeout = 2 * time.Second // for open requests at a graceful stop
)

// Server is a reference store and its HTTP API.
type Server struct {
	store   *store
	metrics *metrics
	handler http.Handler
	stop    chan struct{} // closed by POST /shutdown
	stopped sync.Once
	drain   chan struct{} // closed when a graceful stop begins
	drained sync.Once
}

// Open restores a store from a data directory, or begins an empty one there; with
// dir empty nothing is kept. The faults are those of ParseFault; each kind may
// occur once.
func Open(dir string, faults []Fault) (*Server, error) {
	s := &Server{
		store: newStore(time.Now().UTC()), metrics: newMetrics(),
		stop: make(chan struct{}), drain: make(chan struct{}),
	}
	mischief, err := newMischief(faults, s.drain)
	if err != nil {
		return nil, fmt.Errorf("refstore: %w", err)
	}
	if dir != "" {
		if s.store.files, err = openFiles(dir, s.store); err != nil {
			return nil, fmt.Errorf("refstore: %w", err)
		}
	}
	s.handler = mischief.wrap(s.routes())
	return s, nil
}

// TornBytes is the length of the torn end that was cut off the log at the start,
// in bytes.
func (s *Server) TornBytes() int64 {
	if s.store.files == nil {
		return 0
	}
	return s.store.files.torn
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve answers requests until ctx ends or POST /shutdown is received, lets open
// requests finish for two seconds, and closes the store. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	var err error
	select {
	case <-ctx.Done():
	case <-s.stop:
	case err = <-failed:
		return errors.Join(fmt.Errorf("refstore: serve %s: %w", l.Addr(), err), s.Close())
	}
	s.drained.Do(func() { close(s.drain) })
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if server.Shutdown(limit) != nil { // some request is still open: cut it off
		err = server.Close()
	}
	<-failed
	return errors.Join(err, s.Close())
}

// Close writes what has changed to the data directory and gives it up. No request
// may be open. Serve calls it.
func (s *Server) Close() error {
	if s.store.files == nil {
		return nil
	}
	if err := s.store.files.close(s.store); err != nil {
		return fmt.Errorf("refstore: %w", err)
	}
	return nil
}

// routes is the API.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /health":                     s.health,
		"GET /health/alive":               s.alive,
		"GET /api/v1/system/health":       s.systemHealth,
		"POST /api/v1/memories/remember":  s.rememberMemory,
		"POST /api/v1/memories":           s.rememberMemory,
		"POST /api/v1/episodes/remember":  s.rememberEpisode,
		"GET /api/v1/memories":            s.listMemories,
		"GET /api/v1/memories/{id}":       s.getMemory,
		"DELETE /api/v1/memories/{id}":    s.deleteMemory,
		"GET /api/v1/memories/recall":     s.recall,
		"GET /api/v1/memories/search":     s.search,
		"GET /api/v1/query/probabilistic": s.probabilistic,
		"POST /api/v1/complete":           s.complete,
		"GET /api/v1/spaces":              s.listSpaces,
		"POST /api/v1/spaces":             s.createSpace,
		"GET /api/v1/consolidations":      s.consolidations,
		"GET /api/v1/consolidations/{id}": s.consolidation,
		"GET /metrics":                    s.metricsJSON,
		"GET /metrics/prometheus":         s.metricsText,
		"POST /shutdown":                  s.shutdown,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			harden(w.Header())
			if err := h(w, r); err != nil {
				s.metrics.errors.add(1, time.Now())
				fail(w, err)
			}
		})
	}
	return mux
}

// harden sets the headers that Engram sends with every answer.
func harden(h http.Header) {
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["X-Frame-Options"] = []string{"DENY"}
	h["X-Xss-Protection"] = []string{"1; mode=block"}
	h["Access-Control-Allow-Origin"] = []string{"*"}
}

// buffers are reused for bodies and answers.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// answer writes a JSON answer. It is complete before the first byte is sent, so
// that a failure to encode is answered as one.
func answer(w http.ResponseWriter, status int, body any) {
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	if err := json.MarshalWrite(b, body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	w.Header()["Content-Length"] = []string{strconv.Itoa(b.Len())}
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client has gone: nobody to tell
}

// decode reads a JSON body as Engram's framework does: in plain text it rejects
// another content type (415), too large a body (413), malformed JSON (400) and
// fields of a wrong type (422).
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &rejection{http.StatusUnsupportedMediaType, "expected request with Content-Type: application/json"}
	}
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	if n := r.ContentLength; n > 0 && n <= maxBody {
		b.Grow(int(n) + bytes.MinRead) // ReadFrom wants that much room at the end
	}
	if _, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return &rejection{http.StatusRequestEntityTooLarge, fmt.Sprintf("body is larger than %d bytes", large.Limit)}
		}
		return &rejection{http.StatusBadRequest, "read body: " + err.Error()}
	}
	err := json.Unmarshal(b.Bytes(), into)
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &semantic):
		return &rejection{http.StatusUnprocessableEntity, "failed to deserialize the JSON body: " + err.Error()}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &rejection{http.StatusBadRequest, "failed to parse the JSON body: it ends too early"}
	default:
		return &rejection{http.StatusBadRequest, "failed to parse the JSON body: " + err.Error()}
	}
}

// chosenSpace finds the space of a request: header, then query, then body, then
// the default one. A valid new name creates a space.
func (s *Server) chosenSpace(r *http.Request, query, body string) (*space, error) {
	id := r.Header.Get("X-Memory-Space")
	for _, next := range [...]string{query, body, defaultSpace} {
		if id == "" {
			id = next
		}
	}
	return s.store.space(strings.TrimSpace(id), time.Now().UTC())
}
