package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/go-github/v92/github"

	"github.com/fivegate/fivegate/gate/github/event"
)

// Comment is the one comment of a pull request that is to be.
type Comment struct {
	Tag  string // tells it from comments of other gates on the same pull request
	Pull int
	Head string // commit of the pull request
	Run  event.Run
	Body string
	Keep bool // only keep one up to date that is there: make none
}

// Fate is what became of a comment.
type Fate struct {
	Action string // one of the actions below
	ID     int64
	URL    string
}

// What can become of a comment.
const (
	Created    = "created"
	Updated    = "updated"
	Unchanged  = "unchanged"  // it says so already
	Superseded = "superseded" // a newer run has written it
	Omitted    = "omitted"    // there was none, and none was to be made
)

// Bounds of looking for the comment.
const (
	perPage  = 100
	maxPages = 30 // 3,000 comments; beyond, a second comment is the lesser evil
	maxTries = 4
)

// text is what is sent.
func (c Comment) text() string {
	return markerOf(c.Tag, c.Head, c.Run, c.Body).String() + c.Body
}

// written is a comment of our own that is there.
type written struct {
	id     int64
	url    string
	body   string
	marker marker
}

// Put makes the pull request have this one comment: it edits the one that is
// there, creates it where there is none, and leaves one that a newer run has
// written. Of several the oldest stays, and gets what the newest run has to say,
// so that reporters that race end with one comment whoever comes last.
func (c *Client) Put(ctx context.Context, comment Comment) (Fate, error) {
	if !tagForm.MatchString(comment.Tag) {
		return Fate{}, fmt.Errorf("comment tag %.80q: need lower-case letters, digits, points and dashes, 64 at most", comment.Tag)
	}
	created := false
	var posted *written
	for range maxTries {
		own, err := c.own(ctx, comment)
		if err != nil {
			return Fate{}, err
		}
		if own = with(own, posted); len(own) > 0 {
			fate, err := c.settle(ctx, comment, own)
			if status(err) == http.StatusNotFound {
				posted = nil
				continue // deleted since the list was made
			}
			if err == nil && created && fate.Action != Superseded {
				fate.Action = Created
			}
			return fate, err
		}
		if comment.Keep {
			return Fate{Action: Omitted}, nil
		}
		// After the POST the list is made again: another reporter may have posted
		// at the same moment, and a POST that failed may have landed all the same.
		got, _, err := c.api.Issues.CreateComment(ctx, c.owner, c.repo, comment.Pull, github.IssueCommentRequest{Body: comment.text()})
		switch {
		case err == nil:
			m, _ := readMarker(comment.text())
			posted = &written{got.GetID(), got.GetHTMLURL(), comment.text(), m}
		case !unsure(ctx, err):
			return Fate{}, fmt.Errorf("create the comment: %w", err)
		}
		created = true
	}
	if posted != nil {
		return Fate{Created, posted.id, posted.url}, nil
	}
	return Fate{}, errors.New("the comment could not be created: it was tried several times, and is not there")
}

// with adds a comment that was just posted, should the list not show it yet.
func with(own []written, posted *written) []written {
	if posted == nil || slices.ContainsFunc(own, func(w written) bool { return w.id == posted.id }) {
		return own
	}
	own = append(own, *posted)
	slices.SortFunc(own, func(a, b written) int { return cmp.Compare(a.id, b.id) })
	return own
}

// own lists the comments with our tag that we wrote, oldest first. A comment of
// anyone else is left alone, whatever its first line says.
func (c *Client) own(ctx context.Context, comment Comment) ([]written, error) {
	self := c.self(ctx)
	var out []written
	o := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: perPage}}
	for range maxPages {
		comments, answer, err := c.api.Issues.ListComments(ctx, c.owner, c.repo, comment.Pull, o)
		if err != nil {
			return nil, fmt.Errorf("list the comments: %w", err)
		}
		for _, got := range comments {
			m, ok := readMarker(got.GetBody())
			if ok && m.tag == comment.Tag && mine(self, got.GetUser()) {
				out = append(out, written{got.GetID(), got.GetHTMLURL(), got.GetBody(), m})
			}
		}
		if answer.NextPage == 0 {
			break
		}
		o.Page = answer.NextPage
	}
	slices.SortFunc(out, func(a, b written) int { return cmp.Compare(a.id, b.id) })
	return out, nil
}

// settle makes the oldest of our comments say what the newest run has to say, and
// deletes the others.
func (c *Client) settle(ctx context.Context, comment Comment, own []written) (Fate, error) {
	keep, fate := own[0], Fate{Action: Unchanged, ID: own[0].id, URL: own[0].url}
	newest := written{body: comment.text(), marker: markerOf(comment.Tag, comment.Head, comment.Run, comment.Body)}
	for _, w := range own {
		if w.marker.newer(newest.marker) {
			newest, fate.Action = w, Superseded
		}
	}
	if keep.marker.digest != newest.marker.digest {
		if fate.Action == Unchanged {
			fate.Action = Updated
		}
		if _, _, err := c.api.Issues.UpdateComment(ctx, c.owner, c.repo, keep.id, github.IssueCommentRequest{Body: newest.body}); err != nil {
			return Fate{}, fmt.Errorf("update the comment: %w", err)
		}
	}
	for _, w := range own[1:] {
		if _, err := c.api.Issues.DeleteComment(ctx, c.owner, c.repo, w.id); err != nil && status(err) != http.StatusNotFound {
			return Fate{}, fmt.Errorf("delete the second comment %d: %w", w.id, err)
		}
	}
	return fate, nil
}
