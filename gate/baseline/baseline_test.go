package baseline_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/baseline"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/verdict"
)

// alone is a measurement of one arm, so much slower (a log effect on everything).
func alone(seed uint64, slower float64) *result.Document {
	effects := map[string]float64{}
	for _, m := range []string{verdict.CPUPerOp, verdict.Throughput, verdict.LatencyP50, verdict.LatencyP90} {
		effects[m] = slower
	}
	d := resulttest.Alone(resulttest.Options{Seed: seed, Blocks: 14, Rounds: 2, RatePerS: 60, Effects: effects, RoundSD: 0.01, LaunchSD: 0.01})
	d.Provenance.Scenario = resulttest.Check(resulttest.Options{Seed: 1, Blocks: 8}).Provenance.Scenario // the same for all
	d.Provenance.StartedAt = time.Date(2026, 11, 2, 9, 0, int(seed), 0, time.UTC)
	return d
}

func record(t *testing.T, docs ...*result.Document) *baseline.Baseline {
	t.Helper()
	b := &baseline.Baseline{Scenario: "synthetic", RunnerClass: docs[0].Provenance.Runner.Class}
	for _, d := range docs {
		run, err := baseline.NewRun(d, true)
		if err != nil {
			t.Fatal(err)
		}
		if b, err = b.Add(run); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func format(t *testing.T, b *baseline.Baseline) []byte {
	t.Helper()
	text, err := b.Format()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestFilesSurvive(t *testing.T) {
	b := record(t, alone(1, 0), alone(2, 0))
	text := format(t, b)
	back, faults := baseline.Parse("x.json", text)
	if faults != nil {
		t.Fatal(faults)
	}
	if diff := cmp.Diff(b, back); diff != "" {
		t.Error(diff)
	}
	if !bytes.Equal(text, format(t, back)) {
		t.Error("written again, it differs")
	}
	if len(text) > 8<<10 {
		t.Errorf("two runs have %d bytes", len(text))
	}
	if d := alone(1, 0); d.Validate() != nil {
		t.Error(d.Validate())
	}
}

func TestRecordRefuses(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*result.Document)
	}{
		{"uncommitted changes", func(d *result.Document) { d.Provenance.Repository.Dirty = true }},
		{"kind \"check\"", func(d *result.Document) { d.Kind = result.KindCheck }},
		{"not built from a commit", func(d *result.Document) { d.Arms[0].Commit = "" }},
		{"one layout", func(d *result.Document) { d.Arms[0].Layouts = d.Arms[0].Layouts[:1] }},
		{"the measurement failed: disk full", func(d *result.Document) {
			d.Outcome.Ended, d.Outcome.Detail = result.RunFailed, "disk full"
		}},
		{"of the requests failed, allowed is 1%", failing(0.05)},
		{"nothing was measured", failing(1)},
		{"has a value in 5 launches, need 7", func(d *result.Document) { d.Launches = d.Launches[:5] }},
		{"differs by", func(d *result.Document) {
			for i := range d.Slices {
				d.Slices[i].CPUS *= math.Exp(0.3 * float64(d.Slices[i].Launch%7))
			}
		}},
		{"the load engine was the limit", func(d *result.Document) {
			for i := range d.Slices {
				d.Slices[i].Engine.Limited = "late"
			}
		}},
	} {
		d := alone(3, 0)
		c.change(d)
		_, err := baseline.NewRun(d, true)
		if !errors.Is(err, baseline.ErrRefused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
	few := alone(3, 0)
	for i := range few.Slices[:6] {
		few.Slices[i].Engine.Limited = "late"
	}
	if _, err := baseline.NewRun(few, true); err != nil {
		t.Errorf("a few slices in which the engine was late: %v", err)
	}
}

// failing makes a share of all requests fail.
func failing(share float64) func(*result.Document) {
	return func(d *result.Document) {
		for i := range d.Slices {
			for j := range d.Slices[i].Operations {
				op := &d.Slices[i].Operations[j]
				n := int64(share * float64(op.Completed))
				if share == 1 {
					op.Response = nil
				}
				op.Completed -= n
				op.Errors = map[string]int64{"status": n}
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	text := string(format(t, record(t, alone(1, 0))))
	value := text[strings.Index(text, `"median": `)+len(`"median": `):]
	value = value[:strings.IndexByte(value, ',')]
	for _, c := range []struct{ name, text, want string }{
		{"edited by hand", strings.Replace(text, value, value+"1", 1), "was edited by hand"},
		{"moved to another class", strings.Replace(text, "linux-amd64-test-2c", "linux-amd64-fast-2c", 1), "of another scenario or runner class"},
		{"truncated", text[:len(text)/2], "the file is cut or damaged"},
		{"empty", "", "the file is cut or damaged"},
		{"conflicted", strings.Replace(text, "    {", "<<<<<<< HEAD\n    {", 1), "x.json:6:1: is a merge conflict: keep the runs of both sides"},
		{"of the future", strings.Replace(text, "baseline/v1", "baseline/v9", 1), "is of fivegate/baseline/v9, and this gate reads fivegate/baseline/v1"},
		{"of something else", strings.Replace(text, "baseline/v1", "result/v1", 1), "this is no baseline"},
		{"unknown member", strings.Replace(text, `"runs"`, `"other": 1, "runs"`, 1), "cannot be read"},
		{"no run", text[:strings.Index(text, "    {")] + "    null\n  ]\n}\n", "holds no run"},
		{"negative", strings.Replace(text, `"layouts": 14`, `"layouts": -1`, 1), "with -1 layouts"},
		{"all failed", strings.Replace(text, `"failed": 0`, `"failed": 900000000`, 1), "requests failed"},
		{"not UTF-8", strings.Replace(text, "synthetic", "synth\xff", 1), "x.json:3:"},
		{"oversized", text + strings.Repeat(" ", baseline.MaxBytes), "more than"},
	} {
		b, faults := baseline.Parse("x.json", []byte(c.text))
		if b != nil || !strings.Contains(faults.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, faults, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	b := &baseline.Baseline{Scenario: "synthetic", RunnerClass: "c"}
	run, err := baseline.NewRun(alone(1, 0), true)
	if err != nil {
		f.Fatal(err)
	}
	if b, err = b.Add(run); err != nil {
		f.Fatal(err)
	}
	text, err := b.Format()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"schema": "fivegate/baseline/v1", "scenario": "s", "runner_class": "c", "runs": [null]}`))
	now := alone(2, 0)
	f.Fuzz(func(t *testing.T, text []byte) {
		b, faults := baseline.Parse("x.json", text)
		if (b == nil) != (len(faults) > 0) {
			t.Fatalf("baseline %v beside %v", b, faults)
		}
		if b != nil {
			if _, err := b.Against(now); err != nil && !errors.As(err, new(*baseline.Unusable)) && !errors.Is(err, baseline.ErrHead) {
				t.Fatal(err)
			}
		}
	})
}

func TestAgainst(t *testing.T) {
	b := record(t, alone(1, 0), alone(2, 0))
	for _, c := range []struct {
		name string
		doc  *result.Document
		want verdict.Status
	}{
		{"the same", alone(5, 0), verdict.Pass},
		{"15% slower", alone(7, math.Log(1.15)), verdict.Regression},
		{"20% faster", alone(8, -math.Log(1.2)), verdict.Improvement},
	} {
		doc, err := b.Against(c.doc)
		if err != nil {
			t.Fatal(err)
		}
		if err := doc.Validate(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		// Latencies of so few requests are too noisy to be judged beside the rest.
		doc.Plan.Metrics = []string{verdict.CPUPerOp, verdict.Throughput}
		if v := verdict.Judge(doc); v.Status != c.want {
			t.Errorf("%s: %s, %s; want %s", c.name, v.Status, v.Reason, c.want)
		}
	}
	for _, share := range []float64{1, 0.05} { // a failed request is never a fast one
		broken := alone(9, 0)
		failing(share)(broken)
		broken.Plan.Limits = result.Limits{ErrorRate: 0.01, ErrorRateSet: true}
		if _, err := b.Against(broken); !errors.Is(err, baseline.ErrHead) {
			t.Errorf("a head of which %v fails: %v", share, err)
		}
	}
	for name, change := range map[string]func(*result.Document){
		"no baseline for this runner class": func(d *result.Document) { d.Provenance.Runner.Class = "linux-arm64-other-4c" },
		"no baseline for this scenario":     func(d *result.Document) { d.Provenance.Scenario.SHA256 = strings.Repeat("a", 64) },
		"requests a second":                 func(d *result.Document) { d.Plan.RatePerS *= 2 },
	} {
		doc := alone(9, 0)
		change(doc)
		var unusable *baseline.Unusable
		if _, err := b.Against(doc); !errors.As(err, &unusable) || !strings.Contains(unusable.Why, name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The newest commit's runs are the baseline; old ones go, its own do not.
func TestCurrent(t *testing.T) {
	old := alone(1, 0)
	docs := []*result.Document{old}
	for i := range 14 {
		d := alone(uint64(2+i), 0)
		d.Arms[0].Commit = strings.Repeat(fmt.Sprintf("%02x", i/2), 20)
		docs = append(docs, d)
	}
	b := record(t, docs...)
	if n := len(b.Runs); n != 12 {
		t.Errorf("%d runs are kept", n)
	}
	current := b.Current()
	if len(current) != 2 || current[0].Commit != docs[14].Arms[0].Commit {
		t.Errorf("%d current runs of %s", len(current), current[0].Commit)
	}
}

// Two clones that each recorded a run are joined by git without loss.
func TestTwoClonesMerge(t *testing.T) {
	b := record(t, alone(1, 0))
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args, err, out)
		}
	}
	path := filepath.Join(dir, "b.json")
	commit := func(b *baseline.Baseline) {
		t.Helper()
		if err := os.WriteFile(path, format(t, b), 0o600); err != nil {
			t.Fatal(err)
		}
		git("add", ".")
		git("commit", "-q", "-m", "x")
	}
	git("init", "-q", "-b", "main")
	if err := os.WriteFile(filepath.Join(dir, ".gitattributes"), []byte("*.json merge=union\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	commit(b)
	git("checkout", "-q", "-b", "other")
	commit(add(t, b, alone(2, 0)))
	git("checkout", "-q", "main")
	commit(add(t, b, alone(3, 0)))
	git("merge", "-q", "other")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	merged, faults := baseline.Parse(path, text)
	if faults != nil {
		t.Fatalf("%v\n%s", faults, text)
	}
	if diff := cmp.Diff(add(t, add(t, b, alone(2, 0)), alone(3, 0)), merged); diff != "" {
		t.Error(diff)
	}
}

func add(t *testing.T, b *baseline.Baseline, d *result.Document) *baseline.Baseline {
	t.Helper()
	run, err := baseline.NewRun(d, true)
	if err != nil {
		t.Fatal(err)
	}
	grown, err := b.Add(run)
	if err != nil {
		t.Fatal(err)
	}
	return grown
}
