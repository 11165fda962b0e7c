package refstore

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	answer(w, http.StatusOK, &healthResponse{Status: "healthy", Service: "engram", Version: version, Timestamp: time.Now().UTC()})
	return nil
}

func (s *Server) alive(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusOK)
	return nil
}

// systemHealth counts the memories of each space.
func (s *Server) systemHealth(w http.ResponseWriter, r *http.Request) error {
	only := r.URL.Query().Get("space")
	if only != "" {
		if err := checkSpaceID(only); err != nil {
			return unprocessable(err.Error())
		}
	}
	now := 0.0
	body := systemHealth{
		Status: "healthy", Timestamp: time.Now().UTC(),
		Checks: []healthCheck{{
			Name: "memory", Type: "memory", Status: "healthy", Message: "answering", Successes: 1,
			LastSuccess: &now, LastRun: &now,
		}},
	}
	for _, sp := range s.store.list() {
		if only == "" || only == sp.id {
			n, _ := sp.counts()
			body.Spaces = append(body.Spaces, spaceHealth{Space: sp.id, Memories: n, Pressure: min(1, float32(n)/pressureCapacity)})
		}
	}
	answer(w, http.StatusOK, &body)
	return nil
}

func (s *Server) getMemory(w http.ResponseWriter, r *http.Request) error {
	sp, err := s.chosenSpace(r, r.URL.Query().Get("space"), "")
	if err != nil {
		return err
	}
	m, ok := sp.get(r.PathValue("id"))
	if !ok {
		return notFound("MEMORY_NOT_FOUND", fmt.Sprintf("memory %q is not in space %s", clip(r.PathValue("id")), sp.id))
	}
	body := m.plain("episodic")
	answer(w, http.StatusOK, &body)
	return nil
}

// deleteMemory deletes nothing, and says so, as in Engram.
func (s *Server) deleteMemory(w http.ResponseWriter, r *http.Request) error {
	answer(w, http.StatusOK, &deleteResponse{
		Status: "not_supported", Message: "memories fade, they are not deleted", MemoryID: r.PathValue("id"),
		Rationale:     "other memories may rest on this one",
		Alternatives:  []string{"store a more confident memory in its place", "store under the same id", "use another memory space"},
		Documentation: "/docs/memory-systems",
	})
	return nil
}

// listMemories lists a space in the order of storing. All memories are in the hot
// tier.
func (s *Server) listMemories(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	sp, err := s.chosenSpace(r, q.Get("space"), "")
	if err != nil {
		return err
	}
	page, err := parsePage(q)
	if err != nil {
		return err
	}
	switch tier := strings.ToLower(q.Get("tier")); tier {
	case "", "hot", "all":
	case "warm", "cold":
		page.Limit = 0
	default:
		return &apiError{http.StatusBadRequest, "BAD_REQUEST", fmt.Sprintf("tier is %q, want hot, warm, cold or all", clip(tier))}
	}
	body := listResponse{Pagination: page}
	body.Memories, body.Tiers.Hot = sp.list(page.Offset, page.Limit, q.Get("include_embeddings") == "true")
	body.Tiers.Total = body.Tiers.Hot
	body.Count = len(body.Memories)
	body.Pagination.Returned = len(body.Memories)
	answer(w, http.StatusOK, &body)
	return nil
}

// parsePage reads which part of a list is wanted.
func parsePage(q url.Values) (pagination, error) {
	offset, err := intParameter(q, "offset", 0)
	if err != nil {
		return pagination{}, err
	}
	limit, err := intParameter(q, "limit", 100)
	return pagination{Offset: offset, Limit: min(limit, 1000)}, err
}

// list copies a page of the living memories, and counts them all.
func (s *space) list(offset, limit int, embeddings bool) ([]plainMemory, int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var page []plainMemory
	for i := range s.episodes {
		if len(page) == limit {
			break
		}
		if s.episodes[i].dead {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		m := memory{episode: s.episodes[i]}
		plain := m.plain("")
		if embeddings {
			plain.Embedding = s.vectors.row(uint32(i)) // rows never change
		}
		page = append(page, plain)
	}
	return page, s.live
}

func (s *Server) listSpaces(w http.ResponseWriter, _ *http.Request) error {
	var body spacesResponse
	for _, sp := range s.store.list() {
		body.Spaces = append(body.Spaces, s.describe(sp))
	}
	answer(w, http.StatusOK, &body)
	return nil
}

// describe is a space in the shape of the list of spaces.
func (s *Server) describe(sp *space) spaceBody {
	b := spaceBody{ID: sp.id, CreatedAt: sp.created}
	if s.store.files != nil {
		b.Root = filepath.Join(s.store.files.dir, sp.id)
	}
	return b
}

// createSpace makes a space, or finds it.
func (s *Server) createSpace(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		ID *string `json:"id"`
	}
	if err := decode(w, r, &q); err != nil {
		return err
	}
	if q.ID == nil {
		return missing("id")
	}
	sp, err := s.store.space(strings.TrimSpace(*q.ID), time.Now().UTC())
	if err != nil {
		return err
	}
	body := s.describe(sp)
	answer(w, http.StatusCreated, &body)
	return nil
}

// shutdown begins a graceful stop.
func (s *Server) shutdown(w http.ResponseWriter, _ *http.Request) error {
	answer(w, http.StatusOK, &statusResponse{Status: "shutdown_initiated", Message: "the store writes its snapshot and stops"})
	s.stopped.Do(func() { close(s.stop) })
	return nil
}
