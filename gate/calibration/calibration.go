// Package calibration turns a long measurement of base against itself into what
// this runner can see: how often a check blocks identical builds, how often it
// catches a slow-down, and where its noise comes from.
//
// Analyse is a pure function of a result document. From the blocks that were
// measured it puts together checks of the usual shape (draw.go says how, and why
// these are as good as measured ones) and decides each as a check would, by the
// same functions. docs/calibration.md explains the numbers to whoever reads them.
//
// A calibration holds for one runner class, scenario, target, policy, budget and
// version of gate; Key.Mismatch says which of them differs.
package calibration

import (
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// Schema names the version of the format that this package reads and writes.
const Schema = "fivegate/calibration/v1"

// Calibration is what one long measurement said of a runner.
type Calibration struct {
	Schema     string    `json:"schema"`
	MeasuredAt time.Time `json:"measured_at"` // UTC
	DurationS  float64   `json:"duration_s"`
	Key        Key       `json:"key"`
	Ended      string    `json:"ended"` // how the measurement ended, as in a result document

	Blocks   int   `json:"blocks"`   // complete ones of base against itself
	Layouts  int   `json:"layouts"`  // different builds among them
	Check    Shape `json:"check"`    // what a check has here
	Drawn    Drawn `json:"drawn"`    // the checks that were put together
	Outcomes []Row `json:"outcomes"` // by size of the slow-down, 0 first

	Metrics     []Metric          `json:"metrics"` // in the order of Key.Metrics
	LayoutSD    float64           `json:"layout_sd"`
	Demoted     []result.Demotion `json:"demoted"`
	TooNoisy    bool              `json:"too_noisy"` // every metric of speed should be demoted, so none is
	Attenuation []Attenuation     `json:"attenuation"`
	Advice      []string          `json:"advice"` // what would make checks sharper, most worthwhile first
}

// Shape is what a check of the budget has on this runner.
type Shape struct {
	Blocks   int     `json:"blocks"`
	Rounds   int     `json:"rounds"`
	Looks    []int   `json:"looks"`
	BlockS   float64 `json:"block_s"`   // duration of a block
	PrepareS float64 `json:"prepare_s"` // before the first one
}

// Drawn says how checks were put together.
type Drawn struct {
	Checks int     `json:"checks"`
	Blocks float64 `json:"blocks"`   // mean blocks of one at its last look; below Shape.Blocks when too few were measured
	NoiseF float64 `json:"noise_df"` // degrees of freedom by which the noise is known
}

// Row is what becomes of a slow-down of one size.
type Row struct {
	Effect       float64      `json:"effect"`       // relative: 0.08 is 8%; 0 is an identical pair
	Blocked      result.Share `json:"blocked"`      // the interval says how well the noise is known
	Inconclusive float64      `json:"inconclusive"` // share
	Blocks       float64      `json:"blocks"`       // mean number at which the check ended
	Apart        Apart        `json:"apart"`
}

// Apart are checks that share no block, in the order of measuring: few, but they
// need no assumption. Low and High are Clopper–Pearson's, 95%.
type Apart struct {
	Checks  int     `json:"checks"`
	Blocked int     `json:"blocked"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
}

// Metric is what is known of one gating metric. Standard deviations are of a
// round's log ratio.
type Metric struct {
	Name         string        `json:"name"`
	FalseAlarms  result.Share  `json:"false_alarms"`  // identical pairs that this metric blocks
	MDE          float64       `json:"mde"`           // of a full check, a fraction; 0: not defined
	BlocksFor5   int           `json:"blocks_for_5"`  // at which the MDE is 5%; 0: no number would do
	MinutesFor5  float64       `json:"minutes_for_5"` // the same in time; 0: no time would do
	Noise        Noise         `json:"noise"`
	Disturbances []Disturbance `json:"disturbances"`
}

// Noise splits the spread of rounds into what it comes from; zeros where it is not
// known.
type Noise struct {
	Layout float64 `json:"layout"` // between layouts: the log ratio of two random ones
	Launch float64 `json:"launch"` // between blocks, beyond their layouts
	Round  float64 `json:"round"`  // between rounds of a block, beyond Within
	Within float64 `json:"within"` // of taking a quantile of so many requests
}

// Disturbance compares the rounds in which something was at most its median with
// the others: the standard deviation of the rounds about their block.
type Disturbance struct {
	Name    string  `json:"name"` // steal, pressure, other-work, engine-lag
	QuietSD float64 `json:"quiet_sd"`
	LoudSD  float64 `json:"loud_sd"`
}

// Attenuation is κ, the effect in a duet over that of the same slow-down otherwise.
type Attenuation struct {
	Metric  string  `json:"metric"`
	Planted float64 `json:"planted"` // relative slow-down of the reference store
	Duet    float64 `json:"duet"`    // as measured, a fraction
	Solo    float64 `json:"solo"`    // in solo slices; 0: too few
	Kappa   float64 `json:"kappa"`   // ln(1+Duet) over ln(1+Planted)
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
}

// Plan is what a check takes into its document.
func (c *Calibration) Plan() *result.Calibration {
	p := &result.Calibration{
		MeasuredAt: c.MeasuredAt, Blocks: c.Blocks, Checks: c.Drawn.Checks,
		FalseAlarms: c.Outcomes[0].Blocked, LayoutSD: c.LayoutSD, Demoted: c.Demoted,
	}
	for _, r := range c.Outcomes[1:] {
		p.Power = append(p.Power, result.Power{Effect: r.Effect, Blocked: r.Blocked})
	}
	return p
}
