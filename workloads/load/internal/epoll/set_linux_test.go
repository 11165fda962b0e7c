package epoll

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newSets returns a set of each kind of wait.
func newSets(t *testing.T) map[string]*Set {
	t.Helper()
	sets := map[string]*Set{}
	for _, name := range []string{"default", "timerfd"} {
		s, err := New()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		if name == "timerfd" {
			if err := s.useTimer(); err != nil {
				t.Fatal(err)
			}
		}
		sets[name] = s
	}
	return sets
}

func TestWaitLastsAtLeastAsLongAsAsked(t *testing.T) {
	for name, s := range newSets(t) {
		for _, wait := range []time.Duration{-1, 0, 50 * time.Microsecond, 2 * time.Millisecond, 30 * time.Millisecond} {
			began := time.Now()
			for time.Since(began) < wait { // signals may end one early
				if _, err := s.Wait(int64(wait - time.Since(began))); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.Wait(-1); err != nil {
				t.Errorf("%s: a look after %v: %v", name, wait, err)
			}
		}
	}
}

func TestReadySocketEndsTheWait(t *testing.T) {
	for name, s := range newSets(t) {
		var pair [2]int
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(pair[0], unix.EPOLLOUT, 7); err != nil {
			t.Fatal(err)
		}
		wantEvent(t, name, s, unix.EPOLLOUT)
		if err := s.Change(pair[0], unix.EPOLLIN, 7); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Wait(0); n != 0 || err != nil {
			t.Errorf("%s: %d events, %v before anything was written", name, n, err)
		}
		if _, err := unix.Write(pair[1], []byte("x")); err != nil {
			t.Fatal(err)
		}
		wantEvent(t, name, s, unix.EPOLLIN)
		for _, fd := range pair {
			if err := unix.Close(fd); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Add(pair[0], unix.EPOLLIN, 7); err == nil {
			t.Errorf("%s: a closed socket was added", name)
		}
	}
}

// wantEvent waits for the event of socket 7, an hour at most.
func wantEvent(t *testing.T, name string, s *Set, want uint32) {
	t.Helper()
	for {
		n, err := s.Wait(int64(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if id, events, ok := s.Event(i); ok {
				if id != 7 || events != want {
					t.Errorf("%s: got event %#x of socket %d, want %#x of 7", name, events, id, want)
				}
				return
			}
		}
	}
}
