package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/fivegate/fivegate/gate/verdict"
)

// However a check ends, its message says what happened and what to do, its code
// is the design's, and no process, port, worktree or file stays.

func TestSignalDuringMeasurement(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			r := newFixture(t, storeTarget()).start("check", "--base", "HEAD~1")
			r.await("block 1 of")
			if err := r.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			r.ends(verdict.ExitInvalid, "INVALID", "interrupted by "+sig.String(), "result.json")
		})
	}
}

func TestSignalDuringBuild(t *testing.T) {
	t.Parallel()
	target := storeTarget() + `build = ["sh", "-c", "echo building >&2; exec sleep 1000"]` + "\nartifacts = [\"built\"]\n"
	f := newFixture(t, target)
	r := f.start("check", "--base", "HEAD~1")
	r.await("building base")
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	r.ends(verdict.ExitInvalid, "interrupted")
}

func TestTargetKilledMidSlice(t *testing.T) {
	t.Parallel()
	f := newFixture(t, storeTarget())
	r := f.start("check", "--base", "HEAD~1")
	r.await("block 1 of")
	// A store that is just being stopped dies of our signal unnoticed, and rightly
	// so; hence the killing goes on until gate has ended.
	for alive(r) {
		for _, pid := range f.processes() {
			if n, err := strconv.Atoi(pid); err == nil && underLoad(pid) {
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
		}
	}
	r.ends(verdict.ExitInvalid, "INVALID", "killed")
}

func alive(r *running) bool {
	select {
	case <-r.exited:
		return false
	default:
		return true
	}
}

// underLoad reports whether a process is a store to which the engine's warm
// connections are open.
func underLoad(pid string) bool {
	args, _ := os.ReadFile("/proc/" + pid + "/cmdline")
	open, _ := os.ReadDir("/proc/" + pid + "/fd")
	return strings.Contains(string(args), "refstore") && len(open) > 32
}

func TestTargetCrashes(t *testing.T) {
	t.Parallel()
	newFixture(t, storeTarget("--fault", "crash-after=4s")).start("check", "--base", "HEAD~1").
		ends(verdict.ExitInvalid, "INVALID", "crashed", "exit status")
}

func TestTargetHangs(t *testing.T) {
	t.Parallel()
	newFixture(t, storeTarget("--fault", "hang-after=4s")).start("check", "--base", "HEAD~1").
		ends(verdict.ExitInvalid, "INVALID", "answer")
}

func TestPortAnsweredByAnother(t *testing.T) {
	t.Parallel()
	// A server of ours answers where the target is asked whether it is ready.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// The target itself listens nowhere.
	target := fmt.Sprintf("[target]\ndriver = \"engram\"\nready = \"tcp://%s\"\nstart = [\"sleep\", \"600\"]\nenv = { PORT = \"{port}\" }\n", l.Addr())
	newFixture(t, target).start("check", "--base", "HEAD~1").
		ends(verdict.ExitInvalid, "not by the one started")
}

func TestBuildFails(t *testing.T) {
	t.Parallel()
	target := storeTarget() + `build = ["sh", "-c", "echo main.c:3: no such type >&2; exit 7"]` + "\nartifacts = [\"built\"]\n"
	newFixture(t, target).start("check", "--base", "HEAD~1").
		ends(verdict.ExitInvalid, "build base", "no such type", "exit status 7")
}

func TestNeverReady(t *testing.T) {
	t.Parallel()
	target := "[target]\ndriver = \"engram\"\nready_timeout = \"1s\"\nstart = [\"sh\", \"-c\", \"echo waiting for godot; exec sleep 600\"]\nenv = { PORT = \"{port}\" }\n"
	newFixture(t, target).start("check", "--base", "HEAD~1").
		ends(verdict.ExitInvalid, "ready", "1s", "waiting for godot")
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	f := newFixture(t, storeTarget())
	if err := syscall.Mount("tmpfs", f.tmp, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("a small tmpfs cannot be mounted here (%v); run as root to test a full disk", err)
	}
	defer syscall.Unmount(f.tmp, 0)
	f.start("check", "--base", "HEAD~1").ends(verdict.ExitInvalid, "free some space")
}

func TestBaseRefMissing(t *testing.T) {
	t.Parallel()
	newFixture(t, storeTarget()).start("check", "--base", "v9.9.9").
		ends(verdict.ExitInvalid, "v9.9.9", "git fetch")
}

func TestShallowClone(t *testing.T) {
	t.Parallel()
	f := newFixture(t, storeTarget())
	f.git("clone", "--quiet", "--depth", "1", "file://"+f.repo, f.repo+"-shallow")
	f.repo += "-shallow"
	f.dir = f.repo
	f.start("check", "--base", "HEAD~1").ends(verdict.ExitInvalid, "shallow", "--unshallow")
}

func TestNotARepository(t *testing.T) {
	t.Parallel()
	f := newFixture(t, storeTarget())
	f.dir = t.TempDir()
	for _, name := range []string{"gate.toml", "small.toml"} {
		if err := os.Rename(filepath.Join(f.repo, name), filepath.Join(f.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	f.start("check").ends(verdict.ExitInvalid, "not a git repository")
}

func TestBudgetTooSmall(t *testing.T) {
	t.Parallel()
	newFixture(t, storeTarget()).start("check", "--base", "HEAD~1", "--budget", "20s").
		ends(verdict.ExitInvalid, "budget too small", "raise the budget")
}
