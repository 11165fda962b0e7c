package target

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A gate that is killed takes its target with it; what the kernel cannot end, a
// daemon of the target, and the files are swept by the next session.
func TestKilledGateLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	gate := exec.Command(os.Args[0], "daemon")
	gate.Env = append(os.Environ(), fakeVariable+"=gate")
	gate.Stderr = os.Stderr
	out, err := gate.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := gate.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(line)
	if len(fields) != 3 {
		t.Fatalf("the gate printed %q; want its directory and two processes", line)
	}
	var pids []int
	for _, field := range fields[1:] {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	// A living gate's session is left alone.
	if notes := sweep(t.Context(), temp); len(notes) != 0 {
		t.Errorf("swept a living session: %v", notes)
	}
	handles := make([]int, len(pids))
	for i, pid := range pids {
		if handles[i], err = unix.PidfdOpen(pid, 0); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(handles[i])
	}
	if err := gate.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = gate.Wait() // "signal: killed"
	awaitEnd(t, handles[0])

	session, err := NewSession(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	awaitEnd(t, handles[1])
	if _, err := os.Stat(fields[0]); !os.IsNotExist(err) {
		t.Errorf("%s was not swept: %v", fields[0], err)
	}
	if notes := strings.Join(session.Notes(), "\n"); !strings.Contains(notes, "removed what a killed gate") {
		t.Errorf("notes %q", notes)
	}
}

// awaitEnd waits for the end of a process, by its handle.
func awaitEnd(t *testing.T, handle int) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 20_000)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n != 1 {
			t.Fatalf("process has not ended: %v", err)
		}
		return
	}
}
