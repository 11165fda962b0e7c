package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// Schema names the version of what JSON writes.
const Schema = "fivegate/verdict/v1"

// summary is the JSON form. Numbers that the verdict does not have are null,
// never 0: a reader who forgets to look at a flag must not find a change of 0%.
type summary struct {
	Schema      string          `json:"schema"`
	Verdict     verdict.Status  `json:"verdict"`
	BlocksMerge bool            `json:"blocks_merge"`
	ExitCode    int             `json:"exit_code"`
	Final       bool            `json:"final"`
	Headline    string          `json:"headline"`
	Reason      string          `json:"reason"`
	Next        string          `json:"next"`
	Look        summaryLook     `json:"look"`
	Metrics     []summaryMetric `json:"metrics"`
	Notes       []string        `json:"notes"`
	Measured    summaryMeasured `json:"measured"`

	Benchmarks []summaryBenchmark `json:"benchmarks,omitempty"` // instead of requests, what became of each
}

type summaryLook struct {
	Number    int      `json:"number"`
	Of        int      `json:"of"`
	Blocks    int      `json:"blocks"`
	Alpha     *float64 `json:"alpha"`
	PassAlpha *float64 `json:"upper_alpha"`
}

type summaryMetric struct {
	Name      string   `json:"name"`
	Benchmark string   `json:"benchmark,omitempty"`
	Gating    bool     `json:"gating"`
	Unit      string   `json:"unit"`
	Base      *float64 `json:"base"`
	Head      *float64 `json:"head"`
	Effect    *float64 `json:"effect"` // fraction, + is worse
	Low       *float64 `json:"low"`
	High      *float64 `json:"high"`
	Limit     *float64 `json:"limit"`
	MDE       *float64 `json:"mde"`
	Blocks    int      `json:"blocks"`
	Rounds    int      `json:"rounds"`
	Decision  string   `json:"decision"`
	Reason    string   `json:"reason"`
}

type summaryMeasured struct {
	Kind           string       `json:"kind"`
	Scenario       string       `json:"scenario"`
	ScenarioSHA256 string       `json:"scenario_sha256"`
	Mode           string       `json:"mode"`
	Ended          string       `json:"ended"`
	BlocksPlanned  int          `json:"blocks_planned"`
	Rounds         int          `json:"rounds"`
	RatePerS       *float64     `json:"rate_per_s"`
	RateShare      *float64     `json:"rate_share"`
	RequestsDue    *int64       `json:"requests_due"` // null of benchmarks, which have no requests
	RequestsSent   *int64       `json:"requests_sent"`
	RequestsFailed *int64       `json:"requests_failed"`
	LagP99NS       *int64       `json:"lag_p99_ns"` // of the worst slice
	RunnerClass    string       `json:"runner_class"`
	StartedAt      string       `json:"started_at"` // RFC 3339, UTC
	DurationS      *float64     `json:"duration_s"`
	Seed           uint64       `json:"seed,string"`
	Tool           string       `json:"tool"`
	Dirty          bool         `json:"dirty"`
	Arms           []summaryArm `json:"arms"`
}

// summaryBenchmark is what became of a benchmark.
type summaryBenchmark struct {
	Name       string `json:"name"`
	State      string `json:"state"`
	Detail     string `json:"detail,omitempty"`
	Mode       string `json:"mode,omitempty"`
	Blocks     int    `json:"blocks"`
	Rounds     int    `json:"rounds"` // of each block
	Iterations int64  `json:"iterations"`
}

type summaryArm struct {
	Name    string `json:"name"`
	Ref     string `json:"ref"`
	Commit  string `json:"commit"`
	Layouts int    `json:"layouts"`
}

// JSON writes the verdict and a summary of what it rests on, as one indented
// object of schema fivegate/verdict/v1. Effects, limits and MDEs are fractions
// (0.08 is 8%), base and head are in the metric's unit. The error is that of w.
func JSON(w io.Writer, m Model) error {
	text, err := json.MarshalIndent(m.summary, "", "  ")
	if err != nil {
		return fmt.Errorf("encode verdict: %w", err)
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// summarize takes the sentences from m, which has cleaned them.
func summarize(doc *result.Document, v verdict.Verdict, m Model) summary {
	s := summary{
		Schema:      Schema,
		Verdict:     m.status,
		BlocksMerge: v.Blocks(),
		ExitCode:    v.ExitCode(),
		Final:       v.Final,
		Headline:    m.headline,
		Reason:      m.reason,
		Next:        m.next,
		Look:        summaryLook{v.Look.Number, v.Look.Of, v.Look.Blocks, number(v.Look.Alpha, v.Look.Alpha > 0), number(v.Look.PassAlpha, v.Look.PassAlpha > 0)},
		Metrics:     make([]summaryMetric, 0, len(v.Metrics)),
		Notes:       append([]string{}, m.notes...),
		Measured:    summarizeMeasured(doc),
	}
	if isSuite(doc) {
		for _, r := range slices.Concat(m.rows, m.watched) {
			s.Metrics = append(s.Metrics, r.numbers)
		}
		s.Benchmarks = summarizeBenchmarks(doc)
		return s
	}
	for _, metric := range v.Metrics {
		s.Metrics = append(s.Metrics, summarizeMetric(doc.Kind, metric))
	}
	return s
}

func summarizeBenchmarks(doc *result.Document) (out []summaryBenchmark) {
	for i := range doc.Benchmarks {
		b := &doc.Benchmarks[i]
		out = append(out, summaryBenchmark{
			Name: clean(b.Name, maxBenchmark), State: clean(string(b.State), maxWord), Detail: clean(b.Detail, maxSentence), Mode: clean(string(b.Mode), maxWord),
			Blocks: b.Blocks(), Rounds: b.Rounds, Iterations: b.Iterations,
		})
	}
	return out
}

func summarizeMetric(kind result.Kind, m verdict.Metric) summaryMetric {
	name, unit := clean(m.Name, maxName), clean(string(m.Unit), maxWord)
	if m.Benchmark != "" {
		name, unit = clean(m.Name, maxMeasure), clean(string(m.Unit), maxName)
	}
	return summaryMetric{
		Name:      name,
		Benchmark: clean(m.Benchmark, maxBenchmark),
		Gating:    m.Gating,
		Unit:      unit,
		Base:      number(m.Base, m.HasValues && kind != result.KindRun),
		Head:      number(m.Head, m.HasValues),
		Effect:    number(m.Effect, m.HasEffect),
		Low:       number(m.Low, m.HasEffect),
		High:      number(m.High, m.HasEffect && m.High < verdict.Unbounded),
		Limit:     number(m.Limit, formatLimit(kind, m) != absent),
		MDE:       number(m.MDE, formatMDE(m) != absent),
		Blocks:    m.Blocks,
		Rounds:    m.Rounds,
		Decision:  clean(string(m.Decision), maxWord),
		Reason:    clean(m.Reason, maxSentence),
	}
}

func summarizeMeasured(doc *result.Document) summaryMeasured {
	p, plan, t := doc.Provenance, doc.Plan, tally(doc)
	s := summaryMeasured{
		Kind:           clean(string(doc.Kind), maxName),
		Scenario:       clean(p.Scenario.Name, maxSentence),
		ScenarioSHA256: clean(p.Scenario.SHA256, 2*maxName),
		Mode:           clean(string(plan.Mode), maxName),
		Ended:          clean(string(doc.Outcome.Ended), maxName),
		BlocksPlanned:  plan.Blocks,
		Rounds:         plan.Rounds,
		RatePerS:       number(plan.RatePerS, plan.RatePerS > 0),
		RateShare:      number(plan.RateShare, plan.RateShare > 0),
		RunnerClass:    clean(p.Runner.Class, maxSentence),
		StartedAt:      p.StartedAt.UTC().Format(time.RFC3339),
		DurationS:      number(p.DurationS, true),
		Seed:           p.Seed,
		Tool:           clean(join(p.Tool.Version, p.Tool.Commit), maxSentence),
		Dirty:          p.Repository.Dirty,
		Arms:           make([]summaryArm, 0, len(doc.Arms)),
	}
	if !isSuite(doc) {
		s.RequestsDue, s.RequestsSent, s.RequestsFailed, s.LagP99NS = &t.due, &t.sent, &t.failed, &t.lagP99NS
	}
	for _, arm := range doc.Arms {
		s.Arms = append(s.Arms, summaryArm{
			Name:    clean(arm.Name, maxName),
			Ref:     clean(arm.Ref, maxSentence),
			Commit:  clean(arm.Commit, 2*maxName),
			Layouts: len(arm.Layouts),
		})
	}
	return s
}

// number is v, or nil when there is no such number.
func number(v float64, has bool) *float64 {
	if !has || !finite(v) {
		return nil
	}
	return &v
}
