package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"
)

// Limits of a check run in one request.
const (
	maxAnnotations = 50
	maxSummary     = 65535
	maxTitle       = 255
)

func run(run *CheckRun) map[string]any {
	return map[string]any{
		"id": run.ID, "name": run.Name, "head_sha": run.HeadSHA, "external_id": run.ExternalID, "status": "completed", "conclusion": run.Conclusion,
		"html_url": fmt.Sprintf("https://github.example/%s/runs/%d", Repository, run.ID),
	}
}

func (s *Server) listRuns(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []map[string]any
	for _, k := range s.runs {
		if k.HeadSHA == r.PathValue("ref") && k.Name == r.URL.Query().Get("check_name") {
			all = append(all, run(k))
		}
	}
	reply(w, r, http.StatusOK, map[string]any{"total_count": len(all), "check_runs": paged(s, w, r, all)})
}

// read reads a check run from a request, within GitHub's limits.
func read(w http.ResponseWriter, r *http.Request) (*CheckRun, bool) {
	var in CheckRun
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return nil, false
	}
	if len(in.Output.Annotations) > maxAnnotations || utf8.RuneCountInString(in.Output.Summary) > maxSummary || utf8.RuneCountInString(in.Output.Title) > maxTitle {
		fail(w, http.StatusUnprocessableEntity, "Validation Failed")
		return nil, false
	}
	in.Annotations = len(in.Output.Annotations)
	return &in, true
}

func (s *Server) createRun(w http.ResponseWriter, r *http.Request) {
	in, ok := read(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	in.ID = s.nextID
	s.runs = append(s.runs, in)
	reply(w, r, http.StatusCreated, run(in))
}

func (s *Server) updateRun(w http.ResponseWriter, r *http.Request) {
	in, ok := read(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.runs {
		if strconv.FormatInt(k.ID, 10) == r.PathValue("id") {
			k.Name, k.Conclusion, k.Output = in.Name, in.Conclusion, in.Output
			k.Annotations += in.Annotations // GitHub adds them to those that are there
			reply(w, r, http.StatusOK, run(k))
			return
		}
	}
	fail(w, http.StatusNotFound, "Not Found")
}
