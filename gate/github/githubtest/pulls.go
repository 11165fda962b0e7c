package githubtest

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

func (s *Server) pull(p *Pull) map[string]any {
	owner, _, _ := strings.Cut(p.From, "/")
	var from any
	if p.From != "" {
		from = map[string]any{"full_name": p.From, "owner": map[string]any{"login": owner}}
	}
	return map[string]any{
		"number": p.Number, "state": p.State,
		"head": map[string]any{"sha": p.Head, "ref": p.Branch, "label": owner + ":" + p.Branch, "repo": from},
		"base": map[string]any{"ref": p.Base, "repo": map[string]any{"full_name": Repository}},
	}
}

func (s *Server) listPulls(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []map[string]any
	for _, p := range s.Pulls {
		owner, _, _ := strings.Cut(p.From, "/")
		head, state := r.URL.Query().Get("head"), r.URL.Query().Get("state")
		if p.State == state && (head == "" || head == owner+":"+p.Branch) {
			all = append(all, s.pull(p))
		}
	}
	reply(w, r, http.StatusOK, paged(s, w, r, all))
}

func (s *Server) getPull(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.Pulls {
		if strconv.Itoa(p.Number) == r.PathValue("n") {
			reply(w, r, http.StatusOK, s.pull(p))
			return
		}
	}
	fail(w, http.StatusNotFound, "Not Found")
}

func (s *Server) listFiles(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []map[string]any
	for _, p := range s.Pulls {
		if strconv.Itoa(p.Number) != r.PathValue("n") {
			continue
		}
		for _, name := range p.Files {
			file := map[string]any{"filename": name, "status": "modified"}
			if old, now, moved := strings.Cut(name, " -> "); moved {
				file = map[string]any{"filename": now, "previous_filename": old, "status": "renamed"}
			}
			all = append(all, file)
		}
	}
	reply(w, r, http.StatusOK, paged(s, w, r, all))
}

func (s *Server) getContents(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.Contents[r.PathValue("path")+"@"+r.URL.Query().Get("ref")]
	if !ok {
		fail(w, http.StatusNotFound, "Not Found")
		return
	}
	reply(w, r, http.StatusOK, map[string]any{
		"type": "file", "name": r.PathValue("path"), "path": r.PathValue("path"), "size": len(text), "encoding": "base64",
		"content": base64.StdEncoding.EncodeToString([]byte(text)),
	})
}
