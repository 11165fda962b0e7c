package github_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/github"
	"github.com/fivegate/fivegate/gate/github/event"
	"github.com/fivegate/fivegate/gate/github/githubtest"
	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/github/page"
	"github.com/fivegate/fivegate/gate/verdict"
)

var (
	headSHA = strings.Repeat("a", 40)
	start   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

// pull is the pull request of most tests, from a branch of the same repository.
func pull() *githubtest.Pull {
	return &githubtest.Pull{Number: 7, State: "open", Head: headSHA, Branch: "topic", From: "o/r", Base: "main"}
}

// connect returns a server with one pull request, and a client and its clock.
func connect(t *testing.T) (*githubtest.Server, *github.Client, *clock) {
	t.Helper()
	s := githubtest.New(t, "")
	s.Pulls = []*githubtest.Pull{pull()}
	client, c := clientOf(t, s)
	return s, client, c
}

func clientOf(t *testing.T, s *githubtest.Server) (*github.Client, *clock) {
	t.Helper()
	c := newClock(start)
	client, err := github.New(github.Config{
		APIURL: s.Address, Token: s.Token, Repository: githubtest.Repository,
		Time: github.Time{Now: c.Now, Sleep: c.Sleep, Jitter: func() float64 { return 0.5 }},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client, c
}

// comment is what run ID has to say on the pull request.
func comment(id int64, body string) github.Comment {
	return github.Comment{Tag: "gate", Pull: 7, Head: headSHA, Run: event.Run{ID: id, Attempt: 1}, Body: body}
}

// put writes a comment and asserts what became of it.
func put(t *testing.T, c *github.Client, comment github.Comment, want string) github.Fate {
	t.Helper()
	fate, err := c.Put(t.Context(), comment)
	if err != nil {
		t.Fatal(err)
	}
	if fate.Action != want {
		t.Errorf("the comment was %s, want %s", fate.Action, want)
	}
	return fate
}

// assertOne asserts that the pull request has one comment of the bot, which ends
// with a text.
func assertOne(t *testing.T, s *githubtest.Server, text string) githubtest.Comment {
	t.Helper()
	var own []githubtest.Comment
	for _, c := range s.Comments(7) {
		if c.Author == s.Login {
			own = append(own, c)
		}
	}
	if len(own) != 1 || !strings.HasSuffix(own[0].Body, text) {
		t.Fatalf("comments %+v, want one that ends with %q", own, text)
	}
	return own[0]
}

// publication is a regression on the pull request.
func publication() github.Publication {
	c := legs.Combined{Status: verdict.Regression, ExitCode: 1, Blocks: true, Reason: "head is worse", Next: "mend it"}
	return github.Publication{
		Event:    event.Event{Name: "pull_request", Repository: "o/r", SHA: headSHA, Run: event.Run{ID: 55, Attempt: 1}, Pull: 7},
		Combined: c, Context: page.Context{Head: headSHA, Pull: 7, Run: "55.1", RunURL: "https://github.example/o/r/actions/runs/55"},
		Comment: true, Tag: "gate",
	}
}

// clock is a clock that jumps instead of waiting.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

// newClock returns a clock that stands at a time.
func newClock(now time.Time) *clock { return &clock{now: now} }

// Now is the time on the clock.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep puts the clock forward.
func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

// Slept are all waits so far.
func (c *clock) Slept() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration{}, c.slept...)
}
