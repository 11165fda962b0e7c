package target

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Child is a program that is run to its end, and all that it forks. It belongs to
// no session.
type Child struct {
	process *os.Process
	tree    *tree
}

// Usage is what processes used, as getrusage(2) has it.
type Usage struct {
	// User and System have microseconds. Their sum is exact; Linux divides it by
	// what the clock ticks saw (cputime_adjust), which is rough below 10 ms.
	User, System time.Duration
	// MaxRSSBytes is the largest size that one of the processes ever had. Linux
	// hands the size of the process that forked on to the one that execs, so it is
	// never less than gate's own.
	MaxRSSBytes         int64
	MinorFaults         int64 // page faults that read nothing from disk
	MajorFaults         int64 // those that did
	VoluntarySwitches   int64 // context switches: it waited
	InvoluntarySwitches int64 // its CPU was given to another
	// Delay is how long the first thread of a program that gate started was ready to
	// run and had no CPU; 0 where the kernel does not tell.
	Delay time.Duration
}

// CPU is the processor time, user and system.
func (u Usage) CPU() time.Duration { return u.User + u.System }

func usageOf(r *syscall.Rusage) Usage {
	return Usage{
		User: time.Duration(r.Utime.Nano()), System: time.Duration(r.Stime.Nano()), MaxRSSBytes: int64(r.Maxrss) * rssUnit,
		MinorFaults: int64(r.Minflt), MajorFaults: int64(r.Majflt),
		VoluntarySwitches: int64(r.Nvcsw), InvoluntarySwitches: int64(r.Nivcsw),
	}
}

// OwnUsage is that of gate itself.
func OwnUsage() Usage {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return Usage{} // cannot be: the arguments are right
	}
	return usageOf(&r)
}

// Add adds the usage of other processes.
func (u *Usage) Add(other Usage) {
	u.User += other.User
	u.System += other.System
	u.MaxRSSBytes = max(u.MaxRSSBytes, other.MaxRSSBytes)
	u.MinorFaults += other.MinorFaults
	u.MajorFaults += other.MajorFaults
	u.VoluntarySwitches += other.VoluntarySwitches
	u.InvoluntarySwitches += other.InvoluntarySwitches
	u.Delay += other.Delay
}

// StartChild starts a program in a process group of its own, bound to the CPUs
// given (none: all of gate's). The mark, NAME=VALUE, must stand in attr.Env and in
// the environment of nobody else. Just before the fork, on the thread that forks,
// hold is called; its error keeps the program from starting. The Spawner must not be closed before the child has ended.
func (s *Spawner) StartChild(cpus []int, program string, argv []string, attr os.ProcAttr, mark string, hold func() error) (*Child, error) {
	attr.Sys = childAttributes()
	c := &Child{}
	err := s.run(cpus, func() (err error) {
		if err := hold(); err != nil {
			return err
		}
		c.process, err = os.StartProcess(program, argv, &attr)
		return err
	})
	if c.process == nil {
		return nil, err
	}
	c.tree = newTree(c.process.Pid, mark, make(chan struct{}))
	c.tree.nothingBefore(c.process.Pid)
	return c, nil
}

// PID is the program's process id.
func (c *Child) PID() int { return c.process.Pid }

// Wait waits for the program's end, and returns its status, what it and the
// descendants that it waited for have used, and when it ended. To be called once.
func (c *Child) Wait() (state *os.ProcessState, used Usage, ended time.Time, err error) {
	delay, ended := awaitZombie(c.process.Pid)
	state, err = c.process.Wait()
	if ended.IsZero() {
		ended = time.Now()
	}
	if err != nil {
		c.tree.finish(0)
		return nil, Usage{}, ended, err
	}
	c.tree.finish(state.UserTime() + state.SystemTime())
	if r, ok := state.SysUsage().(*syscall.Rusage); ok {
		used = usageOf(r)
	}
	used.Delay = delay
	return state, used, ended, nil
}

// Kill kills the program and all its descendants. It does not wait.
func (c *Child) Kill() { c.tree.signal(syscall.SIGKILL) }

// Clear makes sure that nothing of the child is left: descendants that do not end
// within the grace time are killed, and named. The usage is that of orphans, which
// nobody but gate could wait for. To be called once, after Wait.
func (c *Child) Clear(grace time.Duration) (left string, orphans Usage, err error) {
	t := c.tree
	if t.remains() && !t.gone(context.Background(), time.Now().Add(grace)) {
		left = describe(t.alive())
		for deadline := time.Now().Add(killTime); ; {
			t.signal(syscall.SIGKILL)
			if t.gone(context.Background(), time.Now().Add(longestWait)) {
				break
			}
			if time.Now().After(deadline) {
				err = fmt.Errorf("process %s: still there %s after SIGKILL; the kernel holds them, see their /proc/PID/stack", describe(t.alive()), killTime)
				break
			}
		}
	}
	orphans = t.orphanUsage()
	t.close()
	return left, orphans, err
}
