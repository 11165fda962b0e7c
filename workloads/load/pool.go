package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fivegate/fivegate/workloads/load/internal/alarm"
)

const (
	portableName = "portable"
	plainName    = "plain"
)

// pool is the transport for all that the epoll loop cannot do: TLS, HTTP/2, and
// systems without epoll. Each lane has a fixed set of workers, a goroutine and a
// connection each. One goroutine, the pacer, sleeps until a request is due and
// hands it to the worker that was idle last, so that few stay hot; when all are
// busy, requests wait for the first that is not. No goroutine is made for a
// request and no connection beyond the set.
//
// It keeps the same contract as the loop, tens of µs less precisely, and
// allocates.
type pool struct {
	config Config
	base   time.Time
	alarm  *alarm.Alarm // the pacer's
	lanes  []*poolLane
}

func newPool(config Config) (name string, t transport, err error) {
	a, err := alarm.New()
	if err != nil {
		return "", nil, err
	}
	name = plainName
	if config.Protocol == HTTP1 {
		name = portableName
	}
	return name, &pool{config: config, base: time.Now(), alarm: a}, nil
}

func (t *pool) now() int64 { return int64(time.Since(t.base)) }

// connect makes all connections of a lane, or none.
func (t *pool) connect(ctx context.Context, address string, counts *tally) (link, error) {
	dial, err := newDialer(&t.config, address)
	if err != nil {
		return nil, err
	}
	lane := &poolLane{pool: t, tally: counts, dial: dial}
	for i := range t.config.Connections {
		w := &worker{lane: lane, jobs: make(chan job, 1), scratch: scratch{buffer: make([]byte, bufferSize)}}
		lane.workers = append(lane.workers, w)
		if err := w.dial(ctx); err != nil {
			err = fmt.Errorf("connection %d of %d: %w", i+1, t.config.Connections, err)
			return nil, errors.Join(err, lane.shut())
		}
	}
	t.lanes = append(t.lanes, lane)
	return lane, nil
}

func (t *pool) close() error {
	var err error
	for _, lane := range t.lanes {
		err = errors.Join(err, lane.shut())
	}
	return errors.Join(err, t.alarm.Close())
}

// running is a slice under way.
type running struct {
	pool   *pool
	lanes  []*poolLane
	ctx    context.Context // ends with the slice, however that ends
	end    context.CancelFunc
	parent context.Context // ends when the slice is cancelled
	left   atomic.Int32    // lanes that are not finished
}

func (t *pool) run(ctx context.Context, p *plan) error {
	s := &running{pool: t, parent: ctx}
	s.ctx, s.end = context.WithCancel(ctx)
	defer s.end()
	if err := s.prepare(p); err != nil {
		return err
	}
	cpu, starved := processCPU(), processStarved()
	var waits threadWaits
	waits.start()
	origin := s.start(p)
	defer context.AfterFunc(ctx, s.interrupt)()
	var workers sync.WaitGroup
	for _, lane := range s.lanes {
		for _, w := range lane.workers[:p.concurrency] {
			workers.Go(func() { w.run(s) })
		}
	}
	s.pace()
	s.end()
	workers.Wait()
	for _, lane := range s.lanes {
		lane.retire()
	}
	p.cpu = processCPU() - cpu
	p.use = poolUse(time.Duration(t.now()-origin), p.cpu, processStarved()-starved)
	p.use.threadWaitP99 = waits.p99()
	return ctx.Err()
}

// poolUse says how a slice was spent. The process cannot tell when it slept: it was
// busy so far as it used its cores, or was kept from them by others. All of the
// slice counts as queued time, so only a process that was busy throughout blames
// itself so.
func poolUse(wall, cpu, starved time.Duration) use {
	busy := min(wall, (cpu+max(0, starved))/time.Duration(runtime.GOMAXPROCS(0)))
	return use{pooled: true, wall: wall, busy: busy, queued: wall, queuedBusy: busy}
}

// prepare takes the slice over from its plan, translates what HTTP/2 needs
// translated, and reopens what broke since the last slice.
func (s *running) prepare(p *plan) error {
	var parsed []*http.Request
	if s.pool.config.Protocol.multiplexed() {
		var err error
		if parsed, err = parseRequests(p.requests, s.pool.config.Protocol); err != nil {
			return err
		}
	}
	for i, l := range p.lanes {
		lane := l.link.(*poolLane)
		lane.settle(s.ctx)
		lane.running, lane.requests, lane.parsed = s, p.requests, parsed
		if p.due != nil {
			lane.due = p.due[i]
		}
		s.lanes = append(s.lanes, lane)
	}
	s.left.Store(int32(len(s.lanes)))
	return nil
}

// start fixes the slice's place in time and returns when due times count from.
func (s *running) start(p *plan) (origin int64) {
	p.started = time.Now()
	origin = s.pool.now()
	if p.due != nil { // else there is nothing to be on time for
		p.started, origin = p.started.Add(startLead), origin+int64(startLead)
	}
	for _, lane := range s.lanes {
		lane.origin, lane.stop = origin, origin+int64(p.stop)
	}
	return origin
}

// pace hands out requests as they become due, until the slice is over. The lanes
// take turns at being first, so that a late pacer favours none.
func (s *running) pace() {
	const patience = int64(time.Minute) // any: it keeps the sum below from overflowing
	for turn := 0; s.ctx.Err() == nil; turn++ {
		now := s.pool.now()
		wake := now + patience
		for i := range s.lanes {
			lane := s.lanes[(turn+i)%len(s.lanes)]
			wake = min(wake, lane.issue(now))
		}
		s.pool.alarm.Sleep(time.Duration(wake - s.pool.now()))
	}
}

// laneDone notes that a lane is finished; with the last one the slice is over.
func (s *running) laneDone() {
	if s.left.Add(-1) == 0 {
		s.end()
		s.pool.alarm.Ring()
	}
}

// interrupt ends what is under way after the slice was cancelled.
func (s *running) interrupt() {
	for _, lane := range s.lanes {
		lane.interrupt(s)
	}
	s.pool.alarm.Ring()
}

func processCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
