package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// exitCodeCommand is `exitcode N command…`: the command must end with that code.
func exitCodeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N command [args]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = fmt.Sprint(exit.ExitCode())
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

//go:embed testdata/small.toml
var smallScenario string

// captureCommand is `capture NAME command…`: the variable becomes what the command
// prints, without the spaces around it.
func captureCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: capture NAME command [args]")
	}
	ts.Check(ts.Exec(args[1], args[2:]...))
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// fixture is a repository with two commits whose target is the reference store
// of this very binary, in a world of its own: what a run leaves behind is seen.
type fixture struct {
	t                      *testing.T
	repo, tmp, cache, mark string
	dir                    string // where gate is started
	path                   string // of the gate command
}

func newFixture(t *testing.T, target string) *fixture {
	t.Helper()
	root := t.TempDir()
	f := &fixture{t: t, repo: filepath.Join(root, "repo"), dir: filepath.Join(root, "repo"), tmp: filepath.Join(root, "tmp"), cache: filepath.Join(root, "cache"), mark: "GATE_TEST_MARK=" + filepath.Base(root) + t.Name()}
	bin := filepath.Join(root, "bin")
	for _, dir := range []string{f.repo, f.tmp, f.cache, bin} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f.path = filepath.Join(bin, "gate")
	if err := os.Symlink(self, f.path); err != nil {
		t.Fatal(err)
	}
	f.git("init", "--quiet", "--initial-branch=main")
	f.write("small.toml", smallScenario)
	f.write("gate.toml", target+"\n[check]\nscenario = \"small.toml\"\nbudget = \"5m\"\n")
	f.git("add", ".")
	f.git("commit", "--quiet", "-m", "base")
	f.write("change.txt", "a change\n")
	f.git("add", ".")
	f.git("commit", "--quiet", "-m", "head")
	return f
}

// storeTarget is a [target] table that starts the reference store with faults.
func storeTarget(args ...string) string {
	start := []string{`"gate"`, `"refstore"`, `"--port"`, `"{port}"`, `"--data"`, `"{data}"`}
	for _, a := range args {
		start = append(start, fmt.Sprintf("%q", a))
	}
	return "[target]\ndriver = \"engram\"\nready = \"http://127.0.0.1:{port}/health/alive\"\nstart = [" + strings.Join(start, ", ") + "]\n"
}

func (f *fixture) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.repo, name), []byte(text), 0o666); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) env() []string {
	return append(os.Environ(), "TMPDIR="+f.tmp, "XDG_CACHE_HOME="+f.cache, "PATH="+filepath.Dir(f.path)+":"+os.Getenv("PATH"), f.mark,
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.invalid", "GIT_COMMITTER_NAME=test",
		"GIT_COMMITTER_EMAIL=test@example.invalid", "GIT_CONFIG_GLOBAL=/dev/null")
}

func (f *fixture) git(args ...string) string {
	f.t.Helper()
	cmd := exec.CommandContext(f.t.Context(), "git", args...)
	cmd.Dir, cmd.Env = f.repo, f.env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// running is a gate that has been started.
type running struct {
	f      *fixture
	cmd    *exec.Cmd
	out    *watcher
	exited chan struct{} // closed at its end
}

// watcher collects output and tells when a text has been seen.
type watcher struct {
	writes chan []byte
	text   bytes.Buffer
}

func (w *watcher) Write(p []byte) (int, error) {
	w.writes <- bytes.Clone(p)
	return len(p), nil
}

func (f *fixture) start(args ...string) *running {
	f.t.Helper()
	cmd := exec.Command(f.path, args...)
	cmd.Dir, cmd.Env = f.dir, f.env()
	r := &running{f: f, cmd: cmd, out: &watcher{writes: make(chan []byte, 1024)}, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = r.out, r.out
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func() { _ = cmd.Wait(); close(r.exited); close(r.out.writes) }()
	f.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return r
}

// await returns when the output holds the text.
func (r *running) await(text string) {
	r.f.t.Helper()
	ctx, cancel := context.WithTimeout(r.f.t.Context(), 2*time.Minute)
	defer cancel()
	for !strings.Contains(r.out.text.String(), text) {
		select {
		case p, ok := <-r.out.writes:
			if !ok {
				r.f.t.Fatalf("gate ended before it said %q:\n%s", text, r.out.text.String())
			}
			r.out.text.Write(p)
		case <-ctx.Done():
			r.f.t.Fatalf("gate did not say %q:\n%s", text, r.out.text.String())
		}
	}
}

// drain waits for the end and keeps what was said.
func (r *running) drain() {
	for p := range r.out.writes {
		r.out.text.Write(p)
	}
	<-r.exited
}

// ends waits for the end and asserts the code, the words, and that nothing is
// left behind.
func (r *running) ends(code int, words ...string) {
	r.f.t.Helper()
	r.drain()
	out := r.out.text.String()
	if got := r.cmd.ProcessState.ExitCode(); got != code {
		r.f.t.Errorf("exit code %d, want %d", got, code)
	}
	flat := strings.Join(strings.Fields(out), " ") // reports are wrapped
	for _, w := range words {
		if !strings.Contains(flat, w) {
			r.f.t.Errorf("the output does not say %q", w)
		}
	}
	r.f.assertNothingLeft()
	r.assertReportable(out, code)
	if r.f.t.Failed() {
		r.f.t.Logf("output:\n%s", out)
	}
}

// assertReportable judges the document that a run has written again, however the
// run ended.
func (r *running) assertReportable(out string, code int) {
	r.f.t.Helper()
	_, after, wrote := strings.Cut(out, "result: ")
	if !wrote {
		return
	}
	path, _, _ := strings.Cut(after, "\n")
	var report, errs bytes.Buffer
	if got := run([]string{"report", path}, strings.NewReader(""), &report, &errs); got != code {
		r.f.t.Errorf("gate report %s ends with %d, want %d: %s%s", path, got, code, report.String(), errs.String())
	}
	if errs.Len() > 0 {
		r.f.t.Errorf("gate report %s: %s", path, errs.String())
	}
}

// assertNothingLeft looks for processes, files and worktrees of a run.
func (f *fixture) assertNothingLeft() {
	f.t.Helper()
	for _, pid := range f.processes() {
		args, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		f.t.Errorf("process %s is left: %q", pid, args)
	}
	left, err := os.ReadDir(f.tmp)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range left {
		f.t.Errorf("%s is left in the temporary directory", e.Name())
	}
	if trees := strings.Count(f.git("worktree", "list", "--porcelain"), "worktree "); trees != 1 {
		f.t.Errorf("%d worktrees, want the repository's own", trees)
	}
}

// processes are those that carry the fixture's mark in their environment.
func (f *fixture) processes() (pids []string) {
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		if env, err := os.ReadFile(path); err == nil && bytes.Contains(env, []byte(f.mark)) {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}
