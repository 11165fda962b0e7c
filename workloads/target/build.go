package target

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Build is one arm built in one layout.
type Build struct {
	Arm      string
	Commit   string // empty when prebuilt
	Layout   int    // index into the seeds asked for
	Seed     uint64 // link-order seed; 0 is the linker's own order
	Dir      string // copies of the artifacts; empty when there are none
	Worktree string // the arm's checkout and the target's working directory
	// SHA256 is the hash of the artifacts, hex: two builds with the same one are
	// the same program. Where nothing is known about artifacts it is the hash of
	// the source tree and the commands.
	SHA256  string
	Elapsed time.Duration // 0 when Cached
	Cached  bool
}

// BuildError is a build command that failed.
type BuildError struct {
	Arm     string
	Command []string
	Status  string // how it ended: "exit status 1", "signal: killed", why it could not start
	Output  string // the last 256 KiB of both its outputs
	Hint    string // what may be behind it; may be empty
	err     error
}

// errorLines is how much of a program's output an error shows. Chosen: a
// compiler's last message fits, a terminal screen is not flooded.
const errorLines = 30

func (e *BuildError) Error() string {
	return fmt.Sprintf("build %s: `%s`: %s%s%s", e.Arm, strings.Join(e.Command, " "), e.Status, quoteTail(e.Output), e.Hint)
}

// Unwrap gives the cause: an *exec.ExitError, or the context's error.
func (e *BuildError) Unwrap() error { return e.err }

// Build makes an arm from a commit, once for every seed that its toolchain can
// use, in a worktree of its own. Go links in another function order for every
// seed; any other build command does so by means of {layout}; without it there is
// one layout, whatever seeds were asked for, with Layout and Seed 0. With no build
// command the artifacts are taken from the checkout. Layouts are built one after
// another, since they share the worktree; relinking is about a second.
//
// Progress, if not nil, is called before each layout and once at the end with the
// number done and the number in all. A failed command gives a *BuildError; ctx is
// the time limit. A daemon that a build leaves behind (some build tools do) lives
// until Close.
func (s *Session) Build(ctx context.Context, arm, commit string, cfg Config, seeds []uint64, progress func(done, total int)) ([]Build, error) {
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	a := s.arm(arm)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := s.checkOut(ctx, a, commit); err != nil {
		return nil, fmt.Errorf("build %s: %w", arm, err)
	}
	plan, err := s.planBuild(ctx, arm, a, cfg, seeds)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", arm, err)
	}
	builds := make([]Build, 0, len(plan.layouts))
	for i, layout := range plan.layouts {
		if progress != nil {
			progress(i, len(plan.layouts))
		}
		build, err := s.buildLayout(ctx, plan, i, layout)
		if err != nil {
			return nil, err
		}
		builds = append(builds, build)
	}
	if progress != nil {
		progress(len(builds), len(builds))
	}
	return builds, nil
}

// Prebuilt makes a Build of what is already there: an absolute Start[0], a
// program in PATH, or artifacts in dir. The target runs in dir; empty means an
// empty private directory.
func (s *Session) Prebuilt(arm, dir string, cfg Config) (Build, error) {
	if len(cfg.Start) == 0 {
		return Build{}, fmt.Errorf("%s: start is empty: say how the target is started", arm)
	}
	if dir == "" {
		dir = filepath.Join(s.dir, s.armName(arm))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return Build{}, fmt.Errorf("%s: %w", arm, err)
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Build{}, fmt.Errorf("%s: %w", arm, err)
	}
	build := Build{Arm: arm, Worktree: dir}
	files := cfg.artifacts()
	if len(files) == 0 {
		program, err := FindProgram(cfg.Start[0], dir)
		if err != nil {
			return Build{}, fmt.Errorf("%s: %w", arm, err)
		}
		build.SHA256, err = hashFile(program)
		if err != nil {
			return Build{}, fmt.Errorf("%s: %w", arm, err)
		}
		return build, nil
	}
	out, err := s.artifactDir(arm, cfg.Part, 0)
	if err == nil {
		build.Dir = out
		build.SHA256, err = collectArtifacts(dir, out, files)
	}
	if err != nil {
		return Build{}, fmt.Errorf("%s: %w", arm, err)
	}
	return build, nil
}

// artifactDir makes the directory that holds one layout of a part's artifacts. Equal
// lengths for all arms and layouts.
func (s *Session) artifactDir(arm, part string, layout int) (string, error) {
	dir := filepath.Join(s.dir, "made", s.armName(arm), part, fmt.Sprintf("%03d", layout))
	if err := removeAll(dir); err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o700)
}

// buildPlan is what Build decided before it ran anything.
type buildPlan struct {
	arm       string
	a         *armDirectory
	cfg       Config
	artifacts []string
	tree      string // id of the checked-out files
	key       string // of the cache, without the layout; empty: not to be cached
	layouts   []layoutCommand
}

// layoutCommand is the build command of one layout.
type layoutCommand struct {
	seed uint64
	argv []string // empty: nothing to run
	env  []string // the whole environment
}

func (s *Session) planBuild(ctx context.Context, arm string, a *armDirectory, cfg Config, seeds []uint64) (*buildPlan, error) {
	if len(seeds) == 0 {
		seeds = []uint64{0}
	}
	tree, err := s.repository.tree(ctx, a.commit)
	if err != nil {
		return nil, err
	}
	plan := &buildPlan{arm: arm, a: a, cfg: cfg, artifacts: cfg.artifacts(), tree: tree}
	for _, name := range plan.artifacts {
		if !filepath.IsLocal(name) {
			return nil, fmt.Errorf("artifact %q: must be a path inside the worktree, without `..`", name)
		}
	}
	if len(cfg.Build) == 0 {
		plan.layouts = []layoutCommand{{}}
		return plan, nil
	}
	kind, err := identifyToolchain(ctx, cfg, a.dir, s.buildEnvironment(a.dir, cfg, 0))
	if err != nil {
		return nil, err
	}
	if !kind.variesLayout {
		if len(seeds) > 1 || seeds[0] != 0 {
			s.note("%s: one layout an arm, so the luck of its layout counts as an error of its own: %s", kind.name, kind.why)
		}
		seeds = []uint64{0}
	}
	for _, seed := range seeds {
		plan.layouts = append(plan.layouts, layoutCommand{
			seed: seed, argv: kind.command(cfg.Build, a.dir, seed), env: s.buildEnvironment(a.dir, cfg, seed),
		})
	}
	if kind.cacheable && len(plan.artifacts) > 0 && len(a.missing) == 0 {
		plan.key = buildKey(plan, kind)
	}
	return plan, nil
}

// Environment is what a program that belongs to an arm runs in: gate's own
// environment without what would tie it to another checkout. Its PWD is dir.
func (s *Session) Environment(dir string) []string { return s.buildEnvironment(dir, Config{}, 0) }

// buildEnvironment is gate's environment without what would tie a build to
// another checkout, with the target's own variables.
func (s *Session) buildEnvironment(worktree string, cfg Config, seed uint64) []string {
	env := withoutVariables(os.Environ(), func(name string) bool {
		// GOWORK and CARGO_TARGET_DIR would let both arms build, or share, the
		// user's checkout; GIT_ variables are a hook's.
		return strings.HasPrefix(name, "GIT_") || name == "GOWORK" || name == "CARGO_TARGET_DIR" || name == "PWD" || name == "OLDPWD"
	})
	if os.Getenv("GOWORK") == "off" {
		env = append(env, "GOWORK=off")
	}
	env = append(env, "PWD="+worktree, sessionVariable+"="+s.dir)
	return append(env, configEnvironment(cfg, worktree, seed)...)
}

// configEnvironment is the part of the target's variables that a build gets.
func configEnvironment(cfg Config, worktree string, seed uint64) []string {
	with := buildPlaceholders(worktree, seed)
	var env []string
	for _, name := range slices.Sorted(maps.Keys(cfg.Env)) {
		if value := cfg.Env[name]; !launchOnly(value) {
			env = append(env, name+"="+with.Replace(value))
		}
	}
	return env
}

func buildPlaceholders(worktree string, seed uint64) *strings.Replacer {
	return strings.NewReplacer("{worktree}", worktree, "{layout}", strconv.FormatUint(seed, 10))
}

// buildLayout takes one layout from the cache, or builds it and keeps a copy.
func (s *Session) buildLayout(ctx context.Context, plan *buildPlan, index int, layout layoutCommand) (Build, error) {
	build := Build{Arm: plan.arm, Commit: plan.a.commit, Layout: index, Seed: layout.seed, Worktree: plan.a.dir}
	if len(plan.artifacts) > 0 {
		dir, err := s.artifactDir(plan.arm, plan.cfg.Part, index)
		if err != nil {
			return Build{}, fmt.Errorf("build %s: %w", plan.arm, err)
		}
		build.Dir = dir
	}
	key := ""
	if plan.key != "" {
		key = layoutKey(plan, layout)
		if hash, ok := s.cache.get(key, build.Dir); ok {
			build.SHA256, build.Cached = hash, true
			return build, nil
		}
	}
	if len(layout.argv) > 0 {
		started := time.Now()
		if err := s.runBuild(ctx, plan, layout); err != nil {
			return Build{}, err
		}
		build.Elapsed = time.Since(started)
	}
	if build.Dir == "" {
		build.SHA256 = hashText(plan.tree, strings.Join(layout.argv, "\x00"), strings.Join(plan.cfg.Start, "\x00"))
		return build, nil
	}
	hash, err := collectArtifacts(plan.a.dir, build.Dir, plan.artifacts)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w; the build ended well without it: set `artifacts` in [target], or `start`, to what it makes", err)
	}
	if err != nil {
		return Build{}, fmt.Errorf("build %s: %w", plan.arm, err)
	}
	build.SHA256 = hash
	if key != "" {
		if err := s.cache.put(key, build.Dir); err != nil {
			s.note("builds are not cached: %v", err)
		}
	}
	return build, nil
}
