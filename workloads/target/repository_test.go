package target

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs a command in a directory and returns its output.
func run(t *testing.T, dir string, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(gitEnvironment(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// write writes files, given as pairs of name and contents.
func write(t *testing.T, dir string, files ...string) {
	t.Helper()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// commit commits all files of a repository, and returns the commit.
func commit(t *testing.T, dir string, files ...string) string {
	t.Helper()
	write(t, dir, files...)
	run(t, dir, "git", "add", "-A")
	run(t, dir, "git", "commit", "-q", "--allow-empty", "-m", "change")
	return run(t, dir, "git", "rev-parse", "HEAD")
}

// newRepository makes a repository on branch main with one commit.
func newRepository(t *testing.T, files ...string) (dir, first string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "project")
	write(t, dir, "README", "a project\n")
	run(t, dir, "git", "init", "-q", "-b", "main")
	return dir, commit(t, dir, files...)
}

func open(t *testing.T, dir string) *Repository {
	t.Helper()
	r, err := OpenRepository(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOpenRepository(t *testing.T) {
	dir, _ := newRepository(t, "sub/file", "x")
	for _, at := range []string{dir, filepath.Join(dir, "sub")} {
		r := open(t, at)
		if r.Name() != "project" || filepath.Base(r.top) != "project" {
			t.Errorf("opened at %s: %s in %s", at, r.Name(), r.top)
		}
	}
	if _, err := OpenRepository(t.Context(), t.TempDir()); !errors.Is(err, ErrNotRepository) {
		t.Errorf("no repository: %v", err)
	}
	bare := t.TempDir()
	run(t, bare, "git", "init", "-q", "--bare")
	if _, err := OpenRepository(t.Context(), bare); !errors.Is(err, ErrBare) {
		t.Errorf("bare repository: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := OpenRepository(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "git is not installed") {
		t.Errorf("without git: %v", err)
	}
}

// Inside a hook git's variables point at another repository and index.
func TestHookEnvironmentIsIgnored(t *testing.T) {
	dir, first := newRepository(t)
	other, _ := newRepository(t, "other", "x")
	t.Setenv("GIT_DIR", filepath.Join(other, ".git"))
	t.Setenv("GIT_INDEX_FILE", filepath.Join(other, ".git", "index"))
	if id, err := open(t, dir).Resolve(t.Context(), "HEAD"); id != first || err != nil {
		t.Errorf("HEAD is %s, %v; want %s", id, err, first)
	}
}

func TestResolve(t *testing.T) {
	dir, first := newRepository(t)
	second := commit(t, dir, "file", "2")
	run(t, dir, "git", "tag", "-a", "v1", "-m", "v1", first)
	run(t, dir, "git", "branch", "--", "feature/x", first)
	r := open(t, dir)
	for ref, want := range map[string]string{
		"HEAD": second, "HEAD~1": first, "v1": first, "main": second, first[:8]: first, second: second, "feature/x": first,
	} {
		if got, err := r.Resolve(t.Context(), ref); got != want || err != nil {
			t.Errorf("%s is %s, %v; want %s", ref, got, err, want)
		}
	}
	for ref, want := range map[string]string{
		"origin/main":   "git fetch origin main",
		"gone":          "git fetch origin gone",
		"HEAD:README":   "no such commit",
		"":              "empty ref",
		"--help":        "begins with a dash",
		"HEAD^{tree}":   "no such commit",
		"feature/x y":   "no such commit",
		"\n":            "no such commit",
		"0000000000000": "no such commit",
	} {
		_, err := r.Resolve(t.Context(), ref)
		if !errors.Is(err, ErrNoCommit) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v; want %q", ref, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Resolve(ctx, "HEAD"); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
}

func TestMergeBase(t *testing.T) {
	dir, first := newRepository(t)
	run(t, dir, "git", "checkout", "-q", "-b", "change")
	commit(t, dir, "change", "x")
	run(t, dir, "git", "checkout", "-q", "main")
	commit(t, dir, "main", "x")
	run(t, dir, "git", "checkout", "-q", "--orphan", "alone")
	commit(t, dir, "alone", "x")
	r := open(t, dir)
	if got, err := r.MergeBase(t.Context(), "main", "change"); got != first || err != nil {
		t.Errorf("merge base %s, %v; want %s", got, err, first)
	}
	for _, other := range []string{"alone", "gone", "-x"} {
		_, err := r.MergeBase(t.Context(), "main", other)
		if !errors.Is(err, ErrNoCommit) || !strings.Contains(err.Error(), other) {
			t.Errorf("merge base of main and %s: %v", other, err)
		}
	}
}

func TestShallowClone(t *testing.T) {
	dir, _ := newRepository(t)
	run(t, dir, "git", "checkout", "-q", "-b", "change")
	commit(t, dir, "change", "x")
	commit(t, dir, "change", "y")
	clone := filepath.Join(t.TempDir(), "clone")
	run(t, dir, "git", "clone", "-q", "--depth", "1", "--no-single-branch", "file://"+dir, clone)
	r := open(t, clone)
	if _, err := r.Resolve(t.Context(), strings.Repeat("0", 39)+"1"); err == nil || !strings.Contains(err.Error(), "fetch-depth: 0") ||
		!strings.Contains(err.Error(), "git fetch --unshallow") {
		t.Errorf("missing commit in a shallow clone: %v", err)
	}
	if _, err := r.MergeBase(t.Context(), "origin/main", "origin/change"); err == nil || !strings.Contains(err.Error(), "fetch-depth: 0") {
		t.Errorf("merge base in a shallow clone: %v", err)
	}
}

func TestDefaultBranch(t *testing.T) {
	dir, _ := newRepository(t)
	clone := filepath.Join(t.TempDir(), "clone")
	run(t, dir, "git", "clone", "-q", dir, clone)
	check := func(name, dir, want string) {
		t.Helper()
		got, err := open(t, dir).DefaultBranch(t.Context())
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: default branch %q, %v; want %q", name, got, err, want)
		}
	}
	check("local", dir, "main")
	check("clone", clone, "origin/main")
	run(t, clone, "git", "remote", "set-head", "origin", "-d")
	check("clone without origin/HEAD", clone, "origin/main")
	run(t, dir, "git", "branch", "-m", "main", "master")
	check("old name", dir, "master")
	run(t, dir, "git", "branch", "-m", "master", "trunk")
	check("other name", dir, "")
	run(t, dir, "git", "config", "init.defaultBranch", "trunk")
	check("configured name", dir, "trunk")
}

func TestDirty(t *testing.T) {
	dir, _ := newRepository(t, "file", "1")
	for _, step := range []struct {
		file string
		want bool
	}{{"new", false}, {"file", true}} {
		write(t, dir, step.file, "2")
		if got, err := open(t, dir).Dirty(t.Context()); got != step.want || err != nil {
			t.Errorf("after writing %s: dirty is %v, %v", step.file, got, err)
		}
	}
}
