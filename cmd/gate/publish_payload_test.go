package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/github/githubtest"
)

// GitHub's own examples of each event can be published for: a comment where there
// is a pull request of the same repository, none elsewhere.
func TestPublishForOfficialPayloads(t *testing.T) {
	for _, name := range []string{"pull_request", "merge_group", "push"} {
		for i, payload := range githubtest.Payloads(t, name) {
			t.Run(fmt.Sprint(name, i), func(t *testing.T) {
				p := newPublished(t, "o/r")
				var members struct {
					Number     int `json:"number"`
					Repository struct {
						FullName string `json:"full_name"`
					} `json:"repository"`
				}
				if err := json.Unmarshal(payload, &members); err != nil {
					t.Fatal(err)
				}
				t.Setenv("GITHUB_REPOSITORY", members.Repository.FullName)
				p.event(name, string(payload))
				out := p.gate(1, []string{"--dry-run", p.document("regression", "result.json")}, "nothing was written")
				want := fmt.Sprintf("--- comment on %s#%d", members.Repository.FullName, members.Number)
				if got := strings.Contains(out, want); got != (name == "pull_request") {
					t.Errorf("a comment is announced: %v", got)
				}
			})
		}
	}
}

// A run of the official example, of a fork and of the same repository, with the
// path that the examples lack.
func TestPublishForOfficialRuns(t *testing.T) {
	runs := 0
	for i, payload := range githubtest.Payloads(t, "workflow_run") {
		var event map[string]any
		if err := json.Unmarshal(payload, &event); err != nil {
			t.Fatal(err)
		}
		run := event["workflow_run"].(map[string]any)
		repository := event["repository"].(map[string]any)["full_name"].(string)
		if run["repository"].(map[string]any)["full_name"] != repository {
			continue // put together of parts of two repositories
		}
		runs++
		for _, fork := range []bool{false, true} {
			t.Run(fmt.Sprint(i, " fork ", fork), func(t *testing.T) {
				p := newPublished(t, "o/r")
				archive := func() string {
					p.gate(1, []string{p.document("regression", "result.json")})
					return p.artifact("result.json", "gate-run.json")
				}()
				run["path"], run["event"] = ".github/workflows/gate-pr.yml", "pull_request"
				if fork {
					run["head_repository"] = map[string]any{"full_name": "stranger/r", "owner": map[string]any{"login": "stranger"}}
				}
				text, err := json.Marshal(event)
				if err != nil {
					t.Fatal(err)
				}
				t.Setenv("GITHUB_REPOSITORY", repository)
				p.event("workflow_run", string(text))
				// The artifact is of another run than the example's.
				p.gate(3, []string{"--dry-run", "--artifact", archive}, "the artifact is of another run")
			})
		}
	}
	if runs == 0 {
		t.Error("no example was of use")
	}
}

// The whole command sends only what GitHub's OpenAPI document describes, also when
// the first POST lands although its answer is an error.
func TestPublishKeepsToTheContract(t *testing.T) {
	p := newPublished(t, "o/r")
	p.server.Check = githubtest.Contract(t)
	p.server.Pulls[0].Files = []string{"gate.toml"}
	p.server.Stub(githubtest.Stub{Method: "POST", Path: "/comments", Status: 502, Lands: true})
	p.gate(1, []string{"--check-run", "gate report", p.document("regression", "result.json")}, "comment created")
	p.comment("### ❌ Fivegate: regression")
}
