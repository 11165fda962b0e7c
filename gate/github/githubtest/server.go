// Package githubtest is a GitHub for tests: a server on the loopback that keeps
// comments, check runs and pull requests, fails to order, and can hold every
// request against GitHub's own OpenAPI document.
package githubtest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// Repository is the one that the server has.
const Repository = "o/r"

// Server is a GitHub with one repository. Set its fields before it is asked.
type Server struct {
	Address  string // of the API, without a slash at its end
	Login    string // of the token's account
	Token    string // the only one that is let in
	ReadOnly bool   // the token may not write
	PageSize int    // most items of a page, whatever is asked for

	Pulls    []*Pull
	Contents map[string]string // by path@branch
	Check    func(*http.Request, []byte) error

	t        *testing.T
	mu       sync.Mutex
	nextID   int64
	comments []*Comment
	runs     []*CheckRun
	stubs    []*Stub
	log      []string // method and path of each request
}

// Comment is a comment of a pull request.
type Comment struct {
	ID     int64
	Pull   int
	Author string
	Body   string
}

// CheckRun is a check run as it was written last, with all annotations.
type CheckRun struct {
	ID          int64
	Name        string `json:"name"`
	HeadSHA     string `json:"head_sha"`
	ExternalID  string `json:"external_id"`
	Conclusion  string `json:"conclusion"`
	Output      Output `json:"output"`
	Annotations int    // of all requests together
}

// Output is what a check run shows.
type Output struct {
	Title       string           `json:"title"`
	Summary     string           `json:"summary"`
	Annotations []map[string]any `json:"annotations"`
}

// Pull is a pull request.
type Pull struct {
	Number             int
	State              string // open or closed
	Head, Branch, From string // commit, branch and full name of the head repository
	Base               string // branch
	Files              []string
}

// Stub is an answer to order. It is given for a number of requests, and a test
// fails when it was not needed.
type Stub struct {
	Method, Path string // Path is a part of it
	Times        int    // 0 is once
	Before       func() // called first, to change what the server has
	Lands        bool   // the request has its effect, whatever is answered
	Status       int    // 0: the server's own answer
	Header       map[string]string
	Body         string

	left int
}

// New starts a server whose API is below a path, which is empty for github.com
// and /api/v3 for an Enterprise server.
func New(t *testing.T, prefix string) *Server {
	s := &Server{Login: "github-actions[bot]", Token: "test-token-of-some-length", PageSize: 100, Contents: map[string]string{}, t: t, nextID: 100}
	server := httptest.NewServer(http.StripPrefix(prefix, s.routes()))
	s.Address = server.URL + prefix
	t.Cleanup(func() {
		server.Close()
		for _, stub := range s.stubs {
			if stub.left > 0 {
				t.Errorf("stub %s %s was not hit: %d times to go", stub.Method, stub.Path, stub.left)
			}
		}
	})
	return s
}

// Stub adds an answer to order.
func (s *Server) Stub(stub Stub) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stub.left = max(stub.Times, 1)
	s.stubs = append(s.stubs, &stub)
}

// Say adds a comment, and returns its number.
func (s *Server) Say(pull int, author, body string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	s.comments = append(s.comments, &Comment{s.nextID, pull, author, body})
	return s.nextID
}

// Comments are those of a pull request, oldest first.
func (s *Server) Comments(pull int) []Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Comment
	for _, c := range s.comments {
		if c.Pull == pull {
			out = append(out, *c)
		}
	}
	return out
}

// CheckRuns are all that were made.
func (s *Server) CheckRuns() []CheckRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []CheckRun
	for _, run := range s.runs {
		out = append(out, *run)
	}
	return out
}

// Requests counts those whose "METHOD path" holds a text.
func (s *Server) Requests(text string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.log {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	const repo = "/repos/" + Repository
	mux.HandleFunc("POST /graphql", s.viewer)
	mux.HandleFunc("GET "+repo+"/issues/{n}/comments", s.listComments)
	mux.HandleFunc("POST "+repo+"/issues/{n}/comments", s.createComment)
	mux.HandleFunc("PATCH "+repo+"/issues/comments/{id}", s.editComment)
	mux.HandleFunc("DELETE "+repo+"/issues/comments/{id}", s.deleteComment)
	mux.HandleFunc("GET "+repo+"/pulls", s.listPulls)
	mux.HandleFunc("GET "+repo+"/pulls/{n}", s.getPull)
	mux.HandleFunc("GET "+repo+"/pulls/{n}/files", s.listFiles)
	mux.HandleFunc("GET "+repo+"/contents/{path...}", s.getContents)
	mux.HandleFunc("GET "+repo+"/commits/{ref}/check-runs", s.listRuns)
	mux.HandleFunc("POST "+repo+"/check-runs", s.createRun)
	mux.HandleFunc("PATCH "+repo+"/check-runs/{id}", s.updateRun)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, mux) })
}

// serve lets a request in, holds it against the contract, and gives it to a stub
// or to the server itself.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, own http.Handler) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Errorf("read a request: %v", err)
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	s.mu.Lock()
	s.log = append(s.log, r.Method+" "+r.URL.RequestURI())
	s.mu.Unlock()
	if s.Check != nil && r.URL.Path != "/graphql" {
		if err := s.Check(r, body); err != nil {
			s.t.Errorf("%s %s is not as GitHub wants it: %v", r.Method, r.URL, err)
		}
	}
	if r.Header.Get("Authorization") != "Bearer "+s.Token {
		fail(w, http.StatusUnauthorized, "Bad credentials")
		return
	}
	if stub := s.take(r); stub != nil {
		stub.answer(w, r, own)
		return
	}
	if s.ReadOnly && r.Method != http.MethodGet && r.URL.Path != "/graphql" {
		fail(w, http.StatusForbidden, "Resource not accessible by integration")
		return
	}
	own.ServeHTTP(w, r)
}

func (s *Server) take(r *http.Request) *Stub {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stub := range s.stubs {
		if stub.left > 0 && stub.Method == r.Method && strings.Contains(r.URL.Path, stub.Path) {
			stub.left--
			return stub
		}
	}
	return nil
}

func (stub *Stub) answer(w http.ResponseWriter, r *http.Request, own http.Handler) {
	if stub.Before != nil {
		stub.Before()
	}
	if stub.Lands {
		own.ServeHTTP(httptest.NewRecorder(), r)
	}
	if stub.Status == 0 {
		own.ServeHTTP(w, r)
		return
	}
	for name, value := range stub.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(stub.Status)
	_, _ = io.WriteString(w, stub.Body)
}

func fail(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

// reply answers with JSON and an ETag, or with 304 when it is known already.
func reply(w http.ResponseWriter, r *http.Request, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	etag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(text))
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if r.Method == http.MethodGet && r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// paged is the page of a list that a request asks for; its Link header tells of
// the next one.
func paged[T any](s *Server, w http.ResponseWriter, r *http.Request, all []T) []T {
	size, number := s.PageSize, 1
	if n, err := strconv.Atoi(r.URL.Query().Get("per_page")); err == nil {
		size = min(size, n)
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("page")); err == nil {
		number = n
	}
	from, to := min((number-1)*size, len(all)), min(number*size, len(all))
	if to < len(all) {
		query := r.URL.Query()
		query.Set("page", strconv.Itoa(number+1))
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, s.Address, r.URL.Path, query.Encode()))
	}
	return append([]T{}, all[from:to]...)
}

func (s *Server) viewer(w http.ResponseWriter, r *http.Request) {
	reply(w, r, http.StatusOK, map[string]any{"data": map[string]any{"viewer": map[string]any{"login": s.Login}}})
}

func (s *Server) comment(c *Comment) map[string]any {
	kind := "User"
	if strings.HasSuffix(c.Author, "[bot]") {
		kind = "Bot"
	}
	return map[string]any{
		"id": c.ID, "body": c.Body, "user": map[string]any{"login": c.Author, "type": kind},
		"html_url": fmt.Sprintf("https://github.example/%s/pull/%d#issuecomment-%d", Repository, c.Pull, c.ID),
	}
}

func (s *Server) listComments(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []map[string]any
	for _, c := range s.comments {
		if strconv.Itoa(c.Pull) == r.PathValue("n") {
			all = append(all, s.comment(c))
		}
	}
	reply(w, r, http.StatusOK, paged(s, w, r, all))
}

// maxBody is the most characters of a comment.
const maxBody = 65536

func body(w http.ResponseWriter, r *http.Request) (string, bool) {
	var in struct {
		Body string `json:"body"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Body == "" || utf8.RuneCountInString(in.Body) > maxBody {
		fail(w, http.StatusUnprocessableEntity, "Validation Failed: body is too long (maximum is 65536 characters)")
		return "", false
	}
	return in.Body, true
}

func (s *Server) createComment(w http.ResponseWriter, r *http.Request) {
	text, ok := body(w, r)
	if !ok {
		return
	}
	pull, _ := strconv.Atoi(r.PathValue("n"))
	id := s.Say(pull, s.Login, text)
	reply(w, r, http.StatusCreated, s.comment(&Comment{id, pull, s.Login, text}))
}

func (s *Server) editComment(w http.ResponseWriter, r *http.Request) {
	text, ok := body(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.comments {
		if strconv.FormatInt(c.ID, 10) == r.PathValue("id") {
			c.Body = text
			reply(w, r, http.StatusOK, s.comment(c))
			return
		}
	}
	fail(w, http.StatusNotFound, "Not Found")
}

func (s *Server) deleteComment(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.comments)
	s.comments = slices.DeleteFunc(s.comments, func(c *Comment) bool { return strconv.FormatInt(c.ID, 10) == r.PathValue("id") })
	if len(s.comments) == n {
		fail(w, http.StatusNotFound, "Not Found")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
