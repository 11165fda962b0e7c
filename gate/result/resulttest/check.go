// Package resulttest makes result documents of checks that never ran, for the
// tests of what judges and shows them.
package resulttest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// Options say what the check found. Where 0 means a default, the default is
// named.
type Options struct {
	Seed     uint64
	Mode     result.Mode // of the rounds; "" is a duet
	Blocks   int         // 0 is 28
	Rounds   int         // per block; 0 is 4
	Layouts  int         // per arm, in turn from block to block; 0 is as many as blocks
	Probes   int         // 0 is 200; below 0 is none
	RatePerS float64     // per arm, in the open loop; 0 is 400

	// Effects holds the true effect on head of a metric of Plan.Metrics: the log
	// of the ratio to base, where above 0 is worse. That of error_rate is added
	// to the fraction of failed requests instead. Latency effects hold for raw
	// latencies and for probes; in between their quantiles they change gradually.
	Effects map[string]float64
	// ErrorRate is the fraction of failed requests in both arms.
	ErrorRate float64

	// The noise: standard deviations of log effects, drawn for each metric. What
	// sampling a finite number of requests adds comes on top.
	CommonSD float64 // of a round, the same for both arms: what a duet cancels
	RoundSD  float64 // of one arm in a round
	LaunchSD float64 // of a launch
	LayoutSD float64 // of a layout
}

// operations are those of the synthetic scenario, of equal weight.
var operations = []string{"store", "recall", "embedding_search"}

// metrics are the gating metrics that Plan declares.
var metrics = []string{"cpu_per_op", "throughput", "latency.p50", "latency.p90", "latency.p99", "error_rate"}

// Seconds that the parts of a check take.
const (
	openS     = 1.0
	closedS   = 0.4
	readyS    = 0.05
	loadS     = 0.2
	warmUpS   = 0.5
	buildS    = 3.0
	soloEvery = 4 // blocks
)

// Check returns the document of a check. It is valid, and the same for the same
// options.
func Check(o Options) *result.Document {
	o = o.withDefaults()
	s := &synthesis{
		Options:  o,
		random:   rand.New(rand.NewPCG(o.Seed, 0x9e3779b97f4a7c15)),
		recorder: result.NewRecorder(),
		now:      buildS * float64(2*o.Layouts),
	}
	s.document = &result.Document{
		Schema:     result.Schema,
		Kind:       result.KindCheck,
		Provenance: s.provenance(),
		Plan:       s.plan(),
		Arms:       []result.Arm{s.arm("base"), s.arm("head")},
		Outcome:    result.Outcome{Ended: result.RunComplete, Blocks: o.Blocks},
	}
	for block := range o.Blocks {
		s.block(block)
	}
	s.document.Provenance.DurationS = s.now + 1
	return s.document
}

func (o Options) withDefaults() Options {
	if o.Mode == "" {
		o.Mode = result.ModeDuet
	}
	if o.Blocks == 0 {
		o.Blocks = 28
	}
	if o.Rounds == 0 {
		o.Rounds = 4
	}
	if o.Layouts == 0 {
		o.Layouts = o.Blocks
	}
	if o.Probes == 0 {
		o.Probes = 200
	}
	o.Probes = max(o.Probes, 0)
	if o.RatePerS == 0 {
		o.RatePerS = 400
	}
	return o
}

func (s *synthesis) provenance() result.Provenance {
	text := fmt.Sprintf("name = \"synthetic\"\nseed = %d\nrate_per_s = %g\n", s.Seed, s.RatePerS)
	return result.Provenance{
		Tool:      result.Tool{Version: "v0.0.0-test", Go: "go1.26"},
		StartedAt: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(s.Seed%86400) * time.Second),
		Seed:      s.Seed,
		Scenario:  result.Scenario{Name: "synthetic", SHA256: digest(text), Text: text},
		Runner: result.Runner{
			Class:       "linux-amd64-test-2c",
			Fingerprint: map[string]string{"cpu_model": "synthetic", "cores": "2"},
		},
		Repository: result.Repository{Path: "target"},
		Command:    []string{"gate", "check", "--base", "main", "--head", "topic"},
	}
}

func (s *synthesis) plan() result.Plan {
	looks := []int{(s.Blocks + 1) / 2, (3*s.Blocks + 3) / 4, s.Blocks}
	plan := result.Plan{
		Mode: s.Mode, Metrics: slices.Clone(metrics), Operations: slices.Clone(operations),
		Blocks: s.Blocks, Rounds: s.Rounds, Looks: slices.Compact(looks),
		OpenS: openS, ClosedS: closedS, RatePerS: s.RatePerS, RateShare: 1, CapacityPerS: 6 * s.RatePerS,
		Probes: s.Probes, BudgetS: 300, TargetCPUs: []int{1}, EngineCPUs: []int{0},
		Policy: result.Policy{Threshold: 0.05, PassBound: 0.10, MaxMDE: 0.12, Alpha: 0.02, LayoutSD: 0.02, OnInconclusive: "warn"},
	}
	if s.Probes > 0 {
		plan.ProbeOperation = []string{fmt.Sprintf("recall*%d", s.Probes)}
	}
	return plan
}

func (s *synthesis) arm(name string) result.Arm {
	arm := result.Arm{Name: name, Ref: name, Commit: digest(name)[:40]}
	for id := range s.Layouts {
		arm.Layouts = append(arm.Layouts, result.Layout{
			ID: id, Seed: s.random.Uint64(), SHA256: digest(fmt.Sprint(name, s.Seed, id)), BuildS: buildS,
		})
		s.layouts = append(s.layouts, s.draw(s.LayoutSD))
	}
	return arm
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
