package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/verdict"
)

// wrapped is a target whose start is a script of the repository, so that a
// commit can change what is started.
const wrapped = `[target]
driver = "engram"
start = ["sh", "serve.sh", "{port}", "{data}"]
`

const serve = "exec gate refstore --port \"$1\" --data \"$2\" "

// A check of a commit that doubles the CPU of every request, by its real
// command line: it is a regression, it is written down, and the report of the
// document is the check's own, byte for byte. On a machine so busy that the
// engine is late it must be invalid, and never a pass.
func TestCheckFindsWhatACommitPlanted(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute; run without -short")
	}
	f := newFixture(t, wrapped)
	f.write("serve.sh", serve)
	f.git("add", ".")
	f.git("commit", "--quiet", "-m", "serve")
	f.git("checkout", "--quiet", "-b", "topic")
	f.write("serve.sh", serve+"--fault slowdown=100%")
	f.git("commit", "--quiet", "-am", "double the work")
	f.write("change.txt", "not committed\n")

	out := filepath.Join(t.TempDir(), "out")
	r := f.start("check", "--budget", "75s", "--out", out)
	r.drain()
	code := r.cmd.ProcessState.ExitCode()
	said := r.out.text.String()
	f.assertNothingLeft()

	data, err := os.ReadFile(filepath.Join(out, "verdict.json"))
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	var v struct {
		Verdict, Reason string
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	switch {
	case v.Verdict == string(verdict.Regression) && code == verdict.ExitRegression:
	case v.Verdict == string(verdict.Invalid) && code == verdict.ExitInvalid && strings.Contains(v.Reason, "too busy"):
		t.Logf("this machine was too busy: %s", v.Reason)
	default:
		t.Fatalf("verdict %s, exit code %d; want a regression\n%s", v.Verdict, code, said)
	}
	for _, words := range []string{"uncommitted changes", "merge base with main"} {
		if !strings.Contains(said, words) && !bytes.Contains(data, []byte(words)) {
			t.Errorf("neither output nor verdict says %q", words)
		}
	}
	var again, errs bytes.Buffer
	if got := run([]string{"report", "--json", filepath.Join(out, "result.json")}, strings.NewReader(""), &again, &errs); got != code {
		t.Errorf("gate report ends with %d, the check with %d: %s", got, code, errs.String())
	}
	if !bytes.Equal(again.Bytes(), data) {
		t.Error("gate report gives another verdict than the check")
	}
}

// Equal bytes need no measuring.
func TestIdenticalBuildsPassAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, storeTarget()+"build = [\"sh\", \"-c\", \"echo same > built\"]\nartifacts = [\"built\"]\n")
	f.start("check", "--base", "HEAD~1").ends(verdict.ExitPass, "identical builds")
}

// On the default branch itself there is nothing to compare.
func TestHeadIsItsOwnMergeBase(t *testing.T) {
	t.Parallel()
	newFixture(t, storeTarget()).start("check").ends(verdict.ExitInvalid, "no change to judge", "--base")
}
