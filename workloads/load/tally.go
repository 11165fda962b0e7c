package load

import (
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// kind says how a request failed; see the package comment.
type kind uint8

const (
	refused kind = iota
	reset
	closed
	timeout
	status
	wrongBody
	protocol
	tlsFailure
	kinds // how many there are
)

var kindNames = [kinds]string{"refused", "reset", "closed", "timeout", "status", "body", "protocol", "tls"}

// tally counts what happens on one lane in one slice. All memory is taken when
// the lane is connected; counting neither allocates nor locks. Times are in ns
// on the transport's clock.
type tally struct {
	names      []string
	operations []operationTally
	lag        *result.Recorder
	wait       *result.Recorder
	service    *result.Recorder

	open        bool // by timetable
	due         int64
	sent        int64
	gaveUp      int64 // not sent, and the target is to blame
	reopened    int64
	lagMax      int64
	first, last int64 // due time (closed loop: send) of the first request; last end
	probes      []int64
}

type operationTally struct {
	completed int64
	errors    [kinds]int64
	response  *result.Recorder
}

func newTally(operations []string, probes int) *tally {
	t := &tally{
		names:      operations,
		operations: make([]operationTally, len(operations)),
		lag:        result.NewRecorder(),
		wait:       result.NewRecorder(),
		service:    result.NewRecorder(),
		probes:     make([]int64, probes),
	}
	for i := range t.operations {
		t.operations[i].response = result.NewRecorder()
	}
	return t
}

// begin forgets the previous slice.
func (t *tally) begin() {
	for i := range t.operations {
		recorder := t.operations[i].response
		recorder.Reset()
		t.operations[i] = operationTally{response: recorder}
	}
	t.lag.Reset()
	t.wait.Reset()
	t.service.Reset()
	// The probes of the previous slice belong to its report.
	*t = tally{
		names: t.names, operations: t.operations, lag: t.lag, wait: t.wait, service: t.service,
		probes: make([]int64, len(t.probes)), first: -1,
	}
}

// plan says that the slice is by timetable.
func (t *tally) plan(due []int64) {
	t.open = true
	t.due = int64(len(due))
}

// send counts a request that was due at due (closed loop: when its connection
// became free), whose connection became free at free, and which was sent at now.
func (t *tally) send(now, due, free int64) {
	t.sent++
	t.begun(due)
	ready := max(due, free)
	t.wait.Record(ready - due)
	lag := now - ready
	t.lag.Record(lag)
	t.lagMax = max(t.lagMax, lag)
}

// begun moves the start of the measured stretch back to at.
func (t *tally) begun(at int64) {
	if t.first < 0 || at < t.first {
		t.first = at
	}
}

// complete counts a request that was answered as expected.
func (t *tally) complete(r *Request, due, sent, now int64) {
	op := &t.operations[r.Operation]
	op.completed++
	t.service.Record(now - sent)
	t.last = now
	if !t.open {
		return
	}
	op.response.Record(now - due)
	if r.Probe >= 0 {
		t.probes[r.Probe] = now - due
	}
}

// fail counts a request that failed after it was sent.
func (t *tally) fail(r *Request, k kind, now int64) {
	t.operations[r.Operation].errors[k]++
	t.last = now
}

// giveUp counts a request that could not be sent because its target took no
// connection.
func (t *tally) giveUp(r *Request, k kind, due, now int64) {
	t.gaveUp++
	t.begun(due)
	t.fail(r, k, now)
}

// report builds the part of a lane; share is its part of the engine's CPU time.
func (t *tally) report(cpu time.Duration, u use) LaneReport {
	report := LaneReport{
		Due: t.due, Sent: t.sent, Unsent: t.due - t.sent, Reopened: t.reopened,
		Probes: t.probes,
	}
	if !t.open {
		report.Due, report.Unsent = t.sent, 0
	}
	if t.first >= 0 {
		report.Duration = time.Duration(max(0, t.last-t.first))
	}
	responses := make([]*result.Histogram, len(t.operations))
	for i := range t.operations {
		operation := t.operations[i].report(t.names[i], t.open)
		responses[i] = operation.Response
		report.Operations = append(report.Operations, operation)
	}
	report.Engine = result.Engine{
		LagP99NS:     t.lag.Quantile(0.99),
		LagP999NS:    t.lag.Quantile(0.999),
		LagMaxNS:     t.lagMax,
		WaitP99NS:    t.wait.Quantile(0.99),
		ServiceP50NS: t.service.Quantile(0.5),
		ServiceP99NS: t.service.Quantile(0.99),
		CPUS:         cpu.Seconds(),
	}
	all := result.MergeHistograms(responses...)
	report.Engine.Limited = selfCheck{
		open: t.open, use: u, due: t.due, sent: t.sent, gaveUp: t.gaveUp,
		lagP99: float64(report.Engine.LagP99NS), lagP999: float64(report.Engine.LagP999NS),
		waitP99:     float64(report.Engine.WaitP99NS),
		responseP99: all.Quantile(0.99), responseP999: all.Quantile(0.999),
	}.limited()
	return report
}

func (o *operationTally) report(name string, open bool) result.Operation {
	operation := result.Operation{Name: name, Completed: o.completed}
	if open {
		operation.Response = o.response.Histogram()
	}
	for k, count := range o.errors {
		if count == 0 {
			continue
		}
		if operation.Errors == nil {
			operation.Errors = make(map[string]int64)
		}
		operation.Errors[kindNames[k]] = count
	}
	return operation
}

func (p *plan) report(transport string) Report {
	report := Report{Started: p.started, CPU: p.cpu, Transport: transport}
	var sent int64
	for _, lane := range p.lanes {
		sent += lane.tally.sent
	}
	for _, lane := range p.lanes {
		// One thread serves all lanes; what it spent is shared out by requests.
		share := time.Duration(float64(p.cpu) * float64(lane.tally.sent) / float64(max(sent, 1)))
		report.Lanes = append(report.Lanes, lane.tally.report(share, p.use))
	}
	return report
}
