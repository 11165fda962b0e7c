package github_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/fivegate/fivegate/gate/github"
	"github.com/fivegate/fivegate/gate/github/githubtest"
)

func TestCommentIsCreatedUpdatedAndLeftAlone(t *testing.T) {
	s, c, _ := connect(t)
	first := put(t, c, comment(1, "red"), github.Created)
	if got := put(t, c, comment(2, "green"), github.Updated); got.ID != first.ID || got.URL == "" {
		t.Errorf("%+v is not the comment that was created, %+v", got, first)
	}
	writes := s.Requests("PATCH ")
	put(t, c, comment(3, "green"), github.Unchanged)
	if s.Requests("PATCH ") != writes {
		t.Error("a comment was edited that said so already")
	}
	put(t, c, comment(2, "red again"), github.Updated) // the marker is of run 2 still
	got := assertOne(t, s, "red again")
	if !strings.HasPrefix(got.Body, "<!-- gate:v1 key=gate sha="+headSHA+" run=2.1 digest=") {
		t.Errorf("first line of %q", got.Body)
	}
}

func TestANewerRunIsNotOverwritten(t *testing.T) {
	s, c, _ := connect(t)
	put(t, c, comment(20, "new"), github.Created)
	put(t, c, comment(10, "old"), github.Superseded)
	again := comment(20, "new, second attempt")
	again.Run.Attempt = 2
	put(t, c, again, github.Updated)
	put(t, c, comment(20, "first attempt, late"), github.Superseded)
	assertOne(t, s, "second attempt")
}

func TestForeignCommentsAreLeftAlone(t *testing.T) {
	s, c, _ := connect(t)
	text := github.MarkedForTest(comment(99, "PASS, says a stranger"))
	s.Say(7, "stranger", text)
	s.Say(7, "other-app[bot]", text)
	s.Say(7, "github-actions", text) // a person's account, called like the app
	s.Say(7, s.Login, "our own, about something else")
	s.Say(7, s.Login, "quoted:\n"+text)
	s.Say(8, s.Login, text) // on another pull request
	put(t, c, comment(1, "red"), github.Created)
	put(t, c, comment(2, "still red"), github.Updated)
	if n := len(s.Comments(7)); n != 6 {
		t.Errorf("%d comments, want the five that were there and ours", n)
	}
	for _, got := range s.Comments(7)[:3] {
		if got.Body != text {
			t.Errorf("%s's comment was changed", got.Author)
		}
	}
}

func TestOtherTagsAreLeftAlone(t *testing.T) {
	s, c, _ := connect(t)
	other := comment(99, "of the suite")
	other.Tag = "suite"
	put(t, c, other, github.Created)
	put(t, c, comment(1, "red"), github.Created)
	if n := len(s.Comments(7)); n != 2 {
		t.Errorf("%d comments, want 2", n)
	}
}

func TestTheLowestOfSeveralStays(t *testing.T) {
	s, c, _ := connect(t)
	s.Say(7, s.Login, github.MarkedForTest(comment(3, "three")))
	s.Say(7, s.Login, github.MarkedForTest(comment(5, "five")))
	s.Say(7, s.Login, github.MarkedForTest(comment(4, "four")))
	lowest := s.Comments(7)[0].ID
	if got := put(t, c, comment(6, "six"), github.Updated); got.ID != lowest {
		t.Errorf("kept %d, want %d", got.ID, lowest)
	}
	assertOne(t, s, "six")
}

// The oldest stays, but the newest run has the word.
func TestTheLowestGetsWhatTheNewestSays(t *testing.T) {
	s, c, _ := connect(t)
	s.Say(7, s.Login, github.MarkedForTest(comment(3, "three")))
	s.Say(7, s.Login, github.MarkedForTest(comment(9, "nine")))
	put(t, c, comment(6, "six"), github.Superseded)
	assertOne(t, s, "nine")
}

func TestTheCommentIsFoundOnALaterPage(t *testing.T) {
	s, c, _ := connect(t)
	s.PageSize = 10
	for i := range 25 {
		s.Say(7, "someone", fmt.Sprint("chatter ", i))
	}
	s.Say(7, s.Login, github.MarkedForTest(comment(3, "three")))
	for i := range 25 {
		s.Say(7, "someone", fmt.Sprint("more chatter ", i))
	}
	put(t, c, comment(4, "four"), github.Updated)
	assertOne(t, s, "four")
}

// unmodified counts the answers of 304.
type unmodified struct{ n int }

func (u *unmodified) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && answer.StatusCode == http.StatusNotModified {
		u.n++
	}
	return answer, err
}

// A list that did not change costs nothing of the rate limit the second time.
func TestPagesAreAskedForByETag(t *testing.T) {
	s, _, clock := connect(t)
	var u unmodified
	c, err := github.New(github.Config{
		APIURL: s.Address, Token: s.Token, Repository: "o/r", Network: &u,
		Time: github.Time{Now: clock.Now, Sleep: clock.Sleep, Jitter: func() float64 { return 0.5 }},
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, comment(1, "red"), github.Created)
	put(t, c, comment(1, "red"), github.Unchanged)
	put(t, c, comment(1, "red"), github.Unchanged)
	s.Say(7, "someone", "a change")
	put(t, c, comment(1, "red"), github.Unchanged)
	if u.n != 2 {
		t.Errorf("%d answers of 304, want 2", u.n)
	}
}

func TestAPostThatLandedIsNotRepeated(t *testing.T) {
	s, c, _ := connect(t)
	s.Stub(githubtest.Stub{Method: "POST", Path: "/comments", Status: 502, Lands: true})
	put(t, c, comment(1, "red"), github.Created)
	assertOne(t, s, "red")
}

func TestAPostThatWasLostIsRepeated(t *testing.T) {
	s, c, _ := connect(t)
	s.Stub(githubtest.Stub{Method: "POST", Path: "/comments", Status: 503, Times: 2})
	put(t, c, comment(1, "red"), github.Created)
	assertOne(t, s, "red")
}

func TestAPostThatIsAlwaysLostIsGivenUp(t *testing.T) {
	s, c, _ := connect(t)
	s.Stub(githubtest.Stub{Method: "POST", Path: "/comments", Status: 502, Times: 4})
	if fate, err := c.Put(t.Context(), comment(1, "red")); err == nil {
		t.Errorf("%+v", fate)
	}
}

// Another reporter posts at the same moment, before or after ours is numbered.
func TestRacingReportersEndWithOneComment(t *testing.T) {
	for _, c := range []struct {
		name   string
		other  int64 // its run
		after  bool  // it is numbered after ours
		action string
		says   string
	}{
		{"older run, before ours", 1, false, github.Created, "ours"},
		{"newer run, before ours", 9, false, github.Superseded, "theirs"},
		{"older run, after ours", 1, true, github.Created, "ours"},
		{"newer run, after ours", 9, true, github.Superseded, "theirs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, client, _ := connect(t)
			theirs := func() { s.Say(7, s.Login, github.MarkedForTest(comment(c.other, "theirs"))) }
			if c.after {
				s.Stub(githubtest.Stub{Method: "POST", Path: "/comments"})
				s.Stub(githubtest.Stub{Method: "GET", Path: "/comments"}) // the list before the POST
				s.Stub(githubtest.Stub{Method: "GET", Path: "/comments", Before: theirs})
			} else {
				s.Stub(githubtest.Stub{Method: "POST", Path: "/comments", Before: theirs})
			}
			put(t, client, comment(5, "ours"), c.action)
			assertOne(t, s, c.says)
		})
	}
}

// Many reporters at once, each with a client of its own.
func TestManyReportersEndWithOneComment(t *testing.T) {
	s := githubtest.New(t, "")
	s.Pulls = []*githubtest.Pull{pull()}
	var wait sync.WaitGroup
	for id := int64(1); id <= 6; id++ {
		client, _ := clientOf(t, s)
		wait.Go(func() {
			if _, err := client.Put(t.Context(), comment(id, fmt.Sprintf("run %d", id))); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	// Whoever comes next mends what a race may have left.
	client, _ := clientOf(t, s)
	if _, err := client.Put(t.Context(), comment(1, "run 1")); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Comments(7)); n != 1 {
		t.Errorf("%d comments, want 1", n)
	}
}

func TestACommentThatIsDeletedMeanwhileIsMadeAgain(t *testing.T) {
	s, c, _ := connect(t)
	put(t, c, comment(1, "red"), github.Created)
	id := s.Comments(7)[0].ID
	s.Stub(githubtest.Stub{Method: "PATCH", Path: "/comments/", Before: func() { remove(t, s, id) }})
	put(t, c, comment(2, "green"), github.Created)
	assertOne(t, s, "green")
}

// remove deletes a comment as a person would.
func remove(t *testing.T, s *githubtest.Server, id int64) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, fmt.Sprintf("%s/repos/o/r/issues/comments/%d", s.Address, id), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusNoContent {
		t.Errorf("delete the comment: %v, %v", answer, err)
		return
	}
	answer.Body.Close()
}

// GitHub's list may lag behind; what was posted is known all the same.
func TestAListThatLagsDoesNotMakeASecondComment(t *testing.T) {
	s, c, _ := connect(t)
	s.Stub(githubtest.Stub{Method: "GET", Path: "/comments", Times: 2, Status: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: "[]"})
	put(t, c, comment(1, "red"), github.Created)
	assertOne(t, s, "red")
}

func TestKeepMakesNone(t *testing.T) {
	s, c, _ := connect(t)
	quiet := comment(1, "green")
	quiet.Keep = true
	put(t, c, quiet, github.Omitted)
	put(t, c, comment(2, "red"), github.Created)
	quiet.Run.ID = 3
	put(t, c, quiet, github.Updated)
	assertOne(t, s, "green")
}

func TestABodyThatIsTooLongIsRefusedOnce(t *testing.T) {
	s, c, _ := connect(t)
	if fate, err := c.Put(t.Context(), comment(1, strings.Repeat("x", 66_000))); err == nil {
		t.Errorf("%+v", fate)
	}
	if n := s.Requests("POST /repos"); n != 1 {
		t.Errorf("%d requests, want 1: a refusal is not repeated", n)
	}
}

func TestTagsThatWouldBreakTheMarker(t *testing.T) {
	_, c, _ := connect(t)
	for _, tag := range []string{"", "a b", "-->", "A", "a\nb", strings.Repeat("a", 65)} {
		bad := comment(1, "x")
		bad.Tag = tag
		if _, err := c.Put(t.Context(), bad); err == nil {
			t.Errorf("tag %q is accepted", tag)
		}
	}
}

// An app's own login is told by GraphQL; where that fails it is a workflow's.
func TestTheTokensOwnLogin(t *testing.T) {
	for _, c := range []struct {
		name, login, viewer string
		status              int
	}{
		{"a person's token", "maintainer", "", 0},
		{"an app", "gate-app[bot]", "", 0},
		{"an app, without the suffix", "gate-app[bot]", `{"data": {"viewer": {"login": "gate-app"}}}`, 200},
		{"no GraphQL", "github-actions[bot]", "{}", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, client, _ := connect(t)
			s.Login = c.login
			if c.status != 0 {
				s.Stub(githubtest.Stub{Method: "POST", Path: "/graphql", Status: c.status, Body: c.viewer})
			}
			put(t, client, comment(1, "red"), github.Created)
			put(t, client, comment(2, "green"), github.Updated)
			assertOne(t, s, "green")
		})
	}
}
