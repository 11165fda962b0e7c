package experiment

import (
	"context"
	"fmt"
	"math"
	"slices"
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
	request      uint64 // number of the open loop's requests; the closed loop's are the next two
	position     int    // of the first launch among those measured
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
	extra := x.extraOpen(ctx, lanes, request, n, rate)
	return alongside(extra, func() (load.Report, error) { return x.engine.Open(ctx, loop) })
}

func (x *experiment) due(round uint64, n int, rate float64, offset time.Duration) []int64 {
	a := x.cfg.Scenario.Arrival
	if a.Pattern == "poisson" {
		return arrival.Poisson{RatePerS: rate}.Due(x.cfg.Seed, round, n, offset)
	}
	return arrival.Constant{RatePerS: rate, Jitter: a.Jitter}.Due(x.cfg.Seed, round, n, offset)
}

// closedSlices drives one launch after the other as fast as it answers, there and
// back again (A B B A), half of the time each way, and records a slice for each. In
// a closed loop on both at once the arms share the processor unevenly, so that wall
// throughput could not be quoted.
func (x *experiment) closedSlices(ctx context.Context, lanes []*launched, id sliceID) error {
	if id.mode == result.ModeDuet {
		id.mode = result.ModeAlternating
	}
	length := closedPart / time.Duration(2*len(lanes))
	// An arm completes capacity × time; a fifth is added for one that is faster than
	// at calibration.
	n := int(1.2*x.capacity*length.Seconds()) + 16
	for turn, i := range append(forward(len(lanes)), backward(len(lanes))...) {
		id.position = i
		request := id.request + 1 + uint64(turn/len(lanes))
		err := x.record(ctx, lanes[i:i+1], id, result.PhaseClosed, func() (load.Report, error) {
			return x.saturate(ctx, lanes[i:i+1], request, n, length)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func forward(n int) (order []int) {
	for i := range n {
		order = append(order, i)
	}
	return order
}

func backward(n int) []int {
	order := forward(n)
	slices.Reverse(order)
	return order
}

func (x *experiment) saturate(ctx context.Context, lanes []*launched, request uint64, n int, length time.Duration) (load.Report, error) {
	loop := load.ClosedLoop{Requests: x.cfg.Driver.Round(request, n), Duration: length, Concurrency: concurrency}
	for _, l := range lanes {
		loop.Lanes = append(loop.Lanes, l.lane)
	}
	extra := x.extraClosed(ctx, lanes, request, n, length)
	return alongside(extra, func() (load.Report, error) { return x.engine.Closed(ctx, loop) })
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
			Launch: l.index, Round: id.round, Phase: phase, Mode: id.mode, Position: id.position + i,
			StartS: start, DurationS: r.Duration.Seconds(), Due: r.Due, Sent: r.Sent, Operations: r.Operations,
			CPUS: after.cpu[i] - before.cpu[i], RSSBytes: after.samples[i].RSSBytes,
			StealS: after.host.StealS - before.host.StealS, PressureS: after.host.PressureS - before.host.PressureS,
			Engine: r.Engine,
		}
		s.Engine.ForeignS = math.Max(foreign, 0)
		x.add(s)
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

// add appends a slice to the document, or adds it to the one that it continues: the
// second half of a closed loop.
func (x *experiment) add(s result.Slice) {
	for i := len(x.doc.Slices) - 1; i >= 0 && i >= len(x.doc.Slices)-2; i-- {
		if p := &x.doc.Slices[i]; s.Phase == result.PhaseClosed && p.Launch == s.Launch && p.Round == s.Round && p.Phase == s.Phase && p.Mode == s.Mode {
			join(p, s)
			return
		}
	}
	x.doc.Slices = append(x.doc.Slices, s)
}

// join adds the second half of a slice to the first.
func join(p *result.Slice, s result.Slice) {
	p.DurationS += s.DurationS
	p.Due += s.Due
	p.Sent += s.Sent
	p.CPUS += s.CPUS
	p.StealS += s.StealS
	p.PressureS += s.PressureS
	p.RSSBytes = s.RSSBytes
	for i := range p.Operations {
		p.Operations[i].Completed += s.Operations[i].Completed
		for kind, n := range s.Operations[i].Errors {
			if p.Operations[i].Errors == nil {
				p.Operations[i].Errors = map[string]int64{}
			}
			p.Operations[i].Errors[kind] += n
		}
	}
	e, f := &p.Engine, s.Engine
	e.LagP99NS, e.LagP999NS, e.LagMaxNS = max(e.LagP99NS, f.LagP99NS), max(e.LagP999NS, f.LagP999NS), max(e.LagMaxNS, f.LagMaxNS)
	e.WaitP99NS = max(e.WaitP99NS, f.WaitP99NS)
	e.ServiceP50NS, e.ServiceP99NS = max(e.ServiceP50NS, f.ServiceP50NS), max(e.ServiceP99NS, f.ServiceP99NS)
	e.CPUS += f.CPUS
	e.ForeignS += f.ForeignS
	if e.Limited == "" {
		e.Limited = f.Limited
	}
}

// alive reports a target that exited or stopped answering during a slice.
func (x *experiment) alive(l *launched, r load.LaneReport) error {
	select {
	case <-l.proc.Exited():
		return x.crashed(l)
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
			Arm: x.cfg.Arms[l.arm].Name, Block: x.rec(l).Block + 1, Ended: result.EndedHung,
			Detail: fmt.Sprintf("none of %d requests was answered within %s", r.Sent, x.cfg.Timeout),
		}
	}
	return nil
}

// crashed notes that a target has exited, and is the error that ends the block.
func (x *experiment) crashed(l *launched) *TargetError {
	x.event(l, "crashed", l.proc.ExitStatus())
	return &TargetError{
		Arm: x.cfg.Arms[l.arm].Name, Block: x.rec(l).Block + 1, Ended: result.EndedCrashed,
		Detail: l.proc.ExitStatus() + lastWords(l.proc.Output()),
	}
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
