package github

import (
	"context"
	"errors"
	"fmt"

	"github.com/fivegate/fivegate/gate/github/event"
	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/github/page"
	"github.com/fivegate/fivegate/gate/verdict"
)

// Publication is what is to be written about a run.
type Publication struct {
	Event       event.Event
	Combined    legs.Combined
	Context     page.Context
	Annotations []page.Annotation
	Comment     bool
	Quiet       bool   // make no comment about a verdict that has nothing to tell
	Tag         string // of the comment
	CheckRun    string // name of a check run; empty: none
}

// CommentBody is the comment as it would be sent, without its first line.
func (p Publication) CommentBody() string { return page.Body(p.Combined, p.Context, page.CommentSize) }

// Check is the check run as it would be sent.
func (p Publication) Check() Check {
	return Check{
		Name: p.CheckRun, Head: p.Event.SHA, Run: p.Event.Run, Conclusion: conclusion(p.Combined),
		Title: page.Title(p.Combined), Summary: p.CommentBody(), URL: p.Context.RunURL, Annotations: p.Annotations,
	}
}

// conclusion is the check run's. Neutral satisfies a rule that requires the check,
// so it is for what does not block only.
func conclusion(c legs.Combined) string {
	switch {
	case c.Blocks:
		return "failure"
	case c.Status == verdict.Inconclusive:
		return "neutral"
	}
	return "success"
}

// Published is what became of a publication.
type Published struct {
	Comment Fate
	Check   string   // address of the check run; empty: none
	Notices []string // what could not be done, and why
}

// Publish writes the comment and the check run. It returns no error: a verdict
// that could not be shown is still the verdict, and the job summary holds it.
func (c *Client) Publish(ctx context.Context, p Publication) Published {
	var out Published
	if p.Comment && p.Event.Pull > 0 {
		out.Comment = c.comment(ctx, p, &out)
	}
	if p.CheckRun == "" {
		return out
	}
	if readOnly(p.Event) {
		out.notice("no check run: %s", fromFork)
		return out
	}
	address, err := c.PutCheck(ctx, p.Check())
	if err != nil {
		out.failed("check run", "checks: write", err)
	}
	out.Check = address
	return out
}

// fromFork is why a run for a fork writes nothing.
const fromFork = "the pull request is from a fork, so this run's token may only read; the workflow that reports for forks writes instead"

// readOnly says whether the run's own token cannot write, so that it is not even
// tried.
func readOnly(e event.Event) bool { return e.Fork && e.Trigger == nil }

func (c *Client) comment(ctx context.Context, p Publication, out *Published) Fate {
	if readOnly(p.Event) {
		out.notice("no comment: %s", fromFork)
		return Fate{}
	}
	stale, err := c.Stale(ctx, p.Event.Pull, p.Event)
	switch {
	case err != nil:
		out.failed("comment", "pull-requests: write", err)
		return Fate{}
	case stale != "":
		out.notice("no comment: %s", stale)
		return Fate{}
	}
	fate, err := c.Put(ctx, Comment{
		Tag: p.Tag, Pull: p.Event.Pull, Head: p.Event.SHA, Run: p.Event.Run, Body: p.CommentBody(),
		Keep: p.Quiet && !p.Combined.Blocks && p.Combined.ExitCode == verdict.ExitPass,
	})
	if err != nil {
		out.failed("comment", "pull-requests: write", err)
	}
	return fate
}

func (out *Published) notice(format string, args ...any) {
	out.Notices = append(out.Notices, fmt.Sprintf(format, args...))
}

// failed says why something was not written: for want of permission, or since the
// service did not answer in time.
func (out *Published) failed(what, permission string, err error) {
	switch {
	case denied(err):
		out.notice("no %s: the token may not write it (the job needs %s); the report is in the job summary", what, permission)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		out.notice("no %s: GitHub did not answer in time; the report is in the job summary", what)
	default:
		out.notice("no %s: %.300s; the report is in the job summary", what, err)
	}
}
