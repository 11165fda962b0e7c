package actiontest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func pullRequestEvent(head, from string) map[string]any {
	return map[string]any{
		"action": "synchronize", "number": 7, "repository": repository("o/r"),
		"pull_request": map[string]any{
			"number": 7, "state": "open",
			"head": map[string]any{"ref": "topic", "sha": head, "repo": repository(from)},
			"base": map[string]any{"ref": "main", "sha": head, "repo": repository("o/r")},
		},
	}
}

func workflowRunEvent(head, from, conclusion string, run int) map[string]any {
	return map[string]any{
		"action": "completed", "repository": repository("o/r"),
		"workflow_run": map[string]any{
			"id": run, "run_attempt": 1, "event": "pull_request", "path": ".github/workflows/gate-pr.yml", "conclusion": conclusion,
			"head_sha": head, "head_branch": "topic", "repository": repository("o/r"), "head_repository": repository(from),
			"pull_requests": []any{},
		},
	}
}

// measure runs gate-pr.yml for a pull request.
func (w *world) measure(head, from, run string) done {
	w.t.Helper()
	return w.act("pull_request", "gate-pr.yml", pullRequestEvent(head, from), run)
}

// report runs gate-report.yml for a run of gate-pr.yml.
func (w *world) report(head, from, conclusion string, run int) done {
	w.t.Helper()
	d := w.act("workflow_run", "gate-report.yml", workflowRunEvent(head, from, conclusion, run), "900")
	d.results(map[string]string{"report": "success"})
	return d
}

// built is the gate of this module, built once for all tests.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// gateUnderTest is the path of the gate of this module.
func gateUnderTest(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "gate-under-test-"); built.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", filepath.Join(built.dir, "gate"), "./cmd/gate")
		build.Dir = module(t)
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "gate")
}

// canned puts a gate on the PATH of the steps whose check measures nothing and
// hands out a golden document; all else is the real gate. The workflow must then
// not install another.
func (w *world) canned(verdict string) {
	w.t.Helper()
	path := gateUnderTest(w.t)
	w.vars["CANNED"], w.vars["REAL_GATE"] = canned(w.t, verdict)+".json", path
	w.write("bin/gate", `#!/bin/sh
if [ "$1" = check ]; then
  for a; do case "$a" in --out=*) out=${a#--out=} ;; esac; done
  case "$*" in *--seed=*) CANNED=${CANNED_CONFIRM:-$CANNED} ;; esac
  cp "$CANNED" "$out/result.json"
  "$REAL_GATE" report --json "$CANNED" >"$out/verdict.json"
  exit
fi
exec "$REAL_GATE" "$@"
`)
	for _, workflow := range []string{"gate-pr.yml", "gate-report.yml"} {
		name := "work/.github/workflows/" + workflow
		w.write(name, strings.ReplaceAll(w.read(name), "uses: "+own+"\n        with:\n", "uses: "+own+"\n        with:\n          install: none\n"))
	}
	w.git("add", ".")
	w.git("commit", "--quiet", "-m", "use the gate that is there")
}

// A consumer's pull request that changes nothing of the program: gate is built from
// the action's source, both builds are the same bytes, and both jobs succeed.
func TestActPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.measure(w.pullRequest(serve, "o/r"), "o/r", "41")
	d.results(map[string]string{"measure": "success", "gate": "success"})
	d.says("from source", "identical", "exit code 0: pass")
	if writes := w.hub.wrote(); len(writes) > 0 {
		t.Errorf("the workflow that measures has written: %q", writes)
	}
	for _, file := range []string{"result.json", "gate-run.json"} {
		if w.read("artifacts/gate-result-1/"+file) == "" {
			t.Errorf("%s was not uploaded", file)
		}
	}
	left, _ := filepath.Glob(filepath.Join(w.dir, "home", ".cache", "act", "*", "*", "gate-install-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The life of a pull request: it makes the program slower and is blocked, with a
// comment that says so; then it is mended, the check passes, and the same comment
// says that.
func TestActRegressionAndFix(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for a minute; run without -short")
	}
	w := newWorld(t)
	config := toyGate + "[policy]\non_inconclusive = \"block\"\ngating = [\"cpu_per_op\"]\n"
	w.write("work/gate.toml", config)
	w.hub.files["gate.toml"] = config
	w.git("commit", "--quiet", "-am", "judge one metric")
	head := w.pullRequest(serve+"--fault slowdown="+planted, "o/r")
	d := w.measure(head, "o/r", "41")
	d.results(map[string]string{"measure": "failure", "gate": "failure"})
	verdict := d.verdict()
	if verdict != "regression" {
		if strict || verdict != "invalid" && verdict != "inconclusive" {
			t.Fatalf("the verdict is %q:\n%s", verdict, d.log)
		}
		t.Logf("this machine was too busy to show a slow-down of %s: %s, which blocks as well", planted, verdict)
	}
	if writes := w.hub.wrote(); len(writes) > 0 {
		t.Errorf("the workflow that measures has written: %q", writes)
	}
	w.pack("gate-result-1", nil)
	w.report(head, "o/r", "failure", 41)
	first := w.hub.comment(t, "Fivegate: "+verdict, head[:7])

	mended := w.pullRequest(serve, "o/r")
	w.measure(mended, "o/r", "42").results(map[string]string{"measure": "success", "gate": "success"})
	w.pack("gate-result-1", nil)
	w.report(mended, "o/r", "success", 42)
	if second := w.hub.comment(t, "Fivegate: pass", mended[:7]); second.ID != first.ID {
		t.Errorf("comment %d, want %d to be updated", second.ID, first.ID)
	}
}

// A fork's pull request: what measures writes nothing to GitHub, though it has a
// token; what reports believes no verdict of the artifact.
func TestActFork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.canned("regression")
	head := w.pullRequest(serve+"# a change", "stranger/r")
	w.measure(head, "stranger/r", "41").results(map[string]string{"measure": "failure", "gate": "failure"})
	if writes := w.hub.wrote(); len(writes) > 0 {
		t.Errorf("the workflow that measures has written: %q", writes)
	}
	w.pack("gate-result-1", map[string]string{
		"verdict.json": strings.ReplaceAll(read(t, "cmd/gate/testdata/report/pass.verdict.json"), "\r", ""),
		"report.md":    "# pass\n",
	})
	w.report(head, "stranger/r", "failure", 41)
	w.hub.comment(t, "regression", head[:7])

	// The same artifact, handed in for another run, is refused and said to be.
	w.report(head, "stranger/r", "success", 43)
	w.hub.comment(t, "refused")
}

// A run that has left nothing is not an error of the report.
func TestActReportWithoutArtifact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.canned("pass")
	d := w.report(w.pullRequest(serve, "o/r"), "o/r", "failure", 41)
	d.says("left no result to report")
	if writes := w.hub.wrote(); len(writes) > 0 {
		t.Errorf("written: %q", writes)
	}
}

// A check that could not tell passes or blocks as the policy says.
func TestActInconclusive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.canned("inconclusive")
	head := w.pullRequest(serve+"# a change", "o/r")
	d := w.measure(head, "o/r", "41")
	d.results(map[string]string{"measure": "success", "gate": "success"})
	d.says("exit code 4: inconclusive", "does not fail this step")

	w.change("gate-pr.yml", "          install: none\n", "          install: none\n          fail-on: inconclusive\n")
	w.git("add", ".")
	w.git("commit", "--quiet", "-m", "block")
	w.measure(head, "o/r", "42").results(map[string]string{"measure": "failure", "gate": "failure"})
}

// secondMeasurement is a golden document as if it were of the same check as the
// golden regression.
func secondMeasurement(t *testing.T, verdict string) string {
	t.Helper()
	decode := func(name string) (document map[string]any) {
		decoder := json.NewDecoder(strings.NewReader(read(t, "cmd/gate/testdata/report/"+name+".json")))
		decoder.UseNumber()
		if err := decoder.Decode(&document); err != nil {
			t.Fatal(err)
		}
		return document
	}
	first, second := decode("regression"), decode(verdict)
	second["provenance"].(map[string]any)["scenario"] = first["provenance"].(map[string]any)["scenario"]
	for i, arm := range second["arms"].([]any) {
		arm.(map[string]any)["commit"] = first["arms"].([]any)[i].(map[string]any)["commit"]
	}
	text, err := json.Marshal(second)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A red check that a second measurement does not confirm does not block; one that it
// confirms does.
func TestActConfirmBeforeRed(t *testing.T) {
	t.Parallel()
	for second, want := range map[string]string{"pass": "success", "regression": "failure"} {
		w := newWorld(t)
		w.write("work/.github/workflows/gate-pr.yml", read(t, "docs/examples/gate-pr-confirm.yml"))
		w.canned("regression")
		w.vars["CANNED_CONFIRM"] = w.write("second.json", secondMeasurement(t, second))
		head := w.pullRequest(serve+"# a change", "o/r")
		d := w.measure(head, "o/r", "41")
		d.results(map[string]string{"measure": "success", "confirm": "success", "gate": want})
		w.pack("gate-result-1", nil)
		w.report(head, "o/r", want, 41)
		w.hub.comment(t, "second measurement")
	}
}

// Wrong configuration fails the job, says where, and measures nothing.
func TestActBadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("work/gate.toml", strings.Replace(toyGate, `budget = "90s"`, `budget = "soon"`, 1))
	w.git("add", ".")
	w.git("commit", "--quiet", "-m", "a fault")
	d := w.measure(w.pullRequest(serve, "o/r"), "o/r", "41")
	d.results(map[string]string{"measure": "failure", "gate": "failure"})
	d.says("gate.toml:9:10: ", "nothing was run")
	if len(d.errors) == 0 || !strings.Contains(strings.Join(d.errors, "\n"), "measured nothing") {
		t.Errorf("annotations: %q", d.errors)
	}
}

// Without Go and without a release there is one error, which says what to do.
func TestActWithoutGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := os.Remove(filepath.Join(w.dir, "bin", "go")); err != nil {
		t.Fatal(err)
	}
	d := w.measure(w.pullRequest(serve, "o/r"), "o/r", "41")
	d.results(map[string]string{"measure": "failure", "gate": "failure"})
	d.says("Go is not on the PATH", "actions/setup-go")
	if strings.Contains(d.log, "command not found") {
		t.Errorf("a command was not found:\n%s", d.log)
	}
}

// This repository's own workflow takes the action from what is checked out.
func TestActOwnWorkflow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec("cp", "-R", w.action+"/.", w.work)
	w.write("work/gate.toml", toyGate)
	w.git("add", ".")
	w.git("commit", "--quiet", "-m", "the action itself")
	d := w.measure(w.pullRequest(serve, "o/r"), "o/r", "41")
	d.results(map[string]string{"measure": "success", "gate": "success"})
	d.says("from source", "identical")
}
