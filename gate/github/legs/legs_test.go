package legs_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/gate/waiver"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// check is a document of which all gating metrics but the error rate change by a
// log ratio, measured on a machine of an architecture.
func check(seed uint64, log float64, arch, model string) *result.Document {
	doc := resulttest.Check(resulttest.Options{
		Seed: seed, Blocks: 8, Rounds: 4, Layouts: 4, Probes: 120, RatePerS: 300,
		CommonSD: 0.05, RoundSD: 0.008, LaunchSD: 0.003, LayoutSD: 0.003,
		Effects: map[string]float64{"cpu_per_op": log, "throughput": log, "latency.p50": log, "latency.p90": log, "latency.p99": log},
	})
	// One check is one scenario and one pair of commits, whatever its seed.
	same := resulttest.Check(resulttest.Options{Seed: 1, Blocks: 1, Rounds: 1, Probes: -1, RatePerS: 10})
	doc.Provenance.Scenario = same.Provenance.Scenario
	doc.Provenance.Runner = result.Runner{Class: "linux-" + arch + "-" + model + "-2cpu", Fingerprint: map[string]string{"arch": arch, "cpu_model": model}}
	return doc
}

// noisy is a check that cannot tell.
func noisy(arch string) *result.Document {
	doc := check(1, 0, arch, "noisy")
	loud := resulttest.Check(resulttest.Options{Seed: 5, Blocks: 8, Rounds: 2, Probes: 120, RatePerS: 60, RoundSD: 0.2, LaunchSD: 0.1})
	loud.Provenance.Scenario, loud.Provenance.Runner = doc.Provenance.Scenario, doc.Provenance.Runner
	return loud
}

func broken(arch string) *result.Document {
	doc := check(1, 0, arch, "broken")
	doc.Outcome = result.Outcome{Ended: result.RunFailed, Blocks: 5, Detail: "head crashed"}
	return doc
}

func combine(t *testing.T, o legs.Options, sources ...legs.Source) legs.Combined {
	t.Helper()
	o.Now = now
	c, err := legs.Combine(sources, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCombine(t *testing.T) {
	pass := legs.Source{Name: "a/result.json", Document: check(1, 0, "amd64", "m1")}
	red := legs.Source{Name: "b/result.json", Document: check(3, 0.12, "arm64", "m2")}
	better := legs.Source{Name: "c/result.json", Document: check(2, -0.15, "riscv64", "m3")}
	open := legs.Source{Name: "d/result.json", Document: noisy("s390x")}
	bad := legs.Source{Name: "e/result.json", Document: broken("ppc64")}
	for _, c := range []struct {
		name    string
		o       legs.Options
		sources []legs.Source
		status  verdict.Status
		exit    int
		blocks  bool
		says    string
	}{
		{"one that passes", legs.Options{}, []legs.Source{pass}, verdict.Pass, 0, false, "no gating metric regressed"},
		{"all pass", legs.Options{}, []legs.Source{pass, better}, verdict.Improvement, 0, false, "on any of 2 runner classes"},
		{"one regressed", legs.Options{}, []legs.Source{pass, red, better}, verdict.Regression, 1, true, "on linux-arm64, head is worse"},
		{"one cannot tell", legs.Options{}, []legs.Source{pass, open}, verdict.Inconclusive, 4, false, "on linux-s390x, neither"},
		{"one is broken", legs.Options{}, []legs.Source{pass, bad, open}, verdict.Invalid, 3, true, "head crashed"},
		{"a regression is sure even beside a broken one", legs.Options{}, []legs.Source{bad, red}, verdict.Regression, 1, true, "on linux-arm64, "},
		{"nothing", legs.Options{}, nil, verdict.Invalid, 3, true, "no result to judge"},
		{"required and there", legs.Options{Require: []string{"arm64", "X64"}}, []legs.Source{pass, better, {Name: "arm64/result.json", Document: check(4, 0, "arm64", "m2")}}, verdict.Improvement, 0, false, "no gating metric"},
		{"required and absent", legs.Options{Require: []string{"arm64", "x64"}}, []legs.Source{pass}, verdict.Invalid, 3, true, "no result from arm64, which must report"},
		{"optional and absent", legs.Options{Require: []string{"x64"}, Optional: []string{"numa"}}, []legs.Source{pass}, verdict.Pass, 0, false, "no gating metric"},
		{"required and absent beside a regression", legs.Options{Require: []string{"x64", "arm64"}}, []legs.Source{red}, verdict.Regression, 1, true, "head is worse"},
		{"all required are absent", legs.Options{Require: []string{"x64"}}, nil, verdict.Invalid, 3, true, "no result from x64"},
		{"an optional class does not stand in for its architecture", legs.Options{Require: []string{"x64"}, Optional: []string{"numa"}}, []legs.Source{{Name: "gate-suite-numa-1/result.json", Document: pass.Document}}, verdict.Invalid, 3, true, "no result from x64"},
		{"classes by the names of what they came in", legs.Options{Require: []string{"x64", "numa"}}, []legs.Source{{Name: "gate-suite-numa-1/result.json", Document: check(6, 0, "amd64", "m9")}, {Name: "gate-suite-x64-1/result.json", Document: pass.Document}}, verdict.Pass, 0, false, "2 runner classes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := combine(t, c.o, c.sources...)
			if got.Status != c.status || got.ExitCode != c.exit || got.Blocks != c.blocks || !strings.Contains(got.Reason, c.says) {
				t.Errorf("%s, exit code %d, blocks %v: %s; want %s, %d, %v: %s", got.Status, got.ExitCode, got.Blocks, got.Reason, c.status, c.exit, c.blocks, c.says)
			}
		})
	}
}

func TestPolicyDecidesWhetherInconclusiveBlocks(t *testing.T) {
	doc := noisy("amd64")
	doc.Plan.Policy.OnInconclusive = "block"
	if c := combine(t, legs.Options{}, legs.Source{Name: "r", Document: doc}); !c.Blocks || c.ExitCode != 4 {
		t.Errorf("%s, blocks %v", c.Status, c.Blocks)
	}
}

func TestTheOrderOfDocumentsChangesNothing(t *testing.T) {
	a := legs.Source{Name: "a", Document: check(1, 0, "amd64", "m1")}
	b := legs.Source{Name: "b", Document: check(3, 0.12, "arm64", "m2")}
	one, two := combine(t, legs.Options{}, a, b), combine(t, legs.Options{}, b, a)
	if one.Reason != two.Reason || one.Legs[0].Name != two.Legs[0].Name || strings.Join(one.Notes, "\n") != strings.Join(two.Notes, "\n") {
		t.Errorf("%+v differs from %+v", one.Reason, two.Reason)
	}
}

func TestArchitecturesThatDisagree(t *testing.T) {
	c := combine(t, legs.Options{}, legs.Source{Name: "a", Document: check(1, 0, "amd64", "m1")}, legs.Source{Name: "b", Document: check(3, 0.12, "arm64", "m2")})
	notes := strings.Join(c.Notes, "\n")
	if notes != "the architectures disagree: cpu_per_op, throughput, latency.p50, latency.p90, latency.p99 regressed on linux-arm64, and not on linux-amd64" {
		t.Errorf("notes:\n%s", notes)
	}
	c = combine(t, legs.Options{}, legs.Source{Name: "a", Document: check(1, 0, "amd64", "m1")}, legs.Source{Name: "b", Document: check(3, 0.12, "amd64", "m2")})
	if notes := strings.Join(c.Notes, "\n"); !strings.HasPrefix(notes, "the runner classes disagree: ") || !strings.HasSuffix(notes, " regressed on linux-amd64-m2, and not on linux-amd64-m1") {
		t.Errorf("notes:\n%s", notes)
	}
}

func TestRefusedCombinations(t *testing.T) {
	pass := check(1, 0, "amd64", "m1")
	other := check(1, 0, "amd64", "m1")
	other.Arms[1].Commit = strings.Repeat("1", 40)
	for _, c := range []struct {
		name    string
		sources []legs.Source
		want    string
	}{
		{"one class twice", []legs.Source{{Name: "a", Document: pass}, {Name: "b", Document: pass}}, "are both of runner class"},
		{"confirmation of other commits", []legs.Source{{Name: "a", Document: pass}, {Name: "confirm.json", Document: other}}, "confirms nothing"},
		{"confirmation alone", []legs.Source{{Name: "confirm-x.json", Document: pass}}, "confirms nothing"},
		{"two confirmations", []legs.Source{{Name: "a", Document: pass}, {Name: "confirm-1.json", Document: pass}, {Name: "confirm-2.json", Document: pass}}, "second confirmation"},
		{"confirmation of either", []legs.Source{{Name: "a", Document: pass}, {Name: "b", Document: check(1, 0, "arm64", "m2")}, {Name: "confirm.json", Document: pass}}, "name it confirm-CLASS.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := legs.Combine(c.sources, legs.Options{Now: now}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, error %v, want %q", got.Status, err, c.want)
			}
		})
	}
}

func TestConfirmation(t *testing.T) {
	red := check(3, 0.12, "amd64", "m1")
	for _, c := range []struct {
		name     string
		second   *result.Document
		status   verdict.Status
		blocks   bool
		hardware bool
		note     string
	}{
		{"agrees", check(7, 0.12, "amd64", "m1"), verdict.Regression, true, false, "found the same"},
		{"refutes, same processor", check(8, 0, "amd64", "m1"), verdict.Inconclusive, false, false, "did not confirm cpu_per_op"},
		{"refutes, another processor", check(8, 0, "amd64", "m2"), verdict.Inconclusive, false, true, "the effect depends on the hardware"},
		{"cannot tell", noisy("amd64"), verdict.Inconclusive, false, false, "did not confirm"},
		{"is broken", broken("amd64"), verdict.Regression, true, false, "the first stands"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := combine(t, legs.Options{}, legs.Source{Name: "result.json", Document: red}, legs.Source{Name: "confirm-1.json", Document: c.second})
			second := got.Legs[0].Confirmation
			if second == nil || got.Status != c.status || got.Blocks != c.blocks || second.Hardware != c.hardware || !strings.Contains(second.Note, c.note) {
				t.Errorf("%s, blocks %v: %s; second measurement %+v", got.Status, got.Blocks, got.Reason, second)
			}
		})
	}
}

// A second measurement that cannot tell leaves the decision to the policy for
// checks that cannot tell; one that refutes does not block under any.
func TestConfirmationUnderABlockingPolicy(t *testing.T) {
	red := check(3, 0.12, "amd64", "m1")
	red.Plan.Policy.OnInconclusive = "block"
	for _, c := range []struct {
		second *result.Document
		blocks bool
	}{{noisy("amd64"), true}, {check(8, 0, "amd64", "m1"), false}} {
		got := combine(t, legs.Options{}, legs.Source{Name: "result.json", Document: red}, legs.Source{Name: "confirm.json", Document: c.second})
		if got.Blocks != c.blocks || got.Status != verdict.Inconclusive {
			t.Errorf("%s, blocks %v, want %v", got.Status, got.Blocks, c.blocks)
		}
	}
}

func TestConfirmationOfAPassChangesNothing(t *testing.T) {
	got := combine(t, legs.Options{}, legs.Source{Name: "result.json", Document: check(1, 0, "amd64", "m1")}, legs.Source{Name: "confirm.json", Document: check(3, 0.12, "amd64", "m1")})
	if got.Status != verdict.Pass || !strings.Contains(got.Legs[0].Confirmation.Note, "nothing to confirm") {
		t.Errorf("%s: %s", got.Status, got.Legs[0].Confirmation.Note)
	}
}

// The document itself is never changed by judging it a second way.
func TestConfirmationLeavesTheDocumentAlone(t *testing.T) {
	second := check(7, 0.12, "amd64", "m1")
	metrics, alpha := len(second.Plan.Metrics), second.Plan.Policy.Alpha
	combine(t, legs.Options{}, legs.Source{Name: "result.json", Document: check(3, 0.12, "amd64", "m1")}, legs.Source{Name: "confirm.json", Document: second})
	if len(second.Plan.Metrics) != metrics || second.Plan.Policy.Alpha != alpha {
		t.Errorf("%d metrics at %g, were %d at %g", len(second.Plan.Metrics), second.Plan.Policy.Alpha, metrics, alpha)
	}
}

const waivers = `[waivers.p50]
metric = "latency.p50"
ceiling = "40%"
reason = "r"
owner = "o"
expires = "2026-12-31"
`

func TestWaivers(t *testing.T) {
	all := ""
	for _, metric := range []string{"cpu_per_op", "throughput", "latency.p50", "latency.p90", "latency.p99"} {
		all += strings.NewReplacer("[waivers.p50]", "[waivers."+strings.ReplaceAll(metric, ".", "-")+"]", "latency.p50", metric).Replace(waivers)
	}
	parse := func(text string) waiver.Set {
		set, faults := waiver.Parse("gate-waivers.toml", []byte(text))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		return set
	}
	red := legs.Source{Name: "result.json", Document: check(3, 0.12, "amd64", "m1")}
	if c := combine(t, legs.Options{Waivers: parse(all)}, red); c.Status != verdict.Pass || c.Blocks || len(c.Legs[0].Waivers) != 5 {
		t.Errorf("%s, blocks %v, %d uses: %s", c.Status, c.Blocks, len(c.Legs[0].Waivers), c.Reason)
	}
	if c := combine(t, legs.Options{Waivers: parse(waivers)}, red); c.Status != verdict.Regression || !c.Blocks || !strings.Contains(c.Reason, "accepted: latency.p50") {
		t.Errorf("%s: %s", c.Status, c.Reason)
	}
	elsewhere := parse(waivers + "runner = \"arm64\"\n")
	if c := combine(t, legs.Options{Waivers: elsewhere}, red); c.Status != verdict.Regression || !strings.Contains(strings.Join(c.Notes, ""), "not measured here") {
		t.Errorf("%s: %s", c.Status, c.Notes)
	}
	_, err := legs.Combine([]legs.Source{red}, legs.Options{Now: now, Waivers: parse(strings.Replace(waivers, "latency.p50", "latency.p05", 1))})
	var faults diag.Faults
	if !errors.As(err, &faults) || faults[0].Line != 1 {
		t.Errorf("a waiver that names nothing: %v", err)
	}
}

func TestInvalidate(t *testing.T) {
	c := combine(t, legs.Options{}, legs.Source{Name: "r", Document: check(1, 0, "amd64", "m1")})
	if c.Invalidate("the disk is full", "make room"); c.Status != verdict.Invalid || c.ExitCode != 3 || !c.Blocks || c.Reason != "the disk is full" {
		t.Errorf("%+v", c)
	}
	c = combine(t, legs.Options{}, legs.Source{Name: "r", Document: check(3, 0.12, "amd64", "m1")})
	if c.Invalidate("the disk is full", "make room"); c.Status != verdict.Regression || c.Notes[0] != "the disk is full" {
		t.Errorf("%+v", c)
	}
}
