package refstore

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// served runs a server on a loopback port until stop is called.
func served(t *testing.T, s *Server) (addr string, stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	return "http://" + l.Addr().String(), cancel, done
}

func TestGracefulStopKeepsEverything(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, how := range []string{"signal", "request"} {
		dir := t.TempDir()
		addr, stop, ended := served(t, open(t, dir))
		client := &http.Client{Transport: &http.Transport{}}
		post := func(path, body string) {
			r, err := client.Post(addr+path, "application/json", bytes.NewBufferString(body))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Error(err)
			}
		}
		post("/api/v1/memories/remember", `{"id":"kept","content":"a"}`)
		if how == "request" {
			post("/shutdown", "")
		} else {
			stop()
		}
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", how, err)
		}
		stop()
		client.CloseIdleConnections()
		if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err != nil {
			t.Errorf("%s: no snapshot: %v", how, err)
		}
		s := open(t, dir)
		if _, ok := s.store.spaces[defaultSpace].get("kept"); !ok {
			t.Errorf("%s: the memory is gone", how)
		}
		closed(t, s)
	}
}

// A request that never ends must not keep a server from stopping.
func TestStopDespiteAHungRequest(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := open(t, "", "hang-after=1ns")
	addr, stop, ended := served(t, s)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		for { // the first may slip through before the hang begins
			r, err := client.Get(addr + "/api/v1/memories/a")
			if err != nil {
				return
			}
			_ = r.Body.Close()
		}
	}()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	<-asked
}
