// Package alarm is a sleep to a fraction of a millisecond that another goroutine
// can end. Go's own timers are a millisecond coarse while the process is idle
// (golang/go#53824): they end the network poller's wait, which counts in ms.
package alarm
