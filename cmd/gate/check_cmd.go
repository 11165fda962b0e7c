package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/workloads/bench"
	execdriver "github.com/fivegate/fivegate/workloads/driver/exec"
	"github.com/fivegate/fivegate/workloads/experiment"
	"github.com/fivegate/fivegate/workloads/target"
)

// commandFlags are the flags of check that measure a command.
type commandFlags struct {
	command          string
	build            string
	prepare, cleanup string
	warmUp           int
	counter          string
}

func (c *commandFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&c.command, "cmd", "", "measure this command, run in the worktree of each commit; no shell is involved")
	fl.StringVar(&c.build, "build", "", "with --cmd: command that builds a commit (default: [target] build of gate.toml, or nothing)")
	fl.StringVar(&c.prepare, "prepare", "", "with --cmd: command that runs before each run, not measured")
	fl.StringVar(&c.cleanup, "cleanup", "", "with --cmd: command that runs after each run, not measured")
	fl.IntVar(&c.warmUp, "warmup", 1, "with --cmd: runs of each build that are not measured")
	fl.StringVar(&c.counter, "counter", "", "with --cmd: count instructions by perf or cachegrind")
}

// commandFlagNames are those that need --cmd.
var commandFlagNames = []string{"build", "prepare", "cleanup", "warmup", "counter"}

// check refuses flags that do not go together.
func (c commandFlags) check(fl *pflag.FlagSet) error {
	if !fl.Changed("cmd") {
		for _, name := range commandFlagNames {
			if fl.Changed(name) {
				return fmt.Errorf("--%s goes with --cmd, which names the command to be measured", name)
			}
		}
		return nil
	}
	for _, name := range []string{"scenario", "plan", "prior"} {
		if fl.Changed(name) {
			return fmt.Errorf("--%s is for servers and does not go with --cmd", name)
		}
	}
	if c.warmUp < 0 {
		return fmt.Errorf("--warmup %d: give 0 or more", c.warmUp)
	}
	return nil
}

// checkCommand is check with --cmd.
func (f checkFlags) checkCommand(cmd *cobra.Command) error {
	cfg, d, err := f.commandConfig(cmd.Flags().Changed("config"))
	if err != nil {
		return err
	}
	p := newProgress(cmd.ErrOrStderr())
	defer p.done()
	doc, err := f.measureCommand(cmd.Context(), cfg, d, p)
	p.done()
	if doc == nil {
		return err
	}
	return conclude(cmd.OutOrStdout(), doc, err, f.out, f.json)
}

// commandConfig reads gate.toml, if there is one, and the flags.
func (f checkFlags) commandConfig(named bool) (*fileConfig, execdriver.Config, error) {
	d := execdriver.Config{
		Name: strings.Join(strings.Fields(f.cmd.command), " "), WarmUp: f.cmd.warmUp, Counter: execdriver.Counter(f.cmd.counter), InTurn: f.alternate,
	}
	cfg, err := f.benchConfig(named)
	if err != nil {
		return nil, d, err
	}
	t := &cfg.Target
	for _, s := range []struct {
		flag, text string
		into       *[]string
	}{
		{"cmd", f.cmd.command, &t.Start},
		{"build", f.cmd.build, &t.Build},
		{"prepare", f.cmd.prepare, &d.Prepare},
		{"cleanup", f.cmd.cleanup, &d.Cleanup},
	} {
		if s.text == "" && s.flag != "cmd" {
			continue
		}
		if *s.into, err = execdriver.Split(s.text); err != nil {
			return nil, d, fmt.Errorf("--%s %q: %w", s.flag, s.text, err)
		}
	}
	if f.cmd.build != "" {
		t.Artifacts, t.Layouts = nil, defaultLayouts
	}
	d.Target, d.Budget = *t, cfg.Budget
	return cfg, d, nil
}

// benchConfig is the configuration of a check that needs no server, and therefore no
// gate.toml, unless one was named.
func (f checkFlags) benchConfig(named bool) (*fileConfig, error) {
	cfg, err := loadConfig(f.config, f.override, os.Getenv)
	if errors.Is(err, fs.ErrNotExist) && !named {
		cfg = defaultConfig()
		err = cfg.override(f.override, os.Getenv).Err()
	}
	if err != nil {
		return nil, err
	}
	cfg.Seed = cmp.Or(cfg.Seed, 1)
	return cfg, nil
}

// measureCommand resolves, builds and runs. The document is nil when nothing was
// measured and there is nothing to judge.
func (f checkFlags) measureCommand(ctx context.Context, cfg *fileConfig, d execdriver.Config, p *progress) (*result.Document, error) {
	subject, err := execdriver.New(&d)
	if err != nil {
		return nil, err
	}
	repo, err := target.OpenRepository(ctx, ".")
	if err != nil {
		return nil, err
	}
	refs, commits, err := f.resolve(ctx, repo)
	if err != nil {
		return nil, err
	}
	b, err := newCommandCheck(ctx, cfg, repo, p)
	if err != nil {
		return nil, err
	}
	if b.Provenance.Repository.Dirty {
		p.note("the working tree has uncommitted changes; they are not measured, %s is", short(commits[1]))
	}
	same, err := repo.SameFiles(ctx, commits[0], commits[1])
	if err != nil {
		return nil, err
	}
	arms := []experiment.Arm{{Name: "base", Ref: refs[0], Commit: commits[0]}, {Name: "head", Ref: refs[1], Commit: commits[1]}}
	if same && !f.measureAnyway {
		b.Arms = experiment.DescribeArms(arms)
		b.Listed = []result.Benchmark{{Name: d.Name, State: result.BenchmarkIdentical}}
		return bench.Check(ctx, b)
	}
	d.Session, err = target.NewSession(ctx, repo)
	if err != nil {
		return nil, err
	}
	defer d.Session.Close()
	if err := buildCommand(ctx, cfg, &d, arms, p); err != nil {
		return nil, err
	}
	if len(d.Target.Build) == 0 && sameProgram(d) {
		b.Policy.LayoutSD = 0 // the same program in both arms: neither has the luckier layout
	}
	b.Arms, b.Subjects, b.Metrics = experiment.DescribeArms(arms), []bench.Subject{subject}, d.Counter.Gating()
	cpus := target.CPUs()
	d.DuetCPU = cpus[len(cpus)-1]
	b.CPUs = cpus[len(cpus)-1:]
	p.notes(d.Session.Notes())
	restore, err := p.tune()
	if err != nil {
		return nil, err
	}
	defer restore()
	b.Provenance.StartedAt = time.Now().UTC()
	doc, err := bench.Check(ctx, b)
	p.notes(subject.Notes())
	return doc, err
}

// newCommandCheck describes this machine and the repository; subjects and arms are
// the caller's to add.
func newCommandCheck(ctx context.Context, cfg *fileConfig, repo *target.Repository, p *progress) (bench.Config, error) {
	machine, err := detectMachine()
	if err != nil {
		return bench.Config{}, err
	}
	dirty, err := repo.Dirty(ctx)
	if err != nil {
		return bench.Config{}, err
	}
	return bench.Config{
		Policy: cfg.Policy, Seed: cfg.Seed, Budget: cfg.Budget, Open: verdict.Undecided,
		Observe: func(at bench.Progress) {
			if at.Phase == "measure" {
				p.say(fmt.Sprintf("round %d of %d, at most %s left", at.Done+1, at.Total, at.Left.Round(time.Second)), at.Done, at.Total)
				return
			}
			p.say("running the command for the first time", at.Done, at.Total)
		},
		Provenance: result.Provenance{
			Tool: tool(), StartedAt: time.Now().UTC(), Seed: cfg.Seed, Command: os.Args,
			Repository: result.Repository{Path: repo.Name(), Dirty: dirty},
			Runner:     result.Runner{Class: machine.Class(), Fingerprint: machine.Fingerprint()},
		},
	}, nil
}

// buildCommand checks both arms out and builds them. Layouts need copies of what
// is built, so one is made where it is not known which file that is.
func buildCommand(ctx context.Context, cfg *fileConfig, d *execdriver.Config, arms []experiment.Arm, p *progress) error {
	t := &d.Target
	layouts := t.Layouts
	if !variesLayout(*t) {
		layouts = 1
	} else if len(t.Artifacts) == 0 && (!strings.Contains(t.Start[0], "/") || !filepath.IsLocal(t.Start[0])) {
		layouts = 1
		p.note("one layout an arm, so the luck of its layout counts as an error of its own: the command does not begin with the program that was built, such as ./tool; [target] artifacts in gate.toml can name it")
	}
	build := *t
	if layouts == 1 {
		// Then it runs where it was built, beside whatever else it needs.
		build.Start, build.Artifacts, t.Artifacts = nil, nil, nil
	}
	with := *cfg
	with.Target = build
	if err := buildArms(ctx, d.Session, &with, arms, layoutSeeds(cfg.Seed, layouts, 0), p); err != nil {
		return err
	}
	for arm := range arms {
		d.Builds[arm] = arms[arm].Builds
	}
	return nil
}

// sameProgram says whether both arms run the same program, byte by byte: one that
// is not in the worktree, is equal there, or is a script, whose interpreter is.
func sameProgram(d execdriver.Config) bool {
	name := d.Target.Start[0]
	if !strings.Contains(name, "/") || filepath.IsAbs(name) {
		return true
	}
	var texts [2][]byte
	for arm := range texts {
		text, err := os.ReadFile(filepath.Join(d.Builds[arm][0].Worktree, name))
		if err != nil {
			return false // the first run tells why
		}
		texts[arm] = text
	}
	script := func(text []byte) bool { return bytes.HasPrefix(text, []byte("#!")) }
	return bytes.Equal(texts[0], texts[1]) || script(texts[0]) && script(texts[1])
}
