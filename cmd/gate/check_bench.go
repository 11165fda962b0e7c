package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/bench"
	"github.com/fivegate/fivegate/workloads/driver/gobench"
	"github.com/fivegate/fivegate/workloads/target"
)

// benchFlags choose Go benchmarks, by flags of check or by gate.toml.
type benchFlags struct {
	Bench    string
	Packages []string
	CPU      []int
	Build    []string // what follows --
}

func (b *benchFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&b.Bench, "bench", "", "measure the Go benchmarks that this matches, as with go test -bench (default, without gate.toml: all)")
	fl.StringSliceVar(&b.Packages, "pkg", nil, "Go packages whose benchmarks are measured (default ./...)")
	fl.IntSliceVar(&b.CPU, "cpu", nil, "GOMAXPROCS to measure Go benchmarks at, such as 1,4 (default: as suits each)")
}

// benchFlagNames are those that choose Go benchmarks whatever gate.toml says.
var benchFlagNames = []string{"bench", "pkg", "cpu"}

// readBenchmarks reads the keys of [target] that go with driver = "gobench".
func readBenchmarks(t *diag.Table) (b benchFlags) {
	if x, ok := t.Text("bench"); ok {
		b.Bench = x.Value
	}
	for _, x := range t.List("packages") {
		b.Packages = append(b.Packages, x.Value)
	}
	for _, x := range t.List("flags") {
		b.Build = append(b.Build, x.Value)
	}
	for _, x := range t.List("cpu") {
		n, err := strconv.Atoi(x.Value)
		if err != nil || n < 1 || n > mostCPU {
			t.Fault(x.At(-1), "value", "target.cpu has %q: give numbers from 1 to %d, such as [\"1\", \"4\"]", x.Value, mostCPU)
		}
		b.CPU = append(b.CPU, n)
	}
	return b
}

// mostCPU is the greatest GOMAXPROCS that may be asked for.
const mostCPU = 1024

// with are the flags, and for those that are not given what gate.toml says.
func (b benchFlags) with(file benchFlags) benchFlags {
	b.Bench = cmp.Or(b.Bench, file.Bench)
	for _, s := range []struct{ flag, file *[]string }{{&b.Packages, &file.Packages}, {&b.Build, &file.Build}} {
		if len(*s.flag) == 0 {
			*s.flag = *s.file
		}
	}
	if len(b.CPU) == 0 {
		b.CPU = file.CPU
	}
	return b
}

// wantsBenchmarks reports whether Go benchmarks are to be measured: flags or
// gate.toml ask for them, or nothing asks for anything and there is a Go module.
func (f *checkFlags) wantsBenchmarks(cmd *cobra.Command, args []string) (bool, error) {
	fl := cmd.Flags()
	asked := false
	for _, name := range benchFlagNames {
		asked = asked || fl.Changed(name)
	}
	found := asked
	if !asked && !fl.Changed("config") && !fl.Changed("scenario") && !fl.Changed("cmd") {
		_, err := os.Stat(f.config)
		found = errors.Is(err, fs.ErrNotExist) && inGoModule()
	}
	if cfg, err := loadConfig(f.config, f.override, os.Getenv); err == nil && !fl.Changed("cmd") {
		found = found || cfg.Target.Driver == driverGobench
	}
	if dash := cmd.ArgsLenAtDash(); len(args) > 0 && (dash != 0 || !found) {
		return false, fmt.Errorf("unexpected argument %q; only the build flags of Go benchmarks stand without a flag, after --", args[0])
	}
	f.bench.Build = args
	for _, name := range []string{"cmd", "scenario", "plan", "prior"} {
		if found && fl.Changed(name) {
			return false, fmt.Errorf("--%s does not go with Go benchmarks", name)
		}
	}
	for _, n := range f.bench.CPU {
		if n < 1 || n > mostCPU {
			return false, fmt.Errorf("--cpu %d: give numbers from 1 to %d", n, mostCPU)
		}
	}
	return found, nil
}

// inGoModule reports whether the working directory lies in a Go module or
// workspace.
func inGoModule() bool {
	dir, err := os.Getwd()
	if err != nil {
		return false
	}
	for {
		for _, name := range []string{"go.mod", "go.work"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
				return true
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}

// checkBenchmarks is check of a Go module.
func (f checkFlags) checkBenchmarks(cmd *cobra.Command) error {
	cfg, err := f.benchConfig(cmd.Flags().Changed("config"))
	if err != nil {
		return err
	}
	p := newProgress(cmd.ErrOrStderr())
	defer p.done()
	doc, suite, err := f.measureBenchmarks(cmd.Context(), cfg, p)
	p.done()
	if doc == nil {
		return withoutBenchmarks(err)
	}
	out := cmp.Or(f.out, filepath.Join(resultsDir(), doc.Provenance.StartedAt.Format("20060102T150405.000Z")))
	ended := conclude(cmd.OutOrStdout(), doc, err, out, f.json)
	if err := suite.WriteText(out, doc); err != nil {
		return errors.Join(fmt.Errorf("write the samples: %w", err), ended)
	}
	return ended
}

// withoutBenchmarks says what else can be checked where a module has none.
func withoutBenchmarks(err error) error {
	var none *gobench.NoBenchmarksError
	if !errors.As(err, &none) {
		return err
	}
	return fmt.Errorf("%w\nA server is checked with a gate.toml that says how it is built and started, a command with --cmd. An example of gate.toml to begin with:\n\n%s", err, configExample)
}

// measureBenchmarks builds both arms and measures what differs. The document is
// nil when nothing was measured and there is nothing to judge.
func (f checkFlags) measureBenchmarks(ctx context.Context, cfg *fileConfig, p *progress) (*result.Document, *gobench.Suite, error) {
	repo, err := target.OpenRepository(ctx, ".")
	if err != nil {
		return nil, nil, err
	}
	refs, commits, err := f.resolve(ctx, repo)
	if err != nil {
		return nil, nil, err
	}
	dir, err := repo.Prefix(".")
	if err != nil {
		return nil, nil, err
	}
	b, err := newCommandCheck(ctx, cfg, repo, p)
	if err != nil {
		return nil, nil, err
	}
	if b.Provenance.Repository.Dirty {
		p.note("the working tree has uncommitted changes; they are not measured, %s is", short(commits[1]))
	}
	session, err := target.NewSession(ctx, repo)
	if err != nil {
		return nil, nil, err
	}
	defer session.Close()
	chosen, layouts := f.bench.with(cfg.Bench), defaultLayouts
	if cfg.Target.Driver == driverGobench {
		layouts = cfg.Target.Layouts
	}
	suite, err := gobench.Open(ctx, gobench.Config{
		Session: session, Refs: refs, Commits: commits, Dir: dir, Packages: chosen.Packages, Bench: chosen.Bench, CPU: chosen.CPU,
		Flags: chosen.Build, Layouts: layouts, Seed: cfg.Seed, Anyway: f.measureAnyway, Alternate: f.alternate, CPUs: target.CPUs(),
		Progress: p.say,
	})
	if err != nil {
		return nil, nil, err
	}
	p.notes(session.Notes())
	restore, err := p.tune()
	if err != nil {
		return nil, nil, err
	}
	defer restore()
	b.Provenance.StartedAt = time.Now().UTC()
	b.Budget = untilDeadline(ctx, b.Budget)
	if err := suite.Find(ctx, cfg.Budget); err != nil {
		return nil, nil, err
	}
	b.Arms, b.Subjects, b.Listed, b.CPUs = suite.Arms, suite.Subjects(), suite.Listed, []int{suite.CPU}
	b.Observe = p.observeBenchmarks
	doc, err := bench.Check(ctx, b)
	return doc, suite, err
}

// observeBenchmarks shows the progress of a check of benchmarks.
func (p *progress) observeBenchmarks(at bench.Progress) {
	left := at.Left.Round(time.Second)
	if at.Phase == "prepare" {
		p.say(fmt.Sprintf("first run of benchmark %d of %d, at most %s left", at.Done+1, at.Total, left), at.Done+1, at.Total)
		return
	}
	p.say(fmt.Sprintf("block %d of %d up to the next look, %d benchmarks undecided, at most %s left", at.Done+1, at.Total, at.Open, left), at.Done+1, at.Total)
}
