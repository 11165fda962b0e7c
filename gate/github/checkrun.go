package github

import (
	"context"
	"fmt"

	"github.com/google/go-github/v92/github"

	"github.com/fivegate/fivegate/gate/github/event"
	"github.com/fivegate/fivegate/gate/github/page"
)

// Check is a completed check run that is to be. It is a place for details: the
// status that blocks is the job itself, since a check run lands in a suite that
// cannot be chosen.
type Check struct {
	Name        string
	Head        string // commit that it hangs on
	Run         event.Run
	Conclusion  string // success, failure or neutral
	Title       string
	Summary     string
	URL         string // of the details; may be empty
	Annotations []page.Annotation
}

// Bounds of a check run's annotations: of one request, which GitHub sets, and of
// all.
const (
	annotationBatch = 50
	maxAnnotations  = 100
)

// external identifies the check run of one run, so that publishing twice does not
// make two.
func (k Check) external() string { return fmt.Sprintf("gate-%d.%d", k.Run.ID, k.Run.Attempt) }

// PutCheck creates the check run, or writes it again when this run has created it
// before, and returns its address.
func (c *Client) PutCheck(ctx context.Context, k Check) (string, error) {
	batches := batch(k.Annotations)
	id, err := c.findCheck(ctx, k)
	if err != nil {
		return "", err
	}
	address := ""
	if id == 0 {
		id, address, err = c.createCheck(ctx, k, batches[0])
	} else {
		address, err = c.updateCheck(ctx, k, id, batches[0])
	}
	if err != nil {
		return "", err
	}
	for _, more := range batches[1:] {
		if _, err := c.updateCheck(ctx, k, id, more); err != nil {
			return "", err
		}
	}
	return address, nil
}

// createCheck posts the check run. When it is not known whether that landed, the
// check run is looked for before it is posted once more.
func (c *Client) createCheck(ctx context.Context, k Check, first []*github.CheckRunAnnotation) (int64, string, error) {
	o := github.CreateCheckRunOptions{
		Name: k.Name, HeadSHA: k.Head, ExternalID: new(k.external()), Status: new("completed"),
		Conclusion: new(k.Conclusion), Output: k.output(first),
	}
	if k.URL != "" {
		o.DetailsURL = new(k.URL)
	}
	for try := 1; ; try++ {
		run, _, err := c.api.Checks.CreateCheckRun(ctx, c.owner, c.repo, o)
		if err == nil {
			return run.GetID(), run.GetHTMLURL(), nil
		}
		if !unsure(ctx, err) || try == maxTries {
			return 0, "", fmt.Errorf("create the check run: %w", err)
		}
		id, err := c.findCheck(ctx, k)
		if err != nil {
			return 0, "", err
		}
		if id != 0 {
			return id, "", nil
		}
	}
}

func (c *Client) updateCheck(ctx context.Context, k Check, id int64, annotations []*github.CheckRunAnnotation) (string, error) {
	o := github.UpdateCheckRunOptions{
		Name: k.Name, Status: new("completed"), Conclusion: new(k.Conclusion), Output: k.output(annotations),
	}
	run, _, err := c.api.Checks.UpdateCheckRun(ctx, c.owner, c.repo, id, o)
	if err != nil {
		return "", fmt.Errorf("update the check run: %w", err)
	}
	return run.GetHTMLURL(), nil
}

// findCheck is the id of the check run that this run has created; 0 when there is
// none.
func (c *Client) findCheck(ctx context.Context, k Check) (int64, error) {
	o := &github.ListCheckRunsOptions{CheckName: new(k.Name), Filter: new("all"), ListOptions: github.ListOptions{PerPage: perPage}}
	for range maxPages {
		runs, answer, err := c.api.Checks.ListCheckRunsForRef(ctx, c.owner, c.repo, k.Head, o)
		if err != nil {
			return 0, fmt.Errorf("list the check runs: %w", err)
		}
		for _, run := range runs.CheckRuns {
			if run.GetExternalID() == k.external() {
				return run.GetID(), nil
			}
		}
		if answer.NextPage == 0 {
			break
		}
		o.Page = answer.NextPage
	}
	return 0, nil
}

func (k Check) output(annotations []*github.CheckRunAnnotation) *github.CheckRunOutput {
	return &github.CheckRunOutput{Title: new(k.Title), Summary: new(k.Summary), Annotations: annotations}
}

// batch puts those annotations that have a place into requests; there is always a
// first one.
func batch(all []page.Annotation) [][]*github.CheckRunAnnotation {
	levels := map[page.Level]string{page.Error: "failure", page.Warning: "warning", page.Notice: "notice"}
	batches := [][]*github.CheckRunAnnotation{nil}
	n := 0
	for _, a := range all {
		if a.File == "" || a.Line < 1 || n == maxAnnotations {
			continue
		}
		last := &batches[len(batches)-1]
		if len(*last) == annotationBatch {
			batches = append(batches, nil)
			last = &batches[len(batches)-1]
		}
		n++
		*last = append(*last, &github.CheckRunAnnotation{
			Path: new(a.File), StartLine: new(a.Line), EndLine: new(a.Line),
			AnnotationLevel: new(levels[a.Level]), Title: new(a.Title), Message: new(a.Message),
		})
	}
	return batches
}
