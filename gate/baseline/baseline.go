// Package baseline keeps where a project stands: what one commit was measured to
// do, for one scenario on one runner class, in a small file that is committed.
//
// A file holds runs. A run is one measurement, of several launches in several
// layouts, at one time; recording the same commit again adds a run, and only
// several runs tell how much one day differs from another. The runs of the commit
// that was recorded last are the baseline; those of earlier commits stay for a
// while, so that two clones which refresh at the same time lose nothing when they
// are merged.
//
// Each run carries a hash of itself, of its scenario and of its runner class: a
// number that was edited by hand, or a file that was moved to another class, is
// found out. The package is pure: text in, text out.
package baseline

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/fivegate/fivegate/gate/result"
)

// Schema names the version of the format.
const Schema = "fivegate/baseline/v1"

// Baseline is a baseline file.
type Baseline struct {
	Scenario    string // name
	RunnerClass string
	Runs        []Run // by time
}

// Run is one measurement of one commit.
type Run struct {
	Commit         string    `json:"commit"`
	RecordedAt     time.Time `json:"recorded_at"` // UTC, whole seconds
	Tool           string    `json:"tool"`        // version of gate
	ScenarioSHA256 string    `json:"scenario_sha256"`
	RatePerS       float64   `json:"rate_per_s"` // offered
	Layouts        int       `json:"layouts"`
	Requests       int64     `json:"requests"`
	Failed         int64     `json:"failed"`
	Document       string    `json:"document"` // SHA-256 of the result document that it comes from, hex
	SHA256         string    `json:"sha256"`   // of all of the run, the scenario's name and the runner class, hex
	Metrics        []Metric  `json:"-"`        // on lines of their own, see Format
}

// Metric is one metric of a run.
type Metric struct {
	Name     string        `json:"name"`
	Unit     string        `json:"unit"`
	Better   result.Better `json:"better"`
	Median   float64       `json:"median"`   // of the launches
	Launches []float64     `json:"launches"` // a value for each
}

// seal is the hash that a run of this file must carry.
func (b *Baseline) seal(r Run) (string, error) {
	r.SHA256 = ""
	text, err := json.Marshal(struct {
		Scenario, RunnerClass string
		Run                   Run
		Metrics               []Metric
	}{b.Scenario, b.RunnerClass, r, r.Metrics}, json.Deterministic(true))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Current are the runs of the commit that was recorded last, by time; nil in an
// empty file.
func (b *Baseline) Current() []Run {
	if len(b.Runs) == 0 {
		return nil
	}
	commit := b.Runs[len(b.Runs)-1].Commit
	return slices.DeleteFunc(slices.Clone(b.Runs), func(r Run) bool { return r.Commit != commit })
}

// Rate is the rate that the baseline was recorded at, in requests a second.
func (b *Baseline) Rate() float64 { return b.Runs[len(b.Runs)-1].RatePerS }

// keep is how many runs a file holds at most: enough for a few commits, few enough
// to be read in a review.
const keep = 12

// Add returns the baseline with one more run, sealed and in its place. The oldest
// runs go when there are too many, but never those of the run's own commit.
func (b *Baseline) Add(r Run) (*Baseline, error) {
	sum, err := b.seal(r)
	if err != nil {
		return nil, err
	}
	r.SHA256 = sum
	out := &Baseline{Scenario: b.Scenario, RunnerClass: b.RunnerClass, Runs: append(slices.Clone(b.Runs), r)}
	out.order()
	for len(out.Runs) > keep {
		oldest := slices.IndexFunc(out.Runs, func(o Run) bool { return o.Commit != r.Commit })
		if oldest < 0 {
			break
		}
		out.Runs = slices.Delete(out.Runs, oldest, oldest+1)
	}
	return out, nil
}

// order sorts the runs by time, and drops those that a merge brought twice.
func (b *Baseline) order() {
	slices.SortStableFunc(b.Runs, func(x, y Run) int {
		return cmp.Or(x.RecordedAt.Compare(y.RecordedAt), cmp.Compare(x.SHA256, y.SHA256))
	})
	b.Runs = slices.CompactFunc(b.Runs, func(x, y Run) bool { return x.SHA256 == y.SHA256 })
}
