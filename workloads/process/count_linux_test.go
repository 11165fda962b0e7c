package process

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An event of the kernel's own is counted like one of the processor's, which few
// virtual machines have: the CPU time of a program and its children, in ns.
func TestCountersFollowTheTree(t *testing.T) {
	taskClock := event{unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_TASK_CLOCK}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, err := openCounter(taskClock)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		t.Skip("this kernel lets nobody count:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	burn(20 * time.Millisecond) // of the thread itself, which does not count
	const burned = 60 * time.Millisecond
	cmd := child(false, "forks", "burn", burned.String())
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	got, err := c.read()
	if err != nil || time.Duration(got) < burned || time.Duration(got) > used+10*time.Millisecond {
		t.Errorf("counted %s, %v; the program burned %s and used %s", time.Duration(got), err, burned, used)
	}
}

func TestCount(t *testing.T) {
	command := program(t, "burn", "5ms")
	command.Count = true
	exits, err := Run(t.Context(), command, program(t, "nothing"))
	if can := CanCount(); can != nil {
		if err == nil || err.Error() != can.Error() || exits != nil {
			t.Errorf("error %v, want %v", err, can)
		}
		return
	}
	if err != nil || exits[0].Instructions < 1e6 || exits[0].Cycles < 1e5 || exits[1].Instructions != 0 {
		t.Errorf("%+v, %v", exits, err)
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "proc/sys/kernel"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "proc/sys/kernel/perf_event_paranoid"), []byte("4\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for err, words := range map[error][]string{
		unix.EACCES: {"perf_event_paranoid is 4", "sysctl kernel.perf_event_paranoid=1", "cachegrind"},
		unix.ENOENT: {"most likely a virtual one", "cachegrind"},
		unix.ENOSYS: {"without perf events", "cachegrind"},
		unix.EBUSY:  {"count instructions"},
	} {
		got := explain(err, root)
		if !errors.Is(got, err) {
			t.Errorf("%v is lost in %v", err, got)
		}
		for _, w := range words {
			if !strings.Contains(got.Error(), w) {
				t.Errorf("%v: %v does not say %q", err, got, w)
			}
		}
	}
}
