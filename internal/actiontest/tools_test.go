package actiontest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/fivegate/fivegate/internal/toolcache"
)

// tool is a program that tests need and that is installed when first used, into
// the user's cache, by exactly the version and digests that this repository names.
type tool struct {
	name    string // with its version: the name of its directory in the cache
	program string // its path in that directory
	install func(t testing.TB, dir string) error
	instead string // program on the PATH that will do where this one cannot be installed

	once sync.Once
	path string
	err  error
}

var (
	zizmor     = &tool{name: "zizmor-1.32.0", program: "bin/zizmor", install: fromPyPI("zizmor.txt")}
	shellcheck = &tool{name: "shellcheck-0.11.0.1", program: "bin/shellcheck", install: fromPyPI("shellcheck.txt"), instead: "shellcheck"}
	act        = &tool{name: "act-0.2.89", program: "act", install: fromGo("github.com/nektos/act")}
)

// need returns the program's path. A test is skipped where it cannot be installed,
// and fails instead where CI says that nothing may be skipped.
func (x *tool) need(t testing.TB) string {
	t.Helper()
	x.once.Do(func() {
		if x.path, x.err = x.find(t); x.err == nil || x.instead == "" {
			return
		}
		if path, err := exec.LookPath(x.instead); err == nil {
			x.path, x.err = path, nil
		}
	})
	if x.err == nil {
		return x.path
	}
	toolcache.Absent(t, fmt.Sprintf("%s cannot be installed: %v", x.name, x.err))
	return ""
}

func (x *tool) find(t testing.TB) (string, error) {
	dir, err := toolcache.Dir(x.name, func(dir string) error {
		t.Logf("installing %s", x.name)
		if err := x.install(t, dir); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(dir, x.program)); err != nil {
			return fmt.Errorf("installed without its program: %w", err)
		}
		return nil
	})
	return filepath.Join(dir, x.program), err
}

// fromPyPI installs the wheel that a file of testdata/tools names with its digests.
// Both tools are native programs; nothing of Python runs them.
func fromPyPI(requirements string) func(testing.TB, string) error {
	return func(t testing.TB, dir string) error {
		return command(t, "", "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
			"--only-binary=:all:", "--require-hashes", "--requirement", filepath.Join("testdata", "tools", requirements), "--target", dir)
	}
}

// fromGo builds a program at the version that scripts/tools/go.mod names, with the
// sums of scripts/tools/go.sum.
func fromGo(pkg string) func(testing.TB, string) error {
	return func(t testing.TB, dir string) error {
		return command(t, filepath.Join(module(t), "scripts", "tools"), "go", "build", "-trimpath", "-o", dir+string(filepath.Separator), pkg)
	}
}

func command(t testing.TB, dir string, argv ...string) error {
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", argv[0], err, out.String())
	}
	return nil
}
