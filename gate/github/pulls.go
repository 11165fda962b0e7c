package github

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/google/go-github/v92/github"

	"github.com/fivegate/fivegate/gate/github/event"
)

// Pull is a pull request that has been found or looked at again.
type Pull struct {
	Number int
	Base   string // branch that it is to be merged into, in this repository
}

// FindPulls finds the open pull requests of the run that triggered this one: of
// the same head repository and branch, and at exactly its commit. A number that
// the run itself names is not believed, and the list of pull requests for a commit
// is empty for forks.
func (c *Client) FindPulls(ctx context.Context, e event.Event) ([]Pull, error) {
	var found []Pull
	o := &github.PullRequestListOptions{
		State: "open", Head: e.Trigger.Owner + ":" + e.Trigger.Branch, ListOptions: github.ListOptions{PerPage: perPage},
	}
	for range maxPages {
		pulls, answer, err := c.api.PullRequests.List(ctx, c.owner, c.repo, o)
		if err != nil {
			return nil, fmt.Errorf("list the pull requests: %w", err)
		}
		for _, pull := range pulls {
			if same(pull, e) {
				found = append(found, Pull{pull.GetNumber(), pull.GetBase().GetRef()})
			}
		}
		if answer.NextPage == 0 {
			break
		}
		o.Page = answer.NextPage
	}
	return found, nil
}

// same says whether a pull request is of the event's head.
func same(pull *github.PullRequest, e event.Event) bool {
	head := pull.GetHead()
	return pull.GetState() == "open" && head.GetSHA() == e.SHA && (e.Trigger == nil ||
		head.GetRef() == e.Trigger.Branch && head.GetRepo().GetFullName() == e.Trigger.Head && e.Trigger.Head != "")
}

// Stale says why a pull request is not the one any more that was measured: it was
// closed, or has got another head since. It is empty when it still is.
func (c *Client) Stale(ctx context.Context, number int, e event.Event) (string, error) {
	pull, _, err := c.api.PullRequests.Get(ctx, c.owner, c.repo, number)
	switch {
	case err != nil:
		return "", fmt.Errorf("look at pull request %d: %w", number, err)
	case pull.GetState() != "open":
		return fmt.Sprintf("pull request %d is closed", number), nil
	case !same(pull, e):
		return fmt.Sprintf("pull request %d has another head by now", number), nil
	}
	return "", nil
}

// maxFilePages bounds the list of changed files: 1,000 of them.
const maxFilePages = 10

// Guarded are the files of a pull request that decide what its own check is
// worth, the old names of moved ones included. Not complete is reported for a pull
// request with more files than are looked at.
func (c *Client) Guarded(ctx context.Context, number int) (files []string, complete bool, err error) {
	o := &github.ListOptions{PerPage: perPage}
	for range maxFilePages {
		changed, answer, err := c.api.PullRequests.ListFiles(ctx, c.owner, c.repo, number, o)
		if err != nil {
			return nil, false, fmt.Errorf("list the changed files: %w", err)
		}
		for _, file := range changed {
			for _, name := range []string{file.GetFilename(), file.GetPreviousFilename()} {
				if guarded(name) && !slices.Contains(files, name) {
					files = append(files, name)
				}
			}
		}
		if answer.NextPage == 0 {
			return files, true, nil
		}
		o.Page = answer.NextPage
	}
	return files, false, nil
}

// guarded says whether a file decides what a check is worth: configuration,
// waivers, baselines, workflows and actions, and who must review those.
func guarded(name string) bool {
	switch base := path.Base(name); base {
	case "gate.toml", "gate-waivers.toml", "CODEOWNERS":
		return true
	case "action.yml", "action.yaml":
		return true
	}
	return strings.HasPrefix(name, ".github/") || strings.HasPrefix(name, "baselines/")
}

// maxFileSize is the most bytes of a file that are read from the repository.
const maxFileSize = 1 << 20

// File reads a file of a branch of this repository; absent files are reported as
// not found, without an error.
func (c *Client) File(ctx context.Context, name, branch string) (text []byte, found bool, err error) {
	file, _, _, err := c.api.Repositories.GetContents(ctx, c.owner, c.repo, name, &github.RepositoryContentGetOptions{Ref: branch})
	switch {
	case status(err) == http.StatusNotFound:
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("read %s of %.100q: %w", name, branch, err)
	case file == nil:
		return nil, false, fmt.Errorf("read %s of %.100q: it is a directory", name, branch)
	case file.GetSize() > maxFileSize:
		return nil, false, fmt.Errorf("read %s of %.100q: it has more than %d bytes", name, branch, maxFileSize)
	}
	content, err := file.GetContent()
	if err != nil {
		return nil, false, fmt.Errorf("read %s of %.100q: %w", name, branch, err)
	}
	return []byte(content), true, nil
}
