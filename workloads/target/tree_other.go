//go:build !linux

package target

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// tree is all processes of one launch, as ps shows them: the one that gate
// started, its process group, and their descendants. Without a reaper of orphans,
// a daemon that leaves the group and loses its parent escapes until Session.Close.
type tree struct {
	root int
	done chan struct{}

	mu      sync.Mutex
	final   time.Duration
	highest time.Duration
}

func newTree(root int, _ string, done chan struct{}) *tree { return &tree{root: root, done: done} }

// row is one process in the output of ps.
type row struct {
	pid, parent, group int
	cpu                time.Duration
	rss                int64
	zombie             bool
	command            string
}

// processes lists all processes of the machine; none when ps cannot be run.
func processes() []row {
	out, err := exec.Command("ps", "-axo", "pid=,ppid=,pgid=,rss=,stat=,time=,comm=").Output()
	if err != nil {
		return nil
	}
	var rows []row
	for line := range strings.Lines(string(out)) {
		if r, err := parsePS(line); err == nil {
			rows = append(rows, r)
		}
	}
	return rows
}

// parsePS reads one line: numbers, a state such as "Ss+", a time such as
// "1-02:03:04.56" or "3:04.56", and the program.
func parsePS(line string) (row, error) {
	fields := strings.Fields(line)
	if len(fields) < 7 {
		return row{}, fmt.Errorf("ps: %q has too few columns", line)
	}
	var numbers [4]int
	for i := range numbers {
		value, err := strconv.Atoi(fields[i])
		if err != nil {
			return row{}, fmt.Errorf("ps: %q: %w", line, err)
		}
		numbers[i] = value
	}
	days, clock, ok := strings.Cut(fields[5], "-")
	if !ok {
		days, clock = "0", fields[5]
	}
	seconds := 0.0
	for _, part := range strings.Split(clock, ":") {
		value, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return row{}, fmt.Errorf("ps: %q: %w", line, err)
		}
		seconds = seconds*60 + value
	}
	whole, err := strconv.Atoi(days)
	if err != nil {
		return row{}, fmt.Errorf("ps: %q: %w", line, err)
	}
	return row{
		pid: numbers[0], parent: numbers[1], group: numbers[2], rss: int64(numbers[3]) << 10,
		zombie:  strings.HasPrefix(fields[4], "Z"),
		cpu:     time.Duration((float64(whole)*86400 + seconds) * float64(time.Second)),
		command: strings.Join(fields[6:], " "),
	}, nil
}

// members are the live processes of the tree.
func (t *tree) members() []row {
	all := processes()
	in := map[int]bool{t.root: true}
	for grown := true; grown; {
		grown = false
		for _, r := range all {
			if !in[r.pid] && (r.group == t.root || in[r.parent]) {
				in[r.pid], grown = true, true
			}
		}
	}
	return slices.DeleteFunc(all, func(r row) bool { return !in[r.pid] || r.zombie })
}

// cpu is the CPU time of the live processes, and of the root with the children it
// waited for once it has ended. Its resolution is that of ps, 10 ms, and children
// that exited count only then: CPU per operation is rough on this system.
func (t *tree) cpu() time.Duration {
	var sum time.Duration
	for _, r := range t.members() {
		sum += r.cpu
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.highest = max(t.highest, sum+t.final)
	return t.highest
}

// finish takes over the usage of the root when it was waited for.
func (t *tree) finish(cpu time.Duration) {
	t.mu.Lock()
	t.final = cpu
	t.mu.Unlock()
	close(t.done)
}

// sample has no threads and no descriptors on this system.
func (t *tree) sample() Sample {
	sample := Sample{At: time.Now(), CPU: t.cpu()}
	for _, r := range t.members() {
		sample.Processes++
		sample.RSSBytes += r.rss
	}
	return sample
}

func (t *tree) alive() []int {
	var pids []int
	for _, r := range t.members() {
		pids = append(pids, r.pid)
	}
	return pids
}

func (t *tree) signal(sig syscall.Signal) {
	for _, r := range t.members() {
		_ = syscall.Kill(r.pid, sig) // gone by now is as good
	}
}

// gone waits until no member is left, and reports whether that came about before
// the deadline or the end of the context.
func (t *tree) gone(ctx context.Context, deadline time.Time) bool {
	for len(t.alive()) > 0 {
		if time.Now().After(deadline) || ctx.Err() != nil {
			return false
		}
		select {
		case <-ctx.Done():
		case <-time.After(longestWait):
		}
	}
	return true
}

func (t *tree) close() {}

func (t *tree) nothingBefore(int) {}

// remains looks for members. What ended by itself was waited for by launchd.
func (t *tree) remains() bool { return len(t.members()) > 0 }

func (t *tree) orphanUsage() Usage { return Usage{} }

// owns proves by lsof that whoever listens on the port is of the tree.
func (t *tree) owns(addr netip.AddrPort) error {
	pids, err := lsof("-nP", "-iTCP:"+strconv.Itoa(int(addr.Port())), "-sTCP:LISTEN")
	if err != nil {
		return fmt.Errorf("port %d: cannot prove who answers: %w", addr.Port(), err)
	}
	if len(pids) == 0 {
		return fmt.Errorf("port %d: nobody listens", addr.Port())
	}
	mine := t.alive()
	for _, pid := range pids {
		if !slices.Contains(mine, pid) {
			return &foreignError{port: int(addr.Port()), by: "process " + describe([]int{pid})}
		}
	}
	return nil
}

// lsof lists the processes that have the files that its arguments choose.
func lsof(args ...string) ([]int, error) {
	out, err := exec.Command("lsof", append(args, "-Fp")...).Output()
	if err != nil && len(out) == 0 && exitCode(err) != 1 { // 1: none
		return nil, err
	}
	var pids []int
	for line := range strings.Lines(string(out)) {
		if pid, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(line), "p")); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func (t *tree) listensOn() string { return "" }

// describe names processes for an error.
func describe(pids []int) string {
	names := make([]string, len(pids))
	for i, pid := range pids {
		names[i] = strconv.Itoa(pid) + " (?)"
		for _, r := range processes() {
			if r.pid == pid {
				names[i] = strconv.Itoa(pid) + " (" + r.command + ")"
			}
		}
	}
	return strings.Join(names, ", ")
}

// awaitZombie waits for nothing and knows of no delay: the wait that follows tells
// the end.
func awaitZombie(int) (time.Duration, time.Time) { return 0, time.Time{} }

// EndOrphans does nothing: orphans are launchd's.
func EndOrphans(int) string { return "" }

// killStrays kills processes whose program or working directory lies in a
// session's directory.
func killStrays(dir string) {
	pids, err := lsof("-d", "cwd,txt", "+D", dir)
	if err != nil {
		return
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // gone by now is as good
	}
}
