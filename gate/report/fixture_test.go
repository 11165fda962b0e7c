package report

import (
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// fixture is a document and the verdict that is shown of it. The verdicts are
// written down rather than judged: what is tested here is how one is shown.
type fixture struct {
	name string
	doc  *result.Document
	v    verdict.Verdict
}

func fixtures() []fixture {
	return append(suites(), []fixture{
		{"pass", checkDocument(), passVerdict()},
		{"improvement", checkDocument(), improvementVerdict()},
		{"regression", checkDocument(), regressionVerdict()},
		{"inconclusive", oneLayoutDocument(), inconclusiveVerdict()},
		{"invalid", failingDocument(), invalidVerdict()},
		{"identical", identicalDocument(), identicalVerdict()},
		{"run", runDocument(), runVerdict()},
		{"run-unjudged", runDocument(), unjudgedRunVerdict()},
	}...)
}

func checkDocument() *result.Document {
	return &result.Document{
		Schema: result.Schema,
		Kind:   result.KindCheck,
		Provenance: result.Provenance{
			Tool:      result.Tool{Version: "v0.1.0", Commit: "5e1f0d7", Go: "go1.26"},
			StartedAt: time.Date(2026, 11, 2, 9, 30, 0, 0, time.FixedZone("", 3600)),
			DurationS: 213.4,
			Seed:      42,
			Scenario:  result.Scenario{Name: "ci/fast_regression_check", SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
			Runner: result.Runner{
				Class:       "linux-amd64-example-4c",
				Fingerprint: map[string]string{"kernel": "6.12", "cpu_model": "Example CPU", "cores": "4"},
			},
			Repository: result.Repository{Path: "engram", Dirty: true},
			Command:    []string{"gate", "check", "--base", "main"},
		},
		Plan: result.Plan{
			Mode: result.ModeDuet, Blocks: 28, Rounds: 4, Looks: []int{14, 19, 24, 28},
			RatePerS: 380, RateShare: 0.76, CapacityPerS: 2000,
			Limits: result.Limits{P99S: 0.010, ThroughputPerS: 800, ErrorRate: 0.01, ErrorRateSet: true},
			Policy: result.Policy{Threshold: 0.05, LayoutSD: 0.02, OnInconclusive: "warn"},
		},
		Arms: []result.Arm{
			{Name: "base", Ref: "merge base with main", Commit: "1111111111111111111111111111111111111111", Layouts: make([]result.Layout, 8)},
			{Name: "head", Ref: "HEAD", Commit: "2222222222222222222222222222222222222222", Layouts: make([]result.Layout, 8)},
		},
		Launches: []result.Launch{{ID: 0, Arm: "base"}, {ID: 1, Arm: "head"}},
		Slices: []result.Slice{
			{Launch: 0, Due: 10_640, Sent: 10_640, Operations: []result.Operation{{Completed: 10_640}}, Engine: result.Engine{LagP99NS: 61_200}},
			{Launch: 1, Due: 10_640, Sent: 10_640, Operations: []result.Operation{{Completed: 10_640}}, Engine: result.Engine{LagP99NS: 84_700}},
		},
		Outcome: result.Outcome{Ended: result.RunDecided, Blocks: 14},
	}
}

func oneLayoutDocument() *result.Document {
	doc := checkDocument()
	for i := range doc.Arms {
		doc.Arms[i].Layouts = doc.Arms[i].Layouts[:1]
	}
	doc.Plan.Mode = result.ModeAlternating
	return doc
}

func failingDocument() *result.Document {
	doc := checkDocument()
	doc.Slices[0].Operations[0] = result.Operation{Completed: 10_600, Errors: map[string]int64{"timeout": 37, "reset": 3}}
	doc.Slices[1].Operations[0] = result.Operation{Completed: 8_000, Errors: map[string]int64{"refused": 2_640}}
	doc.Slices[1].Engine.Limited = "lag"
	doc.Outcome = result.Outcome{Ended: result.RunFailed, Blocks: 3, Detail: "head crashed"}
	return doc
}

func identicalDocument() *result.Document {
	doc := checkDocument()
	doc.Launches, doc.Slices = nil, nil
	doc.Plan.RatePerS = 0
	doc.Outcome = result.Outcome{Ended: result.RunIdentical}
	return doc
}

func runDocument() *result.Document {
	doc := checkDocument()
	doc.Kind, doc.Plan.Mode = result.KindRun, result.ModeSolo
	doc.Plan.Blocks, doc.Plan.Rounds, doc.Plan.RatePerS, doc.Plan.RateShare = 1, 60, 1000, 1
	doc.Arms = doc.Arms[1:]
	doc.Launches, doc.Slices = doc.Launches[1:], doc.Slices[1:]
	doc.Outcome = result.Outcome{Ended: result.RunComplete, Blocks: 1}
	return doc
}

// compare is a gating latency-like metric in seconds.
func compare(name string, base, effect, half, mde float64, d verdict.Decision) verdict.Metric {
	m := verdict.Metric{
		Name: name, Gating: d != verdict.Watching, Unit: verdict.UnitSeconds,
		HasValues: true, Base: base, Head: base * (1 + effect),
		HasEffect: true, Effect: effect, Low: effect - half, High: effect + half,
		Limit: 0.05, MDE: mde, Blocks: 14, Rounds: 56, Decision: d,
	}
	switch d {
	case verdict.Worse:
		m.Reason = "significantly worse, and the estimate is beyond the limit"
	case verdict.Better:
		m.Reason = "significantly better, by more than the threshold"
	case verdict.Open:
		m.Reason = "the interval reaches from below zero to beyond the limit"
	case verdict.Clear:
		m.Reason = "the upper bound is under the limit"
	case verdict.Missing, verdict.Watching:
	}
	return m
}

func throughput(effect float64, d verdict.Decision) verdict.Metric {
	m := compare("throughput", 3214, effect, 0.021, 0.03, d)
	m.Unit, m.Head = verdict.UnitPerCPUS, m.Base*(1-effect)
	return m
}

func errorRate() verdict.Metric {
	return verdict.Metric{
		Name: "error_rate", Gating: true, Unit: verdict.UnitFraction, HasValues: true, Base: 0.0001, Head: 0.0003,
		HasEffect: true, Effect: 0.0002, Low: -0.0001, High: 0.0005, Limit: 0.001,
		Blocks: 14, Rounds: 56, Decision: verdict.Clear, Reason: "no more failures than chance gives",
	}
}

func watched() []verdict.Metric {
	raw := compare("latency.p99.raw", 0.00714, 0.113, 0.31, 0.34, verdict.Watching)
	rss := compare("rss", 50<<20, 0.002, 0.001, 0.01, verdict.Watching)
	rss.Unit = verdict.UnitBytes
	solo := compare("latency.p50/embedding_search", 0.00081, -0.012, 0.02, 0.03, verdict.Watching)
	solo.HasValues = false
	return []verdict.Metric{raw, rss, solo}
}

func look() verdict.Look {
	return verdict.Look{Number: 1, Of: 4, Blocks: 14, Alpha: 0.0031, PassAlpha: 0.02}
}

func passVerdict() verdict.Verdict {
	return verdict.Verdict{
		Status: verdict.Pass, Final: true, Look: look(),
		Reason: "every gating metric was shown not to have regressed",
		Next:   "Nothing to do",
		Metrics: append([]verdict.Metric{
			compare("cpu_per_op", 312.4e-6, 0.004, 0.011, 0.021, verdict.Clear),
			throughput(-0.003, verdict.Clear),
			compare("latency.p50", 0.000841, 0.012, 0.014, 0.025, verdict.Clear),
			compare("latency.p90", 0.00231, -0.0004, 0.03, 0.055, verdict.Clear),
			errorRate(),
		}, watched()...),
	}
}

func improvementVerdict() verdict.Verdict {
	v := passVerdict()
	v.Status = verdict.Improvement
	v.Reason = "nothing regressed, and latency.p50 is faster by more than 5%"
	v.Metrics[2] = compare("latency.p50", 0.000841, -0.127, 0.014, 0.025, verdict.Better)
	v.Metrics[1] = throughput(-0.08, verdict.Better)
	return v
}

func regressionVerdict() verdict.Verdict {
	v := passVerdict()
	v.Status = verdict.Regression
	v.Reason = "cpu_per_op is 7.9% worse, which is beyond the limit of 5% and not chance"
	v.Next = "Profile head against base under the same scenario, or raise the limit in gate.toml if the cost is wanted"
	v.Notes = []string{"The working tree had uncommitted changes; they were not measured."}
	v.Metrics[0] = compare("cpu_per_op", 312.4e-6, 0.079, 0.018, 0.021, verdict.Worse)
	v.Metrics[2] = compare("latency.p50", 0.000841, 0.061, 0.018, 0.025, verdict.Worse)
	return v
}

func inconclusiveVerdict() verdict.Verdict {
	v := passVerdict()
	v.Status = verdict.Inconclusive
	v.Reason = "latency.p90 was shown neither to have regressed nor to have not"
	v.Next = "Raise the budget to 12m, or run on a quieter machine"
	v.Final = false
	v.Metrics[3] = compare("latency.p90", 0.00231, 0.031, 0.081, 0.142, verdict.Open)
	return v
}

func invalidVerdict() verdict.Verdict {
	unbounded := compare("latency.p50", 0.000841, 0.05, 0, 100, verdict.Open)
	unbounded.Low, unbounded.High = -1, 100
	return verdict.Verdict{
		Status: verdict.Invalid, Final: true, Look: verdict.Look{Blocks: 3},
		Reason: "the measurement failed: head crashed in block 4",
		Next:   "Look at the target's own output above, then run the check again",
		Metrics: []verdict.Metric{
			compare("cpu_per_op", 312.4e-6, 0.02, 0.09, 0.11, verdict.Open),
			unbounded,
			{Name: "latency.p99", Gating: true, Unit: verdict.UnitSeconds, Limit: 0.05, Decision: verdict.Missing, Reason: "declared by the plan, and no probe was measured"},
		},
	}
}

func identicalVerdict() verdict.Verdict {
	return verdict.Verdict{
		Status: verdict.Pass, Final: true,
		Reason: "identical builds: base and head are the same bytes, so neither can be slower",
		Next:   "Nothing to do; --measure-anyway measures them all the same",
	}
}

func runVerdict() verdict.Verdict {
	p99 := verdict.Metric{Name: "latency.p99", Gating: true, Unit: verdict.UnitSeconds, HasValues: true, Head: 0.00712, Limit: 0.010, Decision: verdict.Clear, Reason: "within the limit"}
	rate := verdict.Metric{Name: "throughput.wall", Gating: true, Unit: "op/s", HasValues: true, Head: 2210, Limit: 800, Decision: verdict.Clear, Reason: "within the limit"}
	errors := errorRate()
	errors.HasEffect, errors.Decision, errors.Limit = false, verdict.Worse, 0.01
	errors.Head, errors.Reason = 0.0213, "2.13% of the requests failed, 1% are allowed"
	cpu := verdict.Metric{Name: "cpu_per_op", Unit: verdict.UnitSeconds, HasValues: true, Head: 312e-6, Decision: verdict.Watching}
	return verdict.Verdict{
		Status: verdict.Invalid, Final: true,
		Reason:  "the scenario's limit on error_rate does not hold",
		Next:    "See which errors the target answered with",
		Metrics: []verdict.Metric{p99, rate, errors, cpu},
	}
}

// unjudgedRunVerdict holds values only; the limits are the document's.
func unjudgedRunVerdict() verdict.Verdict {
	v := runVerdict()
	v.Status, v.Reason, v.Next = verdict.Pass, "the scenario's limits hold", "nothing to do"
	for i := range v.Metrics {
		v.Metrics[i].Gating, v.Metrics[i].Limit, v.Metrics[i].Decision = false, 0, verdict.Watching
	}
	return v
}
