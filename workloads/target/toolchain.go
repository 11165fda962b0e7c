package target

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// toolchain is what a build command is known to do.
type toolchain struct {
	name    string
	version string // part of the cache key
	// cacheable: everything that the build makes and the target needs is in the
	// artifacts, and depends on the source tree, command, environment and version.
	cacheable bool
	// variesLayout: command makes another layout of every seed.
	variesLayout bool
	why          string // why not
	goFlags      goFlags
	isGo         bool
}

// identifyToolchain looks at the build command of a target.
func identifyToolchain(ctx context.Context, cfg Config, worktree string, env []string) (toolchain, error) {
	program, err := FindProgram(cfg.Build[0], worktree)
	if err != nil {
		return toolchain{}, err
	}
	kind := toolchain{name: filepath.Base(cfg.Build[0]), variesLayout: mentionsLayout(cfg)}
	query := func(name string, args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir, cmd.Env = worktree, env
		out, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return strings.TrimSpace(string(out)), err
	}
	switch {
	case kind.name == "go" && len(cfg.Build) > 1 && (cfg.Build[1] == "build" || cfg.Build[1] == "test"): // test -c
		kind.isGo = true
		return identifyGo(kind, query, program)
	case kind.name == "cargo":
		version, err := query(program, "--version", "--verbose")
		if err != nil {
			return toolchain{}, fmt.Errorf("cargo --version: %w: %s", err, version)
		}
		compiler, err := query("rustc", "--version", "--verbose")
		kind.cacheable = err == nil
		kind.version = version + "\n" + compiler
		kind.why = "cargo links in one order unless {layout} stands in the build command or its environment"
		return kind, nil
	}
	kind.version, err = hashFile(program)
	// What an unknown build leaves beside its artifacts may be needed at run time:
	// only artifacts that are declared are known to be all.
	kind.cacheable = len(cfg.Artifacts) > 0
	kind.why = "{layout} stands neither in the build command nor in its environment"
	return kind, err
}

// mentionsLayout reports whether the seed gets into the build by a placeholder.
func mentionsLayout(cfg Config) bool {
	has := func(s string) bool { return strings.Contains(s, "{layout}") && !launchOnly(s) }
	if slices.ContainsFunc(cfg.Build, has) {
		return true
	}
	for _, value := range cfg.Env {
		if has(value) {
			return true
		}
	}
	return false
}

// command is the build command of one layout.
func (t toolchain) command(argv []string, worktree string, seed uint64) []string {
	out := expandAll(argv, buildPlaceholders(worktree, seed))
	if !t.isGo {
		return out
	}
	if t.goFlags.inserted {
		return t.goFlags.apply(out, seed)
	}
	return t.goFlags.apply(out, 0)
}

// buildKey is the cache key of a plan: all that its artifacts depend on, the
// layout apart. Go builds are reproducible from the files alone (paths and
// version-control stamps are left out); other builds may look at the commit.
func buildKey(plan *buildPlan, kind toolchain) string {
	source := plan.tree
	if !kind.isGo {
		source += " " + plan.a.commit
	}
	first := plan.layouts[0]
	return hashText("fivegate build 1", source, kind.version,
		strings.Join(plan.artifacts, "\x00"),
		strings.Join(withoutPlace(toolVariables(first.env), plan.a.dir), "\x00"))
}

// layoutKey is the cache key of one layout.
func layoutKey(plan *buildPlan, layout layoutCommand) string {
	return hashText(plan.key, fmt.Sprint(layout.seed),
		strings.Join(withoutPlace(layout.argv, plan.a.dir), "\x00"),
		strings.Join(withoutPlace(configEnvironment(plan.cfg, plan.a.dir, layout.seed), plan.a.dir), "\x00"))
}

// withoutPlace names the worktree by its placeholder again: it lies elsewhere in
// every session.
func withoutPlace(values []string, worktree string) []string {
	return expandAll(values, strings.NewReplacer(worktree, "{worktree}"))
}

// toolVariables are the variables of an environment that compilers and linkers
// are known to read.
func toolVariables(env []string) []string {
	prefixes := []string{"GO", "CGO_", "CARGO", "RUST", "CC", "CXX", "CFLAGS", "CPPFLAGS", "CXXFLAGS", "LDFLAGS", "LD_", "PKG_CONFIG", "MAKEFLAGS", "JAVA", "MAVEN", "NODE_", "ZIG", "AR"}
	// Where things are kept does not change what is made.
	places := []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOTMPDIR", "CARGO_HOME", "RUSTUP_HOME", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOTELEMETRY"}
	kept := withoutVariables(env, func(name string) bool {
		return slices.Contains(places, name) || !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	})
	slices.Sort(kept)
	return kept
}
