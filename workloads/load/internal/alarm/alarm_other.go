//go:build !linux

package alarm

import "time"

// Alarm wakes one goroutine, as precisely as Go's timers.
type Alarm struct {
	timer *time.Timer
	rung  chan struct{}
}

// New returns an alarm.
func New() (*Alarm, error) {
	a := &Alarm{timer: time.NewTimer(time.Hour), rung: make(chan struct{}, 1)}
	a.timer.Stop()
	return a, nil
}

// Close ends a sleep under way.
func (a *Alarm) Close() error {
	a.Ring()
	return nil
}

// Sleep waits for d, or until Ring, also if that was called after the last Sleep
// and before this one. It is for one goroutine.
func (a *Alarm) Sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	a.timer.Reset(d)
	select {
	case <-a.timer.C:
	case <-a.rung:
		a.timer.Stop()
	}
}

// Ring ends the sleep under way, or else the next one.
func (a *Alarm) Ring() {
	select {
	case a.rung <- struct{}{}:
	default:
	}
}
