package actiontest

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// noting is a gate that writes down its arguments and environment, and measures
// nothing: its document and verdict are those in $CANNED, if there are any.
const noting = `#!/bin/sh
printf '%s\n' "$@" >"$HOME/arguments"
env >"$HOME/environment"
case "$1" in
check)
  echo "::error::what the target prints"
  for a; do case "$a" in --out=*) out=${a#--out=} ;; esac; done
  if [ -n "$CANNED" ]; then
    cp "$CANNED.json" "$out/result.json"
    cp "$CANNED.verdict.json" "$out/verdict.json"
    echo report >"$out/report.md"
  fi ;;
publish)
  printf '{\n  "verdict": "%s",\n  "blocks_merge": %s,\n  "title": "\\"blocks_merge\\": false,",\n  "comment_id": 7\n}\n' "$VERDICT" "$BLOCKS" ;;
esac
exit "${CODE:-0}"
`

// checking is a runner with such a gate installed and a repository to work in.
func checking(t *testing.T) *runner {
	r := newRunner(t)
	r.set("INSTALL_DIRECTORY", filepath.Dir(r.write("installed/gate", noting)))
	r.git("init", "--quiet", "--initial-branch=main")
	return r
}

// canned is the path of a golden document, without its ending.
func canned(t *testing.T, verdict string) string {
	return filepath.Join(module(t), "cmd", "gate", "testdata", "report", verdict)
}

func (r *runner) arguments() []string {
	return strings.Split(strings.TrimSuffix(r.read("arguments"), "\n"), "\n")
}

func TestCheckPassesInputsOn(t *testing.T) {
	r := checking(t).set("CANNED", canned(t, "pass"))
	r.set("INPUT_BASE", "--help", "INPUT_HEAD", "a b", "INPUT_CONFIG", "x/gate.toml", "INPUT_SCENARIO", "$(touch pwned)", "INPUT_BUDGET", "2m",
		"INPUT_THRESHOLD", "3%", "INPUT_SEED", "7", "INPUT_ALTERNATE", "TRUE", "INPUT_MEASURE_ANYWAY", "true", "INPUT_OUT", "out dir",
		"INPUT_AGAINST", "baseline", "INPUT_BENCH", "A|B", "INPUT_PKG", "./x,./y", "INPUT_CPU", "1,4", "INPUT_CMD", "./tool 'a b'", "INPUT_BUILD", "make",
		"INPUT_PREPARE", "-x", "INPUT_CLEANUP", "rm x", "INPUT_WARMUP", "2", "INPUT_COUNTER", "perf")
	r.ends("check.sh", 0)
	want := []string{
		"check", "--out=" + filepath.Join(r.work, "out dir"), "--base=--help", "--head=a b", "--config=x/gate.toml",
		"--scenario=$(touch pwned)", "--budget=2m", "--threshold=3%", "--seed=7", "--alternate", "--measure-anyway",
		"--against=baseline", "--bench=A|B", "--pkg=./x,./y", "--cpu=1,4", "--cmd=./tool 'a b'", "--build=make", "--prepare=-x", "--cleanup=rm x", "--warmup=2", "--counter=perf",
	}
	if diff := cmp.Diff(want, r.arguments()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.read("work/pwned") != "" {
		t.Error("an input was run")
	}

	// Empty inputs are not passed on, so that gate.toml and GATE_* can speak.
	r = checking(t).set("CANNED", canned(t, "pass"), "INPUT_BASE", "", "INPUT_ALTERNATE", "false", "INPUT_OUT", "")
	r.ends("check.sh", 0)
	if got := r.arguments(); len(got) != 2 || !strings.HasPrefix(got[1], "--out="+filepath.Join(r.dir, "temp", "gate-check-")) {
		t.Errorf("arguments %q", got)
	}

	r.set("INPUT_ALTERNATE", "yes")
	r.ends("check.sh", 3, `input alternate is "yes"`, "true and false")
	r.set("INPUT_ALTERNATE", "", "INPUT_WORKING_DIRECTORY", "gone")
	r.ends("check.sh", 3, "check out the repository first")
}

func TestCheckSetsOutputs(t *testing.T) {
	for verdict, want := range map[string]map[string]string{
		"pass":         {"regressions": "0", "exit-code": "0"},
		"improvement":  {"regressions": "0", "exit-code": "0"},
		"regression":   {"regressions": "5", "worst-change": "+13.1%", "worst-metric": "latency.p50", "exit-code": "1"},
		"inconclusive": {"regressions": "0", "exit-code": "4"},
		"invalid":      {"regressions": "0", "exit-code": "3"},
	} {
		r := checking(t).set("CANNED", canned(t, verdict), "INPUT_OUT", "out", "CODE", want["exit-code"])
		r.ends("check.sh", 0, "ended with exit code "+want["exit-code"])
		want["directory"] = filepath.Join(r.work, "out")
		want["result"] = filepath.Join(r.work, "out", "result.json")
		want["report"] = filepath.Join(r.work, "out", "report.md")
		want["runner-class"] = "linux-amd64-test-2c"
		got := r.outputs()
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s: output %s is %q, want %q", verdict, name, got[name], value)
			}
		}
	}
}

// Texts in a verdict never become an output, whatever they say.
func TestVerdictTextsAreNotTaken(t *testing.T) {
	r := checking(t).set("INPUT_OUT", "out")
	r.set("CANNED", strings.TrimSuffix(r.write("canned.verdict.json", `{
  "reason": "x\n      \"decision\": \"regression\",\nregressions=7",
      "name": "evil\nregressions=8",
      "gating": true, "decision": "regression",
      "effect": 1e9; regressions=9,
    "runner_class": "a\"b<<EOF",
  "next": "::set-output name=regressions::7"
}
`), ".verdict.json"))
	r.write("canned.json", "{}")
	r.ends("check.sh", 0)
	if o := r.outputs(); o["regressions"] != "0" || o["worst-change"] != "" || o["worst-metric"] != "" || o["runner-class"] != "" {
		t.Errorf("outputs %q", o)
	}
}

func TestCheckWithoutDocument(t *testing.T) {
	for code, want := range map[string]int{"0": 3, "1": 1, "3": 3} {
		r := checking(t).set("CODE", code, "INPUT_OUT", "out")
		r.write("work/out/result.json", "of an earlier run")
		r.write("work/out/verdict.json", "of an earlier run")
		r.ends("check.sh", want, "::error title=gate::gate check measured nothing")
		if o := r.outputs(); o["result"] != "" {
			t.Errorf("outputs %q", o)
		}
		if !strings.Contains(r.read("summary"), "nothing was measured") {
			t.Errorf("the summary is %q", r.read("summary"))
		}
	}
}

// What the target prints is not taken for commands, and it is not told where the
// runner reads commands from.
func TestTargetCannotCommandTheRunner(t *testing.T) {
	r := checking(t).set("CANNED", canned(t, "pass"), "INPUT_OUT", "out")
	out := r.ends("check.sh", 0)
	_, after, _ := strings.Cut(out, "::stop-commands::")
	token, after, _ := strings.Cut(after, "\n")
	said, _, resumed := strings.Cut(after, "::"+token+"::")
	if len(token) != 32 || !resumed || !strings.Contains(said, "::error::what the target prints") {
		t.Errorf("the target's output is not shielded:\n%s", out)
	}
	for line := range strings.Lines(r.read("environment")) {
		if name, _, _ := strings.Cut(line, "="); slices.Contains([]string{"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"}, name) {
			t.Errorf("the target is told %s", line)
		}
	}
	if strings.Contains(r.read("environment"), token) {
		t.Error("the target is told how to resume commands")
	}
}

func TestCheckTakesBaseFromTheEvent(t *testing.T) {
	r := checking(t).set("CANNED", canned(t, "pass"), "INPUT_OUT", "../out")
	root := r.commit("root")
	r.git("checkout", "--quiet", "-b", "topic")
	topic := r.commit("topic")
	r.git("checkout", "--quiet", "main")
	main := r.commit("main")
	r.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
	merge := r.git("rev-parse", "HEAD")
	zeros := strings.Repeat("0", 40)
	for _, tt := range []struct {
		name, checkout string
		env            []string
		want           string // the base, or "" where gate chooses
	}{
		{"pull request, merged", merge, []string{"GITHUB_EVENT_NAME", "pull_request", "GITHUB_SHA", merge}, main},
		{"pull request, its head", topic, []string{"GITHUB_EVENT_NAME", "pull_request", "GITHUB_SHA", merge, "EVENT_PULL_REQUEST_BASE", main}, root},
		{"pull request, base not here", topic, []string{"GITHUB_EVENT_NAME", "pull_request", "GITHUB_SHA", merge, "EVENT_PULL_REQUEST_BASE", strings.Repeat("a", 40)}, ""},
		{"merge group", merge, []string{"GITHUB_EVENT_NAME", "merge_group", "EVENT_MERGE_GROUP_BASE", root}, root},
		{"push", merge, []string{"GITHUB_EVENT_NAME", "push", "EVENT_BEFORE", main}, main},
		{"push of a new branch", merge, []string{"GITHUB_EVENT_NAME", "push", "EVENT_BEFORE", zeros}, ""},
		{"push, not a commit", merge, []string{"GITHUB_EVENT_NAME", "push", "EVENT_BEFORE", "--help"}, ""},
		{"by hand", merge, []string{"GITHUB_EVENT_NAME", "workflow_dispatch"}, ""},
		{"base is given", merge, []string{"GITHUB_EVENT_NAME", "push", "EVENT_BEFORE", main, "INPUT_BASE", "v1"}, "v1"},
		{"head is given", merge, []string{"GITHUB_EVENT_NAME", "push", "EVENT_BEFORE", main, "INPUT_HEAD", "v2"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r.t = t
			r.git("checkout", "--quiet", "--detach", tt.checkout)
			for _, name := range []string{"GITHUB_SHA", "EVENT_PULL_REQUEST_BASE", "EVENT_MERGE_GROUP_BASE", "EVENT_BEFORE", "INPUT_BASE", "INPUT_HEAD"} {
				r.set(name, "")
			}
			r.set(tt.env...)
			r.ends("check.sh", 0)
			got := ""
			for _, a := range r.arguments() {
				if base, ok := strings.CutPrefix(a, "--base="); ok {
					got = base
				}
			}
			if got != tt.want {
				t.Errorf("base %q, want %q", got, tt.want)
			}
		})
	}
}

// An output's value cannot end itself and set another one, as it can with a
// delimiter that is always the same.
func TestOutputsCannotBeForged(t *testing.T) {
	hostile := []string{
		"a\nverdict=pass", "a\nghadelimiter\nverdict=pass", "_GitHubActionsFileCommandDelimeter_\nverdict=pass", "verdict<<EOF\npass\nEOF", "", "%0A", "\n\n",
	}
	r := newRunner(t)
	r.set("LIB", filepath.Join(module(t), "scripts", "lib.sh"))
	for _, value := range hostile {
		r.write("output", "")
		r.set("VALUE", value)
		if code, out := r.exec("bash", "-c", `set -euo pipefail; . "$LIB"; output first "$VALUE"; output last x`); code != 0 {
			t.Fatal(out)
		}
		if diff := cmp.Diff(map[string]string{"first": value, "last": "x"}, r.outputs()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", value, diff)
		}
	}
}
