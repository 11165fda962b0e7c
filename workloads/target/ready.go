package target

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// readiness is what a launch awaits.
type readiness struct {
	text    string         // as it is to be shown
	addr    string         // HOST:PORT that must answer; empty when none
	url     string         // to be answered with 2xx; empty when a connection is enough
	pattern *regexp.Regexp // an output line
}

// parseReady reads Config.Ready with its placeholders replaced; port is the
// launch's {port}, or 0 where the target has none.
func parseReady(text string, port int) (readiness, error) {
	r := readiness{text: text}
	if port != 0 {
		r.addr = fmt.Sprintf("127.0.0.1:%d", port)
	}
	scheme, rest, _ := strings.Cut(text, ":")
	switch scheme {
	case "":
		r.text = "a connection to " + r.addr
		return r, nil
	case "log":
		pattern, err := regexp.Compile(rest)
		if err != nil {
			return r, fmt.Errorf("ready %q: %w", text, err)
		}
		r.pattern = pattern
		return r, nil
	case "http", "https", "tcp":
		u, err := url.Parse(text)
		if err != nil {
			return r, fmt.Errorf("ready: %w", err)
		}
		p := u.Port()
		if p == "" && scheme != "tcp" {
			p = map[string]string{"http": "80", "https": "443"}[scheme]
		}
		if u.Hostname() == "" || p == "" {
			return r, fmt.Errorf("ready %q: it must name a host and a port, such as %s://127.0.0.1:{port}", text, scheme)
		}
		r.addr = net.JoinHostPort(u.Hostname(), p)
		if scheme != "tcp" {
			r.url = text
		}
		return r, nil
	}
	return r, fmt.Errorf("ready %q: http://, https://, tcp:// or log: must stand at its beginning", text)
}

// Pauses between two looks at a target that is starting: short at first, since
// many are ready within milliseconds and ReadyS is reported; then longer, to
// leave it the machine. Chosen.
const (
	firstPause = 2 * time.Millisecond
	lastPause  = 50 * time.Millisecond
)

// await returns nil as soon as the target is ready. Otherwise the context has
// ended, and the error is what the last look found.
func (r readiness) await(ctx context.Context, seen <-chan struct{}) error {
	if r.pattern != nil {
		select {
		case <-seen:
			return nil
		case <-ctx.Done():
			return errors.New("no line of its output matched")
		}
	}
	if r.addr == "" {
		return nil
	}
	client := &http.Client{
		// No proxy: HTTP_PROXY must not answer for the target. And any certificate: that
		// it is the target which answers is proven by the socket's owner.
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var last error
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		err := r.look(ctx, client)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil { // a look cut short by the end says nothing
			last = err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return last
		}
	}
}

// lookTimeout bounds one look; a server that accepts and never answers is asked
// again. Chosen.
const lookTimeout = 5 * time.Second

func (r readiness) look(ctx context.Context, client *http.Client) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if r.url == "" {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.addr)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 == 2 {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, 200)) // a courtesy of the message
	return fmt.Errorf("it answered %s %s", response.Status, strings.TrimSpace(string(body)))
}
