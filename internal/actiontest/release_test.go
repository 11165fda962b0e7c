package actiontest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The checksums of a release are committed before it is built for good; so the same
// source must give the same bytes wherever it lies.
func TestReleaseIsReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("builds gate twice; run without -short")
	}
	platform := runtime.GOOS + "/" + runtime.GOARCH
	var sums [2]string
	for i, source := range []string{module(t), copyOfModule(t)} {
		out := filepath.Join(t.TempDir(), "dist")
		cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(source, "scripts", "release.sh"), "v1.2.3", out, platform)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		text, err := os.ReadFile(filepath.Join(out, "checksums.txt"))
		if err != nil {
			t.Fatal(err)
		}
		sums[i] = string(text)
		program := filepath.Join(out, "gate_v1.2.3_"+runtime.GOOS+"_"+runtime.GOARCH)
		says, err := exec.CommandContext(t.Context(), program, "version").Output()
		if err != nil || !strings.HasPrefix(string(says), "gate v1.2.3 go1.") {
			t.Errorf("gate version says %q, %v", says, err)
		}
	}
	if sums[0] != sums[1] {
		t.Errorf("the same source gives other bytes elsewhere:\n%s%s", sums[0], sums[1])
	}
}

func TestReleaseRefusesVersions(t *testing.T) {
	for _, version := range []string{"1.2.3", "v1.2", "v1.2.3 -X main.main=x", "v1.2.3\nv1.2.4", ""} {
		cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(module(t), "scripts", "release.sh"), version, t.TempDir())
		if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() != 3 {
			t.Errorf("%q: %v, %s", version, err, out)
		}
	}
}

// copyOfModule is what GitHub hands to a workflow that uses the action: the files
// under version control, or to be so, and nothing else.
func copyOfModule(t *testing.T) string {
	t.Helper()
	root, dir := module(t), filepath.Join(t.TempDir(), "action")
	list := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
