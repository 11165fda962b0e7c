package github_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/github"
	"github.com/fivegate/fivegate/gate/github/event"
	"github.com/fivegate/fivegate/gate/github/githubtest"
	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/github/page"
	"github.com/fivegate/fivegate/gate/verdict"
)

func TestPublish(t *testing.T) {
	s, c, _ := connect(t)
	p := publication()
	p.CheckRun = "gate report"
	out := c.Publish(t.Context(), p)
	if out.Comment.Action != github.Created || out.Check == "" || len(out.Notices) > 0 {
		t.Errorf("%+v", out)
	}
	if got := assertOne(t, s, ""); !strings.Contains(got.Body, "\n### ❌ Fivegate: regression") || !strings.Contains(got.Body, "must not merge") {
		t.Errorf("comment:\n%s", got.Body)
	}
	runs := s.CheckRuns()
	if len(runs) != 1 || runs[0].Name != "gate report" || runs[0].Conclusion != "failure" || runs[0].HeadSHA != headSHA || runs[0].ExternalID != "gate-55.1" {
		t.Errorf("%+v", runs)
	}
	if n := c.Calls(); n > 15 {
		t.Errorf("%d requests, want 15 at most", n)
	}
}

func TestNothingToCommentOn(t *testing.T) {
	s, c, _ := connect(t)
	p := publication()
	p.Event = event.Event{Name: "schedule", Repository: "o/r", SHA: headSHA, Run: p.Event.Run}
	if out := c.Publish(t.Context(), p); out.Comment.Action != "" || len(out.Notices) > 0 || s.Requests("") > 0 {
		t.Errorf("%+v, %d requests", out, s.Requests(""))
	}
}

func TestAReadOnlyTokenIsANotice(t *testing.T) {
	s, c, _ := connect(t)
	s.ReadOnly = true
	p := publication()
	p.CheckRun = "gate report"
	out := c.Publish(t.Context(), p)
	if len(out.Notices) != 2 || !strings.Contains(out.Notices[0], "needs pull-requests: write") || !strings.Contains(out.Notices[1], "needs checks: write") {
		t.Errorf("%q", out.Notices)
	}
	if len(s.Comments(7)) > 0 || len(s.CheckRuns()) > 0 {
		t.Error("something was written")
	}
}

// In the run of a fork's pull request nothing is even tried.
func TestAForksRunWritesNothing(t *testing.T) {
	s, c, _ := connect(t)
	p := publication()
	p.Event.Fork, p.CheckRun = true, "gate report"
	if out := c.Publish(t.Context(), p); len(out.Notices) != 2 || s.Requests("") > 0 {
		t.Errorf("%q, %d requests", out.Notices, s.Requests(""))
	}
}

func TestAPullRequestThatHasMovedOnIsLeftAlone(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*githubtest.Pull)
		want   string
	}{
		{"new head", func(p *githubtest.Pull) { p.Head = strings.Repeat("c", 40) }, "another head by now"},
		{"closed", func(p *githubtest.Pull) { p.State = "closed" }, "is closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, client, _ := connect(t)
			c.change(s.Pulls[0])
			out := client.Publish(t.Context(), publication())
			if len(out.Notices) != 1 || !strings.Contains(out.Notices[0], c.want) || len(s.Comments(7)) > 0 {
				t.Errorf("%q, %d comments", out.Notices, len(s.Comments(7)))
			}
		})
	}
}

func TestAServerThatIsDownIsANotice(t *testing.T) {
	s, c, _ := connect(t)
	s.Stub(githubtest.Stub{Method: "GET", Path: "/pulls/7", Status: 503, Times: 5})
	out := c.Publish(t.Context(), publication())
	if len(out.Notices) != 1 || !strings.Contains(out.Notices[0], "the report is in the job summary") {
		t.Errorf("%q", out.Notices)
	}
}

func TestConclusions(t *testing.T) {
	for _, c := range []struct {
		combined legs.Combined
		want     string
	}{
		{legs.Combined{Status: verdict.Pass}, "success"},
		{legs.Combined{Status: verdict.Improvement}, "success"},
		{legs.Combined{Status: verdict.Regression, Blocks: true, ExitCode: 1}, "failure"},
		{legs.Combined{Status: verdict.Invalid, Blocks: true, ExitCode: 3}, "failure"},
		{legs.Combined{Status: verdict.Inconclusive, ExitCode: 4}, "neutral"},
		{legs.Combined{Status: verdict.Inconclusive, Blocks: true, ExitCode: 4}, "failure"},
	} {
		if got := (github.Publication{Combined: c.combined}).Check().Conclusion; got != c.want {
			t.Errorf("%s, blocks %v: %s, want %s", c.combined.Status, c.combined.Blocks, got, c.want)
		}
	}
}

func annotations(n int) []page.Annotation {
	var out []page.Annotation
	for i := range n {
		out = append(out, page.Annotation{Level: page.Error, File: "gate.toml", Line: i + 1, Title: "t", Message: "m"})
	}
	return append(out, page.Annotation{Level: page.Notice, Title: "without a place", Message: "m"})
}

func TestCheckRunsInBatches(t *testing.T) {
	for _, c := range []struct{ have, want, requests int }{{0, 0, 1}, {50, 50, 1}, {51, 51, 2}, {130, 100, 2}} {
		s, client, _ := connect(t)
		p := publication()
		p.Comment, p.CheckRun, p.Annotations = false, "gate report", annotations(c.have)
		if out := client.Publish(t.Context(), p); len(out.Notices) > 0 {
			t.Fatal(out.Notices)
		}
		if got := s.CheckRuns()[0].Annotations; got != c.want || s.Requests("/check-runs")-s.Requests("GET ") != c.requests {
			t.Errorf("%d annotations in %d requests, want %d in %d", got, s.Requests("/check-runs")-s.Requests("GET "), c.want, c.requests)
		}
	}
}

func TestPublishingTwiceMakesOneCheckRun(t *testing.T) {
	s, c, _ := connect(t)
	p := publication()
	p.Comment, p.CheckRun = false, "gate report"
	c.Publish(t.Context(), p)
	p.Combined = legs.Combined{Status: verdict.Pass}
	c.Publish(t.Context(), p)
	if runs := s.CheckRuns(); len(runs) != 1 || runs[0].Conclusion != "success" {
		t.Errorf("%+v", runs)
	}
	p.Event.Run.Attempt = 2
	c.Publish(t.Context(), p)
	if n := len(s.CheckRuns()); n != 2 {
		t.Errorf("%d check runs, want one for each attempt", n)
	}
}

func TestACheckRunThatLandedIsNotRepeated(t *testing.T) {
	for _, lands := range []bool{true, false} {
		s, c, _ := connect(t)
		s.Stub(githubtest.Stub{Method: "POST", Path: "/check-runs", Status: 502, Lands: lands})
		p := publication()
		p.Comment, p.CheckRun = false, "gate report"
		if out := c.Publish(t.Context(), p); len(out.Notices) > 0 || len(s.CheckRuns()) != 1 {
			t.Errorf("lands %v: %q, %d check runs", lands, out.Notices, len(s.CheckRuns()))
		}
	}
}

// Annotations are added by each update, so that one whose fate is not known is not
// sent again.
func TestAnUpdateWithAnnotationsIsNotRepeated(t *testing.T) {
	s, c, _ := connect(t)
	s.Stub(githubtest.Stub{Method: "PATCH", Path: "/check-runs/", Status: 502, Lands: true})
	p := publication()
	p.Comment, p.CheckRun, p.Annotations = false, "gate report", annotations(60)
	if out := c.Publish(t.Context(), p); len(out.Notices) != 1 || s.CheckRuns()[0].Annotations != 60 {
		t.Errorf("%q, %d annotations", out.Notices, s.CheckRuns()[0].Annotations)
	}
}

func TestFindPulls(t *testing.T) {
	fork := githubtest.Pull{Number: 9, State: "open", Head: headSHA, Branch: "topic&state=all", From: "stranger/r", Base: "main"}
	e := event.Event{Repository: "o/r", SHA: headSHA, Trigger: &event.Trigger{Owner: "stranger", Head: "stranger/r", Branch: "topic&state=all"}}
	for _, c := range []struct {
		name   string
		change func(*githubtest.Pull)
		found  int
	}{
		{"the one", func(*githubtest.Pull) {}, 1},
		{"another commit", func(p *githubtest.Pull) { p.Head = strings.Repeat("d", 40) }, 0},
		{"another branch", func(p *githubtest.Pull) { p.Branch = "other" }, 0},
		{"another repository of the same owner", func(p *githubtest.Pull) { p.From = "stranger/other" }, 0},
		{"closed", func(p *githubtest.Pull) { p.State = "closed" }, 0},
		{"fork that is gone", func(p *githubtest.Pull) { p.From = "" }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, client, _ := connect(t)
			p := fork
			c.change(&p)
			s.Pulls = append(s.Pulls, &p)
			found, err := client.FindPulls(t.Context(), e)
			if err != nil || len(found) != c.found {
				t.Fatalf("%+v, error %v, want %d", found, err, c.found)
			}
			if c.found == 1 && (found[0].Number != 9 || found[0].Base != "main") {
				t.Errorf("%+v", found)
			}
		})
	}
}

// A fork can open two pull requests from one branch; both are found.
func TestFindPullsOfOneBranch(t *testing.T) {
	s, client, _ := connect(t)
	s.PageSize = 1
	second := pull()
	second.Number, second.Base = 8, "release"
	s.Pulls = append(s.Pulls, second)
	found, err := client.FindPulls(t.Context(), event.Event{SHA: headSHA, Trigger: &event.Trigger{Owner: "o", Head: "o/r", Branch: "topic"}})
	if err != nil || len(found) != 2 {
		t.Errorf("%+v, error %v", found, err)
	}
}

func TestGuarded(t *testing.T) {
	s, client, _ := connect(t)
	s.PageSize = 2
	s.Pulls[0].Files = []string{
		"main.go", "gate.toml", "docs/gate.toml.md", "service/gate.toml", ".github/workflows/gate-pr.yml", ".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS",
		"baselines/x/y.json", "gate-waivers.toml -> old.toml", "action.yml", "src/action.go", "mybaselines/x",
	}
	files, complete, err := client.Guarded(t.Context(), 7)
	want := []string{"gate.toml", "service/gate.toml", ".github/workflows/gate-pr.yml", ".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", "baselines/x/y.json", "gate-waivers.toml", "action.yml"}
	if err != nil || !complete || !slices.Equal(files, want) {
		t.Errorf("%q, complete %v, error %v, want %q", files, complete, err, want)
	}
	for i := range 30 {
		s.Pulls[0].Files = append(s.Pulls[0].Files, fmt.Sprint(i))
	}
	if _, complete, err := client.Guarded(t.Context(), 7); err != nil || complete {
		t.Errorf("complete %v, error %v", complete, err)
	}
}

func TestFile(t *testing.T) {
	s, client, _ := connect(t)
	s.Contents["gate-waivers.toml@main"] = "[waivers]\n"
	if text, found, err := client.File(t.Context(), "gate-waivers.toml", "main"); err != nil || !found || string(text) != "[waivers]\n" {
		t.Errorf("%q, %v, %v", text, found, err)
	}
	if _, found, err := client.File(t.Context(), "gate-waivers.toml", "topic"); err != nil || found {
		t.Errorf("%v, %v", found, err)
	}
	s.Stub(githubtest.Stub{Method: "GET", Path: "/contents/", Status: 200, Body: `[{"type": "file", "name": "x"}]`})
	if _, _, err := client.File(t.Context(), "gate-waivers.toml", "main"); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("%v", err)
	}
}
