package target

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Spawner starts children from one operating-system thread of its own, for two
// reasons. The parent-death signal is sent when the *thread* that forked ends, not
// when the process does, so it must come from one that outlives the child. And a
// child inherits the affinity of the thread that forks it: set there, it holds
// from the first instruction on, for all threads that the child makes.
type Spawner struct {
	jobs  chan spawnJob
	ended chan struct{}
}

type spawnJob struct {
	cpus  []int
	start func() error
	done  chan error
}

// NewSpawner starts the thread.
func NewSpawner() *Spawner {
	s := &Spawner{jobs: make(chan spawnJob), ended: make(chan struct{})}
	go func() {
		// Never unlocked: the runtime ends the thread with the goroutine, so that
		// no other goroutine gets one with a changed affinity, and a child that is
		// still there dies with it.
		runtime.LockOSThread()
		defer close(s.ended)
		for job := range s.jobs {
			job.done <- pinned(job.cpus, job.start)
		}
	}()
	return s
}

// run calls start on the spawner's thread, which has the given CPUs for the time;
// none means those of this process.
func (s *Spawner) run(cpus []int, start func() error) error {
	job := spawnJob{cpus, start, make(chan error, 1)}
	s.jobs <- job
	return <-job.done
}

// Close ends the thread. Nothing may be run afterwards.
func (s *Spawner) Close() {
	close(s.jobs)
	<-s.ended
}

// pinned calls a function with the affinity of this thread changed.
func pinned(cpus []int, call func() error) error {
	if len(cpus) == 0 {
		return call()
	}
	var before, want unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("affinity: %w", err)
	}
	for _, cpu := range cpus {
		want.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &want); err != nil {
		return fmt.Errorf("affinity: CPUs %v cannot be had: %w", cpus, err)
	}
	err := call()
	if back := unix.SchedSetaffinity(0, &before); back != nil && err == nil {
		return fmt.Errorf("affinity: %w", back)
	}
	return err
}

// childAttributes put a child in a process group of its own and let the kernel
// kill it when gate dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// BecomeSubreaper makes orphans of the targets children of this process and not
// of init, so that a daemon that forks twice can be found, counted and ended. It
// stays so until the process ends.
func BecomeSubreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the reaper of orphans: %w", err)
	}
	return nil
}

// ownedByMe reports whether a file belongs to this user.
func ownedByMe(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
