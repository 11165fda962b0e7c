package report

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/verdict"
)

// tester is what checks need of a test; those of rapid's properties have it too.
type tester interface {
	Helper()
	Errorf(string, ...any)
}

// machineFormats are those that other programs read, with what must hold of
// every text in them.
var machineFormats = map[string]struct {
	write func(io.Writer, Model) error
	check func(tester, string)
}{
	"junit.xml":   {JUnit, func(t tester, out string) { t.Helper(); checkJUnit(t, out) }},
	"sarif":       {SARIF, func(t tester, out string) { t.Helper(); checkSARIF(t, out) }},
	"metrics.txt": {OpenMetrics, func(t tester, out string) { t.Helper(); checkOpenMetrics(t, out) }},
}

func TestMachineFormatsGolden(t *testing.T) {
	for _, f := range fixtures() {
		for ext, format := range machineFormats {
			t.Run(f.name+"."+ext, func(t *testing.T) {
				got := render(t, f, format.write)
				format.check(t, got)
				path := filepath.Join("testdata", f.name+"."+ext)
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(got, string(want)); diff != "" {
					t.Errorf("got (-) and want (+) differ; -update rewrites %s\n%s", path, diff)
				}
				if again := render(t, f, format.write); again != got {
					t.Error("a second rendering gave other bytes")
				}
			})
		}
	}
}

// judged are documents with the verdicts that Judge gives of them, among them
// such as the fixtures cannot hold: an inconclusive one that blocks, and invalid
// ones without a metric.
func judged() []fixture {
	blocking := resulttest.Check(resulttest.Options{Seed: 5, Blocks: 8, Rounds: 2, Probes: 120, RatePerS: 60, RoundSD: 0.2, LaunchSD: 0.1})
	blocking.Plan.Policy.OnInconclusive = "block"
	oneArm := checkDocument()
	oneArm.Arms = oneArm.Arms[:1]
	early := checkDocument() // a declared metric is missing because nothing was measured yet
	early.Plan.Metrics, early.Outcome = []string{verdict.CPUPerOp}, result.Outcome{Ended: result.RunBudget}
	failedRun := runDocument()
	failedRun.Outcome = result.Outcome{Ended: result.RunFailed, Detail: "the disk is full"}
	out := []fixture{missing(), {name: "zero", doc: checkDocument()}}
	for name, doc := range map[string]*result.Document{
		"inconclusive-blocking": blocking, "one-arm": oneArm, "early": early, "failed-run": failedRun,
	} {
		out = append(out, fixture{name, doc, verdict.Judge(doc)})
	}
	return out
}

// missing is a check whose plan declares a metric that was not measured.
func missing() fixture {
	doc := resulttest.Check(resulttest.Options{Seed: 9, Blocks: 8, Rounds: 2, Probes: -1})
	return fixture{"missing", doc, verdict.Judge(doc)}
}

// difficult are all fixtures that are not pleasant to lay out.
func difficult() []fixture {
	unnamed := checkDocument()
	unnamed.Provenance = result.Provenance{}
	alike := hostile()
	for i := range alike.v.Metrics { // names that become the same when they are made clean
		alike.v.Metrics[i].Name = strings.Repeat("\x01", 1+i%3) + " verdict"
	}
	return append(judged(), hostile(), crowded(60), fixture{"unnamed", unnamed, regressionVerdict()}, fixture{"alike", alike.doc, alike.v})
}

func TestMachineFormatsOfDifficultDocuments(t *testing.T) {
	for _, f := range difficult() {
		for ext, format := range machineFormats {
			t.Run(f.name+"."+ext, func(t *testing.T) { format.check(t, render(t, f, format.write)) })
		}
	}
}

func TestMachineFormatsOfAnyTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(attacks), rapid.String()), 1, 4)
		str := func(label string) string { return strings.Join(words.Draw(t, label), "") }
		doc, v := checkDocument(), regressionVerdict()
		doc.Kind = result.Kind(rapid.SampledFrom([]string{"check", "run", "", str("kind")}).Draw(t, "of"))
		v.Reason, v.Next, v.Notes = str("reason"), str("next"), []string{str("note")}
		v.Metrics[0].Name, v.Metrics[0].Reason, v.Metrics[5].Name = str("gating"), str("why"), str("watched")
		v.Metrics[1].Name = v.Metrics[0].Name
		doc.Provenance.Scenario.Name, doc.Arms[0].Name, doc.Arms[0].Ref = str("scenario"), str("arm"), str("ref")
		doc.Provenance.Command = []string{str("command")}
		for _, format := range machineFormats {
			var b strings.Builder
			if err := format.write(&b, New(doc, v)); err != nil {
				t.Fatal(err)
			}
			format.check(t, b.String())
		}
	})
}

// allVerdicts are all statuses with all decisions on a metric, such as no
// document gives included.
func allVerdicts() (out []fixture) {
	blocking := judged()
	for _, status := range []verdict.Status{verdict.Pass, verdict.Improvement, verdict.Regression, verdict.Inconclusive, verdict.Invalid, "", "unheard of"} {
		for _, decision := range []verdict.Decision{verdict.Worse, verdict.Better, verdict.Clear, verdict.Open, verdict.Missing, verdict.Watching, "unheard of"} {
			m := compare("latency.p50", 0.000841, 0.061, 0.018, 0.025, decision)
			m.Gating = true
			v := verdict.Verdict{Status: status, Reason: "a reason", Metrics: []verdict.Metric{m}}
			out = append(out, fixture{string(status) + " " + string(decision), checkDocument(), v})
		}
	}
	return append(append(out, blocking...), fixtures()...)
}

// A declared metric that is missing has two rows in a verdict.
func TestMachineFormatsNameAMissingMetricOnce(t *testing.T) {
	f := missing()
	cases := 0
	for _, c := range readJUnit(t, render(t, f, JUnit)).Suite.Cases {
		if c.Name == verdict.LatencyP99 {
			cases++
			if c.Error == nil {
				t.Errorf("it is no error: %+v", c)
			}
		}
	}
	results := 0
	for _, r := range readSARIF(t, render(t, f, SARIF)).Results {
		if r.RuleID == verdict.LatencyP99 {
			results++
		}
	}
	if cases != 1 || results != 1 {
		t.Errorf("%d testcases and %d results", cases, results)
	}
	want := `{scenario="synthetic",metric="latency.p99",fivegate_decision="missing"} 1`
	if got := samplesOf(render(t, f, OpenMetrics), "fivegate_decision"); !slices.Contains(got, want) {
		t.Errorf("no sample %s in %q", want, got)
	}
}

func TestMachineFormatsOfAZeroVerdict(t *testing.T) {
	f := fixture{"zero", checkDocument(), verdict.Verdict{}}
	for ext, want := range map[string]string{
		"junit.xml":   `<error type="invalid"`,
		"sarif":       `"executionSuccessful": false`,
		"metrics.txt": `fivegate_verdict="invalid"} 1` + "\n",
	} {
		if out := render(t, f, machineFormats[ext].write); !strings.Contains(out, want) || strings.Contains(out, `fivegate_verdict="pass"} 1`) {
			t.Errorf("%s does not say %s:\n%s", ext, want, out)
		}
	}
}

func TestMachineFormatsReturnTheWritersError(t *testing.T) {
	m := New(checkDocument(), passVerdict())
	for ext, format := range machineFormats {
		if err := format.write(failingWriter{}, m); err == nil {
			t.Errorf("%s: a failed write was not reported", ext)
		}
	}
}
