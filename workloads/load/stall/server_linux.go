package stall

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/fivegate/fivegate/workloads/load/internal/epoll"
)

// Server is a running yardstick: one thread with its own epoll set, so that it
// costs little beside the generator under test.
type Server struct {
	config  Config
	address string
	stopped atomic.Bool
	ended   chan struct{}
	err     error

	// The thread's own.
	set      *epoll.Set
	listener int
	conns    []*conn // by descriptor
	base     time.Time
	first    int64 // when the first request arrived; -1 before
	arrivals []int64
	waiting  []pending // in the order of answering
	answered int       // of waiting
	buffer   []byte
}

type conn struct {
	end requestEnd
}

// pending is a request that is to be answered.
type pending struct {
	conn *conn
	fd   int
	at   int64
}

const idleWait = int64(20 * time.Millisecond) // bounds how long Close takes

// Listen starts a server on address, "127.0.0.1:0" for any free port.
func Listen(address string, config Config) (*Server, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	s := &Server{config: config, ended: make(chan struct{}), base: time.Now(), first: -1, buffer: make([]byte, 1<<16)}
	if err := s.listen(address); err != nil {
		return nil, fmt.Errorf("stall server on %s: %w", address, err)
	}
	go s.serve()
	return s, nil
}

// listen lets the net package make the socket and takes a copy of it.
func (s *Server) listen(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	defer l.Close()
	s.address = l.Addr().String()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	defer file.Close()
	if s.listener, err = unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return err
	}
	if s.set, err = epoll.New(); err != nil {
		return errors.Join(err, unix.Close(s.listener))
	}
	err = unix.SetNonblock(s.listener, true)
	if err == nil {
		err = s.set.Add(s.listener, unix.EPOLLIN, int32(s.listener))
	}
	if err != nil {
		return errors.Join(err, unix.Close(s.listener), s.set.Close())
	}
	return nil
}

// Address returns where the server listens.
func (s *Server) Address() string { return s.address }

// Close ends the server and its connections.
func (s *Server) Close() error {
	s.stopped.Store(true)
	<-s.ended
	return s.err
}

// Arrivals returns when each request arrived, in ns from the first. The server
// must be closed.
func (s *Server) Arrivals() ([]int64, error) {
	select {
	case <-s.ended:
		return s.arrivals, nil
	default:
		return nil, errArrivals
	}
}

func (s *Server) now() int64 { return int64(time.Since(s.base)) }

func (s *Server) serve() {
	defer close(s.ended)
	runtime.LockOSThread() // never unlocked: the thread ends with its timer slack
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	for !s.stopped.Load() && s.err == nil {
		n, err := s.set.Wait(s.answerDue())
		s.err = err
		for i := range n {
			id, _, ok := s.set.Event(i)
			switch {
			case !ok:
			case int(id) == s.listener:
				s.accept()
			default:
				s.read(int(id))
			}
		}
	}
	for fd, c := range s.conns {
		if c != nil {
			s.hangUp(fd)
		}
	}
	s.err = errors.Join(s.err, unix.Close(s.listener), s.set.Close())
}

// answerDue answers what is due and returns how long until there is more.
func (s *Server) answerDue() int64 {
	for s.answered < len(s.waiting) {
		p := s.waiting[s.answered]
		if wait := p.at - s.now(); wait > 0 {
			return min(wait, idleWait)
		}
		s.answered++
		if s.conns[p.fd] == p.conn { // else it hung up, and the descriptor may be another's
			s.write(p.fd)
		}
	}
	s.waiting, s.answered = s.waiting[:0], 0
	return idleWait
}

func (s *Server) write(fd int) {
	text := answer
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.StringData(text))), uintptr(len(text)), unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 || int(n) != len(text) {
		s.hangUp(fd) // a client that does not read is no use here
	}
}

// accept takes all connections that are waiting.
func (s *Server) accept() {
	for {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case err == nil:
		case errors.Is(err, unix.EAGAIN):
			return
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
			continue
		default:
			s.err = fmt.Errorf("accept a connection: %w", err)
			return
		}
		for fd >= len(s.conns) {
			s.conns = append(s.conns, nil)
		}
		s.conns[fd] = &conn{}
		if err := errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1), s.set.Add(fd, unix.EPOLLIN, int32(fd))); err != nil {
			s.hangUp(fd)
		}
	}
}

// read takes what has arrived on a connection.
func (s *Server) read(fd int) {
	c := s.conns[fd]
	if c == nil {
		return // hung up earlier in this batch
	}
	n, _, errno := syscall.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&s.buffer[0])), uintptr(len(s.buffer)))
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return
	case errno != 0 || n == 0:
		s.hangUp(fd)
		return
	}
	for range c.end.feed(s.buffer[:n]) {
		s.arrive(c, fd)
	}
}

// arrive logs a request and answers it, now or later.
func (s *Server) arrive(c *conn, fd int) {
	now := s.now()
	if s.first < 0 {
		s.first = now
	}
	at := now - s.first
	s.arrivals = append(s.arrivals, at)
	answerAt := s.first + s.config.answerAt(at)
	if answerAt <= now {
		s.write(fd)
		return
	}
	s.waiting = append(s.waiting, pending{conn: c, fd: fd, at: answerAt})
}

func (s *Server) hangUp(fd int) {
	s.conns[fd] = nil
	if err := unix.Close(fd); err != nil {
		s.err = errors.Join(s.err, err)
	}
}
