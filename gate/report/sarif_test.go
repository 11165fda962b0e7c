package report

import (
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/verdict"
)

func readSARIF(t tester, out string) sarifRun {
	t.Helper()
	var read sarifLog
	if err := json.Unmarshal([]byte(out), &read); err != nil || len(read.Runs) != 1 {
		t.Errorf("not a log of one run: %v\n%s", err, out)
		return sarifRun{}
	}
	return read.Runs[0]
}

// active texts are what viewers make a link or a value of.
var sarifActive = regexp.MustCompile(`\]\(|(^|[^{])(\{\{)*\{\d+\}`)

func checkSARIF(t tester, out string) {
	t.Helper()
	run := readSARIF(t, out)
	rules := run.Tool.Driver.Rules
	seen := map[string]bool{}
	for _, rule := range rules {
		if seen[rule.ID] || rule.ID == "" || rule.Short.Text == "" || rule.Full.Text == "" || rule.Help.Text == "" {
			t.Errorf("a rule is there twice or lacks a text: %+v", rule)
		}
		seen[rule.ID] = true
	}
	for _, r := range run.Results {
		if r.RuleIndex < 0 || r.RuleIndex >= len(rules) || rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("result of %s has rule %d", r.RuleID, r.RuleIndex)
		}
		if sarifActive.MatchString(r.Message.Text) {
			t.Errorf("active text in %q", r.Message.Text)
		}
		if len(r.Locations) != 1 || r.Locations[0].Physical.Artifact.URI != "gate.toml" || r.Fingerprints["primaryLocationLineHash"] == "" {
			t.Errorf("result of %s has no place: %+v", r.RuleID, r)
		}
	}
}

func TestSARIFHoldsAnErrorExactlyWhenTheVerdictBlocks(t *testing.T) {
	for _, f := range allVerdicts() {
		run := readSARIF(t, render(t, f, SARIF))
		errors := 0
		about := map[string]string{}
		for _, r := range run.Results {
			name, _, _ := strings.Cut(r.Message.Text, ": ") // of benchmarks, the rule is the unit's
			about[r.RuleID], about[name] = r.Level, r.Level
			if r.Level == sarifError {
				errors++
			}
		}
		if errors > 0 != f.v.Blocks() {
			t.Errorf("%s: %d errors, of a verdict that blocks: %v", f.name, errors, f.v.Blocks())
		}
		invalid := f.v.Status.Known() == verdict.Invalid
		if invalid && about[sarifVerdict] != sarifError {
			t.Errorf("%s: the invalid verdict has no result", f.name)
		}
		if i := run.Invocations[0]; i.Successful == invalid || (len(i.Notifications) > 0) != invalid || i.ExitCode != f.v.ExitCode() {
			t.Errorf("%s: the invocation says %+v", f.name, i)
		}
		for _, m := range f.v.Metrics {
			if m.Gating && (about[m.Name] == "") != (m.Decision == verdict.Clear) {
				t.Errorf("%s: %s is %s and has a result of level %q", f.name, m.Name, m.Decision, about[m.Name])
			}
		}
	}
}

// A result is recognised in the next log, whatever was measured, and told from
// that of another metric or scenario.
func TestSARIFFingerprints(t *testing.T) {
	fingerprints := func(scenario string, v verdict.Verdict) map[string]string {
		f := fixture{"fingerprints", checkDocument(), v}
		f.doc.Provenance.Scenario.Name = scenario
		of := map[string]string{}
		for _, r := range readSARIF(t, render(t, f, SARIF)).Results {
			of[r.RuleID] = r.Fingerprints["primaryLocationLineHash"]
		}
		return of
	}
	one := fingerprints("a", regressionVerdict())
	later := regressionVerdict()
	later.Metrics[0] = compare("cpu_per_op", 900e-6, 0.5, 0.1, 0.2, verdict.Open)
	if two := fingerprints("a", later); two["cpu_per_op"] != one["cpu_per_op"] {
		t.Errorf("the same metric became %s after %s", two["cpu_per_op"], one["cpu_per_op"])
	}
	if other := fingerprints("b", regressionVerdict()); other["cpu_per_op"] == one["cpu_per_op"] || one["cpu_per_op"] == one["latency.p50"] {
		t.Errorf("another scenario or metric has the same fingerprint: %v, %v", one, other)
	}
}

func TestSARIFNamesNoPathOfTheMachine(t *testing.T) {
	f := fixture{"paths", checkDocument(), regressionVerdict()}
	f.doc.Provenance.Command = []string{"/machine/bin/gate", "check", "--config", "/machine/gate.toml"}
	f.doc.Provenance.Repository.Path = "/machine/repository"
	f.doc.Provenance.Runner.Fingerprint = map[string]string{"home": "/machine/home"}
	if out := render(t, f, SARIF); strings.Contains(out, "/machine") {
		t.Errorf("a path of the machine is in the log:\n%s", out)
	}
}

func TestSARIFMessage(t *testing.T) {
	for in, want := range map[string]string{
		"+7.9% [+6.1, +9.7], limit 5%":          "+7.9% [+6.1, +9.7], limit 5%",
		"[click](https://evil.example)":         "[click] (https://evil.example)",
		"{0} of {1} and {}":                     "{{0}} of {{1}} and {{}}",
		"a metric [of (several)] (see [below])": "a metric [of (several)] (see [below])",
	} {
		if got := newSARIFMessage(in).Text; got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// Each metric that a policy may gate on is described.
func TestSARIFKnowsTheGatingMetrics(t *testing.T) {
	for _, name := range verdict.GatingMetrics() {
		if _, ok := abouts[name]; !ok {
			t.Errorf("%s has no text", name)
		}
	}
	var b strings.Builder
	if err := SARIF(io.Writer(&b), New(checkDocument(), passVerdict())); err != nil || len(readSARIF(t, b.String()).Results) != 0 {
		t.Errorf("a pass has results, or an error %v:\n%s", err, b.String())
	}
}
