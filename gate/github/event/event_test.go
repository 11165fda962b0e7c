package event_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/github/event"
	"github.com/fivegate/fivegate/gate/github/githubtest"
)

var (
	head  = strings.Repeat("a", 40)
	merge = strings.Repeat("b", 40)
)

// env is the environment of a run.
func env(name, repository string) func(string) string {
	values := map[string]string{
		"GITHUB_EVENT_NAME": name, "GITHUB_REPOSITORY": repository, "GITHUB_SHA": merge,
		"GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "2",
	}
	return func(key string) string { return values[key] }
}

func none(string) string { return "" }

func pullRequest(from string) string {
	repo := "null"
	if from != "" {
		repo = fmt.Sprintf(`{"full_name": %q}`, from)
	}
	return fmt.Sprintf(`{"repository": {"full_name": "o/r"}, "pull_request": {"number": 7, "head": {"sha": %q, "repo": %s}}}`, head, repo)
}

func workflowRun(change func(run map[string]any)) string {
	run := map[string]any{
		"id": 55, "run_attempt": 3, "event": "pull_request", "path": ".github/workflows/gate-pr.yml@refs/pull/7/merge", "head_sha": head,
		"head_branch": "topic", "repository": map[string]any{"full_name": "o/r"},
		"head_repository": map[string]any{"full_name": "stranger/r", "owner": map[string]any{"login": "stranger"}},
	}
	if change != nil {
		change(run)
	}
	text, _ := json.Marshal(map[string]any{"repository": map[string]any{"full_name": "o/r"}, "workflow_run": run})
	return string(text)
}

func TestRead(t *testing.T) {
	run := event.Run{ID: 77, Attempt: 2}
	trigger := &event.Trigger{Event: "pull_request", Path: ".github/workflows/gate-pr.yml", Owner: "stranger", Head: "stranger/r", Branch: "topic"}
	for _, c := range []struct {
		name, text string
		env        func(string) string
		want       event.Event
	}{
		{"pull request", pullRequest("o/r"), env("pull_request", "o/r"), event.Event{Name: "pull_request", Repository: "o/r", SHA: head, Run: run, Pull: 7}},
		{"of a fork", pullRequest("x/r"), env("pull_request", "o/r"), event.Event{Name: "pull_request", Repository: "o/r", SHA: head, Run: run, Pull: 7, Fork: true}},
		{"of a fork that is gone", pullRequest(""), env("pull_request", "o/r"), event.Event{Name: "pull_request", Repository: "o/r", SHA: head, Run: run, Pull: 7, Fork: true}},
		{"without environment", pullRequest("o/r"), none, event.Event{Name: "pull_request", Repository: "o/r", SHA: head, Pull: 7}},
		{"merge group", `{"merge_group": {"head_sha": "` + head + `"}}`, env("merge_group", "o/r"), event.Event{Name: "merge_group", Repository: "o/r", SHA: head, Run: run}},
		{"schedule", `{"schedule": "7 3 * * 1"}`, env("schedule", "o/r"), event.Event{Name: "schedule", Repository: "o/r", SHA: merge, Run: run}},
		{"no payload", "", env("workflow_dispatch", "o/r"), event.Event{Name: "workflow_dispatch", Repository: "o/r", SHA: merge, Run: run}},
		{"workflow run", workflowRun(nil), env("workflow_run", "o/r"), event.Event{
			Name: "workflow_run", Repository: "o/r", SHA: head, Run: event.Run{ID: 55, Attempt: 3}, Fork: true, Trigger: trigger,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := event.Read([]byte(c.text), c.env)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	member := func(name string, value any) string {
		return workflowRun(func(run map[string]any) { run[name] = value })
	}
	for _, c := range []struct {
		name, text string
		env        func(string) string
		want       string
	}{
		{"not JSON", "{", env("pull_request", "o/r"), "event payload is not readable"},
		{"no repository", "{}", none, "set GITHUB_REPOSITORY"},
		{"strange repository", "{}", env("push", "o/r/../x"), "not of the form owner/name"},
		{"other repository", pullRequest("o/r"), env("pull_request", "o/other"), `payload is of repository "o/r"`},
		{"pull request without one", "{}", env("pull_request", "o/r"), "no pull_request"},
		{"pull request without head", `{"pull_request": {"number": 7}}`, env("pull_request", "o/r"), "no pull_request.head.sha"},
		{"head that is no commit", `{"pull_request": {"number": 7, "head": {"sha": "main; rm -rf /"}}}`, env("pull_request", "o/r"), "is no commit"},
		{"merge group without one", "{}", env("merge_group", "o/r"), "no merge_group"},
		{"pull_request_target", pullRequest("x/r"), env("pull_request_target", "o/r"), "not supported"},
		{"run that is no number", "{}", func(key string) string {
			return map[string]string{"GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "1\n::error::"}[key]
		}, "GITHUB_RUN_ID"},
		{"no workflow_run", "{}", env("workflow_run", "o/r"), "no workflow_run"},
		{"run of another repository", member("repository", map[string]any{"full_name": "x/r"}), env("workflow_run", "o/r"), "another repository"},
		{"run without commit", member("head_sha", ""), env("workflow_run", "o/r"), "is no commit"},
		{"run without attempt", member("run_attempt", 0), env("workflow_run", "o/r"), "an id and an attempt"},
		{"strange head repository", member("head_repository", map[string]any{"full_name": "x/r\n<b>", "owner": map[string]any{"login": "x"}}), env("workflow_run", "o/r"), "not of the form owner/name"},
		{"strange head owner", member("head_repository", map[string]any{"full_name": "x/r", "owner": map[string]any{"login": "x&head=y"}}), env("workflow_run", "o/r"), "not of the form owner/name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := event.Read([]byte(c.text), c.env)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, error %v, want %q", got, err, c.want)
			}
		})
	}
}

// GitHub's own examples of each event are readable, and give what their members
// say.
func TestReadOfficialPayloads(t *testing.T) {
	for _, c := range []struct {
		event string
		least int
		check func(t *testing.T, e event.Event, payload map[string]any)
	}{
		{"pull_request", 20, func(t *testing.T, e event.Event, payload map[string]any) {
			pull := payload["pull_request"].(map[string]any)
			if e.Pull != int(pull["number"].(float64)) || e.SHA != pull["head"].(map[string]any)["sha"] {
				t.Errorf("%+v", e)
			}
		}},
		{"merge_group", 1, func(t *testing.T, e event.Event, payload map[string]any) {
			if e.SHA != payload["merge_group"].(map[string]any)["head_sha"] {
				t.Errorf("%+v", e)
			}
		}},
		{"push", 5, func(t *testing.T, e event.Event, _ map[string]any) {
			if e.Pull != 0 || e.Trigger != nil {
				t.Errorf("%+v", e)
			}
		}},
		{"workflow_run", 3, func(t *testing.T, e event.Event, payload map[string]any) {
			run := payload["workflow_run"].(map[string]any)
			if e.SHA != run["head_sha"] || e.Trigger == nil || e.Trigger.Branch != run["head_branch"] {
				t.Errorf("%+v", e)
			}
		}},
	} {
		payloads := githubtest.Payloads(t, c.event)
		if len(payloads) < c.least {
			t.Errorf("%d examples of %s, want %d", len(payloads), c.event, c.least)
		}
		for i, text := range payloads {
			t.Run(fmt.Sprint(c.event, i), func(t *testing.T) {
				var payload map[string]any
				if err := json.Unmarshal(text, &payload); err != nil {
					t.Fatal(err)
				}
				repository := payload["repository"].(map[string]any)["full_name"].(string)
				if run, ok := payload["workflow_run"].(map[string]any); ok && run["repository"].(map[string]any)["full_name"] != repository {
					// One example puts together parts of two repositories.
					if _, err := event.Read(text, env(c.event, repository)); err == nil {
						t.Error("a run of another repository is accepted")
					}
					return
				}
				e, err := event.Read(text, env(c.event, repository))
				if err != nil {
					t.Fatal(err)
				}
				c.check(t, e, payload)
			})
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(pullRequest("x/r")), "pull_request")
	f.Add([]byte(workflowRun(nil)), "workflow_run")
	f.Add([]byte(`{"merge_group":{"head_sha":""}}`), "merge_group")
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		e, err := event.Read(text, env(name, "o/r"))
		if err == nil && (e.Repository != "o/r" || len(e.SHA) != 40 && len(e.SHA) != 64 && e.SHA != "") {
			t.Errorf("%+v", e)
		}
	})
}
