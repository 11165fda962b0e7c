package httpdriver

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fivegate/fivegate/workloads/load"
)

// articles is a server that keeps what is put into it.
type articles struct {
	mu      sync.Mutex
	stored  map[string]string
	at, top atomic.Int32 // requests under way, and the most there were
}

func (a *articles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.top.Store(max(a.top.Load(), a.at.Add(1)))
	defer a.at.Add(-1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Method == http.MethodGet {
		fmt.Fprintf(w, `{"count": %d}`, len(a.stored))
		return
	}
	var article struct{ ID json.Number }
	if err := json.NewDecoder(r.Body).Decode(&article); err != nil || r.URL.Path != "/articles/"+article.ID.String() || r.Host != "localhost" {
		http.Error(w, fmt.Sprintf("%v: %s for %s", err, r.URL, r.Host), http.StatusBadRequest)
		return
	}
	a.stored[article.ID.String()] = r.Proto
}

func TestLoadAndVerify(t *testing.T) {
	for _, tt := range []struct {
		protocol load.Protocol
		start    func(*httptest.Server)
		proto    string
	}{
		{"", (*httptest.Server).Start, "HTTP/1.1"},
		{load.HTTP1, (*httptest.Server).Start, "HTTP/1.1"},
		{load.HTTPS1, (*httptest.Server).StartTLS, "HTTP/1.1"},
		{load.H2, func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() }, "HTTP/2.0"},
		{load.H2C, func(s *httptest.Server) {
			s.Config.Protocols = new(http.Protocols)
			s.Config.Protocols.SetUnencryptedHTTP2(true)
			s.Start()
		}, "HTTP/2.0"},
	} {
		t.Run(string(tt.protocol), func(t *testing.T) {
			store := &articles{stored: map[string]string{}}
			server := httptest.NewUnstartedServer(store)
			tt.start(server)
			defer server.Close()
			d := driver(t, shop, Options{Protocol: tt.protocol, TLS: &tls.Config{InsecureSkipVerify: true}})
			addr := server.Listener.Addr().String()
			var wrong *AnswerError
			if err := d.Verify(t.Context(), addr); !errors.As(err, &wrong) || wrong.Status != 200 || !strings.Contains(err.Error(), `{"count": 0}`) {
				t.Errorf("before loading: %v", err)
			}
			progress := 0
			if err := d.Load(t.Context(), addr, func(done, total int) {
				if progress++; done != progress || total != 50 {
					t.Errorf("progress %d of %d, want %d of 50", done, total, progress)
				}
			}); err != nil {
				t.Fatal(err)
			}
			if err := d.Verify(t.Context(), addr); err != nil {
				t.Error(err)
			}
			for id := 100; id < 150; id++ {
				if got := store.stored[fmt.Sprint(id)]; got != tt.proto {
					t.Errorf("article %d came by %q", id, got)
				}
			}
			if top := store.top.Load(); progress != 50 || top > 4 {
				t.Errorf("%d requests, %d at a time", progress, top)
			}
		})
	}
}

func TestLoadGivesUp(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no\nroom\n"+strings.Repeat("x", 1000), http.StatusInsufficientStorage)
	}))
	defer server.Close()
	err := driver(t, shop, Options{}).Load(t.Context(), server.Listener.Addr().String(), nil)
	var wrong *AnswerError
	if !errors.As(err, &wrong) || wrong.Status != http.StatusInsufficientStorage || !strings.HasPrefix(wrong.Request, "PUT /articles/1") || !strings.HasPrefix(wrong.Body, "no room x") || len(wrong.Body) > 310 {
		t.Errorf("error %v", err)
	}
}

func TestLoadStopsWithItsContext(t *testing.T) {
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel(interrupted) }))
	defer server.Close()
	if err := driver(t, shop, Options{}).Load(ctx, server.Listener.Addr().String(), nil); !errors.Is(err, interrupted) {
		t.Errorf("error %v", err)
	}
}

// Without [[setup]] and [verify], nothing is sent.
func TestNothingToLoad(t *testing.T) {
	d := driver(t, head+"[[request]]\nname = 'get'\npath = '/'", Options{})
	const nowhere = "127.0.0.1:1"
	if err := d.Load(t.Context(), nowhere, nil); err != nil {
		t.Error(err)
	}
	if err := d.Verify(t.Context(), nowhere); err != nil {
		t.Error(err)
	}
}

// What setup expects is said when it does not come.
func TestExpectations(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusFound) // which is not followed
		fmt.Fprint(w, `{"ok": true}`)
	}))
	defer server.Close()
	for _, tt := range []struct{ expect, want string }{
		{"", "answered 302, and 200 to 299 was expected"},
		{"expect.status = [200, 404]", "answered 302, and expected was 200 404"},
		{"expect.status = 302", ""},
		{"expect = { status = 302, body_contains = 'ok', body_json = '$.ok = true' }", ""},
		{"expect = { status = 302, body_json = '$.ok = false' }", "its body is not as expected"},
		{"expect = { status = 302, body_contains = 'OK' }", "its body is not as expected"},
	} {
		d := driver(t, head+"[verify]\npath = '/'\n"+tt.expect+"\n[[request]]\nname = 'get'\npath = '/'", Options{})
		err := d.Verify(t.Context(), server.Listener.Addr().String())
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.expect, err, tt.want)
		}
	}
}
