package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// web is a small web server: /health, and what is PUT under /articles/.
type web struct {
	mu       sync.Mutex
	articles map[string]string
	requests int
}

func (s *web) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { s.answer(w, "well", true) })
	mux.HandleFunc("GET /articles", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		n := len(s.articles)
		s.mu.Unlock()
		s.answer(w, fmt.Sprintf(`{"count": %d}`, n), true)
	})
	mux.HandleFunc("GET /articles/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		text, ok := s.articles[r.PathValue("id")]
		s.mu.Unlock()
		s.answer(w, text, ok)
	})
	mux.HandleFunc("PUT /articles/{id}", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		s.mu.Lock()
		s.articles[r.PathValue("id")] = string(text)
		s.mu.Unlock()
		s.answer(w, "", err == nil)
	})
	return mux
}

// answer does a little work, so that there is CPU time to be compared.
func (s *web) answer(w http.ResponseWriter, text string, ok bool) {
	sum := sha256.Sum256([]byte(text))
	for range 200 {
		sum = sha256.Sum256(sum[:])
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sum[:4]))
	s.mu.Lock()
	s.requests++
	s.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
	}
	_, _ = io.WriteString(w, text)
}

// seen is how many requests there were, and how many articles there are.
func (s *web) seen() (requests, articles int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests, len(s.articles)
}

// serveWeb is the command webserver: it serves on 127.0.0.1 until SIGTERM.
func serveWeb() {
	port := flag.Int("port", 0, "TCP port")
	secure := flag.Bool("tls", false, "with a certificate of its own, and HTTP/2")
	flag.Parse()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := httptest.NewUnstartedServer((&web{articles: map[string]string{}}).handler())
	_ = s.Listener.Close() // it chose a port of its own
	s.Listener = l
	if *secure {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	<-ctx.Done()
	s.CloseClientConnections()
	s.Close()
}
