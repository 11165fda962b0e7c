//go:build linux || darwin

package refstore

import (
	"time"

	"golang.org/x/sys/unix"
)

// processCPU is the CPU time of the process, with nanoseconds (clock_gettime(2)).
func processCPU() time.Duration { return cpuClock(unix.CLOCK_PROCESS_CPUTIME_ID) }

// threadCPU is the CPU time of the calling thread.
func threadCPU() time.Duration { return cpuClock(unix.CLOCK_THREAD_CPUTIME_ID) }

func cpuClock(id int32) time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(id, &t) != nil {
		return 0 // cannot fail: both clocks are in every kernel, and t is writable
	}
	return time.Duration(t.Nano())
}
