package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/internal/toolcache"
)

// What programs that keep hooks are installed from; pre-commit with all it needs.
const lefthookModule = "github.com/evilmartians/lefthook@v1.13.6"

var preCommitPackages = []string{
	"pre-commit==4.7.0", "cfgv==3.5.0", "distlib==0.4.4", "filelock==4.2.12", "identify==2.6.20", "nodeenv==1.12.0",
	"packaging==26.3", "platformdirs==4.14.7", "python-discovery==1.9.5", "PyYAML==6.0.3", "virtualenv==21.15.8",
}

// keeper is a program that keeps the hooks of a repository.
type keeper struct {
	name    string
	config  string // its file
	first   string // what the file holds before gate's entry is known
	before  string // what the entry follows
	install []string
	tool    func(t *testing.T) // installs the program, and lets this process find it
}

var keepers = []keeper{
	{
		name: "pre-commit", config: ".pre-commit-config.yaml", first: "repos: []\n", before: "repos:\n",
		install: []string{"python3", "-m", "pre_commit", "install", "--hook-type", "pre-push"}, tool: preCommit,
	},
	{
		name: "lefthook", config: "lefthook.yml", first: "pre-push:\n  jobs:\n    - run: git version\n", install: []string{"lefthook", "install"}, tool: lefthook,
	},
}

func preCommit(t *testing.T) {
	dir, err := toolcache.Dir(preCommitPackages[0], func(dir string) error {
		args := append([]string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--target", dir}, preCommitPackages...)
		return installTool(t, nil, "python3", args...)
	})
	if err != nil {
		toolcache.Absent(t, err.Error())
	}
	t.Setenv("PYTHONPATH", dir)
	t.Setenv("PRE_COMMIT_HOME", t.TempDir())
}

func lefthook(t *testing.T) {
	dir, err := toolcache.Dir(filepath.Base(lefthookModule), func(dir string) error {
		return installTool(t, []string{"GOBIN=" + dir, "GOFLAGS="}, "go", "install", lefthookModule)
	})
	if err != nil {
		toolcache.Absent(t, err.Error())
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func installTool(t *testing.T, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), env...) // outside of this module
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// The entries that gate hook install prints for hooks that are kept by others work in
// those others.
func TestHookEntriesWork(t *testing.T) {
	for _, k := range keepers {
		t.Run(k.name, func(t *testing.T) {
			k.tool(t)
			f := newFixture(t, "[target]\nbuild = [\"cp\", \"small.toml\", \"built\"]\nartifacts = [\"built\"]\nstart = [\"sh\", \"built\", \"{port}\"]\n")
			run := func(name string, args ...string) (string, error) {
				out, err := f.command(name, args...).CombinedOutput()
				return string(out), err
			}
			f.git("init", "--quiet", "--bare", "remote.git")
			f.git("remote", "add", "origin", "remote.git")
			f.git("push", "--quiet", "origin", "HEAD~1:refs/heads/main")

			f.write(k.config, k.first)
			if out, err := run(k.install[0], k.install[1:]...); err != nil {
				t.Fatalf("%v: %v\n%s", k.install, err, out)
			}
			said, err := run("gate", "hook", "install")
			_, entry, found := strings.Cut(said, "add to "+k.config+":\n\n")
			entry, _, ended := strings.Cut(entry, "\n\nand run: ")
			if err == nil || !found || !ended {
				t.Fatalf("gate hook install: %v\n%s", err, said)
			}
			f.write(k.config, k.before+entry+"\n")
			f.git("add", k.config) // pre-commit reads what is staged
			if out, err := run(k.install[0], k.install[1:]...); err != nil {
				t.Fatalf("%v: %v\n%s", k.install, err, out)
			}
			out, err := run("git", "push", "origin", "main")
			if err != nil {
				t.Errorf("the push ended with %v", err)
			}
			for _, want := range []string{"gate: main (", "against what the remote has", "gate: pass: identical builds"} {
				if !strings.Contains(out, want) {
					t.Errorf("the push does not say %q:\n%s", want, out)
				}
			}
			if out, err := run("gate", "hook", "status"); err != nil || !strings.Contains(out, "\ninstalled: ") || !strings.Contains(out, k.name) {
				t.Errorf("gate hook status: %v\n%s", err, out)
			}
			f.assertNothingLeft()
		})
	}
}
