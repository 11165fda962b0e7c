// Package experiment runs the schedule of launches, rounds and slices that a
// check consists of, and records them in a result document.
//
// It measures and decides nothing: after each planned look it asks Config.Decide
// whether to go on. Whatever happens — a signal, a target that dies, a full
// disk — the document returned holds all that was measured until then, and its
// Outcome says how it ended.
package experiment

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/scenario"
	"github.com/fivegate/fivegate/workloads/target"
)

// Driver speaks one target's protocol.
type Driver interface {
	// Operations are the scenario's operations; a request's Operation is an
	// index into them.
	Operations() []string
	// Probes holds the operation of each probe of the probe set.
	Probes() []int32
	// UseProbes makes a probe set of n requests, or an empty one where no
	// operation can be repeated.
	UseProbes(n int)
	// Round returns the n requests of a round, a pure function of the scenario's
	// seed and its arguments.
	Round(round uint64, n int) []load.Request
	// Load puts the dataset into a fresh target.
	Load(ctx context.Context, addr string, progress func(done, total int)) error
	// Verify reports whether the dataset is there.
	Verify(ctx context.Context, addr string) error
}

// Arm is one side of the comparison, built.
type Arm struct {
	Name, Ref, Commit string
	Start             target.Config  // how this arm is started
	Builds            []target.Build // one per layout
	Addr              string         // HOST:PORT of a server that is running already, for Run; Start is not used then, and Builds holds one that is empty
	Extra             float64        // requests sent to it besides and not recorded, for each recorded one; see extra.go
	Divert            string         // HOST:PORT that gets the recorded requests in its place
}

// Config is all that an experiment needs.
type Config struct {
	Scenario   *scenario.Scenario
	Arms       []Arm // base and head, or the one arm of a run
	Driver     Driver
	Session    *target.Session
	Provenance result.Provenance // StartedAt is when the budget began to run
	Policy     result.Policy
	Metrics    []string // declared gating metrics

	Calibration *result.Calibration // what is known of such checks, for the plan; nil: nothing

	Seed       uint64
	Budget     time.Duration // for everything since Provenance.StartedAt
	RatePerS   float64       // offered to each arm, as an earlier run of the pair was; 0: as much as the scenario and base's capacity allow
	Timeout    time.Duration // of one request
	Protocol   load.Protocol // what the targets speak; load.HTTP1 when empty
	TLS        *tls.Config   // for protocols over TLS; nil trusts the system's authorities
	Loading    Loading
	EngineCPUs []int
	TargetCPUs []int
	// Alternate forces slices in turn instead of the duet, for arms that cannot
	// live side by side.
	Alternate bool

	// Calibrate measures for as long as the budget lasts, without looks.
	Calibrate *Calibrate

	// Decide is called at every planned look; true ends the check.
	Decide func(*result.Document) bool
	// Observe is called with progress, never during a slice; nil is allowed.
	Observe func(Progress)
}

// Progress is where an experiment stands.
type Progress struct {
	Phase         string // "load", "calibrate", "measure"
	Detail        string
	Done, Total   int           // items of the dataset, or blocks
	Left          time.Duration // estimate of the time to the end; 0 when unknown
	Document      *result.Document
	CompleteBlock bool // a block has just been completed
}

// share of the closed-loop capacity at which both arms together are driven:
// above it queueing amplifies all noise (docs/statistics.md §2).
const (
	duetShare  = 0.38
	soloShare  = 0.5
	calibrated = 1500 * time.Millisecond
	// concurrency of the closed loop, per arm.
	concurrency = 4
)

// ErrInterrupted is returned beside the document when the context was cancelled.
var ErrInterrupted = errors.New("interrupted")

// experiment is the state of one run.
type experiment struct {
	cfg      Config
	doc      *result.Document
	load     load.Config // of the engine
	engine   *load.Engine
	prepared []string // per arm: directory that fresh launches copy; "" when they load anew
	costs    Costs
	round    uint64 // counts rounds over the whole experiment, so that no request repeats
	capacity float64
}

// Check measures base against head and returns the document of what was
// measured; it is never nil. The error says why measuring ended early, and has
// been recorded in the document's Outcome too.
func Check(ctx context.Context, cfg Config) (*result.Document, error) {
	x, err := begin(cfg, result.KindCheck)
	if err != nil {
		return x.doc, x.fail(ctx, err)
	}
	defer x.engine.Close()
	defer quietCollector()()
	return x.doc, x.fail(ctx, x.check(ctx))
}

// begin prepares the document and the engine.
func begin(cfg Config, kind result.Kind) (*experiment, error) {
	x := &experiment{cfg: cfg, prepared: make([]string, len(cfg.Arms)), costs: AssumedCosts(cfg.Alternate)}
	x.costs.Start = 0
	x.doc = newDocument(cfg, kind)
	cpu := -1
	if len(cfg.EngineCPUs) > 0 && !slices.Contains(cfg.TargetCPUs, cfg.EngineCPUs[0]) {
		cpu = cfg.EngineCPUs[0]
	}
	x.load = load.Config{
		CPU:         cpu,
		Connections: 32,
		Timeout:     cfg.Timeout,
		Operations:  cfg.Driver.Operations(),
		Probes:      len(cfg.Driver.Probes()),
		Protocol:    cfg.Protocol,
		TLS:         cfg.TLS,
	}
	engine, err := load.New(x.load)
	if err != nil {
		return x, err
	}
	x.engine, x.doc.Plan.Transport = engine, engine.Transport()
	return x, nil
}

// quietCollector keeps the garbage collector out of the slices; between them
// collect is called. The memory limit is a safety net.
func quietCollector() (restore func()) {
	percent := debug.SetGCPercent(-1)
	limit := debug.SetMemoryLimit(2 << 30)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}

func newDocument(cfg Config, kind result.Kind) *result.Document {
	ops := cfg.Driver.Operations()
	doc := &result.Document{
		Schema:     result.Schema,
		Kind:       kind,
		Provenance: cfg.Provenance,
		Plan: result.Plan{
			Mode:           result.ModeDuet,
			Metrics:        cfg.Metrics,
			Looks:          []int{},
			Operations:     ops,
			OpenS:          openPart.Seconds(),
			ClosedS:        closedPart.Seconds(),
			Probes:         len(cfg.Driver.Probes()),
			ProbeOperation: runLengths(ops, cfg.Driver.Probes()),
			BudgetS:        cfg.Budget.Seconds(),
			TargetCPUs:     cfg.TargetCPUs,
			EngineCPUs:     cfg.EngineCPUs,
			Policy:         cfg.Policy,
			Limits:         cfg.Scenario.Limits,
			Calibration:    cfg.Calibration,
		},
		Launches: []result.Launch{},
		Slices:   []result.Slice{},
	}
	if cfg.Alternate {
		doc.Plan.Mode = result.ModeAlternating
	}
	doc.Arms = DescribeArms(cfg.Arms)
	return doc
}

// DescribeArms says for a document what the arms are and how they were built.
func DescribeArms(arms []Arm) (out []result.Arm) {
	for _, arm := range arms {
		a := result.Arm{Name: arm.Name, Ref: arm.Ref, Commit: arm.Commit}
		for _, b := range arm.Builds {
			a.Layouts = append(a.Layouts, result.Layout{ID: b.Layout, Seed: b.Seed, SHA256: b.SHA256, BuildS: b.Elapsed.Seconds()})
		}
		out = append(out, a)
	}
	return out
}

// runLengths packs the operation of each probe as "recall*323".
func runLengths(operations []string, probes []int32) []string {
	var out []string
	for i := 0; i < len(probes); {
		j := i
		for j < len(probes) && probes[j] == probes[i] {
			j++
		}
		out = append(out, fmt.Sprintf("%s*%d", operations[probes[i]], j-i))
		i = j
	}
	return out
}

// fail records how the experiment ended and passes the error on.
func (x *experiment) fail(ctx context.Context, err error) error {
	x.doc.Provenance.DurationS = x.elapsed().Seconds()
	switch {
	case err == nil:
	case ctx.Err() != nil:
		x.doc.Outcome.Ended = result.RunInterrupted
		x.doc.Outcome.Detail = context.Cause(ctx).Error()
		return ErrInterrupted
	default:
		x.doc.Outcome.Ended = result.RunFailed
		x.doc.Outcome.Detail = err.Error()
	}
	return err
}

func (x *experiment) elapsed() time.Duration { return time.Since(x.cfg.Provenance.StartedAt) }

// at is the present moment in the document's time.
func (x *experiment) at() float64 { return x.elapsed().Seconds() }

func (x *experiment) observe(p Progress) {
	if x.cfg.Observe != nil {
		p.Document = x.doc
		x.cfg.Observe(p)
	}
}

// check is the whole schedule: prepare, calibrate, blocks with looks between.
func (x *experiment) check(ctx context.Context) error {
	for arm := range x.cfg.Arms {
		if err := x.prepare(ctx, arm); err != nil {
			return err
		}
	}
	if err := x.plan(); err != nil {
		return err
	}
	layouts := [2]int{len(x.cfg.Arms[0].Builds), len(x.cfg.Arms[1].Builds)}
	shape := Shape{Blocks: x.doc.Plan.Blocks, Rounds: x.doc.Plan.Rounds}
	next := 0
	for _, blk := range Schedule(x.cfg.Seed, shape, layouts) {
		took := time.Now()
		if left := x.cfg.Budget - x.elapsed() - reserve; left < x.costs.Block(shape.Rounds) && blk.Index > 0 {
			x.doc.Outcome.Ended = result.RunBudget
			x.doc.Outcome.Detail = fmt.Sprintf("after %d of %d blocks; a block takes %s", blk.Index, shape.Blocks, x.costs.Block(shape.Rounds).Round(100*time.Millisecond))
			return nil
		}
		if err := x.block(ctx, blk); err != nil {
			return err
		}
		x.doc.Outcome.Blocks = blk.Index + 1
		x.learn(blk, time.Since(took))
		x.observe(Progress{
			Phase: "measure", Done: blk.Index + 1, Total: shape.Blocks, CompleteBlock: true,
			Left: time.Duration(shape.Blocks-blk.Index-1) * x.costs.Block(shape.Rounds),
		})
		if blk.Index+1 != x.doc.Plan.Looks[next] {
			continue
		}
		next++
		last := next == len(x.doc.Plan.Looks)
		if !last && x.cfg.Decide != nil && x.cfg.Decide(x.doc) {
			x.doc.Outcome.Ended = result.RunDecided
			return nil
		}
	}
	x.doc.Outcome.Ended = result.RunComplete
	return nil
}

// plan fits the schedule into what is left of the budget.
func (x *experiment) plan() error {
	available := x.cfg.Budget - x.elapsed() - reserve
	shape, err := x.cfg.Calibrate.fit(available, x.elapsed(), x.costs)
	if err != nil {
		return err
	}
	p := &x.doc.Plan
	p.Blocks, p.Rounds, p.Looks = shape.Blocks, shape.Rounds, Looks(shape.Blocks)
	if x.cfg.Calibrate != nil {
		p.Looks = []int{shape.Blocks}
	}
	wanted := x.cfg.Scenario.Arrival.RatePerS
	p.CapacityPerS = x.capacity
	p.RatePerS = math.Min(wanted, duetShare/2*x.capacity)
	if x.cfg.Alternate {
		p.RatePerS = math.Min(wanted, duetShare*x.capacity)
	}
	if x.cfg.RatePerS > 0 {
		p.RatePerS = math.Min(wanted, x.cfg.RatePerS)
	}
	p.RateShare = p.RatePerS / wanted
	x.fitProbes(int(p.RatePerS * p.OpenS))
	return nil
}

// leastProbes is the smallest probe set that has a 99th percentile worth the name.
const leastProbes = 100

// fitProbes makes the probe set as large as the requests of one round can replay,
// since a probe that is measured in few rounds says nothing. Where that is too
// few, the de-noised P99 cannot be had: it is left out of what the check declares,
// before anything is measured, and the verdict says so.
func (x *experiment) fitProbes(perRound int) {
	replayed := 0
	for _, r := range x.cfg.Driver.Round(0, perRound) {
		if r.Probe >= 0 {
			replayed++
		}
	}
	if replayed < leastProbes {
		replayed = 0
	}
	p := &x.doc.Plan
	if replayed < p.Probes {
		x.cfg.Driver.UseProbes(replayed)
	}
	if replayed == 0 {
		p.Metrics = slices.DeleteFunc(slices.Clone(p.Metrics), func(m string) bool { return m == "latency.p99" })
	}
	p.Probes = len(x.cfg.Driver.Probes())
	p.ProbeOperation = runLengths(x.cfg.Driver.Operations(), x.cfg.Driver.Probes())
}

// learn corrects the estimate of a block's cost by what the block took, so that
// the budget holds on a machine that slows down.
func (x *experiment) learn(blk Block, took time.Duration) {
	rounds := len(blk.First)
	if blk.Solo {
		rounds += 2
	}
	each := (took - 2*x.costs.Start - x.costs.WarmUp - x.costs.Stop) / time.Duration(rounds)
	if each > x.costs.Round {
		x.costs.Round += (each - x.costs.Round) / 4
	}
}
