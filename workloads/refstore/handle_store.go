package refstore

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const maxContent = 100_000 // bytes

// rememberMemory stores a memory.
func (s *Server) rememberMemory(w http.ResponseWriter, r *http.Request) error {
	var q rememberRequest
	if err := decode(w, r, &q); err != nil {
		return err
	}
	if q.Content == nil {
		return missing("content")
	}
	if len(*q.Content) > maxContent {
		return invalidInput(fmt.Sprintf("content has %d bytes, want at most %d", len(*q.Content), maxContent))
	}
	now := time.Now().UTC()
	observed := now
	if q.Timestamp != nil {
		observed = *q.Timestamp
	}
	e := episode{id: q.ID, content: *q.Content, confidence: orElse(q.Confidence, 0.7), observed: observed.UnixNano(), stored: now.UnixNano()}
	return s.remember(w, r, &q, e, "mem_", 0.5)
}

// rememberEpisode stores an episode: what happened, and when.
func (s *Server) rememberEpisode(w http.ResponseWriter, r *http.Request) error {
	var q rememberRequest
	if err := decode(w, r, &q); err != nil {
		return err
	}
	if q.What == nil {
		return missing("what")
	}
	if q.When == nil {
		return missing("when")
	}
	e := episode{id: q.ID, content: *q.What, confidence: orElse(q.Importance, 0.5), observed: q.When.UnixNano(), stored: time.Now().UnixNano()}
	return s.remember(w, r, &q, e, "ep_", 0.6)
}

// missing is the framework's answer to a required field that is absent.
func missing(field string) error {
	return &rejection{http.StatusUnprocessableEntity, fmt.Sprintf("failed to deserialize the JSON body: missing field `%s`", field)}
}

// remember stores an episode and answers. Without an embedding it gets a constant
// one; without an id, a random one.
func (s *Server) remember(w http.ResponseWriter, r *http.Request, q *rememberRequest, e episode, prefix string, constant float32) error {
	started := time.Now()
	if strings.TrimSpace(e.content) == "" {
		return invalidInput("content is empty")
	}
	sp, err := s.chosenSpace(r, r.URL.Query().Get("space"), q.MemorySpace)
	if err != nil {
		return err
	}
	if e.id == "" {
		e.id = prefix + strings.ToLower(rand.Text()[:8])
	}
	v := []float32(q.Embedding)
	if v == nil {
		v = s.constant(constant)
	}
	e.confidence = min(max(e.confidence, 0), 1)
	kept, err := s.store.remember(sp, e, v)
	if err != nil {
		return err
	}
	now := time.Now()
	s.metrics.stored(kept, now.Sub(started), now)
	reasoning := q.Reasoning
	if reasoning == "" {
		reasoning = "stored with the confidence given, less the pressure on the space"
	}
	if kept.dropped {
		reasoning = "a more confident memory of the same meaning was there already"
	}
	answer(w, http.StatusCreated, &rememberResponse{
		MemoryID: kept.id, StorageConfidence: confident(kept.confidence, reasoning), State: "Recent",
		ObservedAt: instant(e.observed), StoredAt: instant(e.stored),
		Links: links{Consolidation: "/api/v1/consolidations"}, SystemMessage: "memory stored in space " + sp.id,
	})
	return nil
}

// constant is the embedding of a memory that came without one.
func (s *Server) constant(value float32) []float32 {
	n, _ := s.store.expected()
	v := make([]float32, n)
	for i := range v {
		v[i] = value
	}
	return v
}

// orElse is the value, or fallback if none was given.
func orElse(value *float32, fallback float32) float32 {
	if value == nil {
		return fallback
	}
	return *value
}

// instant is a Unix time in nanoseconds as a time.
func instant(ns int64) time.Time { return time.Unix(0, ns).UTC() }
