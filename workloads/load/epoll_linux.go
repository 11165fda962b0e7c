package load

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/fivegate/fivegate/workloads/load/internal/epoll"
	"golang.org/x/sys/unix"
)

// newTransport returns the fast transport, or the pool where that is asked for,
// TLS or HTTP/2 need it, or this system refuses epoll.
func newTransport(config Config) (name string, t transport, err error) {
	if config.Portable || config.Protocol != HTTP1 {
		return newPool(config)
	}
	fast, err := newEpollTransport(config)
	if errors.Is(err, unix.ENOSYS) {
		return newPool(config)
	}
	return "epoll", fast, err
}

// epollTransport is a loop and the thread that it owns.
type epollTransport struct {
	loop        *loop
	connections int
	ended       chan struct{}
}

func newEpollTransport(config Config) (*epollTransport, error) {
	t := &epollTransport{
		loop: &loop{
			base: time.Now(), timeout: int64(config.Timeout),
			buffer: make([]byte, bufferSize), jobs: make(chan func()),
		},
		connections: config.Connections,
		ended:       make(chan struct{}),
	}
	ready := make(chan error)
	go t.serve(config.CPU, ready)
	return t, <-ready
}

// serve runs jobs on a thread of its own until there are no more. It never
// unlocks the thread, so that the pinned thread ends with it.
func (t *epollTransport) serve(core int, ready chan<- error) {
	defer close(t.ended)
	runtime.LockOSThread()
	err := prepareThread(core)
	if err == nil {
		t.loop.poll, err = epoll.New()
	}
	ready <- err
	if err != nil {
		return
	}
	for job := range t.loop.jobs {
		job()
	}
}

// do runs f on the loop's thread.
func (l *loop) do(f func() error) error {
	result := make(chan error)
	l.jobs <- func() { result <- f() }
	return <-result
}

func (t *epollTransport) run(ctx context.Context, p *plan) error {
	return t.loop.do(func() error { return t.loop.execute(ctx, p) })
}

// close shuts what is left of the lanes and ends the thread.
func (t *epollTransport) close() error {
	err := t.loop.do(func() error {
		for _, c := range t.loop.conns {
			if c != nil {
				t.loop.drop(c.lane)
			}
		}
		return errors.Join(t.loop.takeError(), t.loop.poll.Close())
	})
	close(t.loop.jobs)
	<-t.ended
	return err
}

func (t *epollTransport) connect(ctx context.Context, address string, counts *tally) (link, error) {
	to, err := resolve(ctx, address)
	if err != nil {
		return nil, err
	}
	lane := &epollLane{
		loop: t.loop, tally: counts, to: to,
		conns:  make([]conn, t.connections),
		idle:   make([]*conn, 0, t.connections),
		broken: make([]*conn, 0, t.connections),
	}
	err = t.loop.do(func() error { return t.loop.fill(ctx, lane) })
	if err != nil {
		return nil, err
	}
	return lane, nil
}

// fill makes all connections of a new lane, or none.
func (l *loop) fill(ctx context.Context, lane *epollLane) error {
	defer l.watchContext(ctx)()
	l.adopt(lane)
	l.lanes = append(l.lanes[:0], lane)
	for lane.live < len(lane.conns) && lane.backoff == 0 && l.err == nil && !l.cancelled.Load() {
		now := l.now()
		l.sleep(min(l.redial(now), now+maxSleep))
		l.expire(l.woke)
	}
	err := l.takeError()
	switch {
	case err != nil:
	case lane.live == len(lane.conns):
		return nil
	case lane.dialErr != nil:
		err = fmt.Errorf("connection %d of %d: %w; is the target up?", lane.live+1, len(lane.conns), lane.dialErr)
	case lane.backoff > 0:
		err = fmt.Errorf("connection %d of %d: the target hung up; does it allow as many?", lane.live+1, len(lane.conns))
	default:
		err = ctx.Err()
	}
	l.drop(lane)
	return err
}
