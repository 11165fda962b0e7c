// Package github publishes a combined verdict: one comment that is kept up to
// date, a check run, the job summary and annotations.
//
// It is the only package of gate/ that reaches a network, and it reaches one
// host, with a token that goes nowhere else. Requests are serial and few; they
// wait and repeat as GitHub asks (transport.go), and a request that may have had
// its effect is looked for before it is sent again. What cannot be published
// never changes a verdict: it becomes a notice.
package github

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-github/v92/github"
)

// Config says which repository is written to, and how.
type Config struct {
	APIURL     string // as in GITHUB_API_URL; of an Enterprise server it has a path
	GraphQLURL string // as in GITHUB_GRAPHQL_URL; empty: APIURL/graphql
	Token      string
	Repository string // owner/name
	Time       Time
	Network    http.RoundTripper // nil: the usual one
}

// Client reads and writes one repository.
type Client struct {
	api         *github.Client
	owner, repo string
	graphQL     string
	transport   *transport
	login       string // the token's own, once it is known
}

// New returns a client. The address must be https, unless it is of this machine.
func New(c Config) (*Client, error) {
	base, err := apiURL(c.APIURL)
	if err != nil {
		return nil, err
	}
	owner, repo, ok := strings.Cut(c.Repository, "/")
	if !ok || owner == "" || repo == "" {
		return nil, fmt.Errorf("repository %.200q is not of the form owner/name", c.Repository)
	}
	if c.Network == nil {
		c.Network = http.DefaultTransport
	}
	t := &transport{Time: c.Time, next: c.Network, host: base.Host, token: c.Token, pages: map[string]answered{}}
	address := base.String()
	api, err := github.NewClient(github.WithHTTPClient(&http.Client{Transport: t}), github.WithURLs(&address, nil), github.WithDisableRateLimitCheck())
	if err != nil {
		return nil, fmt.Errorf("GitHub client: %w", err)
	}
	graphQL := c.GraphQLURL
	if graphQL == "" {
		graphQL = base.JoinPath("graphql").String()
	}
	return &Client{api: api, owner: owner, repo: repo, graphQL: graphQL, transport: t}, nil
}

// apiURL checks an address and gives it the slash at its end that relative paths
// need.
func apiURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("API address %.200q: %w", address, err)
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Host == "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return nil, fmt.Errorf("API address %.200q: need https://host/path, without user and password", address)
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/"
	return u, nil
}

// Calls is how many requests were sent, repeated ones included.
func (c *Client) Calls() int { return c.transport.calls }

// denied says whether an error is want of permission: the token of a pull request
// from a fork may read only.
func denied(err error) bool {
	switch status(err) {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return true
	}
	return false
}

// status is the HTTP status of an error, 0 when there is none: then it is not
// known what became of the request.
func status(err error) int {
	var refused *github.ErrorResponse
	var limit *github.RateLimitError
	var abuse *github.AbuseRateLimitError
	switch {
	case errors.As(err, &refused) && refused.Response != nil:
		return refused.Response.StatusCode
	case errors.As(err, &limit), errors.As(err, &abuse):
		return http.StatusTooManyRequests
	}
	return 0
}

// unsure says whether a request may have had its effect although it ended in an
// error.
func unsure(ctx context.Context, err error) bool {
	s := status(err)
	return err != nil && ctx.Err() == nil && (s == 0 || s >= 500)
}

// viewer is what GraphQL says of the token's own account.
type viewer struct {
	Data struct {
		Viewer struct {
			Login string `json:"login"`
		} `json:"viewer"`
	} `json:"data"`
}

// actionsLogin is the author of what a workflow's own token writes.
const actionsLogin = "github-actions[bot]"

// self is the login under which the token writes. REST does not tell it to tokens
// of apps, GraphQL does; where that is not to be had, it is a workflow's token.
func (c *Client) self(ctx context.Context) string {
	if c.login != "" {
		return c.login
	}
	c.login = actionsLogin
	r, err := c.api.NewRequest(ctx, http.MethodPost, c.graphQL, map[string]string{"query": "query { viewer { login } }"})
	if err != nil {
		return c.login
	}
	var v viewer
	if _, err := c.api.Do(r, &v); err == nil && v.Data.Viewer.Login != "" {
		c.login = v.Data.Viewer.Login
	}
	return c.login
}

// mine says whether an account is the token's own. An app's login has [bot] at its
// end in one interface and not in the other; an account of a person never has.
func mine(self string, author *github.User) bool {
	login := author.GetLogin()
	return login != "" && (login == self || author.GetType() == "Bot" && login == self+"[bot]")
}
