package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/result/resulttest"
)

// A push that is a regression is stopped under --strict and told otherwise. Its
// verdict is known already, so that nothing is measured.
func TestHookStopsARegressionOnlyWhenStrict(t *testing.T) {
	f := newFixture(t, storeTarget())
	t.Setenv("XDG_CACHE_HOME", f.cache)
	t.Chdir(f.repo)
	c := hookCheck{cmd: &cobra.Command{}, say: t.Logf, budget: defaultHookBudget}
	if err := c.configure(); err != nil {
		t.Fatal(err)
	}
	base, head := strings.TrimSpace(f.git("rev-parse", "HEAD~1")), strings.TrimSpace(f.git("rev-parse", "HEAD"))
	c.question.Base, c.question.Head = base, head
	if _, err := c.known.Write(c.question, resulttest.Check(resulttest.Options{Seed: 3, Effects: map[string]float64{"cpu_per_op": 0.2}})); err != nil {
		t.Fatal(err)
	}
	f.git("init", "--quiet", "--bare", "remote.git")
	f.git("remote", "add", "origin", "remote.git")
	f.git("push", "--quiet", "origin", base+":refs/heads/main")

	f.git("config", "core.hooksPath", t.TempDir())
	for _, tt := range []struct {
		install []string
		stopped bool
		says    string
	}{
		{[]string{"hook", "install"}, false, "WARNING: this push is a regression; it goes through"},
		{[]string{"hook", "install", "--strict"}, true, "the push is stopped by a regression"},
	} {
		if out, err := f.command("gate", tt.install...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", tt.install, err, out)
		}
		out, err := f.command("git", "push", "--dry-run", "origin", "main").CombinedOutput()
		var exit *exec.ExitError
		if stopped := errors.As(err, &exit); stopped != tt.stopped {
			t.Errorf("%v: the push ended with %v\n%s", tt.install, err, out)
		}
		for _, want := range []string{"as measured before", "gate: regression: ", tt.says} {
			if !strings.Contains(string(out), want) {
				t.Errorf("%v does not say %q:\n%s", tt.install, want, out)
			}
		}
	}
	f.assertNothingLeft()
}

// command is one of the fixture's repository, outside of CI.
func (f *fixture) command(name string, args ...string) *exec.Cmd {
	if name == "gate" {
		name = f.path
	}
	cmd := exec.CommandContext(f.t.Context(), name, args...)
	cmd.Dir, cmd.Env = f.repo, append(f.env(), "CI=", "GATE_SKIP=", "SKIP=", "LEFTHOOK=")
	return cmd
}

// What a minute cannot see does not decide; what was chosen stays.
func TestHookConfiguration(t *testing.T) {
	store := "[target]\nstart = [\"gate\", \"refstore\", \"--port\", \"{port}\"]\n"
	for name, tt := range map[string]struct{ text, scenario, gating string }{
		"the default":                     {store, quickScenario, "cpu_per_op throughput error_rate"},
		"a scenario of one's own":         {store + "[check]\nscenario = \"small.toml\"\n", "small.toml", "cpu_per_op throughput error_rate"},
		"fewer metrics":                   {store + "[policy]\ngating = [\"latency.p50\", \"cpu_per_op\"]\n", quickScenario, "cpu_per_op"},
		"only times":                      {store + "[policy]\ngating = [\"latency.p50\"]\n", quickScenario, "latency.p50"},
		"a server with requests of their": {"[target]\ndriver = \"http\"\nstart = [\"server\", \"{port}\"]\nready = \"http://127.0.0.1:{port}/\"\n", "", "cpu_per_op throughput error_rate"},
	} {
		t.Chdir(t.TempDir())
		for file, text := range map[string]string{"gate.toml": tt.text, "small.toml": smallScenario} {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c := hookCheck{budget: defaultHookBudget}
		if err := c.configure(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(c.cfg.Gating, " "); c.cfg.Scenario != tt.scenario || got != tt.gating || c.cfg.Budget != defaultHookBudget {
			t.Errorf("%s: %q %q %s", name, c.cfg.Scenario, got, c.cfg.Budget)
		}
	}
}
