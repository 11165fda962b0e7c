// Package result defines the result document: everything that one measurement
// produced, and everything that is needed to judge it again.
//
// It is the only thing that the measuring half (workloads/...) and the deciding
// half (gate/...) share. A document is self-contained: the verdict is a pure
// function of it, so whoever holds the file can recompute the verdict and need
// not believe a stored one.
//
// Units are in the field names: _ns are nanoseconds, _s are seconds, _bytes
// are bytes, _per_s are rates. Times named at_s or start_s count from the start
// of the measurement (Provenance.StartedAt).
package result

import "time"

// Schema names the version of the document format that this package reads and
// writes.
const Schema = "fivegate/result/v1"

// Document is one measurement: base against head ("check"), one arm ("run"), or two
// measurements that were made apart ("compare").
type Document struct {
	Schema     string      `json:"schema"`
	Kind       Kind        `json:"kind"`
	Provenance Provenance  `json:"provenance"`
	Plan       Plan        `json:"plan"`
	Arms       []Arm       `json:"arms"`
	Launches   []Launch    `json:"launches"`
	Slices     []Slice     `json:"slices"`
	Benchmarks []Benchmark `json:"benchmarks,omitempty"` // instead of launches and slices, where there are no requests
	Outcome    Outcome     `json:"outcome"`
	Prior      []Prior     `json:"prior,omitempty"` // earlier runs of the same pair, whose blocks come first; see Pool
}

// Kind says what was measured.
type Kind string

// The kinds of document.
const (
	KindCheck   Kind = "check"   // two arms, judged against each other
	KindRun     Kind = "run"     // one arm, judged against its scenario's limits
	KindCompare Kind = "compare" // results of two measurements made apart, often by another tool
)

// Provenance says where the numbers come from.
type Provenance struct {
	Tool       Tool       `json:"tool"`
	StartedAt  time.Time  `json:"started_at"` // UTC, of the measurement; builds come before it
	DurationS  float64    `json:"duration_s"` // from StartedAt
	Seed       uint64     `json:"seed,string"`
	Scenario   Scenario   `json:"scenario"`
	Runner     Runner     `json:"runner"`
	Repository Repository `json:"repository"`
	Command    []string   `json:"command"` // the command line, as typed
}

// Tool is the build of gate that measured.
type Tool struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
}

// Scenario is the load that was offered, text included.
type Scenario struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // hex, of Text
	Text   string `json:"text"`
}

// Runner is the machine. Numbers compare only within one class.
type Runner struct {
	Class       string            `json:"class"`
	Fingerprint map[string]string `json:"fingerprint"` // e.g. cpu_model, kernel, cores
}

// Repository is the source that the arms were built from; empty when the
// target was not built here.
type Repository struct {
	Path  string `json:"path,omitempty"` // base name of the working tree, never a machine's full path
	Dirty bool   `json:"dirty,omitzero"` // uncommitted changes existed and were not measured
}

// Mode says how the two arms share time.
type Mode string

// The modes.
const (
	ModeDuet        Mode = "duet"        // both arms at once, request by request, on the same cores
	ModeAlternating Mode = "alternating" // short slices in turn, when a duet is impossible
	ModeSolo        Mode = "solo"        // one arm alone, for absolute numbers
	ModeSeparate    Mode = "separate"    // each arm at its own time, so that nothing pairs them
)

// Plan is what was decided before the first slice. It is what makes a verdict
// fail closed: a metric that is declared and not found is a broken measurement.
type Plan struct {
	Mode           Mode     `json:"mode"`
	Metrics        []string `json:"metrics"`                    // gating metrics that the measurement must yield; of benchmarks: the units that gate, or none for all that have a direction
	Blocks         int      `json:"blocks"`                     // most blocks, the extension included
	Rounds         int      `json:"rounds"`                     // rounds a block
	Looks          []int    `json:"looks"`                      // numbers of complete blocks after which evidence is looked at, ascending; the last is Blocks
	OpenS          float64  `json:"open_s"`                     // open-loop part of a round
	ClosedS        float64  `json:"closed_s"`                   // closed-loop part of a round
	RatePerS       float64  `json:"rate_per_s"`                 // offered to each arm
	RateShare      float64  `json:"rate_share"`                 // RatePerS over the scenario's rate, in (0,1]
	CapacityPerS   float64  `json:"capacity_per_s"`             // base's closed-loop capacity at calibration; 0 when not measured
	Probes         int      `json:"probes"`                     // size of the probe set
	ProbeOperation []string `json:"probe_operations,omitempty"` // operation of each probe, run-length coded as "recall*323"
	Operations     []string `json:"operations"`                 // operations of the scenario, in order
	BudgetS        float64  `json:"budget_s"`
	TargetCPUs     []int    `json:"target_cpus,omitempty"`
	EngineCPUs     []int    `json:"engine_cpus,omitempty"`
	Transport      string   `json:"transport,omitempty"` // what moved the requests: epoll, portable or plain
	Policy         Policy   `json:"policy"`
	Limits         Limits   `json:"limits"`

	Calibration *Calibration `json:"calibration,omitempty"` // what is known of checks like this one
}

// Policy holds the numbers by which a check is judged.
type Policy struct {
	Threshold      float64 `json:"threshold"`        // relative slow-down beyond which a change must not merge: 0.05
	PassBound      float64 `json:"pass_bound"`       // a pass needs every upper bound under this, or MaxMDE: 0.10
	MaxMDE         float64 `json:"max_mde"`          // … or an MDE no larger than this: 0.12
	Alpha          float64 `json:"alpha"`            // one-sided family error: 0.02
	Reserve        float64 `json:"reserve,omitzero"` // share of Alpha that is kept for measuring the same pair again: 0.2
	LayoutSD       float64 `json:"layout_sd"`        // standard deviation of the log ratio between two random layouts of one source: 0.02
	OnInconclusive string  `json:"on_inconclusive"`  // "warn" or "block"
}

// Limits are the scenario's validation limits; zero means no limit.
type Limits struct {
	P99S           float64 `json:"p99_s,omitzero"`
	ThroughputPerS float64 `json:"throughput_per_s,omitzero"`
	ErrorRate      float64 `json:"error_rate,omitzero"`     // fraction
	ErrorRateSet   bool    `json:"error_rate_set,omitzero"` // tells a limit of 0 from none
}

// Arm is one side of the comparison.
type Arm struct {
	Name    string   `json:"name"` // "base", "head" or a rival's name
	Ref     string   `json:"ref,omitempty"`
	Commit  string   `json:"commit,omitempty"`
	Layouts []Layout `json:"layouts"`
}

// Layout is one build of an arm.
type Layout struct {
	ID     int     `json:"id"`
	Seed   uint64  `json:"seed,string"`      // link-order seed; 0 is the linker's own order
	SHA256 string  `json:"sha256"`           // hex, of the built files
	BuildS float64 `json:"build_s,omitzero"` // 0 when taken from the cache
}

// Launch is one freshly started process of an arm.
type Launch struct {
	ID      int      `json:"id"`
	Arm     string   `json:"arm"`
	Block   int      `json:"block"`  // from 0
	Layout  int      `json:"layout"` // Layout.ID
	Order   int      `json:"order"`  // 0 when started first in its block
	StartS  float64  `json:"start_s"`
	ReadyS  float64  `json:"ready_s"` // from start to ready
	LoadS   float64  `json:"load_s"`  // dataset load, or copy of a prepared directory
	WarmUpS float64  `json:"warm_up_s"`
	Ended   Ended    `json:"ended"`
	Series  []Series `json:"series,omitempty"`
	Probes  *Probes  `json:"probes,omitempty"`
	Events  []Event  `json:"events,omitempty"`
}

// Ended says how a launch ended.
type Ended string

// The ways a launch ends. Only a stopped launch may be judged.
const (
	EndedStopped Ended = "stopped" // by us, at the end of its block
	EndedCrashed Ended = "crashed" // it exited, or was killed, while it was being measured
	EndedHung    Ended = "hung"    // it stopped answering
	EndedAborted Ended = "aborted" // the measurement was interrupted
)

// Series is one resource of a launch over time.
type Series struct {
	Name   string    `json:"name"` // rss_bytes, cpu_s, threads, descriptors
	AtS    []float64 `json:"at_s"`
	Values []float64 `json:"values"`
}

// Event is something that happened to a launch.
type Event struct {
	AtS    float64 `json:"at_s"`
	Name   string  `json:"name"` // dataset-loaded, warmed-up, crashed, …
	Detail string  `json:"detail,omitempty"`
}

// EventRoundRepeated is the name of the event that a round was measured again
// because the engine had been its limit.
const EventRoundRepeated = "round-repeated"

// EventNotStarted is the name of the event that a launch is none: the server was
// running already, at the address in the event's detail. What it uses is not known.
const EventNotStarted = "running-already"

// Phase says how load was offered in a slice.
type Phase string

// The phases.
const (
	PhaseOpen   Phase = "open"   // by schedule, latency from the due time
	PhaseClosed Phase = "closed" // fixed concurrency, for throughput per CPU second
)

// Slice is a stretch of measured load on one launch. Slices of both arms with
// the same block, round, phase and mode duet were measured together.
type Slice struct {
	Launch     int               `json:"launch"`
	Round      int               `json:"round"` // within the block, from 0
	Phase      Phase             `json:"phase"`
	Mode       Mode              `json:"mode"`
	Conditions map[string]string `json:"conditions,omitempty"`
	StartS     float64           `json:"start_s"`
	DurationS  float64           `json:"duration_s"` // first due time to last completion
	Position   int               `json:"position"`   // 0 when this arm went first in its round
	Due        int64             `json:"due"`        // requests that the schedule holds; closed loop: sent
	Sent       int64             `json:"sent"`
	Operations []Operation       `json:"operations"`
	CPUS       float64           `json:"cpu_s"`      // all processes of the target; 0 when it was not started here, and so not known
	RSSBytes   int64             `json:"rss_bytes"`  // likewise
	StealS     float64           `json:"steal_s"`    // whole machine
	PressureS  float64           `json:"pressure_s"` // PSI cpu "some", whole machine
	Engine     Engine            `json:"engine"`
}

// Operation is what one operation of the scenario did in a slice.
type Operation struct {
	Name      string           `json:"name"`
	Completed int64            `json:"completed"`          // answered as expected
	Errors    map[string]int64 `json:"errors,omitempty"`   // by kind: refused, tls, reset, closed, timeout, status, body, protocol
	Response  *Histogram       `json:"response,omitempty"` // from the due time, completed only; open loop only
}

// Engine is the load engine's check of itself in one slice.
type Engine struct {
	LagP99NS     int64   `json:"lag_p99_ns"` // actual send minus due time (or minus a connection becoming free)
	LagP999NS    int64   `json:"lag_p999_ns"`
	LagMaxNS     int64   `json:"lag_max_ns"`
	WaitP99NS    int64   `json:"wait_p99_ns"` // wait for a free connection
	ServiceP50NS int64   `json:"service_p50_ns"`
	ServiceP99NS int64   `json:"service_p99_ns"`
	CPUS         float64 `json:"cpu_s"`             // the engine's own thread
	ForeignS     float64 `json:"foreign_cpu_s"`     // busy CPU of the machine that is neither engine's nor targets'
	Limited      string  `json:"limited,omitempty"` // why the engine, and not the target, was the limit; empty when it was not
}

// Outcome says how the measurement ended.
type Outcome struct {
	Ended  RunEnded `json:"ended"`
	Blocks int      `json:"blocks"` // complete blocks
	Detail string   `json:"detail,omitempty"`
}

// RunEnded says why measuring stopped.
type RunEnded string

// The endings of a measurement.
const (
	RunDecided     RunEnded = "decided"     // a look decided every gating metric
	RunComplete    RunEnded = "complete"    // all planned blocks were measured
	RunBudget      RunEnded = "budget"      // the time ran out between looks
	RunIdentical   RunEnded = "identical"   // both arms are the same bytes; nothing was measured
	RunInterrupted RunEnded = "interrupted" // a signal
	RunFailed      RunEnded = "failed"      // the target or the environment failed; see Detail
)
