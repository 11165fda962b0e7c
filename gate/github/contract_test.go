package github_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/github"
	"github.com/fivegate/fivegate/gate/github/event"
	"github.com/fivegate/fivegate/gate/github/githubtest"
)

// Every request that publishing sends is one that GitHub's own OpenAPI document
// describes.
func TestContract(t *testing.T) {
	s, c, _ := connect(t)
	s.Check = githubtest.Contract(t)
	s.PageSize = 1
	s.Contents["gate.toml@main"] = "x"
	s.Pulls[0].Files = []string{"a", "gate.toml"}
	trigger := event.Event{Repository: "o/r", SHA: headSHA, Trigger: &event.Trigger{Owner: "o", Head: "o/r", Branch: "topic"}}
	if found, err := c.FindPulls(t.Context(), trigger); err != nil || len(found) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	if _, _, err := c.Guarded(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	if _, found, err := c.File(t.Context(), "gate.toml", "main"); err != nil || !found {
		t.Fatal(found, err)
	}
	p := publication()
	p.CheckRun, p.Annotations = "gate report", annotations(70)
	p.Annotations[0].Column = 4
	for i := range int64(3) { // create; update; update and delete
		p.Event.Run.ID = 55 + i
		p.Combined.Reason = strings.Repeat("x", int(i)+1)
		if i == 2 {
			s.Say(7, s.Login, github.MarkedForTest(comment(2, "a second one")))
		}
		if out := c.Publish(t.Context(), p); len(out.Notices) > 0 {
			t.Fatal(out.Notices)
		}
	}
	for _, operation := range []string{
		"GET /repos/o/r/issues/7/comments", "POST /repos/o/r/issues/7/comments", "PATCH /repos/o/r/issues/comments/", "DELETE /repos/o/r/issues/comments/",
		"GET /repos/o/r/pulls?", "GET /repos/o/r/pulls/7/files", "GET /repos/o/r/contents/gate.toml", "GET /repos/o/r/commits/", "POST /repos/o/r/check-runs", "PATCH /repos/o/r/check-runs/",
	} {
		if s.Requests(operation) == 0 {
			t.Errorf("%s was not sent, so it was not checked", operation)
		}
	}
}

// What the document does not allow is seen, or the test above would prove nothing.
func TestContractSeesWhatIsWrong(t *testing.T) {
	check := githubtest.Contract(t)
	good := map[string]any{"name": "gate", "head_sha": headSHA, "status": "completed", "conclusion": "success", "output": map[string]any{"title": "t", "summary": "s"}}
	with := func(key string, value any) map[string]any {
		changed := map[string]any{}
		for k, v := range good {
			changed[k] = v
		}
		changed[key] = value
		return changed
	}
	annotation := map[string]any{"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m"}
	var tooMany []any
	for range 51 {
		tooMany = append(tooMany, annotation)
	}
	for _, c := range []struct {
		name, method, path string
		body               any
		ok                 bool
	}{
		{"good", "POST", "/repos/o/r/check-runs", good, true},
		{"unknown conclusion", "POST", "/repos/o/r/check-runs", with("conclusion", "broken"), false},
		{"summary of 65,536", "POST", "/repos/o/r/check-runs", with("output", map[string]any{"title": "t", "summary": strings.Repeat("x", 65536)}), false},
		{"51 annotations", "POST", "/repos/o/r/check-runs", with("output", map[string]any{"title": "t", "summary": "s", "annotations": tooMany}), false},
		{"annotation without a message", "POST", "/repos/o/r/check-runs", with("output", map[string]any{"title": "t", "summary": "s", "annotations": []any{map[string]any{"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "failure"}}}), false},
		{"no name", "POST", "/repos/o/r/check-runs", map[string]any{"head_sha": headSHA}, false},
		{"comment", "POST", "/repos/o/r/issues/7/comments", map[string]any{"body": "x"}, true},
		{"comment without body", "POST", "/repos/o/r/issues/7/comments", map[string]any{}, false},
		{"body of another kind", "PATCH", "/repos/o/r/issues/comments/7", map[string]any{"body": 7}, false},
		{"number that is none", "POST", "/repos/o/r/issues/seven/comments", map[string]any{"body": "x"}, false},
		{"unknown path", "GET", "/repos/o/r/nothing", nil, false},
		{"unknown method", "PUT", "/repos/o/r/check-runs", good, false},
		{"unknown state", "GET", "/repos/o/r/pulls?state=strange", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var body []byte
			if c.body != nil {
				var err error
				if body, err = json.Marshal(c.body); err != nil {
					t.Fatal(err)
				}
			}
			r, err := http.NewRequestWithContext(t.Context(), c.method, "http://127.0.0.1"+c.path, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			if err := check(r, body); (err == nil) != c.ok {
				t.Errorf("error %v, want one: %v", err, !c.ok)
			}
		})
	}
}
