package epoll

import (
	"errors"
	"fmt"
	"math"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Set is an epoll set. It is for one thread.
//
// The wait is epoll_pwait2, or where the kernel has none (before 5.11) a
// timerfd inside the set: one more call for each wait, but unlike after
// clock_nanosleep a socket that becomes ready still ends it.
type Set struct {
	epoll  int
	timer  int // timerfd; -1 with epoll_pwait2
	events [64]unix.EpollEvent
	spec   kernelTimespec
}

// kernelTimespec is struct __kernel_timespec: 64-bit on every architecture.
type kernelTimespec struct {
	sec, nsec int64
}

// timerID marks the timer's event; callers number theirs from 0.
const timerID = -1

// New returns an empty set.
func New() (*Set, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create an epoll set: %w", err)
	}
	s := &Set{epoll: fd, timer: -1}
	if _, err := s.Wait(0); err != nil { // ENOSYS, or EPERM from a sandbox that does not know it
		if err := s.useTimer(); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// useTimer replaces epoll_pwait2 by a timerfd.
func (s *Set) useTimer() error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("create a timer: %w", err)
	}
	s.timer = fd
	// Edge-triggered: setting the timer anew clears it, so it is never read.
	return s.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLET, timerID)
}

// Close closes the set, not the sockets in it.
func (s *Set) Close() error {
	var err error
	if s.timer >= 0 {
		err = unix.Close(s.timer)
	}
	return errors.Join(err, unix.Close(s.epoll))
}

// Add watches a socket for events (EPOLLIN and the like), level-triggered. It is
// named id, from 0, in what Event returns. Closing the socket takes it out.
func (s *Set) Add(fd int, events uint32, id int32) error {
	return s.control(unix.EPOLL_CTL_ADD, fd, events, id)
}

// Change watches a socket of the set for other events.
func (s *Set) Change(fd int, events uint32, id int32) error {
	return s.control(unix.EPOLL_CTL_MOD, fd, events, id)
}

func (s *Set) control(op, fd int, events uint32, id int32) error {
	event := unix.EpollEvent{Events: events, Fd: id}
	if err := unix.EpollCtl(s.epoll, op, fd, &event); err != nil {
		return fmt.Errorf("change the epoll set: %w", err)
	}
	return nil
}

// Wait sleeps until a socket is ready, ns have passed, or a signal came; ns <= 0
// only looks. It returns how many events there are, at most 64.
func (s *Set) Wait(ns int64) (int, error) {
	if s.timer >= 0 {
		return s.waitByTimer(ns)
	}
	ns = max(ns, 0)
	s.spec = kernelTimespec{sec: ns / 1e9, nsec: ns % 1e9}
	events, spec := unsafe.Pointer(&s.events[0]), unsafe.Pointer(&s.spec)
	var n uintptr
	var errno syscall.Errno
	if ns == 0 { // never sleeps: the runtime need not know
		n, _, errno = syscall.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(s.epoll), uintptr(events), uintptr(len(s.events)), uintptr(spec), 0, 0)
	} else {
		n, _, errno = syscall.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(s.epoll), uintptr(events), uintptr(len(s.events)), uintptr(spec), 0, 0)
	}
	return ready(n, errno)
}

func (s *Set) waitByTimer(ns int64) (int, error) {
	timeout := uintptr(0)
	if ns > 0 {
		timeout = math.MaxUint // -1: the timer ends it
		setting := unix.ItimerSpec{Value: unix.NsecToTimespec(ns)}
		if err := unix.TimerfdSettime(s.timer, 0, &setting, nil); err != nil {
			return 0, fmt.Errorf("set the timer: %w", err)
		}
	}
	events := unsafe.Pointer(&s.events[0])
	n, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(s.epoll), uintptr(events), uintptr(len(s.events)), timeout, 0, 0)
	return ready(n, errno)
}

func ready(n uintptr, errno syscall.Errno) (int, error) {
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR: // the runtime's own signals
		return 0, nil
	}
	return 0, fmt.Errorf("wait for sockets: %w", errno)
}

// Event returns the i-th event of the last Wait; ok is false for one that is
// none of the caller's.
func (s *Set) Event(i int) (id int32, events uint32, ok bool) {
	e := &s.events[i]
	return e.Fd, e.Events, e.Fd != timerID
}
