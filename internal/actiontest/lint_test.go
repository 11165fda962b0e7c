package actiontest

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

// TestActionlint sees each workflow as one of this repository, with our own action
// as ./, which is the only way in which it looks at the inputs given to it.
func TestActionlint(t *testing.T) {
	root := module(t)
	project, err := actionlint.NewProject(root)
	if err != nil {
		t.Fatal(err)
	}
	lint := func(name, text string) []*actionlint.Error {
		t.Helper()
		linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{
			Shellcheck: shellcheck.need(t),
			ConfigFile: filepath.Join(root, ".github", "actionlint.yaml"),
			WorkingDir: root,
		})
		if err != nil {
			t.Fatal(err)
		}
		faults, err := linter.Lint(filepath.Join(root, ".github", "workflows", filepath.Base(name)), []byte(text), project)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return faults
	}
	ownAction := strings.NewReplacer("uses: "+own, "uses: ./", "uses: $/", "uses: ./")
	for _, name := range append(glob(t, ".github/workflows/*.yml"), consumers(t)...) {
		for _, fault := range lint(name, ownAction.Replace(read(t, name))) {
			t.Errorf("%s: %v", name, fault)
		}
	}
	// What it must find, lest it finds nothing.
	for _, wrong := range []string{"with:\n          surplus: x", "with:\n          mode: ${{ github.nonsense }}"} {
		text := strings.Replace(ownAction.Replace(read(t, "cmd/gate/starter/gate-pr.yml")), "uses: ./\n        with:", "uses: ./\n        "+wrong, 1)
		if len(lint("gate-pr.yml", text)) == 0 {
			t.Errorf("actionlint does not mind %q", wrong)
		}
	}
}

// handedOut writes the starter workflows as gate init does for a released build
// into a directory of workflows, and returns their paths.
func handedOut(t *testing.T) []string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), ".github", "workflows")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, name := range consumers(t) {
		text := strings.ReplaceAll(read(t, name), own, "fivegate/fivegate@"+strings.Repeat("0a", 20)+" # v1.0.0")
		path := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// audit runs zizmor at its most suspicious and returns what it says.
func audit(t *testing.T, paths ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), zizmor.need(t), append([]string{"--offline", "--no-progress", "--persona=auditor", "--strict-collection", "--color=never"}, paths...)...)
	cmd.Dir = module(t)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestZizmor(t *testing.T) {
	paths := append([]string{"action.yml"}, glob(t, ".github/workflows/*.yml")...)
	paths = append(append(paths, ".github/dependabot.yml"), handedOut(t)...)
	if out, err := audit(t, paths...); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	bad := filepath.Join(t.TempDir(), "bad.yml")
	if err := os.WriteFile(bad, []byte("on: pull_request_target\njobs:\n  x:\n    runs-on: x\n    steps:\n      - run: echo ${{ github.event.pull_request.title }}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := audit(t, bad); err == nil || !strings.Contains(out, "template-injection") {
		t.Errorf("zizmor does not mind a template injection: %v\n%s", err, out)
	}
}

// Every finding that is set aside says why, at the place.
func TestIgnoredFindingsAreExplained(t *testing.T) {
	ignored := regexp.MustCompile(`zizmor: ignore\[[a-z,-]+\](.*)`)
	names := append(glob(t, ".github/workflows/*.yml"), consumers(t)...)
	for _, name := range append(names, "action.yml", ".github/dependabot.yml") {
		for _, m := range ignored.FindAllStringSubmatch(read(t, name), -1) {
			if len(strings.Fields(m[1])) < 2 {
				t.Errorf("%s: %q does not say why", name, m[0])
			}
		}
	}
	disabled := regexp.MustCompile(`shellcheck disable=\S+(.*)`)
	for _, name := range glob(t, "scripts/*.sh") {
		for _, m := range disabled.FindAllStringSubmatch(read(t, name), -1) {
			if len(strings.Fields(m[1])) < 3 {
				t.Errorf("%s: %q does not say why", name, m[0])
			}
		}
	}
}

func TestShellcheck(t *testing.T) {
	names := append(glob(t, "scripts/*.sh"), ".ci/run")
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), shellcheck.need(t), append([]string{"--norc", "--external-sources", "--severity=style", "--format=gcc"}, args...)...)
		cmd.Dir = module(t)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run(names...); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	bad := filepath.Join(t.TempDir(), "bad.sh")
	if err := os.WriteFile(bad, []byte("#!/bin/bash\nrm -rf $1/*\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := run(bad); err == nil {
		t.Errorf("shellcheck does not mind an unquoted variable: %s", out)
	}
}
