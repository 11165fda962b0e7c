package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/github"
	"github.com/fivegate/fivegate/gate/github/event"
	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/github/page"
)

type publishFlags struct {
	event, combine, artifact, comment, tag, checkRun, waivers, reportURL, apiURL, workflow string

	require, optional                  []string
	dryRun, summary, annotations, json bool
}

func newPublishCommand() *cobra.Command {
	return publishCommand(github.Time{Now: time.Now, Sleep: wait, Jitter: rand.Float64})
}

// publishCommand is the verb by a clock of the caller's choice.
func publishCommand(clock github.Time) *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:   "publish [RESULT.json...]",
		Short: "Show a verdict on GitHub: comment, check run, job summary, annotations",
		Long: `publish judges result documents and shows the verdict where a pull request is
read: one comment that is kept up to date, the job summary, annotations, and a
check run when one is asked for. The exit code is that of all documents together;
what cannot be written to GitHub is said, and changes no verdict.

Documents are given by name, or by --combine as a directory with one for each
runner class and scenario, or, in a workflow_run, by --artifact as the archive
that an untrusted run has uploaded. That one is treated as hostile: it must be of
the run that the event names, and its verdict is computed again under the policy
and the waivers of the base branch.

A document called confirm-NAME.json, or in a directory called so, is a second
measurement of a red check: it blocks only if both agree.

The token comes from GITHUB_TOKEN alone. Without one, or with one that may only
read, the job summary holds the report.`,
		Example: `  gate publish gate-out/result.json
  gate publish --dry-run --event event.json result.json
  gate publish --combine results --require arm64 --require x64 --optional numa
  gate publish --artifact artifact.zip --check-run gate-report`,
		RunE: func(cmd *cobra.Command, args []string) error {
			p := publisher{publishFlags: f, files: args, out: newLogWriter(cmd.OutOrStdout()), errs: newLogWriter(cmd.ErrOrStderr()), getenv: os.Getenv, time: clock}
			return p.run(cmd.Context())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.event, "event", "", "event payload (default: $GITHUB_EVENT_PATH)")
	fl.StringVar(&f.combine, "combine", "", "directory with the documents of several runner classes and scenarios")
	fl.StringVar(&f.artifact, "artifact", "", "archive of an untrusted run, for workflow_run")
	fl.StringVar(&f.workflow, "workflow", ".github/workflows/gate-pr.yml", "workflow file that an untrusted run must be of")
	fl.StringVar(&f.comment, "comment", "true", "true, false, or on-regression: comment when something is to be told")
	fl.Lookup("comment").NoOptDefVal = "true"
	fl.StringVar(&f.tag, "comment-tag", "gate", "tells this comment from those of other gates on the same pull request")
	fl.StringVar(&f.checkRun, "check-run", "", "name of a check run to make as well")
	fl.BoolVar(&f.summary, "summary", true, "write the job summary")
	fl.BoolVar(&f.annotations, "annotations", true, "write annotations")
	fl.StringArrayVar(&f.require, "require", nil, "runner class that must have reported; may be given several times")
	fl.StringArrayVar(&f.optional, "optional", nil, "runner class that may stay away; may be given several times")
	fl.StringVar(&f.waivers, "waivers", "", "accepted slow-downs (default: gate-waivers.toml when there is one)")
	fl.StringVar(&f.reportURL, "report-url", "", "address of the full report, to link to")
	fl.StringVar(&f.apiURL, "api-url", "", "address of the API (default: $GITHUB_API_URL, else github.com's)")
	fl.BoolVar(&f.dryRun, "dry-run", false, "print what would be written, and write nothing")
	fl.BoolVar(&f.json, "json", false, "print the verdict and what was written as JSON")
	return cmd
}

// publisher is one publishing.
type publisher struct {
	publishFlags
	files  []string
	out    io.Writer
	errs   io.Writer
	getenv func(string) string
	time   github.Time

	event   event.Event
	client  *github.Client // nil: nothing is read from GitHub or written there
	context page.Context
	faults  diag.Faults
}

// maxPublishing bounds the talk with GitHub as a whole.
const maxPublishing = 5 * time.Minute

func (p *publisher) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, maxPublishing)
	defer cancel()
	if err := p.start(); err != nil {
		return err
	}
	found, err := p.gather(ctx)
	if err != nil {
		return err
	}
	if found == nil { // nothing of this event is to be published
		return nil
	}
	combined, err := p.combined(found)
	if err != nil {
		return err
	}
	publication := p.publication(ctx, combined)
	if p.dryRun {
		return p.show(publication)
	}
	return p.publish(ctx, publication)
}

// start checks the flags and reads the event.
func (p *publisher) start() error {
	if !slices.Contains([]string{"true", "always", "auto", "false", "never", "on-regression"}, p.comment) {
		return fmt.Errorf("--comment is %q: allowed are true, false and on-regression", p.comment)
	}
	ways := 0
	for _, given := range []bool{len(p.files) > 0, p.combine != "", p.artifact != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return fmt.Errorf("give result documents by name, or --combine DIR, or --artifact FILE: one of the three")
	}
	if err := p.readEvent(); err != nil {
		return err
	}
	if hostile := p.event.Trigger != nil; hostile != (p.artifact != "") {
		return fmt.Errorf("event %s: --artifact is for workflow_run and nothing else is, since what another run has left is not to be trusted", p.event.Name)
	}
	if err := p.links(); err != nil {
		return err
	}
	return p.connect()
}

// publication puts together what is written, and has GitHub say which files the
// pull request changes.
func (p *publisher) publication(ctx context.Context, c legs.Combined) github.Publication {
	if p.client != nil && p.event.Pull > 0 {
		files, complete, err := p.client.Guarded(ctx, p.event.Pull)
		p.context.Guarded, p.context.Unlisted = files, err != nil || !complete
		if err != nil {
			p.notice("%v", err)
		}
	}
	p.context.Head, p.context.Pull = p.event.SHA, p.event.Pull
	where := "the job summary"
	if p.context.Report != "" {
		where = p.context.Report
	}
	return github.Publication{
		Event: p.event, Combined: c, Context: p.context, Annotations: page.Annotations(c, p.faults, where),
		Comment: p.comment != "false" && p.comment != "never", Quiet: p.comment == "on-regression", Tag: p.tag, CheckRun: p.checkRun,
	}
}

func (p *publisher) publish(ctx context.Context, publication github.Publication) error {
	var published github.Published
	if p.client != nil {
		published = p.client.Publish(ctx, publication)
		for _, notice := range published.Notices {
			p.notice("%s", notice)
		}
	}
	publication.Context = p.context
	if path := p.getenv("GITHUB_STEP_SUMMARY"); p.summary && path != "" {
		if err := github.Summarize(path, page.Body(publication.Combined, publication.Context, page.SummarySize)); err != nil {
			p.notice("no job summary: %v", err)
		}
	}
	if p.annotations && p.getenv("GITHUB_ACTIONS") == "true" {
		github.Annotate(rawWriter(p.errs), publication.Annotations)
	}
	if p.json {
		if err := p.printJSON(publication, published); err != nil {
			return err
		}
		return p.ending(publication.Combined)
	}
	for _, notice := range p.context.Notices {
		fmt.Fprintln(p.out, "notice: "+notice)
	}
	if published.Comment.Action != "" {
		fmt.Fprintln(p.out, strings.TrimSpace("comment "+published.Comment.Action+" "+published.Comment.URL))
	}
	if p.client != nil {
		fmt.Fprintf(p.out, "%d requests to GitHub\n", p.client.Calls())
	}
	return p.ending(publication.Combined)
}

// ending prints the verdict as the last line and chooses the exit code.
func (p *publisher) ending(c legs.Combined) error {
	if !p.json {
		fmt.Fprintf(p.out, "%s: %s (exit code %d)\n", c.Status, oneLine(c.Reason), c.ExitCode)
	}
	if c.ExitCode == 0 {
		return nil
	}
	return &verdictError{code: c.ExitCode}
}

// publishedJSON is what --json prints.
type publishedJSON struct {
	Schema      string   `json:"schema"`
	Verdict     string   `json:"verdict"`
	BlocksMerge bool     `json:"blocks_merge"`
	ExitCode    int      `json:"exit_code"`
	Title       string   `json:"title"`
	Reason      string   `json:"reason"`
	Pull        int      `json:"pull_request"` // 0: none
	Comment     string   `json:"comment"`      // created, updated, unchanged, superseded, omitted; empty: none
	CommentID   int64    `json:"comment_id"`
	CommentURL  string   `json:"comment_url"`
	CheckRunURL string   `json:"check_run_url"`
	Notices     []string `json:"notices"`
}

func (p *publisher) printJSON(publication github.Publication, published github.Published) error {
	c := publication.Combined
	text, err := json.MarshalIndent(publishedJSON{
		Schema: "fivegate/published/v1", Verdict: string(c.Status), BlocksMerge: c.Blocks, ExitCode: c.ExitCode, Title: page.Title(c), Reason: c.Reason,
		Pull: p.event.Pull, Comment: published.Comment.Action, CommentID: published.Comment.ID, CommentURL: published.Comment.URL,
		CheckRunURL: published.Check, Notices: append([]string{}, p.context.Notices...),
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode what was published: %w", err)
	}
	_, err = fmt.Fprintf(p.out, "%s\n", text)
	return err
}

// show prints what would be written.
func (p *publisher) show(publication github.Publication) error {
	w := p.out
	if publication.Comment && p.event.Pull > 0 {
		fmt.Fprintf(w, "--- comment on %s#%d (tag %s), created or updated\n%s", p.event.Repository, p.event.Pull, p.tag, publication.CommentBody())
	}
	if p.checkRun != "" {
		k := publication.Check()
		fmt.Fprintf(w, "--- check run %q on %s: %s, %s\n", k.Name, k.Head, k.Conclusion, k.Title)
	}
	if p.summary {
		fmt.Fprintf(w, "--- job summary: %d bytes\n", len(page.Body(publication.Combined, p.context, page.SummarySize)))
	}
	if p.annotations {
		for _, a := range publication.Annotations {
			place := ""
			if a.File != "" {
				place = fmt.Sprintf(" at %s:%d:%d", a.File, a.Line, a.Column)
			}
			fmt.Fprintf(w, "--- annotation%s: %s: %s: %s\n", place, a.Level, a.Title, a.Message)
		}
	}
	for _, notice := range p.context.Notices {
		fmt.Fprintln(w, "--- notice: "+notice)
	}
	fmt.Fprintln(w, "--- nothing was written")
	return p.ending(publication.Combined)
}

func (p *publisher) notice(format string, args ...any) {
	p.context.Notices = append(p.context.Notices, oneLine(fmt.Sprintf(format, args...)))
}

// wait sleeps, or ends with the context.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// connect makes the client, unless nothing is to be written or there is no token.
func (p *publisher) connect() error {
	token := p.getenv("GITHUB_TOKEN")
	if p.dryRun {
		return nil
	}
	if token == "" {
		p.notice("no comment and no check run: GITHUB_TOKEN is not set")
		return nil
	}
	address := p.apiURL
	if address == "" {
		address = p.getenv("GITHUB_API_URL")
	}
	if address == "" {
		address = "https://api.github.com"
	}
	graphQL := p.getenv("GITHUB_GRAPHQL_URL")
	if p.apiURL != "" {
		graphQL = ""
	}
	client, err := github.New(github.Config{
		APIURL: address, GraphQLURL: graphQL, Token: token, Repository: p.event.Repository,
		Time: p.time,
	})
	p.client = client
	return err
}
