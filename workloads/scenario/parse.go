package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/result"
)

// What a file that leaves them out gets.
const (
	defaultSeed     = 1
	defaultSeconds  = 300  // as Engram's load tool
	defaultJitter   = 0.15 // of the period: ends lock-step with timers of the target, keeps the noise of constant arrivals (docs/statistics.md §2)
	defaultProbes   = 600  // enough for a 99th percentile over probes that rests on six of them
	defaultClusters = 10   // as Engram's load tool, and so is the next; together they collapse in a store that drops near duplicates
	defaultStdDev   = 0.1
)

// Bounds on what files may ask for. Chosen: beyond what any target here was
// built for, below what would exhaust a machine before it is noticed.
const (
	maxDataValues    = 10_000_000_000 // num_nodes × embedding_dim: 40 GB of float32
	maxClusterValues = 100_000_000    // num_clusters × embedding_dim: the centres are held in memory, 400 MB
	maxNameLength    = 100
)

// Parse reads the text of a scenario file. file is the name used in messages, and
// folder where the files that it names are looked for; nil means that it can name
// none. The error is a diag.Faults with everything that is wrong; there is no
// Scenario beside it.
func Parse(file string, text []byte, folder fs.FS) (*Scenario, error) {
	f := diag.TOML(file, text)
	root := f.Root()
	s := &Scenario{}
	files := &fileSet{folder: folder, counted: map[string]bool{}}
	s.readLabels(root)
	s.Seed = uint64(root.Int("seed", defaultSeed, diag.Range[int64]{Min: 1, Max: math.MaxInt64}))
	s.Budget = readDuration(root.Table("duration"))
	s.Arrival = readArrival(root)
	if isHTTP(root) {
		s.HTTP, s.Operations = readHTTP(root, files)
	} else {
		s.Operations = readOperations(root)
		s.Data = readData(root)
	}
	s.Probes = s.readProbes(root.Table("probes"))
	s.Limits = readLimits(root.Table("validation"), s.Arrival.RatePerS)
	readChaos(root.Table("chaos"))
	if err := f.Faults().Err(); err != nil {
		return nil, err
	}
	s.Text = files.text(text)
	sum := sha256.Sum256([]byte(s.Text))
	s.SHA256 = hex.EncodeToString(sum[:])
	return s, nil
}

func (s *Scenario) readLabels(root *diag.Table) {
	root.Require("name", `add a line such as name = "Mixed workload"`)
	if name, ok := root.Text("name"); ok {
		s.Name = name.Value
		if fault := nameFault(name.Value); fault != "" {
			root.Fault(name.At(-1), "value", "name %s", fault)
		}
	}
	description, _ := root.Text("description")
	s.Description = description.Value
}

// nameFault says why a name, which stands in tables and headings of reports,
// cannot be used; empty when it can.
func nameFault(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "is blank: say what the workload is"
	case len(name) > maxNameLength:
		return fmt.Sprintf("has %d bytes: at most %d are allowed; the rest belongs in description", len(name), maxNameLength)
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "has characters that do not print, such as line breaks: it must be one line of text"
	default:
		return ""
	}
}

func readDuration(t *diag.Table) time.Duration {
	t.Require("total_seconds", "add a line such as total_seconds = 300, or leave [duration] out")
	seconds := t.Int("total_seconds", defaultSeconds, diag.Range[int64]{Min: 1, Max: 7 * 24 * 3600, Unit: "seconds"})
	return time.Duration(seconds) * time.Second
}

// rates are the rates that may be offered. The lower end is one request in
// about a quarter of an hour, the upper what one engine could ever send.
var rates = diag.Range[float64]{Min: 0.001, Max: 1e6, Unit: "operations a second"}

func readArrival(root *diag.Table) Arrival {
	root.Require("arrival", `add a table [arrival] with pattern = "constant" and rate = 1000`)
	t := root.Table("arrival")
	t.Require("pattern", `add pattern = "constant" with rate, or pattern = "poisson" with lambda`)
	a := Arrival{Stagger: t.Bool("stagger", true)}
	pattern, ok := t.Text("pattern")
	if !ok {
		t.Names() // which keys belong here depends on the pattern
		return a
	}
	switch a.Pattern = pattern.Value; a.Pattern {
	case Constant:
		t.Require("rate", "add a line such as rate = 1000 (operations a second)")
		a.RatePerS = t.Number("rate", 0, rates)
		a.Jitter = t.Percent("jitter", defaultJitter, diag.Range[float64]{Min: 0, Max: 0.5, Unit: "of the period"})
	case Poisson:
		t.Require("lambda", "add a line such as lambda = 1000 (mean operations a second)")
		a.RatePerS = t.Number("lambda", 0, rates)
	default:
		t.Fault(pattern.At(-1), "unsupported", "arrival pattern %q is not supported by this version: %s",
			pattern.Value, diag.Suggest(pattern.Value, []string{Constant, Poisson}))
		t.Names()
	}
	return a
}

// weightKeys are the keys of [operations], in the order in which their weights
// are laid out.
var weightKeys = []struct{ key, operation string }{
	{"store_weight", Store},
	{"recall_weight", Recall},
	{"embedding_search_weight", EmbeddingSearch},
}

func readOperations(root *diag.Table) []OperationWeight {
	root.Require("operations", "add a table [operations] with store_weight, recall_weight and embedding_search_weight")
	t := root.Table("operations")
	var operations []OperationWeight
	weights := map[string]float64{}
	complete := true
	for _, w := range weightKeys {
		t.Require(w.key, fmt.Sprintf("add a line such as %s = 0.0; weights sum to 1", w.key))
		weight := t.Number(w.key, math.NaN(), diag.Range[float64]{Min: 0, Max: 1e9})
		complete = complete && !math.IsNaN(weight)
		weights[w.key] = weight
		if weight > 0 {
			operations = append(operations, OperationWeight{Name: w.operation, Weight: weight})
		}
	}
	if completion := t.Number("pattern_completion_weight", 0, diag.Range[float64]{Min: 0, Max: 1e9}); completion > 0 {
		t.Fault(t.Position("pattern_completion_weight"), "unsupported",
			"pattern completion is not supported by this version: set pattern_completion_weight = 0 and give its share to the others")
		complete = false // the sum is not known until its share is given away
	}
	if complete {
		checkWeights(t, weights)
	}
	return operations
}

// weightTolerance is how far the sum of the weights may be from 1: thirds
// written with six digits pass.
const weightTolerance = 1e-6

// checkWeights notes a fault unless the weights sum to 1, and says how to make
// them.
func checkWeights(t *diag.Table, weights map[string]float64) {
	sum := 0.0
	for _, w := range weightKeys {
		sum += weights[w.key]
	}
	switch {
	case math.Abs(sum-1) <= weightTolerance:
		return
	case sum == 0:
		t.Fault(t.Position("store_weight"), "weights", "all weights are 0: nothing would be sent; weights must sum to 1")
		return
	}
	scaled := make([]string, 0, len(weightKeys))
	for _, w := range weightKeys {
		scaled = append(scaled, w.key+" = "+decimal(weights[w.key]/sum))
	}
	t.Fault(t.Position("store_weight"), "weights", "weights sum to %s and must sum to 1: divide each by %s, giving %s",
		decimal(sum), decimal(sum), strings.Join(scaled, ", "))
}

// decimal rounds to nine digits, so that sums of tenths read as people write
// them.
func decimal(x float64) string {
	return strconv.FormatFloat(x, 'g', 9, 64)
}

// readProbes must come after the operations: only some can be repeated without
// changing what they are sent to.
func (s *Scenario) readProbes(t *diag.Table) int {
	t.Require("count", "add a line such as count = 600, or leave [probes] out")
	count := int(t.Int("count", defaultProbes, diag.Range[int64]{Min: 0, Max: 100_000, Unit: "probes"}))
	repeatable, which := s.repeatable()
	switch {
	case repeatable:
		return count
	case t.Has("count") && count > 0 && len(s.Operations) > 0:
		t.Fault(t.Position("count"), "value", "probes.count is %d and nothing can be probed: only %s can be repeated; set count = 0", count, which)
	}
	return 0
}

// repeatable reports whether some operation can be repeated, and words which can.
func (s *Scenario) repeatable() (some bool, which string) {
	if s.HTTP != nil {
		return slices.ContainsFunc(s.HTTP.Requests, func(q Request) bool { return q.Repeatable }), "requests with repeatable = true, which GET and HEAD have by themselves,"
	}
	return slices.ContainsFunc(s.Operations, func(o OperationWeight) bool { return o.Name != Store }), "recalls and searches"
}

func readLimits(t *diag.Table, ratePerS float64) result.Limits {
	var l result.Limits
	if t.Has("expected_p99_latency_ms") {
		l.P99S = t.Number("expected_p99_latency_ms", 0, diag.Range[float64]{Min: 0.001, Max: 3_600_000, Unit: "milliseconds"}) / 1000
	}
	if t.Has("expected_throughput_ops_sec") {
		l.ThroughputPerS = t.Number("expected_throughput_ops_sec", 0, rates)
		if ratePerS > 0 && l.ThroughputPerS > ratePerS {
			t.Fault(t.Position("expected_throughput_ops_sec"), "unreachable",
				"expected_throughput_ops_sec is %s and only %s operations a second are offered: it must not be above the rate in [arrival]",
				decimal(l.ThroughputPerS), decimal(ratePerS))
		}
	}
	l.ErrorRate = t.Number("max_error_rate", defaultErrorRate, diag.Range[float64]{Min: 0, Max: 1, Unit: "as a fraction; 1% is 0.01"})
	l.ErrorRateSet = true
	return l
}

// defaultErrorRate is the share of requests that may fail where a scenario does not
// say: a target that answers wrongly is not measured, whoever wrote the scenario.
const defaultErrorRate = 0.01

func readChaos(t *diag.Table) {
	t.Require("enabled", "add enabled = false, or leave [chaos] out")
	if t.Bool("enabled", false) {
		t.Fault(t.Position("enabled"), "unsupported", "chaos is not supported by this version: set enabled = false, or leave [chaos] out")
	}
}
