package experiment

import (
	"context"
	"fmt"
	"math"
	"syscall"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/arrival"
	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/target"
)

// sliceID places a slice in the schedule.
type sliceID struct {
	block, round int
	mode         result.Mode
	request      uint64 // number of the open loop's requests; the closed loop's is the next
}

// drain is how long answers are awaited after the last request was due.
const drain = 2 * time.Second

// openSlice offers load by schedule to the launches at once, in the order given,
// and records a slice for each.
func (x *experiment) openSlice(ctx context.Context, lanes []*launched, id sliceID, rate float64, length time.Duration) error {
	return x.record(ctx, lanes, id, result.PhaseOpen, func() (load.Report, error) {
		return x.offer(ctx, lanes, id.request, rate, length)
	})
}

// offer is the open loop: the launches get the same requests, the second one
// half a period after the first.
func (x *experiment) offer(ctx context.Context, lanes []*launched, request uint64, rate float64, length time.Duration) (load.Report, error) {
	n := max(int(rate*length.Seconds()), 1)
	loop := load.OpenLoop{Requests: x.cfg.Driver.Round(request, n), Drain: drain}
	period := time.Duration(float64(time.Second) / rate)
	for i, l := range lanes {
		loop.Lanes = append(loop.Lanes, l.lane)
		offset := time.Duration(0)
		if x.cfg.Scenario.Arrival.Stagger {
			offset = time.Duration(i) * period / time.Duration(len(lanes))
		}
		loop.Due = append(loop.Due, x.due(request+uint64(i), n, rate, offset))
	}
	return x.engine.Open(ctx, loop)
}

func (x *experiment) due(round uint64, n int, rate float64, offset time.Duration) []int64 {
	a := x.cfg.Scenario.Arrival
	if a.Pattern == "poisson" {
		return arrival.Poisson{RatePerS: rate}.Due(x.cfg.Seed, round, n, offset)
	}
	return arrival.Constant{RatePerS: rate, Jitter: a.Jitter}.Due(x.cfg.Seed, round, n, offset)
}

// closedSlice drives the launches with a fixed concurrency each, all at once.
func (x *experiment) closedSlice(ctx context.Context, lanes []*launched, id sliceID) error {
	return x.record(ctx, lanes, id, result.PhaseClosed, func() (load.Report, error) {
		// An arm that has the cores to itself completes capacity × time; a fifth is added
		// for the launch that is faster than calibration.
		n := int(1.2*x.capacity*closedPart.Seconds()) + 16
		return x.saturate(ctx, lanes, id.request+1, n, closedPart)
	})
}

func (x *experiment) saturate(ctx context.Context, lanes []*launched, request uint64, n int, length time.Duration) (load.Report, error) {
	loop := load.ClosedLoop{Requests: x.cfg.Driver.Round(request, n), Duration: length, Concurrency: concurrency}
	for _, l := range lanes {
		loop.Lanes = append(loop.Lanes, l.lane)
	}
	return x.engine.Closed(ctx, loop)
}

// record runs a slice and writes what it cost and yielded into the document.
func (x *experiment) record(ctx context.Context, lanes []*launched, id sliceID, phase result.Phase, run func() (load.Report, error)) error {
	before, err := x.read(lanes)
	if err != nil {
		return err
	}
	start := x.at()
	report, err := run()
	if err != nil {
		return err
	}
	after, err := x.read(lanes)
	if err != nil {
		return err
	}
	foreign := after.host.BusyS - before.host.BusyS - (after.self - before.self)
	for i := range lanes {
		foreign -= after.cpu[i] - before.cpu[i]
	}
	for i, r := range report.Lanes {
		l := lanes[i]
		s := result.Slice{
			Launch: l.index, Round: id.round, Phase: phase, Mode: id.mode, Position: i,
			StartS: start, DurationS: r.Duration.Seconds(), Due: r.Due, Sent: r.Sent, Operations: r.Operations,
			CPUS: after.cpu[i] - before.cpu[i], RSSBytes: after.samples[i].RSSBytes,
			StealS: after.host.StealS - before.host.StealS, PressureS: after.host.PressureS - before.host.PressureS,
			Engine: r.Engine,
		}
		s.Engine.ForeignS = math.Max(foreign, 0)
		x.doc.Slices = append(x.doc.Slices, s)
		x.sample(l, after.samples[i], after.cpu[i])
		if phase == result.PhaseOpen && id.mode != result.ModeSolo {
			for probe, ns := range r.Probes[:x.doc.Plan.Probes] { // the engine knows the scenario's whole set
				x.rec(l).Probes.Set(id.round, probe, ns)
			}
		}
		if err := x.alive(l, r); err != nil {
			return err
		}
	}
	return nil
}

// alive reports a target that exited or stopped answering during a slice.
func (x *experiment) alive(l *launched, r load.LaneReport) error {
	name, block := x.cfg.Arms[l.arm].Name, x.rec(l).Block+1
	select {
	case <-l.proc.Exited():
		x.event(l, "crashed", l.proc.ExitStatus())
		return &TargetError{Arm: name, Block: block, Ended: result.EndedCrashed, Detail: l.proc.ExitStatus() + lastWords(l.proc.Output())}
	default:
	}
	var completed, timeouts int64
	for _, op := range r.Operations {
		completed += op.Completed
		timeouts += op.Errors["timeout"]
	}
	if completed == 0 && timeouts > 0 {
		x.event(l, "hung", "")
		return &TargetError{
			Arm: name, Block: block, Ended: result.EndedHung,
			Detail: fmt.Sprintf("none of %d requests was answered within %s", r.Sent, x.cfg.Timeout),
		}
	}
	return nil
}

// reading is the state of the machine and of the targets at one instant.
type reading struct {
	host    target.Host
	self    float64 // CPU seconds of this process
	cpu     []float64
	samples []target.Sample
}

func (x *experiment) read(lanes []*launched) (r reading, err error) {
	for _, l := range lanes {
		r.samples = append(r.samples, l.proc.Sample())
		r.cpu = append(r.cpu, l.proc.CPU().Seconds())
	}
	r.host, err = target.ReadHost()
	r.self = selfCPU()
	return r, err
}

// selfCPU is the CPU time of this process in seconds.
func selfCPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
