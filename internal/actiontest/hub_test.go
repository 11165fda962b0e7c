package actiontest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// hub is as much of GitHub as gate publish needs under act: one pull request, its
// comments, and the files of its base branch. Whether requests are as GitHub's own
// description has them is tested in gate/github.
type hub struct {
	server *httptest.Server

	mu       sync.Mutex
	pull     map[string]any
	comments []note
	files    map[string]string // of the base branch
	writes   []string          // requests that change something
	strange  []string          // requests that nothing here answers
}

// note is a comment of the pull request.
type note struct {
	ID   int            `json:"id"`
	Body string         `json:"body"`
	URL  string         `json:"html_url"`
	User map[string]any `json:"user"`
}

// actionsUser writes what a workflow's own token writes.
var actionsUser = map[string]any{"login": "github-actions[bot]", "type": "Bot"}

func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{files: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /graphql", func(w http.ResponseWriter, _ *http.Request) {
		h.answer(w, http.StatusOK, map[string]any{"data": map[string]any{"viewer": map[string]any{"login": "github-actions"}}})
	})
	mux.HandleFunc("GET /repos/o/r/pulls", func(w http.ResponseWriter, _ *http.Request) { h.answer(w, http.StatusOK, []any{h.pull}) })
	mux.HandleFunc("GET /repos/o/r/pulls/7", func(w http.ResponseWriter, _ *http.Request) { h.answer(w, http.StatusOK, h.pull) })
	mux.HandleFunc("GET /repos/o/r/pulls/7/files", func(w http.ResponseWriter, _ *http.Request) {
		h.answer(w, http.StatusOK, []any{map[string]any{"filename": "serve.sh", "status": "modified"}})
	})
	mux.HandleFunc("GET /repos/o/r/contents/{name}", h.contents)
	mux.HandleFunc("GET /repos/o/r/issues/7/comments", func(w http.ResponseWriter, _ *http.Request) { h.answer(w, http.StatusOK, h.comments) })
	mux.HandleFunc("POST /repos/o/r/issues/7/comments", h.create)
	mux.HandleFunc("PATCH /repos/o/r/issues/comments/{id}", h.edit)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.strange = append(h.strange, r.Method+" "+r.URL.Path)
		http.NotFound(w, r)
	})
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if r.Method != http.MethodGet && r.URL.Path != "/graphql" {
			h.writes = append(h.writes, r.Method+" "+r.URL.Path)
		}
		if r.Header.Get("Authorization") != "Bearer "+actToken {
			http.Error(w, `{"message": "Bad credentials"}`, http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(h.server.Close)
	t.Cleanup(func() {
		if len(h.strange) > 0 {
			t.Errorf("requests that GitHub was not expected to get: %q", h.strange)
		}
	})
	return h
}

func (h *hub) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (h *hub) contents(w http.ResponseWriter, r *http.Request) {
	text, ok := h.files[r.PathValue("name")]
	if !ok {
		h.answer(w, http.StatusNotFound, map[string]any{"message": "Not Found"})
		return
	}
	h.answer(w, http.StatusOK, map[string]any{
		"type": "file", "name": r.PathValue("name"), "path": r.PathValue("name"), "encoding": "base64", "size": len(text),
		"content": base64.StdEncoding.EncodeToString([]byte(text)),
	})
}

func body(r *http.Request) string {
	var in struct {
		Body string `json:"body"`
	}
	text, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(text, &in)
	return in.Body
}

func (h *hub) create(w http.ResponseWriter, r *http.Request) {
	c := note{ID: 100 + len(h.comments), Body: body(r), URL: "https://github.com/o/r/pull/7#issuecomment-1", User: actionsUser}
	h.comments = append(h.comments, c)
	h.answer(w, http.StatusCreated, c)
}

func (h *hub) edit(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(h.comments, func(c note) bool { return fmt.Sprint(c.ID) == r.PathValue("id") })
	if i < 0 {
		http.NotFound(w, r)
		return
	}
	h.comments[i].Body = body(r)
	h.answer(w, http.StatusOK, h.comments[i])
}

// comment is the one comment that there must be, which must say some words.
func (h *hub) comment(t *testing.T, words ...string) note {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.comments) != 1 {
		t.Fatalf("%d comments, want one: %v", len(h.comments), h.comments)
	}
	for _, w := range words {
		if !strings.Contains(h.comments[0].Body, w) {
			t.Errorf("the comment does not say %q:\n%s", w, h.comments[0].Body)
		}
	}
	return h.comments[0]
}

// wrote are the requests that changed something since it was last asked.
func (h *hub) wrote() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	writes := h.writes
	h.writes = nil
	return writes
}
