//go:build !linux

package stall

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Server is a running yardstick: a goroutine for each connection, as precise as
// Go's timers.
type Server struct {
	config   Config
	listener net.Listener
	serving  sync.WaitGroup
	stop     chan struct{}

	mu       sync.Mutex
	stopped  bool
	conns    map[net.Conn]bool
	first    time.Time
	arrivals []int64
}

// Listen starts a server on address, "127.0.0.1:0" for any free port.
func Listen(address string, config Config) (*Server, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("stall server on %s: %w", address, err)
	}
	s := &Server{config: config, listener: l, stop: make(chan struct{}), conns: map[net.Conn]bool{}}
	s.serving.Go(s.accept)
	return s, nil
}

// Address returns where the server listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close ends the server and its connections.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return nil
	}
	s.stopped = true
	close(s.stop)
	err := s.listener.Close()
	for c := range s.conns {
		err = errors.Join(err, c.Close())
	}
	s.mu.Unlock()
	s.serving.Wait()
	return err
}

// Arrivals returns when each request arrived, in ns from the first. The server
// must be closed.
func (s *Server) Arrivals() ([]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		return nil, errArrivals
	}
	return s.arrivals, nil
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		s.mu.Lock()
		if s.stopped {
			_ = c.Close()
		} else {
			s.conns[c] = true
			s.serving.Go(func() { s.serve(c) })
		}
		s.mu.Unlock()
	}
}

func (s *Server) serve(c net.Conn) {
	defer s.forget(c)
	var end requestEnd
	buffer := make([]byte, 4096)
	for {
		n, err := c.Read(buffer)
		for range end.feed(buffer[:n]) {
			select {
			case <-time.After(s.arrive()):
			case <-s.stop:
				return
			}
			if _, err := c.Write([]byte(answer)); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// arrive logs a request and returns how long to wait with the answer.
func (s *Server) arrive() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.first.IsZero() {
		s.first = now
	}
	at := int64(now.Sub(s.first))
	s.arrivals = append(s.arrivals, at)
	return time.Duration(s.config.answerAt(at) - at)
}

func (s *Server) forget(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		delete(s.conns, c)
		_ = c.Close() // the client's end is what counts
	}
}
