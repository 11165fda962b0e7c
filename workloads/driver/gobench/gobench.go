// Package gobench measures the benchmarks of a Go module: it finds them in both
// arms, builds the test binaries of their packages in several layouts, and runs
// each benchmark in processes of its own.
//
// A benchmark that only computes is measured as a duet: both arms at once on one
// CPU with GOMAXPROCS=1, by the CPU time of the process less that of a process
// that does next to nothing. All others — those that sleep, wait, run in
// parallel, stop the timer or have a large set-up — take turns, as `go test` would
// run them, by the time that they report. docs/go-benchmarks.md has the reasons.
package gobench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/target"
)

// Config says which benchmarks of which commits are measured.
type Config struct {
	Session  *target.Session
	Refs     [2]string // base and head, as the user named them
	Commits  [2]string
	Dir      string   // where patterns start, relative to the checkout
	Packages []string // patterns; none: ./...
	Bench    string   // as of go test -bench; empty: all
	CPU      []int    // GOMAXPROCS to measure at; none: as suits each benchmark
	Flags    []string // of go build, such as -tags=x
	Layouts  int      // of each arm
	Seed     uint64
	Anyway   bool // measure even what is the same bytes in both arms
	// Alternate makes all benchmarks take turns.
	Alternate bool
	CPUs      []int
	// Progress, if not nil, is told what is done before measuring begins.
	Progress func(text string, done, total int)
}

// Suite is all benchmarks of both arms. What they are is known after Find.
type Suite struct {
	Listed []result.Benchmark // those that are not measured, with their states
	Arms   []result.Arm
	CPU    int // where duets run

	cfg      Config
	filter   filter
	packages []*pkg
	subjects []*subject
	worktree [2]string
	roots    [2]string     // in the worktrees, where patterns start
	burn     time.Duration // time that one process should work for
}

// NoBenchmarksError says that there is nothing to measure.
type NoBenchmarksError struct{ Packages []string }

func (e *NoBenchmarksError) Error() string {
	return fmt.Sprintf("no package of %s has a benchmark (func BenchmarkX(b *testing.B)) in base or head", strings.Join(e.Packages, " "))
}

// Open checks out both arms, and builds their test binaries.
func Open(ctx context.Context, cfg Config) (*Suite, error) {
	if len(cfg.Packages) == 0 {
		cfg.Packages = []string{"./..."}
	}
	if cfg.Progress == nil {
		cfg.Progress = func(string, int, int) {}
	}
	chosen, err := parseFilter(cfg.Bench)
	if err != nil {
		return nil, err
	}
	s := &Suite{cfg: cfg, filter: chosen}
	if len(cfg.CPUs) > 0 {
		s.CPU = cfg.CPUs[len(cfg.CPUs)-1]
	}
	packages, err := s.checkOut(ctx)
	if err != nil {
		return nil, err
	}
	s.packages = packages
	return s, s.build(ctx, packages)
}

// checkOut makes the worktrees and finds the packages in them.
func (s *Suite) checkOut(ctx context.Context) ([]*pkg, error) {
	var arms [2][]listed
	for arm, name := range armNames {
		s.cfg.Progress("checking out "+name, arm, len(armNames))
		builds, err := s.cfg.Session.Build(ctx, name, s.cfg.Commits[arm], target.Config{}, nil, nil)
		if err != nil {
			return nil, err
		}
		s.worktree[arm] = builds[0].Worktree
		s.roots[arm] = filepath.Join(builds[0].Worktree, s.cfg.Dir)
		arms[arm], err = list(ctx, s.roots[arm], s.cfg.Session.Environment(s.roots[arm]), s.cfg)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	packages, err := pair(s.roots, arms)
	if err == nil && len(packages) == 0 {
		err = &NoBenchmarksError{s.cfg.Packages}
	}
	return packages, err
}

var armNames = [2]string{"base", "head"}

// build builds the layout that both arms share, tells by it which packages are
// the same in both, and builds the other layouts of those that are not.
func (s *Suite) build(ctx context.Context, packages []*pkg) error {
	seeds := layoutSeeds(s.cfg.Seed, s.cfg.Layouts)
	data, err := s.dataDiffers()
	if err != nil {
		return err
	}
	var sums [2][][]string // arm, layout, package
	var used [2][]uint64   // seeds; fewer than wanted where the linker cannot vary the layout
	both := func(p *pkg) bool { return p.dirs[0] != "" && p.dirs[1] != "" && p.broken == [2]string{} }
	for i, p := range packages {
		s.cfg.Progress("building test binaries, packages", i, len(packages))
		if !both(p) {
			continue
		}
		builds, err := s.buildPackage(ctx, i, p, [2][]uint64{seeds[0][:1], seeds[1][:1]})
		if err != nil {
			return err
		}
		if !both(p) {
			continue
		}
		same := builds[0][0].SHA256 == builds[1][0].SHA256 && !data
		if same {
			beside, err := filesDiffer(p.dirs[0], p.dirs[1], func(name string) bool { return !isCode(name) })
			if err != nil {
				return err
			}
			same = !beside
		}
		if same && !s.cfg.Anyway {
			continue
		}
		if p.ownChange, err = filesDiffer(p.dirs[0], p.dirs[1], isCode); err != nil {
			return err
		}
		if builds, err = s.buildPackage(ctx, i, p, seeds); err != nil {
			return err
		}
		for arm := range builds {
			for layout, b := range builds[arm] {
				p.binaries[arm] = append(p.binaries[arm], filepath.Join(b.Dir, binary))
				if len(sums[arm]) <= layout {
					sums[arm], used[arm] = append(sums[arm], nil), append(used[arm], b.Seed)
				}
				sums[arm][layout] = append(sums[arm][layout], p.rel, b.SHA256)
			}
		}
	}
	for arm, name := range armNames {
		a := result.Arm{Name: name, Ref: s.cfg.Refs[arm], Commit: s.cfg.Commits[arm], Layouts: []result.Layout{}}
		for layout := range sums[arm] {
			a.Layouts = append(a.Layouts, result.Layout{ID: layout, Seed: used[arm][layout], SHA256: sumTexts(sums[arm][layout])})
		}
		s.Arms = append(s.Arms, a)
	}
	return nil
}

// dataDiffers reports whether the arms have different test data.
func (s *Suite) dataDiffers() (bool, error) {
	var sums [2]string
	for arm := range sums {
		sum, err := sumData(s.worktree[arm])
		if err != nil {
			return false, err
		}
		sums[arm] = sum
	}
	return sums[0] != sums[1], nil
}

// binary is where a test binary is put in the worktree; the go command passes
// over directories that begin with a dot.
const binary = ".fivegate/bench.test"

// buildPackage builds the test binary of a package in both arms at once, in the
// layouts of the seeds. That it does not compile is noted in the package.
func (s *Suite) buildPackage(ctx context.Context, index int, p *pkg, seeds [2][]uint64) ([2][]target.Build, error) {
	var builds [2][]target.Build
	var errs [2]error
	var wait sync.WaitGroup
	for arm, name := range armNames {
		wait.Go(func() {
			command := append([]string{"go", "test", "-C", s.cfg.Dir, "-c", "-o", "{worktree}/" + binary}, s.cfg.Flags...)
			builds[arm], errs[arm] = s.cfg.Session.Build(ctx, name, s.cfg.Commits[arm], target.Config{
				Build: append(command, "./"+p.rel), Artifacts: []string{binary}, Part: fmt.Sprintf("p%04d", index),
			}, seeds[arm], nil)
		})
	}
	wait.Wait()
	for arm, err := range errs {
		var failed *target.BuildError
		if errors.As(err, &failed) && ctx.Err() == nil {
			p.broken[arm] = "it does not build: " + compilerSays(failed.Output)
			continue
		}
		if err != nil {
			return builds, err
		}
	}
	return builds, nil
}

// compilerSays is the first line of a compiler's output that is an error.
func compilerSays(output string) string {
	for text := range strings.Lines(output) {
		if text = strings.TrimSpace(text); text != "" && !strings.HasPrefix(text, "#") {
			return text
		}
	}
	return "the go command failed and said nothing"
}

// layoutSeeds are the link orders of both arms. The first is common, by which
// equal builds are recognised; the others are each arm's own.
func layoutSeeds(seed uint64, n int) (seeds [2][]uint64) {
	rng := rand.New(rand.NewPCG(seed, 0x90be))
	shared := 1 + rng.Uint64N(1<<31)
	for arm := range seeds {
		seeds[arm] = []uint64{shared}
		for len(seeds[arm]) < n {
			seeds[arm] = append(seeds[arm], 1+rng.Uint64N(1<<31))
		}
	}
	return seeds
}
