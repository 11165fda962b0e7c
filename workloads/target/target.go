// Package target builds the system under test, starts it, proves that it is the
// one that answers, measures what it uses, and takes it away again.
//
// It knows nothing of requests, metrics or verdicts. The order of use is
//
//	repository, err := target.OpenRepository(ctx, ".")
//	session, err := target.NewSession(ctx, repository)
//	defer session.Close()
//	builds, err := session.Build(ctx, "base", commit, config, []uint64{11, 23}, nil)
//	process, err := session.Start(ctx, target.LaunchSpec{Config: config, Build: builds[0], CPUs: []int{0}})
//	before := process.CPU()
//	…
//	used := process.CPU() - before
//	_, err = process.Stop(ctx, 5*time.Second)
//
// Whatever way a run ends, nothing of it stays: Close removes children, ports,
// worktrees and files; a killed gate takes its targets with it (the kernel's
// parent-death signal); and the next session sweeps what a killed one left.
//
// Both arms see paths, environments and arguments of equal length, since the
// size of the environment alone moves the stack and with it the speed of a
// program (Mytkowicz et al., "Producing wrong data without doing anything
// obviously wrong", ASPLOS 2009).
//
// Targets are processes. A container started through a daemon is not a child of
// gate, so its CPU cannot be counted; the identity proof refuses it.
package target

import (
	"slices"
	"strings"
	"time"
)

// Config says how a target is built, started and asked whether it is ready: the
// [target] table of gate.toml. Commands are argument lists, never handed to a
// shell. These words in braces are replaced in Start, Env and Ready:
//
//	{port} {port2}  free loopback ports, five digits, new at every launch
//	{data}          the launch's data directory
//	{worktree}      the arm's checkout, which is also the working directory
//	{layout}        the link-order seed of the build; 0 is the linker's own order
//
// Build knows {worktree} and {layout} only.
type Config struct {
	// Driver names the driver that speaks the target's protocol. Not used here.
	Driver string
	// Build is the command that builds an arm, run in its worktree. Empty: the
	// target needs no build.
	Build []string
	// Start is the command that starts the target. A relative path with a slash
	// is an artifact, or else a file of the worktree; a bare name is looked up in
	// PATH. An argument that is exactly an artifact's path means the copy that
	// belongs to the layout.
	Start []string
	// Env is added to gate's own environment for the target, and, except for
	// values with {port}, {port2} or {data}, for the build.
	Env map[string]string
	// Ready is what to await: "http://…" or "https://…" (an answer in 200–299),
	// "tcp://HOST:PORT" (a connection), "log:REGEXP" (an output line that
	// matches). Empty: a connection to {port} where Start or Env uses it, and
	// otherwise nothing.
	Ready string
	// ReadyTimeout is how long to await it; 0 means DefaultReadyTimeout.
	ReadyTimeout time.Duration
	// Artifacts are the files and directories, relative to the worktree, that
	// the build makes and the target needs. Empty: Start[0] where that is a
	// relative path with a slash.
	Artifacts []string
	// Part tells builds of one arm apart that are kept side by side, such as the
	// test binaries of its packages: a build replaces the artifacts of the same
	// part only. A short name without slashes; may be empty.
	Part string
	// Layouts is how many layouts to build for each arm. Not used here: the
	// caller turns it into seeds.
	Layouts int
}

// DefaultReadyTimeout is how long a target may take to become ready where the
// configuration does not say. Chosen: long enough for a JVM on a slow runner.
const DefaultReadyTimeout = 60 * time.Second

// artifacts are the declared artifacts or their default.
func (c Config) artifacts() []string {
	if len(c.Artifacts) > 0 || len(c.Start) == 0 || !isRelativePath(c.Start[0]) {
		return c.Artifacts
	}
	return []string{c.Start[0]}
}

// isRelativePath tells "bin/server" from "server" (looked up in PATH) and
// "/usr/bin/server".
func isRelativePath(name string) bool {
	return strings.Contains(name, "/") && !strings.HasPrefix(name, "/")
}

// uses reports whether the launch of c refers to the placeholder.
func (c Config) uses(placeholder string) bool {
	has := func(s string) bool { return strings.Contains(s, placeholder) }
	if slices.ContainsFunc(c.Start, has) || has(c.Ready) {
		return true
	}
	for _, value := range c.Env {
		if has(value) {
			return true
		}
	}
	return false
}

// launchOnly reports whether a value makes sense only for a started target.
func launchOnly(value string) bool {
	return strings.Contains(value, "{port}") || strings.Contains(value, "{port2}") || strings.Contains(value, "{data}")
}

// expandAll replaces the placeholders in every argument.
func expandAll(args []string, with *strings.Replacer) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = with.Replace(arg)
	}
	return out
}
