package actiontest

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// runner is what GitHub's runner gives to a step: a temporary directory, files for
// outputs and summary, and an environment; nothing else of this process's own.
type runner struct {
	t    *testing.T
	dir  string // holds all of the below
	work string // the step's working directory
	env  map[string]string
}

// coreutils are what the scripts may use of a runner; Go, and gate itself, are not
// among them.
var coreutils = []string{
	"awk", "bash", "cat", "chmod", "cp", "curl", "cut", "dirname", "env", "find", "git", "grep", "mkdir", "mktemp",
	"mv", "od", "rm", "sed", "sh", "sha256sum", "shasum", "tr", "uname",
}

func newRunner(t *testing.T) *runner {
	t.Helper()
	dir := t.TempDir()
	r := &runner{t: t, dir: dir, work: filepath.Join(dir, "work")}
	for _, name := range []string{"work", "temp", "tools", "bin"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	r.env = map[string]string{
		"HOME": dir, "LANG": "C.UTF-8", "PATH": filepath.Join(dir, "bin"),
		"RUNNER_TEMP": filepath.Join(dir, "temp"), "RUNNER_TOOL_CACHE": filepath.Join(dir, "tools"),
		"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64",
		"GITHUB_OUTPUT": filepath.Join(dir, "output"), "GITHUB_STEP_SUMMARY": filepath.Join(dir, "summary"),
		"GITHUB_ENV": filepath.Join(dir, "env"), "GITHUB_PATH": filepath.Join(dir, "path"),
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.invalid", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.invalid",
	}
	linkCoreutils(t, filepath.Join(dir, "bin"))
	return r
}

// linkCoreutils fills a directory with links to the tools that a runner has.
func linkCoreutils(t *testing.T, dir string) {
	t.Helper()
	for _, name := range coreutils {
		path, err := exec.LookPath(name)
		if err != nil {
			continue // sha256sum or shasum: one of them suffices
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// set puts variables into the environment of the steps to come.
func (r *runner) set(pairs ...string) *runner {
	for i := 0; i < len(pairs); i += 2 {
		r.env[pairs[i]] = pairs[i+1]
	}
	return r
}

// write writes an executable file in a directory of the runner. A link is replaced,
// never followed: those in bin are to programs of this machine.
func (r *runner) write(name, text string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// read returns a file of the runner; empty when there is none.
func (r *runner) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(r.dir, name))
	return string(text)
}

// step runs one of the action's scripts and returns its exit code and what it said.
func (r *runner) step(name string) (int, string) {
	r.t.Helper()
	return r.exec("bash", filepath.Join(module(r.t), "scripts", name))
}

func (r *runner) exec(argv ...string) (int, string) {
	r.t.Helper()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.CommandContext(r.t.Context(), path, argv[1:]...)
	cmd.Dir = r.work
	for _, name := range slices.Sorted(maps.Keys(r.env)) {
		cmd.Env = append(cmd.Env, name+"="+r.env[name])
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode(), out.String()
	case err != nil:
		r.t.Fatal(err)
	}
	return 0, out.String()
}

// ends runs a script that must end with a code and say some words.
func (r *runner) ends(script string, code int, words ...string) string {
	r.t.Helper()
	got, out := r.step(script)
	if got != code {
		r.t.Errorf("%s ended with %d, want %d:\n%s", script, got, code, out)
	}
	for _, w := range words {
		if !strings.Contains(out, w) {
			r.t.Errorf("%s does not say %q:\n%s", script, w, out)
		}
	}
	return out
}

// outputs reads the output file as the runner does: name=value, or name<<DELIMITER
// with the value on the lines up to the delimiter.
func (r *runner) outputs() map[string]string {
	r.t.Helper()
	outputs := map[string]string{}
	lines := strings.Split(strings.TrimSuffix(r.read("output"), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		name, delimiter, heredoc := strings.Cut(lines[i], "<<")
		if !heredoc {
			name, value, ok := strings.Cut(lines[i], "=")
			if !ok && lines[i] != "" {
				r.t.Fatalf("line %d of the outputs is %q", i+1, lines[i])
			}
			outputs[name] = value
			continue
		}
		var value []string
		for i++; i < len(lines) && lines[i] != delimiter; i++ {
			value = append(value, lines[i])
		}
		if i == len(lines) {
			r.t.Fatalf("output %s has no end", name)
		}
		outputs[name] = strings.Join(value, "\n")
	}
	return outputs
}

// git runs git in the working directory and returns what it prints.
func (r *runner) git(args ...string) string {
	r.t.Helper()
	code, out := r.exec(append([]string{"git"}, args...)...)
	if code != 0 {
		r.t.Fatalf("git %v: %s", args, out)
	}
	return strings.TrimSpace(out)
}

// commit makes a commit with a file of its own and returns it.
func (r *runner) commit(name string) string {
	r.t.Helper()
	r.write("work/"+name, name+"\n")
	r.git("add", ".")
	r.git("commit", "--quiet", "-m", name)
	return r.git("rev-parse", "HEAD")
}
