package target

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// alive lists the members that still run, after a look at all processes.
func (t *tree) alive() []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refresh(true)
	var pids []int
	for _, m := range t.members {
		if !m.last.zombie() {
			pids = append(pids, m.pid)
		}
	}
	return pids
}

// signal sends a signal to the launch's process group, and to each member that
// left it.
func (t *tree) signal(sig syscall.Signal) {
	pids := t.alive()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.members) > 0 && t.members[0].pid == t.root {
		// Only while the root is there, a zombie even, can no other process group
		// have its number.
		_ = syscall.Kill(-t.root, sig) // a group that is empty by now is as good
	}
	for _, pid := range pids {
		if m := t.member(pid); m != nil && (m.last.group != t.root || !t.pids[t.root]) {
			_ = syscall.Kill(pid, sig) // gone by now is as good
		}
	}
}

func (t *tree) member(pid int) *member {
	for _, m := range t.members {
		if m.pid == pid {
			return m
		}
	}
	return nil
}

// gone waits until no member is left, zombies included, and reports whether that
// came about before the deadline or the end of the context.
func (t *tree) gone(ctx context.Context, deadline time.Time) bool {
	for {
		alive := t.alive()
		t.mu.Lock()
		left := len(t.members)
		rootLeft := t.pids[t.root]
		t.mu.Unlock()
		if left == 0 {
			return true
		}
		wait := min(time.Until(deadline), longestWait)
		if wait <= 0 || ctx.Err() != nil {
			return false
		}
		if len(alive) == 0 && rootLeft {
			wait = min(wait, 5*time.Millisecond) // a zombie that its owner is about to wait for
		}
		awaitExit(alive, wait)
	}
}

// awaitExit returns when one of the processes ends, or after the time.
func awaitExit(pids []int, wait time.Duration) {
	var fds []unix.PollFd
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // gone, or a kernel before 5.3: the time has to do
		}
		defer unix.Close(fd)
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	if len(fds) < len(pids) {
		wait = min(wait, time.Millisecond)
	}
	timeout := unix.NsecToTimespec(int64(wait))
	_, _ = unix.Ppoll(fds, &timeout, nil) // interrupted is as good: the caller looks again
}

// awaitZombie returns when a child has ended, but is not yet waited for: then its
// account of waiting for a CPU can still be read, the second number of
// /proc/PID/schedstat, in ns (Documentation/scheduler/sched-stats.rst).
func awaitZombie(pid int) (delay time.Duration, ended time.Time) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	ended = time.Now()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/schedstat")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0, ended
	}
	nanos, _ := strconv.ParseInt(fields[1], 10, 64) // 0 where it is no number
	return time.Duration(nanos), ended
}

// close gives the tree's files back. The tree must be empty or given up.
func (t *tree) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for len(t.members) > 0 {
		t.drop(0)
	}
	if t.loadavg != nil {
		_ = t.loadavg.Close() // only read
		t.loadavg = nil
	}
}

// describe names processes for an error.
func describe(pids []int) string {
	names := make([]string, len(pids))
	for i, pid := range pids {
		names[i] = strconv.Itoa(pid) + " (" + programName(pid) + ")"
	}
	return strings.Join(names, ", ")
}

// programName is the name of a process's program, or "?".
func programName(pid int) string {
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil {
		return "?"
	}
	return strings.TrimSpace(string(name))
}

// EndOrphans ends orphans that no tree knows, and names them: they took a session
// of their own, lost their parents, and hid or ended before a look could tell whose
// they were. What they used is lost. Only processes that were born after the given
// one are looked at, and no session may have launches under way: gate's own
// children stay in its session, so an orphan of another is a descendant of a child.
func EndOrphans(since int) string {
	own, err := unix.Getsid(0)
	if err != nil {
		return ""
	}
	var found []int
	for _, pid := range allPIDs() {
		if pid <= since {
			continue
		}
		line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			continue
		}
		if s, err := parseProcStat(line); err == nil && s.parent == os.Getpid() && s.session != own {
			found = append(found, pid)
		}
	}
	names := describe(found)
	for _, pid := range found {
		_ = syscall.Kill(pid, syscall.SIGKILL) // dead already is as good
		awaitExit([]int{pid}, killTime)
		_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // waited for by others is as good
	}
	return names
}

// strayTries is how often killStrays looks again; a process that forks as fast as
// it is killed needs more than one look.
const strayTries = 20

// killStrays kills what no tree knows of and still belongs to a session: processes
// that carry its mark, or whose program or working directory lies in its
// directory.
func killStrays(dir string) {
	for range strayTries {
		found := straysOf(dir)
		if len(found) == 0 {
			return
		}
		for _, pid := range found {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone by now is as good
		}
		awaitExit(found, longestWait)
		for _, pid := range found {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // not our child is as good
		}
	}
}

func straysOf(dir string) []int {
	var found []int
	inside := func(link string) bool {
		path, err := os.Readlink(link)
		return err == nil && (path == dir || strings.HasPrefix(path, dir+"/"))
	}
	for _, pid := range allPIDs() {
		proc := "/proc/" + strconv.Itoa(pid)
		if pid == os.Getpid() || !(inside(proc+"/exe") || inside(proc+"/cwd") || hasMark(pid, sessionVariable+"="+dir)) {
			continue
		}
		if line, err := os.ReadFile(proc + "/stat"); err == nil {
			if s, err := parseProcStat(line); err == nil && !s.zombie() {
				found = append(found, pid)
			}
		}
	}
	return found
}
