package github_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/github"
	"github.com/fivegate/fivegate/gate/github/event"
	"github.com/fivegate/fivegate/gate/github/githubtest"
)

// look asks for something that changes nothing.
func look(t *testing.T, c *github.Client) error {
	t.Helper()
	_, err := c.Stale(t.Context(), 7, event.Event{SHA: headSHA})
	return err
}

func TestBusyServersAreWaitedFor(t *testing.T) {
	reset := fmt.Sprint(start.Add(90 * time.Second).Unix())
	secondary := `{"message": "You have exceeded a secondary rate limit.", "documentation_url": "https://docs.example/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`
	for _, c := range []struct {
		name string
		stub githubtest.Stub
		want []time.Duration
	}{
		{"429 that says how long", githubtest.Stub{Status: 429, Header: map[string]string{"Retry-After": "7"}}, []time.Duration{7 * time.Second}},
		{"429 that says until when", githubtest.Stub{Status: 429, Header: map[string]string{"Retry-After": start.Add(20 * time.Second).Format(http.TimeFormat)}}, []time.Duration{20 * time.Second}},
		{"429 that says nothing", githubtest.Stub{Status: 429}, []time.Duration{time.Minute}},
		{"secondary limit", githubtest.Stub{Status: 403, Body: secondary}, []time.Duration{time.Minute}},
		{"secondary limit that says how long", githubtest.Stub{Status: 403, Body: secondary, Header: map[string]string{"Retry-After": "30"}}, []time.Duration{30 * time.Second}},
		{"primary limit", githubtest.Stub{Status: 403, Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}}, []time.Duration{90 * time.Second}},
		{"limit that is over", githubtest.Stub{Status: 403, Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}}, []time.Duration{0}},
		{"500", githubtest.Stub{Status: 500}, []time.Duration{time.Second}},
		{"502 three times", githubtest.Stub{Status: 502, Times: 3}, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, client, clock := connect(t)
			c.stub.Method, c.stub.Path = "GET", "/pulls/7"
			s.Stub(c.stub)
			if err := look(t, client); err != nil {
				t.Fatal(err)
			}
			if got := clock.Slept(); !slices.Equal(got, c.want) {
				t.Errorf("waited %v, want %v", got, c.want)
			}
		})
	}
}

func TestPatienceEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		stub  githubtest.Stub
		calls int
	}{
		{"after five attempts", githubtest.Stub{Status: 502, Times: 5}, 5},
		{"before a wait that is too long", githubtest.Stub{Status: 429, Header: map[string]string{"Retry-After": "3600"}}, 1},
		{"when the waits add up", githubtest.Stub{Status: 429, Header: map[string]string{"Retry-After": "100"}, Times: 2}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, client, _ := connect(t)
			c.stub.Method, c.stub.Path = "GET", "/pulls/7"
			s.Stub(c.stub)
			if err := look(t, client); err == nil {
				t.Error("no error")
			}
			if client.Calls() != c.calls {
				t.Errorf("%d requests, want %d", client.Calls(), c.calls)
			}
		})
	}
}

func TestRefusalsAreNotRepeated(t *testing.T) {
	for _, status := range []int{401, 403, 404, 422} {
		s, client, clock := connect(t)
		s.Stub(githubtest.Stub{Method: "GET", Path: "/pulls/7", Status: status, Body: `{"message": "Resource not accessible by integration"}`})
		if err := look(t, client); err == nil || len(clock.Slept()) > 0 || client.Calls() != 1 {
			t.Errorf("%d: error %v, %d requests, waited %v", status, err, client.Calls(), clock.Slept())
		}
	}
}

// A limit refuses a request before it has an effect, so even a POST is sent again.
func TestALimitedPostIsRepeated(t *testing.T) {
	s, client, clock := connect(t)
	s.Stub(githubtest.Stub{Method: "POST", Path: "/comments", Status: 429, Header: map[string]string{"Retry-After": "2"}})
	put(t, client, comment(1, "red"), github.Created)
	assertOne(t, s, "red")
	if got := clock.Slept(); !slices.Contains(got, 2*time.Second) {
		t.Errorf("waited %v", got)
	}
}

func TestWritesAreSpaced(t *testing.T) {
	s, client, clock := connect(t)
	for i := range int64(3) {
		s.Say(7, s.Login, github.MarkedForTest(comment(i+1, "x")))
	}
	put(t, client, comment(9, "one edit and two deletions"), github.Updated)
	if got := clock.Slept(); !slices.Equal(got, []time.Duration{time.Second, time.Second}) {
		t.Errorf("waited %v between three writes", got)
	}
}

func TestJitterScatters(t *testing.T) {
	s := githubtest.New(t, "")
	s.Pulls = []*githubtest.Pull{pull()}
	s.Stub(githubtest.Stub{Method: "GET", Path: "/pulls/7", Status: 500, Times: 2})
	clock, luck := newClock(start), []float64{0, 0.999}
	client, err := github.New(github.Config{APIURL: s.Address, Token: s.Token, Repository: "o/r", Time: github.Time{
		Now: clock.Now, Sleep: clock.Sleep, Jitter: func() float64 { l := luck[0]; luck = luck[1:]; return l },
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := look(t, client); err != nil {
		t.Fatal(err)
	}
	if got := clock.Slept(); got[0] != 500*time.Millisecond || got[1] < 2900*time.Millisecond || got[1] > 3*time.Second {
		t.Errorf("waited %v, want half of 1 s, and nearly one and a half of 2 s", got)
	}
}

// failing is a network that is not there for a while.
type failing struct {
	times int
	next  http.RoundTripper
}

func (f *failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.times--; f.times >= 0 {
		return nil, errors.New("connection reset by peer")
	}
	return f.next.RoundTrip(r)
}

func TestABrokenNetworkIsTriedAgain(t *testing.T) {
	s := githubtest.New(t, "")
	s.Pulls = []*githubtest.Pull{pull()}
	clock := newClock(start)
	client, err := github.New(github.Config{
		APIURL: s.Address, Token: s.Token, Repository: "o/r", Network: &failing{2, http.DefaultTransport},
		Time: github.Time{Now: clock.Now, Sleep: clock.Sleep, Jitter: func() float64 { return 0.5 }},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := look(t, client); err != nil {
		t.Fatal(err)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	s, client, _ := connect(t)
	s.Stub(githubtest.Stub{Method: "GET", Path: "/pulls/7", Status: 500})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Stale(ctx, 7, event.Event{SHA: headSHA}); err == nil {
		t.Error("no error")
	}
	if err := look(t, client); err != nil { // takes the stub
		t.Fatal(err)
	}
}

// The token goes to the API's host only, wherever an answer redirects to.
func TestTheTokenStaysWithItsHost(t *testing.T) {
	var got []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		http.NotFound(w, r)
	}))
	t.Cleanup(elsewhere.Close)
	s, client, _ := connect(t)
	s.Stub(githubtest.Stub{Method: "GET", Path: "/pulls/7", Status: 301, Header: map[string]string{"Location": elsewhere.URL + "/stolen"}})
	if err := look(t, client); err == nil {
		t.Error("no error")
	}
	if len(got) == 0 || slices.ContainsFunc(got, func(h string) bool { return h != "" }) {
		t.Errorf("another host got %q", got)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "api.github.com", "http://api.github.com", "https://user:password@api.github.com", "ftp://x/", "https://", ":"} {
		if _, err := github.New(github.Config{APIURL: address, Repository: "o/r"}); err == nil {
			t.Errorf("%q is accepted", address)
		}
	}
	for _, repository := range []string{"", "o", "o/", "/r"} {
		if _, err := github.New(github.Config{APIURL: "https://api.github.com", Repository: repository}); err == nil {
			t.Errorf("repository %q is accepted", repository)
		}
	}
}

// An Enterprise server has its API below a path, with or without a slash at its
// end in GITHUB_API_URL.
func TestEnterprise(t *testing.T) {
	for _, end := range []string{"", "/"} {
		s := githubtest.New(t, "/api/v3")
		s.Pulls = []*githubtest.Pull{pull()}
		clock := newClock(start)
		client, err := github.New(github.Config{
			APIURL: s.Address + end, Token: s.Token, Repository: "o/r", Time: github.Time{Now: clock.Now, Sleep: clock.Sleep, Jitter: func() float64 { return 0 }},
		})
		if err != nil {
			t.Fatal(err)
		}
		put(t, client, comment(1, "red"), github.Created)
		assertOne(t, s, "red")
		if strings.Contains(s.Address, "github.com") {
			t.Error("not a server of our own")
		}
	}
}
