package alarm

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Alarm wakes one goroutine. It is a timerfd in Go's network poller: no thread
// is held, and an idle process wakes some 30 µs late. A busy one looks at its
// poller rarely, but at its own timers whenever a goroutine ends its turn, so one
// of these is set for a little later, as the file's deadline.
type Alarm struct {
	fd   int
	file *os.File // of fd
	read [8]byte

	mu   sync.Mutex
	rung bool
}

// reserve is by how much the deadline comes after the timer. Chosen: the timer wins
// in an idle process, since a deadline that has passed costs Go a wake-up more.
const reserve = 100 * time.Microsecond

// New returns an alarm.
func New() (*Alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create a timer: %w", err)
	}
	a := &Alarm{fd: fd, file: os.NewFile(uintptr(fd), "timerfd")}
	if err := a.file.SetReadDeadline(time.Time{}); err != nil { // Sleep depends on it
		return nil, errors.Join(fmt.Errorf("create a timer: %w", err), a.file.Close())
	}
	return a, nil
}

// Close ends a sleep under way and frees the timer.
func (a *Alarm) Close() error { return a.file.Close() }

// Sleep waits for d, or until Ring, also if that was called after the last Sleep
// and before this one. It is for one goroutine.
func (a *Alarm) Sleep(d time.Duration) {
	if a.set(d) {
		_, _ = a.file.Read(a.read[:]) // by the timer or by the deadline: it is time
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rung = false
}

// set starts the timer; false when there is nothing to wait for.
func (a *Alarm) set(d time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rung || d <= 0 {
		return false
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	_ = unix.TimerfdSettime(a.fd, 0, &spec, nil) // without it there is still the deadline
	return a.file.SetReadDeadline(time.Now().Add(d+reserve)) == nil
}

// Ring ends the sleep under way, or else the next one.
func (a *Alarm) Ring() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rung = true
	_ = a.file.SetReadDeadline(time.Unix(1, 0)) // fails only when closed
}
