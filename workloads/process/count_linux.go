package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// event is one thing that the kernel counts (perf_event_open(2)).
type event struct {
	kind   uint32
	config uint64
}

var (
	instructions = event{unix.PERF_TYPE_HARDWARE, unix.PERF_COUNT_HW_INSTRUCTIONS}
	cycles       = event{unix.PERF_TYPE_HARDWARE, unix.PERF_COUNT_HW_CPU_CYCLES}
)

// CanCount says what this machine lacks for Command.Count, and how to get it.
func CanCount() error {
	// Asked on a thread of its own, as a run does.
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		c, err := openCounter(instructions)
		if err == nil {
			err = c.close()
		}
		failed <- err
	}()
	return <-failed
}

// counter counts an event in all processes that the thread which opened it forks
// afterwards, from their exec on.
type counter struct{ file *os.File }

// openCounter opens a counter for the children of this thread.
func openCounter(e event) (*counter, error) {
	attr := unix.PerfEventAttr{
		Type: e.kind, Config: e.config,
		Size:        uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		Bits:        unix.PerfBitDisabled | unix.PerfBitInherit | unix.PerfBitEnableOnExec | unix.PerfBitExcludeHv,
		Read_format: unix.PERF_FORMAT_TOTAL_TIME_ENABLED | unix.PERF_FORMAT_TOTAL_TIME_RUNNING,
	}
	fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, explain(err, "/")
	}
	return &counter{os.NewFile(uintptr(fd), "perf event")}, nil
}

// explain turns a refusal of the kernel's into what to do.
func explain(err error, root string) error {
	switch {
	case errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM):
		text, _ := os.ReadFile(filepath.Join(root, "proc/sys/kernel/perf_event_paranoid")) // empty where there is none
		level := strings.TrimSpace(string(text))
		return fmt.Errorf("count instructions: %w: the kernel does not let this user count (perf_event_paranoid is %s): run `sysctl kernel.perf_event_paranoid=1` as root, or give gate CAP_PERFMON; "+
			"in a container also allow perf_event_open; or use --counter cachegrind", err, level)
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENODEV):
		where := "this machine"
		if _, err := os.Stat(filepath.Join(root, "sys/bus/event_source/devices/cpu")); errors.Is(err, fs.ErrNotExist) {
			where = "this machine, most likely a virtual one,"
		}
		return fmt.Errorf("count instructions: %w: %s shows no performance counters to its kernel: use a runner on real hardware, or a virtual machine with a virtual PMU; or use --counter cachegrind", err, where)
	case errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("count instructions: %w: the kernel was built without perf events, or a container forbids them; use --counter cachegrind", err)
	}
	return fmt.Errorf("count instructions: %w", err)
}

// read returns the count over all processes that have ended. Where more counters
// were wanted than the processor has, each ran for a part of the time only, and
// the count is extrapolated, as perf stat does.
func (c *counter) read() (int64, error) {
	var buf [24]byte
	n, err := c.file.Read(buf[:])
	if err != nil || n != len(buf) {
		return 0, fmt.Errorf("count instructions: read %d bytes: %w", n, err)
	}
	count, enabled, running := binary.NativeEndian.Uint64(buf[:]), binary.NativeEndian.Uint64(buf[8:]), binary.NativeEndian.Uint64(buf[16:])
	if running == 0 {
		return 0, errors.New("count instructions: the counter never ran: another user of the counters, such as a watchdog or a profiler, holds them")
	}
	if running < enabled {
		return int64(float64(count) * float64(enabled) / float64(running)), nil
	}
	return int64(count), nil
}

func (c *counter) close() error { return c.file.Close() }
