package target

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tree is all processes of one launch: the one that gate started and everything
// that it forked, however far it moved away.
//
// A process belongs to the tree when its parent does, or when it is an orphan
// that came to gate (its subreaper) and carries the launch's process group, a
// session of the tree, or the launch's mark in its environment. What escapes: a
// process that forks twice, makes a session, clears its environment and loses
// its parent, all between two looks. Session.Close finds even that by its program
// or working directory.
type tree struct {
	mark string        // NAME=VALUE in the environment of every member
	root int           // the process that gate started
	done chan struct{} // closed when it was waited for

	mu       sync.Mutex
	members  []*member // parents before children
	pids     map[int]bool
	groups   map[int]bool
	sessions map[int]bool
	lastPID  int           // newest process id of the machine at the last look
	reaped   Usage         // of orphans that were waited for here
	final    time.Duration // CPU of root once it was waited for; −1 before
	highest  time.Duration // largest sum returned: CPU time never runs back
	loadavg  *os.File
	buf      []byte
	closed   bool // given up: looks at nothing any more
}

// member is one live process, or zombie, of a tree.
type member struct {
	pid  int
	stat *os.File // /proc/PID/stat, kept open: it can never show another process
	last procStat
	cpu  time.Duration
}

func newTree(root int, mark string, done chan struct{}) *tree {
	t := &tree{
		mark: mark, root: root, done: done, final: -1,
		pids: map[int]bool{}, groups: map[int]bool{root: true}, sessions: map[int]bool{}, buf: make([]byte, 4096),
	}
	t.loadavg, _ = os.Open("/proc/loadavg") // nil reads as "look at everything"
	t.add(root)
	return t
}

// add makes a process a member; t.mu is held, or the tree is new. It reports
// false when the process is gone already.
func (t *tree) add(pid int) bool {
	file, err := os.Open("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	m := &member{pid: pid, stat: file}
	if err := t.read(m); err != nil {
		_ = file.Close() // only read
		return false
	}
	t.members = append(t.members, m)
	t.pids[pid] = true
	if m.last.group != unix.Getpgrp() {
		t.groups[m.last.group] = true
	}
	if own, err := unix.Getsid(0); err == nil && m.last.session != own {
		t.sessions[m.last.session] = true
	}
	return true
}

// read refreshes one member. The error means that the process is gone.
func (t *tree) read(m *member) error {
	n, err := m.stat.ReadAt(t.buf, 0)
	if n == 0 {
		return err
	}
	m.last, err = parseProcStat(t.buf[:n])
	if err != nil {
		return err
	}
	// The process's own clock has nanoseconds where stat has clock ticks; it
	// covers exited threads, and goes on being readable for a zombie.
	m.cpu = m.last.user + m.last.system
	var now unix.Timespec
	if unix.ClockGettime(processClock(m.pid), &now) == nil {
		m.cpu = time.Duration(now.Nano())
	}
	return nil
}

// processClock is the id of a process's CPU clock, as clock_getcpuclockid(3) makes
// it: the pid's complement above three bits, of which 2 says "scheduler time".
func processClock(pid int) int32 { return int32(^pid)<<3 | 2 }

// drop forgets a member that is gone.
func (t *tree) drop(i int) {
	m := t.members[i]
	_ = m.stat.Close() // only read
	delete(t.pids, m.pid)
	t.members = slices.Delete(t.members, i, i+1)
}

// newestPID is the process id given out last, from /proc/loadavg; 0 when unknown.
// Threads count too. As long as it stands still, nothing was born.
func (t *tree) newestPID() int {
	if t.loadavg == nil {
		return 0
	}
	n, _ := t.loadavg.ReadAt(t.buf, 0) // a short read ends in io.EOF
	line := bytes.TrimRight(t.buf[:n], "\n")
	pid, err := strconv.Atoi(string(line[bytes.LastIndexByte(line, ' ')+1:]))
	if err != nil {
		return 0
	}
	return pid
}

// nothingBefore says that no member but the root has a lower process id than this:
// the first look need not list all processes.
func (t *tree) nothingBefore(pid int) { t.lastPID = pid }

// remains looks for members, the quick way.
func (t *tree) remains() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refresh(false)
	return len(t.members) > 0
}

// orphanUsage is that of the orphans that were waited for here.
func (t *tree) orphanUsage() Usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reaped
}

// scanRange is how many new process ids are looked at one by one before all of
// /proc is listed instead. Chosen: a failed look costs a hundredth of a listing.
const scanRange = 128

// discover finds the members that were born since the last look; everything says
// to look at all processes, whatever was seen before. t.mu is held.
func (t *tree) discover(everything bool) {
	newest := t.newestPID()
	if newest != 0 && newest == t.lastPID && !everything {
		return
	}
	var candidates []int
	if everything || t.lastPID == 0 || newest < t.lastPID || newest-t.lastPID > scanRange {
		candidates = allPIDs()
	} else {
		for pid := t.lastPID + 1; pid <= newest; pid++ {
			candidates = append(candidates, pid)
		}
	}
	t.lastPID = newest
	// Again until nothing is found: a child may come before its parent once
	// process ids have wrapped around.
	for found := true; found; {
		found = false
		candidates = slices.DeleteFunc(candidates, func(pid int) bool {
			known := t.pids[pid]
			if !known && t.belongs(pid) {
				found = t.add(pid) || found
				return true
			}
			return known
		})
	}
}

// belongs decides whether a process is of this tree.
func (t *tree) belongs(pid int) bool {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	s, err := parseProcStat(line)
	if err != nil {
		return false
	}
	orphan := s.parent == os.Getpid() && pid != t.root
	ours := t.pids[s.parent] ||
		orphan && (t.groups[s.group] || t.sessions[s.session] || hasMark(pid, t.mark))
	return ours && isProcess(pid)
}

// isProcess tells a process from a thread, which /proc shows under its id too.
func isProcess(pid int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	return err == nil && bytes.Contains(status, []byte("\nTgid:\t"+strconv.Itoa(pid)+"\n"))
}

// hasMark reports whether NAME=VALUE is in the environment that a process was
// started with.
func hasMark(pid int, mark string) bool {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return err == nil && bytes.Contains(append([]byte{0}, env...), append(append([]byte{0}, mark...), 0))
}

// allPIDs lists the processes of the machine, threads not included, ascending.
func allPIDs() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // what was read before an error is used
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// refresh reads all members, drops those that are gone and waits for orphans that
// are dead; t.mu is held. It reports whether any went.
func (t *tree) refresh(everything bool) (went bool) {
	if t.closed {
		return false
	}
	t.discover(everything)
	for i := 0; i < len(t.members); {
		m := t.members[i]
		if t.read(m) != nil || t.reap(m) {
			t.drop(i)
			went = true
			continue
		}
		i++
	}
	return went
}

// reap waits for a dead orphan and keeps its usage, with that of the children
// that it waited for (getrusage(2)). The root is waited for by its owner.
func (t *tree) reap(m *member) bool {
	if m.pid == t.root || !m.last.zombie() || m.last.parent != os.Getpid() {
		return false
	}
	var usage syscall.Rusage
	pid, err := syscall.Wait4(m.pid, nil, syscall.WNOHANG, &usage)
	if err != nil || pid != m.pid {
		return errors.Is(err, syscall.ECHILD)
	}
	t.reaped.Add(usageOf(&usage))
	return true
}

// cpuTries is how often a sum is begun again because a process went meanwhile.
const cpuTries = 5

// cpu is the CPU time of all processes of the tree, dead ones included.
//
// It adds, over the live members, each one's own clock (nanoseconds) and the time
// of the children it waited for (the kernel sums it exactly and shows it in clock
// ticks of 10 ms, user and system apart, both rounded down: short by two ticks at
// most), and the time of those waited for here (microseconds). Nothing is counted twice or lost when a process goes during
// the count: parents are read before children, so the time of a child that its
// parent takes over in between is missing, never doubled, and the count is begun
// again. The sum never runs back: when a child's exact time becomes whole ticks,
// the last sum stands until the new one passes it. Lost is only the time of
// children whose parent ignores SIGCHLD, since the kernel then adds it nowhere.
func (t *tree) cpu() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	for try := 0; ; try++ {
		if !t.refresh(false) || try == cpuTries {
			break
		}
		if !t.pids[t.root] && t.final < 0 {
			// Its time is coming through finish. Wait for that and no longer.
			t.mu.Unlock()
			<-t.done
			t.mu.Lock()
		}
	}
	sum := t.reaped.CPU() + max(t.final, 0)
	for _, m := range t.members {
		if m.pid == t.root && t.final >= 0 {
			continue
		}
		sum += m.cpu + m.last.children
	}
	t.highest = max(t.highest, sum)
	return t.highest
}

// finish takes over the usage of the root when it was waited for.
func (t *tree) finish(cpu time.Duration) {
	t.mu.Lock()
	t.final = cpu
	t.mu.Unlock()
	close(t.done)
}

// sample is the resource use of the tree now.
func (t *tree) sample() Sample {
	cpu := t.cpu()
	t.mu.Lock()
	defer t.mu.Unlock()
	sample := Sample{At: time.Now(), CPU: cpu}
	for _, m := range t.members {
		if m.last.zombie() {
			continue
		}
		sample.Processes++
		sample.Threads += m.last.threads
		sample.RSSBytes += m.last.rssPages * int64(os.Getpagesize())
		sample.Descriptors += countDescriptors(m.pid)
	}
	return sample
}

// countDescriptors counts the open files of a process; 0 when it may not be
// looked at.
func countDescriptors(pid int) int {
	dir, err := os.Open(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // what was read before an error counts
	return len(names)
}
