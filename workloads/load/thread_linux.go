package load

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// prepareThread pins the calling thread to a core (-1: none) and asks for
// timers that are not rounded: the default slack of 50 µs is more than a good
// deal of what is measured. A kernel that refuses the slack is not an error:
// the lag shows it.
func prepareThread(core int) error {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	if core < 0 {
		return nil
	}
	var set unix.CPUSet
	set.Set(core)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pin the engine thread to core %d: %w; choose a core that this process may use", core, err)
	}
	goFirst()
	return nil
}

// goFirst asks for the lowest real-time priority for the calling thread, so that
// other work on its core does not delay what is due. The thread sleeps between
// requests and has the core to itself anyway, so nobody starves; targets are on
// other cores and keep their scheduling. Where it is not allowed (it needs
// CAP_SYS_NICE) the lag shows what that costs.
func goFirst() {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	_ = unix.SchedSetAttr(0, &attr, 0)
}

// threadCPU returns the CPU time of the calling thread so far.
func threadCPU() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// processStarved returns for how long threads of this process have had something
// to do and no core to do it on, added up; 0 where the kernel does not tell
// (CONFIG_SCHED_INFO). Threads that have ended are forgotten.
func processStarved() (sum time.Duration) {
	files, err := filepath.Glob("/proc/self/task/*/schedstat")
	if err != nil {
		return 0
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		// Time on a core and time waiting for one, in ns, and a count.
		if fields := bytes.Fields(text); len(fields) == 3 {
			ns, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			sum += time.Duration(ns)
		}
	}
	return sum
}
