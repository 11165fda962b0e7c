package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// Process is one launch of a target: the process that was started and all its
// descendants. Its methods may be called from several goroutines.
type Process struct {
	name    string
	session *Session
	process *os.Process
	pid     int
	ready   readiness
	data    string // data directory
	ownData bool   // made by Start, removed by Stop
	started time.Time
	readyIn time.Duration
	output  *Ring
	drained chan struct{} // closed when all output was read
	pipe    *os.File
	tree    *tree
	exited  chan struct{} // closed after state is set
	state   *os.ProcessState

	stop    sync.Once
	stopped Stopped
	stopErr error
}

// Sample is what a target uses at one moment, all its processes added up.
type Sample struct {
	At time.Time
	// CPU is the time used since the start, exited processes included.
	CPU time.Duration
	// RSSBytes is resident memory; pages that several processes share count for
	// each of them.
	RSSBytes    int64
	Threads     int
	Descriptors int
	Processes   int
}

// Stopped says how a launch ended.
type Stopped struct {
	Status   string        // "exit status 0", "signal: killed"
	Died     bool          // it had ended before it was asked to
	Killed   bool          // it, or a descendant, had to be killed after the grace time
	CPU      time.Duration // all its processes, over its life
	PeakRSS  int64         // bytes, of its largest process
	Lifetime time.Duration // from start to end
}

// Addr is the host and port that the target answers on; empty when it has none.
func (p *Process) Addr() string { return p.ready.addr }

// DataDir is the launch's data directory.
func (p *Process) DataDir() string { return p.data }

// ReadyIn is how long the target took from start to ready.
func (p *Process) ReadyIn() time.Duration { return p.readyIn }

// CPU is the time that the target has used since its start: user and system, all
// its processes, those that have exited included. It never runs back, and stays
// readable after Stop. On Linux it takes about 20 µs for one process and counts
// nanoseconds; a child that exited is rounded down to clock ticks (10 ms) of the
// sum over all exited children of its parent, and not seen at all when the parent
// ignores SIGCHLD, as the kernel adds its time nowhere then.
func (p *Process) CPU() time.Duration { return p.tree.cpu() }

// Sample reads everything that the target uses.
func (p *Process) Sample() Sample { return p.tree.sample() }

// Exited is closed when the process that was started has ended, for whatever
// reason.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitStatus tells how it ended, such as "exit status 2" or "signal: killed";
// empty while it runs.
func (p *Process) ExitStatus() string {
	select {
	case <-p.exited:
		return p.state.String()
	default:
		return ""
	}
}

// Output is the end of what the target has printed, at most 64 KiB.
func (p *Process) Output() string { return p.output.String() }

// OwnsPort proves again that the target's processes, and nobody else, listen on
// its address. Nil when it has none.
func (p *Process) OwnsPort(ctx context.Context) error {
	if p.ready.addr == "" {
		return nil
	}
	addrs, err := resolveAddr(ctx, p.ready.addr)
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	var errs []error
	for _, addr := range addrs {
		err := p.tree.owns(addr)
		if err == nil {
			return nil
		}
		if foreign := (*foreignError)(nil); errors.As(err, &foreign) {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("%s: %w", p.name, errs[0])
}

// resolveAddr turns HOST:PORT into addresses. A name may have several, of which a
// target may serve one.
func resolveAddr(ctx context.Context, addr string) ([]netip.AddrPort, error) {
	if parsed, err := netip.ParseAddrPort(addr); err == nil {
		return []netip.AddrPort{parsed}, nil
	}
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	out := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		out[i] = netip.AddrPortFrom(ip.Unmap(), uint16(port))
	}
	return out, nil
}

// foreignError: somebody else answers on the target's port.
type foreignError struct {
	port  int
	by    string
	where string
}

func (e *foreignError) Error() string {
	return fmt.Sprintf("port %d is answered by %s, not by the one started%s", e.port, e.by, e.where)
}

// killTime is how long killed processes may take to be gone. Chosen: only one that
// is stuck in the kernel takes longer.
const killTime = 10 * time.Second

// drainTime is how long the last output of a target that is gone may take to be
// read. Chosen: it is at hand.
const drainTime = time.Second

// longestWait bounds one wait for members to end, so that newly born ones and the
// end of the context are seen in between. Chosen.
const longestWait = 50 * time.Millisecond

// Stop ends the target: SIGTERM to all its processes, and SIGKILL to those left
// after the grace time or once ctx is done. When it returns without error nothing
// of the target is left, and its port is free. A data directory that Start made
// is removed. Later calls return what the first one did.
func (p *Process) Stop(ctx context.Context, grace time.Duration) (Stopped, error) {
	p.stop.Do(func() { p.stopped, p.stopErr = p.end(ctx, grace) })
	return p.stopped, p.stopErr
}

func (p *Process) end(ctx context.Context, grace time.Duration) (Stopped, error) {
	var how Stopped
	select {
	case <-p.exited:
		how.Died = true
	default:
	}
	gone := false
	if grace > 0 {
		p.tree.signal(syscall.SIGTERM)
		gone = p.tree.gone(ctx, time.Now().Add(grace))
	}
	if !gone {
		left := p.tree.alive()
		how.Killed = len(left) > 0
		deadline := time.Now().Add(killTime)
		for !gone && time.Now().Before(deadline) {
			p.tree.signal(syscall.SIGKILL)
			gone = p.tree.gone(context.Background(), time.Now().Add(longestWait))
		}
	}
	if !gone {
		return how, fmt.Errorf("stop %s: still there %s after SIGKILL: process %s; the kernel holds them, see their /proc/PID/stack",
			p.name, killTime, describe(p.tree.alive()))
	}
	<-p.exited
	how.Status = p.state.String()
	how.CPU = p.tree.cpu()
	how.PeakRSS = peakRSS(p.state)
	how.Lifetime = time.Since(p.started)
	p.tree.close()
	select {
	case <-p.drained: // nobody can write any more, so its end is near
	case <-time.After(drainTime):
	}
	err := p.pipe.Close() // ends the reader where somebody outside the tree holds the other end
	<-p.drained
	if p.ownData {
		err = errors.Join(err, removeAll(p.data))
	}
	p.session.forget(p)
	if err != nil {
		return how, fmt.Errorf("stop %s: %w", p.name, err)
	}
	return how, nil
}

// wait takes the process's end. It runs in a goroutine from the start on.
func (p *Process) wait() {
	state, err := p.process.Wait()
	if err != nil {
		// Somebody else waited for our child. Its end is known, not its usage.
		p.tree.finish(0)
		p.state = &os.ProcessState{}
		close(p.exited)
		return
	}
	p.state = state
	p.tree.finish(state.UserTime() + state.SystemTime())
	close(p.exited)
}

// peakRSS is the largest resident size that a process, or a child that it waited
// for, ever had, in bytes.
func peakRSS(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return int64(usage.Maxrss) * rssUnit
}
