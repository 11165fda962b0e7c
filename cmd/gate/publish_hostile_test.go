package main

import (
	"os"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/github/githubtest"
	"github.com/fivegate/fivegate/gate/result"
)

// measured is the pull request's own run, of a fork, up to the artifact that it
// leaves; then the run that reports it begins.
func (p *published) measured(code int, document string, beside ...string) string {
	p.t.Helper()
	p.gate(code, []string{document}, "from a fork")
	if n := p.server.Requests("POST /repos") + p.server.Requests("PATCH ") + p.server.Requests("DELETE "); n > 0 {
		p.t.Errorf("%d writes in the run of a fork", n)
	}
	archive := p.artifact(append([]string{document, "gate-run.json"}, beside...)...)
	p.triggered()
	return archive
}

// The run of a fork's pull request writes nothing; the run that reports it posts a
// verdict that it has computed itself.
func TestPublishForAFork(t *testing.T) {
	p := newPublished(t, "stranger/r")
	p.write("verdict.json", `{"schema": "fivegate/verdict/v1", "verdict": "pass", "exit_code": 0}`)
	p.write("report.md", "# ✅ pass")
	archive := p.measured(1, p.document("regression", "result.json"), "verdict.json", "report.md")
	p.gate(1, []string{"--artifact", archive, "--check-run", "gate report"}, "comment created", "regression: head is worse")
	p.comment("### ❌ Fivegate: regression", "run=55.1", "[run 55.1](https://github.example/o/r/actions/runs/55)")
	if runs := p.server.CheckRuns(); len(runs) != 1 || runs[0].HeadSHA != publishedHead || runs[0].Conclusion != "failure" {
		t.Errorf("%+v", runs)
	}
	p.gate(1, []string{"--artifact", archive}, "comment unchanged")
}

// A threshold that the fork has raised for itself is not the one it is judged by.
func TestPublishForAForkUnderTheBasesPolicy(t *testing.T) {
	p := newPublished(t, "stranger/r")
	loose := func(d *result.Document) {
		d.Plan.Policy.Threshold, d.Plan.Policy.PassBound, d.Plan.Policy.OnInconclusive = 1, 1, "warn"
	}
	archive := p.measured(0, p.changed("regression", "result.json", loose))
	p.gate(1, []string{"--artifact", archive}, "judged by the base branch's")
	p.comment("### ❌ Fivegate: regression", "was measured under another policy")
	// The base branch may allow it.
	p.server.Contents["gate.toml@main"] = "[target]\ndriver = \"engram\"\nstart = [\"a\", \"{port}\"]\n[policy]\nthreshold = \"100%\"\n"
	p.gate(0, []string{"--artifact", archive}, "exit code 0")
	t.Setenv("GATE_THRESHOLD", "5%")
	p.gate(1, []string{"--artifact", archive}, "exit code 1")
	p.server.Contents["gate.toml@main"] = "[policy]\nthreshold = \"1000%\"\n"
	p.gate(1, []string{"--artifact", archive}, "gate.toml of the base branch has faults")
}

func TestPublishForAForkThatLeavesMetricsOut(t *testing.T) {
	p := newPublished(t, "stranger/r")
	archive := p.measured(0, p.changed("regression", "result.json", func(d *result.Document) { d.Plan.Metrics = []string{"error_rate"} }))
	p.gate(3, []string{"--artifact", archive}, "does not hold cpu_per_op, which the base branch gates on")
	p.comment("### ❌ Fivegate: invalid")
}

func TestPublishForAForkThatClaimsIdenticalBuilds(t *testing.T) {
	p := newPublished(t, "stranger/r")
	archive := p.measured(0, p.changed("regression", "result.json", func(d *result.Document) {
		d.Outcome.Ended, d.Launches, d.Slices, d.Outcome.Blocks = result.RunIdentical, []result.Launch{}, []result.Slice{}, 0
	}))
	p.gate(3, []string{"--artifact", archive}, "says that base and head are identical, and does not show it")
}

// The waivers of the base branch hold, those that the pull request brings do not.
func TestPublishForAForkWithWaivers(t *testing.T) {
	text := publishedWaiverSet("2026-11-23")
	p := newPublished(t, "stranger/r")
	p.write("gate-waivers.toml", text)
	archive := p.measured(0, p.document("regression", "result.json"))
	if err := os.Remove("gate-waivers.toml"); err != nil {
		t.Fatal(err)
	}
	p.gate(1, []string{"--artifact", archive}, "exit code 1")
	p.server.Contents["gate-waivers.toml@main"] = text
	p.gate(0, []string{"--artifact", archive}, "exit code 0")
	p.comment("**Waivers**", "in use")
}

func TestPublishRefusesAnArtifact(t *testing.T) {
	p := newPublished(t, "stranger/r")
	archive := p.measured(0, p.document("pass", "result.json"))
	good, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	p.write("artifact.zip", string(good[:len(good)/2]))
	p.gate(3, []string{"--artifact", archive}, "was refused: not a ZIP archive")
	p.comment("### ❌ Fivegate: invalid", "was refused")
	// One that is of another run.
	p.write("artifact.zip", string(good))
	t.Setenv("GITHUB_EVENT_PATH", p.write("event.json", strings.Replace(p.payload(), `"id": 55`, `"id": 56`, 1)))
	p.gate(3, []string{"--artifact", archive}, "run_id is", "the artifact is of another run")
}

func (p *published) payload() string {
	text, err := os.ReadFile("event.json")
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

func TestPublishOnlyForRunsOfItsOwnWorkflow(t *testing.T) {
	p := newPublished(t, "stranger/r")
	archive := p.measured(0, p.document("pass", "result.json"))
	payload := p.payload()
	p.write("event.json", strings.Replace(payload, "gate-pr.yml", "copied.yml", 1))
	p.gate(3, []string{"--artifact", archive}, "a name can be copied, a path cannot")
	p.gate(0, []string{"--artifact", archive, "--workflow", ".github/workflows/copied.yml"}, "comment created")
	p.write("event.json", strings.Replace(payload, `"event": "pull_request"`, `"event": "push"`, 1))
	p.gate(0, []string{"--artifact", archive}, "nothing to report")
	p.gate(3, []string{"result.json"}, "--artifact is for workflow_run")
}

// A pull request that has moved on gets no comment; the exit code stays.
func TestPublishForAForkThatMovedOn(t *testing.T) {
	p := newPublished(t, "stranger/r")
	archive := p.measured(1, p.document("regression", "result.json"))
	p.server.Pulls[0].Head = strings.Repeat("c", 40)
	p.gate(1, []string{"--artifact", archive}, "no open pull request has this branch at this commit")
	if n := len(p.server.Comments(7)); n > 0 {
		t.Errorf("%d comments", n)
	}
}

// The artifact's number chooses between pull requests of one branch, and cannot
// name another.
func TestPublishForABranchWithTwoPullRequests(t *testing.T) {
	p := newPublished(t, "stranger/r")
	archive := p.measured(1, p.document("regression", "result.json"))
	second := *p.server.Pulls[0]
	second.Number, second.Base = 8, "release"
	p.server.Pulls = append([]*githubtest.Pull{{Number: 1, State: "open", Head: strings.Repeat("e", 40), Branch: "other", From: "o/r", Base: "main"}, &second}, p.server.Pulls...)
	p.gate(1, []string{"--artifact", archive}, "comment created")
	p.comment("regression")
	if len(p.server.Comments(8))+len(p.server.Comments(1)) > 0 {
		t.Error("another pull request got a comment")
	}
}
