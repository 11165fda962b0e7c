package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/github"
	"github.com/fivegate/fivegate/gate/github/githubtest"
	"github.com/fivegate/fivegate/gate/result"
)

// published is a working directory, a GitHub, and the environment of a run in it.
type published struct {
	t       *testing.T
	server  *githubtest.Server
	reports string // directory of the committed documents
	summary string
}

var publishedHead = strings.Repeat("a", 40)

// newPublished is in the run of a pull request from a branch of the same
// repository, or of a fork.
func newPublished(t *testing.T, from string) *published {
	t.Helper()
	reports, err := filepath.Abs(filepath.Join("testdata", "report"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	p := &published{t: t, server: githubtest.New(t, ""), reports: reports, summary: filepath.Join(dir, "summary.md")}
	p.server.Pulls = []*githubtest.Pull{{Number: 7, State: "open", Head: publishedHead, Branch: "topic", From: from, Base: "main"}}
	for name, value := range map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "o/r", "GITHUB_SHA": strings.Repeat("b", 40), "GITHUB_RUN_ID": "55", "GITHUB_RUN_ATTEMPT": "1",
		"GITHUB_SERVER_URL": "https://github.example", "GITHUB_API_URL": p.server.Address, "GITHUB_GRAPHQL_URL": p.server.Address + "/graphql",
		"GITHUB_TOKEN": p.server.Token, "GITHUB_STEP_SUMMARY": p.summary, "GITHUB_EVENT_NAME": "pull_request", "GATE_THRESHOLD": "",
	} {
		t.Setenv(name, value)
	}
	p.event("pull_request", fmt.Sprintf(`{"repository": {"full_name": "o/r"}, "pull_request": {"number": 7, "head": {"sha": %q, "repo": {"full_name": %q}}}}`, publishedHead, from))
	return p
}

func (p *published) event(name, payload string) {
	p.t.Setenv("GITHUB_EVENT_NAME", name)
	p.t.Setenv("GITHUB_EVENT_PATH", p.write("event.json", payload))
}

// triggered makes the run one of workflow_run, by run 55 of the pull request.
func (p *published) triggered() {
	from := p.server.Pulls[0].From
	owner, _, _ := strings.Cut(from, "/")
	p.t.Setenv("GITHUB_RUN_ID", "99")
	p.event("workflow_run", fmt.Sprintf(`{"repository": {"full_name": "o/r"}, "workflow_run": {"id": 55, "run_attempt": 1, "event": "pull_request",
		"path": ".github/workflows/gate-pr.yml", "head_sha": %q, "head_branch": "topic", "repository": {"full_name": "o/r"},
		"head_repository": {"full_name": %q, "owner": {"login": %q}}}}`, publishedHead, from, owner))
}

func (p *published) write(name, text string) string {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		p.t.Fatal(err)
	}
	return name
}

// document copies a committed document to a place of its own.
func (p *published) document(verdict, name string) string {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.reports, verdict+".json"))
	if err != nil {
		p.t.Fatal(err)
	}
	return p.write(name, string(text))
}

// changed writes a committed document with something changed.
func (p *published) changed(verdict, name string, change func(*result.Document)) string {
	p.t.Helper()
	doc, err := result.ReadFile(filepath.Join(p.reports, verdict+".json"))
	if err != nil {
		p.t.Fatal(err)
	}
	change(doc)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		p.t.Fatal(err)
	}
	if err := doc.WriteFile(name); err != nil {
		p.t.Fatal(err)
	}
	return name
}

// artifact packs files of the working directory as an upload would.
func (p *published) artifact(names ...string) string {
	p.t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			p.t.Fatal(err)
		}
		f, err := w.Create(filepath.Base(name))
		if err != nil {
			p.t.Fatal(err)
		}
		if _, err := f.Write(text); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		p.t.Fatal(err)
	}
	return p.write("artifact.zip", b.String())
}

// gate runs publish and asserts its exit code and some words of its output.
func (p *published) gate(code int, args []string, words ...string) string {
	p.t.Helper()
	var out, errs bytes.Buffer
	got := p.run(args, &out, &errs)
	all := out.String() + errs.String()
	if got != code {
		p.t.Errorf("exit code %d, want %d", got, code)
	}
	for _, word := range words {
		if !strings.Contains(all, word) {
			p.t.Errorf("the output does not say %q", word)
		}
	}
	if p.t.Failed() {
		p.t.Logf("output:\n%s", all)
	}
	return all
}

// run is the verb by a clock that jumps instead of waiting.
func (p *published) run(args []string, out, errs io.Writer) int {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	cmd := publishCommand(github.Time{
		Now:    func() time.Time { return now },
		Sleep:  func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil },
		Jitter: func() float64 { return 0.5 },
	})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(append([]string{}, args...))
	cmd.SetOut(out)
	cmd.SetErr(errs)
	return exitCode(cmd.ExecuteContext(p.t.Context()), errs)
}

// comment is the only one of the pull request.
func (p *published) comment(words ...string) githubtest.Comment {
	p.t.Helper()
	comments := p.server.Comments(7)
	if len(comments) != 1 {
		p.t.Fatalf("%d comments, want 1", len(comments))
	}
	for _, word := range words {
		if !strings.Contains(comments[0].Body, word) {
			p.t.Errorf("the comment does not say %q:\n%.3000s", word, comments[0].Body)
		}
	}
	return comments[0]
}

// A regression gets one comment; after a mend the same comment says so.
func TestPublishTwice(t *testing.T) {
	p := newPublished(t, "o/r")
	p.gate(1, []string{p.document("regression", "out/result.json")}, "comment created", "::error title=gate%3A regression", "regression: head is worse", "(exit code 1)")
	first := p.comment("### ❌ Fivegate: regression, `latency.p50` +13.1% (limit 5%)", "must not merge", "[run 55.1](https://github.example/o/r/actions/runs/55)", "gate check --base")
	t.Setenv("GITHUB_RUN_ID", "56")
	p.gate(0, []string{p.document("pass", "out/result.json")}, "comment updated", "pass: ")
	if second := p.comment("### ✅ Fivegate: pass"); second.ID != first.ID {
		t.Errorf("comment %d, want the first one, %d", second.ID, first.ID)
	}
	summary, err := os.ReadFile(p.summary)
	if err != nil || !strings.Contains(string(summary), "### ❌ Fivegate: regression") || !strings.Contains(string(summary), "### ✅ Fivegate: pass") {
		t.Errorf("job summary: %v\n%.500s", err, summary)
	}
}

func TestPublishOfEachVerdict(t *testing.T) {
	for _, d := range verdictDocuments {
		t.Run(d.name, func(t *testing.T) {
			p := newPublished(t, "o/r")
			p.gate(d.exit, []string{"--check-run", "gate report", p.document(d.name, "result.json")})
			p.comment("Fivegate: " + d.name)
			want := map[int]string{0: "success", 1: "failure", 3: "failure", 4: "neutral"}[d.exit]
			if runs := p.server.CheckRuns(); len(runs) != 1 || runs[0].Conclusion != want {
				t.Errorf("%+v, want %s", runs, want)
			}
		})
	}
}

func TestPublishDryRun(t *testing.T) {
	p := newPublished(t, "o/r")
	p.gate(1, []string{"--dry-run", "--check-run", "gate report", p.document("regression", "result.json")},
		"--- comment on o/r#7", "### ❌ Fivegate: regression", `--- check run "gate report" on aaaa`, "failure", "--- job summary: ", "--- annotation: error", "nothing was written")
	if n := p.server.Requests(""); n > 0 {
		t.Errorf("%d requests", n)
	}
	for _, path := range []string{p.summary, "gate-run.json"} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s was written", path)
		}
	}
}

func TestPublishAsJSON(t *testing.T) {
	p := newPublished(t, "o/r")
	t.Setenv("GITHUB_ACTIONS", "")
	var out, errs bytes.Buffer
	if code := p.run([]string{"--json", p.document("regression", "result.json")}, &out, &errs); code != 1 {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["schema"] != "fivegate/published/v1" || got["verdict"] != "regression" || got["comment"] != "created" || got["blocks_merge"] != true || got["comment_id"].(float64) < 1 {
		t.Errorf("%v", got)
	}
}

func TestPublishCommentsOnRegressionOnly(t *testing.T) {
	p := newPublished(t, "o/r")
	quiet := func(code int, verdict, want string) {
		p.gate(code, []string{"--comment=on-regression", p.document(verdict, "result.json")}, want)
	}
	quiet(0, "pass", "comment omitted")
	quiet(1, "regression", "comment created")
	t.Setenv("GITHUB_RUN_ID", "56")
	quiet(0, "pass", "comment updated")
	p.gate(0, []string{"--comment=false", p.document("pass", "result.json")})
	p.comment("Fivegate: pass")
}

// Without a token, or with one that may only read, the job summary has it all.
func TestPublishDegrades(t *testing.T) {
	p := newPublished(t, "o/r")
	p.server.ReadOnly = true
	p.gate(1, []string{p.document("regression", "result.json")}, "notice: no comment: the token may not write it", "(exit code 1)")
	t.Setenv("GITHUB_TOKEN", "")
	p.gate(1, []string{"result.json"}, "notice: no comment and no check run: GITHUB_TOKEN is not set", "(exit code 1)")
	summary, err := os.ReadFile(p.summary)
	if err != nil || strings.Count(string(summary), "### ❌ Fivegate: regression") != 2 || !strings.Contains(string(summary), "may not write it") {
		t.Errorf("job summary: %v\n%.500s", err, summary)
	}
}

func TestPublishFlagsWhatThePullRequestChanges(t *testing.T) {
	p := newPublished(t, "o/r")
	p.server.Pulls[0].Files = []string{"main.go", "gate.toml", ".github/workflows/gate-pr.yml"}
	p.gate(0, []string{p.document("pass", "result.json")})
	p.comment("changes what its own check is made of: `gate.toml`, `.github/workflows/gate-pr.yml`")
}

func TestPublishOutsideOfPullRequests(t *testing.T) {
	for name, payload := range map[string]string{
		"merge_group": `{"merge_group": {"head_sha": "` + publishedHead + `"}}`,
		"push":        `{"after": "` + publishedHead + `"}`,
		"schedule":    `{"schedule": "7 3 * * 1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPublished(t, "o/r")
			p.event(name, payload)
			p.gate(1, []string{"--check-run", "gate report", p.document("regression", "result.json")})
			if len(p.server.Comments(7)) > 0 || len(p.server.CheckRuns()) != 1 {
				t.Errorf("%d comments and %d check runs, want none and one", len(p.server.Comments(7)), len(p.server.CheckRuns()))
			}
		})
	}
}

// combine is the results of three runner classes, as artifacts are downloaded.
func (p *published) combine() {
	p.changed("pass", "all/gate-suite-x64-1/result.json", func(d *result.Document) { d.Provenance.Runner.Class = "linux-amd64-a" })
	p.changed("pass", "all/gate-suite-arm64-1/result.json", func(d *result.Document) { d.Provenance.Runner.Class = "linux-arm64-b" })
	p.write("all/gate-suite-arm64-1/verdict.json", "{}")
	p.write("all/gate-suite-arm64-1/report.md", "# forged")
}

func TestPublishCombined(t *testing.T) {
	p := newPublished(t, "o/r")
	p.combine()
	args := []string{"--combine", "all", "--require", "arm64", "--require", "x64", "--optional", "numa"}
	p.gate(0, args, "2 runner classes")
	p.comment("`linux-arm64`", "`linux-amd64`", "no result from numa, which may stay away")
	p.gate(3, append(args, "--require", "s390x"), "no result from s390x, which must report")
	p.changed("regression", "all/gate-suite-arm64-1/result.json", func(d *result.Document) { d.Provenance.Runner.Class = "linux-arm64-b" })
	p.gate(1, args, "regression: on linux-arm64, head")
	p.write("all/gate-suite-x64-1/result.json", "{}")
	p.gate(1, args, "exit code 1")
	if err := os.RemoveAll("all/gate-suite-arm64-1"); err != nil {
		t.Fatal(err)
	}
	p.gate(3, args, "exit code 3")
}

func TestPublishOfAMissingDocument(t *testing.T) {
	p := newPublished(t, "o/r")
	p.write("gate.toml", "[target]\nstart = [\"a\", \"{port}\"]\n[policy]\nthreshold = \"500%\"\n")
	p.gate(3, []string{"gone.json"}, "gone.json", "::error col=13,file=gate.toml,line=4")
	p.comment("### ❌ Fivegate: invalid", "gone")
}

const publishedWaiver = `[waivers.%s]
metric = "%s"
ceiling = "40%%"
reason = "writes are synced now"
owner = "@storage"
expires = "%s"
`

// publishedWaiverSet accepts a slow-down in all that has regressed in the
// committed document.
func publishedWaiverSet(expires string) (text string) {
	for i, metric := range []string{"cpu_per_op", "throughput", "latency.p50", "latency.p90", "latency.p99"} {
		text += fmt.Sprintf(publishedWaiver, fmt.Sprint("w", i), metric, expires)
	}
	return text
}

func TestPublishWaivers(t *testing.T) {
	p := newPublished(t, "o/r")
	p.document("regression", "result.json")
	p.write("gate-waivers.toml", publishedWaiverSet("2026-11-23"))
	p.gate(0, []string{"result.json"}, "::notice col=10,file=gate-waivers.toml,line=1", "accepted: cpu_per_op (waiver w0, until 2026-11-23)")
	p.comment("### ✅ Fivegate: pass", "**Waivers**", "in use", "2026-11-23", "&#64;")
	p.write("gate-waivers.toml", publishedWaiverSet("2026-11-22"))
	p.gate(1, []string{"result.json"}, "::error col=10,file=gate-waivers.toml,line=1", "expired")
	p.write("gate-waivers.toml", publishedWaiverSet("2026-13-31"))
	p.gate(1, []string{"result.json"}, "gate-waivers.toml:6:11: expires is")
	p.document("pass", "result.json")
	p.gate(3, []string{"result.json"}, "gate-waivers.toml has 5 fault(s), the first at line 6")
	p.write("gate-waivers.toml", fmt.Sprintf(publishedWaiver, "typo", "latency.p9", "2026-11-23"))
	p.gate(3, []string{"result.json"}, `waiver "typo" names nothing`, "::error col=10,file=gate-waivers.toml,line=1")
	p.write("elsewhere.toml", "")
	p.gate(0, []string{"--waivers", "elsewhere.toml", "result.json"})
	p.gate(3, []string{"--waivers", "gone.toml", "result.json"}, "gone.toml")
}

func TestPublishUsage(t *testing.T) {
	p := newPublished(t, "o/r")
	p.document("pass", "result.json")
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "one of the three"},
		{[]string{"--combine", "x", "result.json"}, "one of the three"},
		{[]string{"--combine", "gone"}, "gone"},
		{[]string{"--artifact", "x.zip"}, "--artifact is for workflow_run"},
		{[]string{"--comment=maybe", "result.json"}, `--comment is "maybe"`},
		{[]string{"--event", "gone.json", "result.json"}, "gone.json"},
		{[]string{"--report-url", "javascript:alert(1)", "result.json"}, "--report-url"},
		{[]string{"--report-url", "https://a.example/x) [y](https://b.example", "result.json"}, "--report-url"},
		{[]string{"--api-url", "http://api.github.example", "result.json"}, "need https"},
	} {
		p.gate(3, c.args, c.want)
	}
	if n := p.server.Requests(""); n > 0 {
		t.Errorf("%d requests", n)
	}
}

// A stranger's text in the log of a job is no command.
func TestPublishLogsNoCommands(t *testing.T) {
	p := newPublished(t, "o/r")
	hostile := "::error::x ##[set-env name=PATH]/tmp"
	p.changed("invalid", "result.json", func(d *result.Document) {
		d.Outcome.Detail = "\n" + hostile + "\n" + hostile
		d.Provenance.Runner.Class = hostile
	})
	out := p.gate(3, []string{"--dry-run", "result.json"})
	out += p.gate(3, []string{"result.json"})
	for _, line := range strings.Split(out, "\n") {
		own := strings.HasPrefix(line, "::error title=") || strings.HasPrefix(line, "::notice title=")
		if strings.HasPrefix(strings.TrimSpace(line), "::") && !own || strings.Contains(line, "##[") && !own {
			t.Errorf("command in the log: %s", line)
		}
	}
}
