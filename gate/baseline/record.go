package baseline

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
	"github.com/fivegate/fivegate/gate/verdict"
)

// MinLaunches is the fewest launches of which a baseline is made: as few as a
// verdict may rest on.
const MinLaunches = stats.MinBlocks

// maxSpread is the largest robust standard deviation between launches, as a
// fraction, with which a baseline is recorded. Chosen: with seven launches it leaves an error of 2.6%, beyond which
// a baseline could not tell 8%.
const maxSpread = 0.07

// ErrRefused is wrapped by what says why a measurement cannot be a baseline.
var ErrRefused = errors.New("no baseline was recorded")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// NewRun makes a run of a document of kind "run" with one launch a block. What
// must not become a baseline is refused, with the reason and what to do: a dirty
// tree, a measurement that broke or breaks its scenario's limits, too few launches,
// one layout where more can be built, errors, and launches that differ too much.
func NewRun(doc *result.Document, manyLayouts bool) (Run, error) {
	p := &doc.Provenance
	switch {
	case doc.Kind != result.KindRun || len(doc.Arms) != 1:
		return Run{}, refuse("the document is of kind %q; a baseline is one arm measured alone", doc.Kind)
	case doc.Arms[0].Commit == "":
		return Run{}, refuse("what was measured was not built from a commit here")
	case p.Repository.Dirty:
		return Run{}, refuse("the working tree has uncommitted changes: commit or stash them")
	case manyLayouts && len(doc.Arms[0].Layouts) < 2:
		return Run{}, refuse("one layout was built where the build can vary it; one layout's luck would be recorded as the program's speed")
	}
	if v := verdict.Judge(punctual(doc)); v.Status != verdict.Pass {
		return Run{}, refuse("%s", v.Reason)
	}
	run := Run{
		Commit: doc.Arms[0].Commit, RecordedAt: p.StartedAt.UTC().Truncate(time.Second), Tool: p.Tool.Version,
		ScenarioSHA256: p.Scenario.SHA256, RatePerS: rounded(doc.Plan.RatePerS), Layouts: len(doc.Arms[0].Layouts),
	}
	for _, m := range verdict.Launches(doc) {
		if len(m.Values) < MinLaunches {
			return Run{}, refuse("%s has a value in %d launches, need %d: raise the budget", m.Name, len(m.Values), MinLaunches)
		}
		run.Metrics = append(run.Metrics, newMetric(m))
	}
	if len(run.Metrics) == 0 {
		return Run{}, refuse("nothing was measured")
	}
	if err := steady(run.Metrics); err != nil {
		return Run{}, err
	}
	run.Requests, run.Failed = requests(doc)
	if share := float64(run.Failed) / float64(run.Requests); run.Failed > 0 && !doc.Plan.Limits.ErrorRateSet && share > maxErrorRate {
		return Run{}, refuse("%.2f%% of the requests failed, allowed is %.0f%%", 100*share, 100*maxErrorRate)
	}
	digest := sha256.New()
	if err := doc.Write(digest); err != nil {
		return Run{}, err
	}
	run.Document = hex.EncodeToString(digest.Sum(nil))
	return run, nil
}

// maxLimited is the share of slices in which the engine may have been the limit:
// they are left out, and say more of the moment than of the program. Chosen.
const maxLimited = 0.25

// punctual is the document without the slices in which the engine was the limit,
// if they are few.
func punctual(doc *result.Document) *result.Document {
	limited := func(s result.Slice) bool { return s.Engine.Limited != "" }
	kept := slices.DeleteFunc(slices.Clone(doc.Slices), limited)
	if float64(len(doc.Slices)-len(kept)) > maxLimited*float64(len(doc.Slices)) {
		return doc
	}
	out := *doc
	out.Slices = kept
	return &out
}

// maxErrorRate holds where the scenario says nothing of errors.
const maxErrorRate = 0.01

func requests(doc *result.Document) (all, failed int64) {
	for i := range doc.Slices {
		for _, op := range doc.Slices[i].Operations {
			all += op.Completed
			for _, n := range op.Errors {
				all, failed = all+n, failed+n
			}
		}
	}
	return all, failed
}

func newMetric(l verdict.LaunchValues) Metric {
	m := Metric{Name: l.Name, Unit: string(l.Unit), Better: result.LowerIsBetter, Launches: make([]float64, len(l.Values))}
	if l.HigherIsBetter {
		m.Better = result.HigherIsBetter
	}
	for i, v := range l.Values {
		m.Launches[i] = rounded(v)
	}
	m.Median = rounded(median(m.Launches))
	return m
}

// rounded keeps five significant digits: a tenth of a per mille is far under any
// noise, and the file stays readable.
func rounded(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return v
	}
	scale := math.Pow(10, 4-math.Floor(math.Log10(math.Abs(v))))
	if scale > 1 {
		return math.Round(v*scale) / scale
	}
	unit := 1 / scale
	return math.Round(v/unit) * unit
}

func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// Spread is the robust standard deviation of the logarithms of a metric's
// launches (1.4826·MAD), as a fraction.
func (m Metric) Spread() float64 {
	logs := make([]float64, len(m.Launches))
	for i, v := range m.Launches {
		logs[i] = math.Log(v)
	}
	centre := median(logs)
	for i := range logs {
		logs[i] = math.Abs(logs[i] - centre)
	}
	return 1.4826 * median(logs)
}

// steady refuses launches that spread too much to be a baseline. The CPU time of an
// operation is what is asked for: latencies of single launches spread more, and are
// recorded for what they are.
func steady(metrics []Metric) error {
	for _, m := range metrics {
		if m.Name == verdict.CPUPerOp && m.Spread() > maxSpread {
			return refuse("%s differs by %.1f%% (standard deviation) between launches, and a baseline may by %.1f%%: look for other work on this machine (gate doctor), and record again",
				m.Name, 100*m.Spread(), 100*maxSpread)
		}
	}
	return nil
}

// Path is where the baseline of a scenario and runner class is kept, under the
// directory of all baselines.
func Path(class, scenario string) string {
	return class + "/" + strings.TrimSuffix(scenario, ".toml") + ".json"
}
