package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
	httpdriver "github.com/fivegate/fivegate/workloads/driver/http"
	"github.com/fivegate/fivegate/workloads/experiment"
	"github.com/fivegate/fivegate/workloads/scenario"
	"github.com/fivegate/fivegate/workloads/target"
)

// checkFlags are the flags of check as typed; empty ones are filled from the
// environment, gate.toml and the defaults, in this order.
type checkFlags struct {
	config        string
	base, head    string
	override      overrides
	out           string
	plan          bool
	measureAnyway bool
	alternate     bool
	json          bool
	prior         []string
	against       string
	cmd           commandFlags
	bench         benchFlags
}

func newCheckCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Measure head against base and say whether it is more than 5% slower",
		Long: `check builds base and head in worktrees of their own, starts both side by side
on the same cores, drives them with the same requests at the same time, and
judges the difference. It changes nothing in the working tree, and leaves no
process, port, worktree or file behind.

Without --base, base is the merge base of head with the default branch.
A flag beats a GATE_* variable, which beats gate.toml, which beats the default.

Scenarios that are part of gate: ` + strings.Join(scenario.Names(), ", ") + `.`,
		Example: `  gate check
  gate check --base v1.4.0 --head HEAD --out gate-out
  gate check --budget 2m --plan
  gate check --prior gate-out --out gate-out
  gate check --cmd './tool --input big.json' --build 'make tool'`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.check(cmd, args) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.base, "base", "", "commit to compare with (default: merge base of head with the default branch)")
	fl.StringVar(&f.head, "head", "HEAD", "commit to judge")
	fl.StringVar(&f.config, "config", "gate.toml", "configuration file")
	fl.StringVar(&f.override.Scenario, "scenario", "", "scenario by name or file")
	fl.StringVar(&f.override.Budget, "budget", "", "time for measuring, builds not counted (default 5m)")
	fl.StringVar(&f.override.Threshold, "threshold", "", "slow-down beyond which a change must not merge (default 5%)")
	fl.StringVar(&f.override.Seed, "seed", "", "seed of all that is drawn at random (default: the scenario's)")
	fl.StringVar(&f.out, "out", "", "directory for result.json and every report (default: a new one in the user's cache)")
	fl.BoolVar(&f.plan, "plan", false, "print the schedule of blocks and rounds, and measure nothing")
	fl.BoolVar(&f.measureAnyway, "measure-anyway", false, "measure although both builds are the same bytes")
	fl.StringArrayVar(&f.prior, "prior", nil, "result.json of an earlier run of the same pair, or a directory of them, to be judged together with this run (repeatable)")
	fl.StringVar(&f.against, "against", "", `"baseline": measure head alone, and compare it with the committed baseline of this runner class`)
	fl.BoolVar(&f.alternate, "alternate", false, "measure the arms in turn instead of at once, when they cannot live side by side")
	fl.BoolVar(&f.json, "json", false, "print the verdict as JSON")
	f.cmd.add(fl)
	f.bench.add(fl)
	for _, other := range []string{"base", "prior", "alternate", "measure-anyway", "cmd"} {
		cmd.MarkFlagsMutuallyExclusive("against", other)
	}
	return cmd
}

func (f checkFlags) check(cmd *cobra.Command, args []string) error {
	if err := f.cmd.check(cmd.Flags()); err != nil {
		return err
	}
	benchmarks, err := f.wantsBenchmarks(cmd, args)
	switch {
	case err != nil:
		return err
	case cmd.Flags().Changed("cmd"):
		return f.checkCommand(cmd)
	case f.against != "":
		return f.checkAgainst(cmd)
	case benchmarks:
		return f.checkBenchmarks(cmd)
	}
	cfg, err := loadConfig(f.config, f.override, os.Getenv)
	if err != nil {
		return err
	}
	if f.plan {
		return printPlan(cmd.OutOrStdout(), cfg, f.alternate)
	}
	p := newProgress(cmd.ErrOrStderr())
	defer p.done()
	doc, err := f.measure(cmd.Context(), cfg, p)
	p.done()
	if doc == nil {
		return err
	}
	return conclude(cmd.OutOrStdout(), doc, err, f.out, f.json)
}

// conclude writes what was measured, prints the verdict and chooses the ending.
// A measurement that broke is judged too: its verdict is invalid, and says why.
func conclude(w io.Writer, doc *result.Document, broke error, out string, asJSON bool) error {
	j := judge(doc)
	format := "terminal"
	if asJSON {
		format = "json"
	}
	dir, saveErr := j.save(out)
	if saveErr == nil && !asJSON {
		fmt.Fprintf(w, "result: %s\n\n", filepath.Join(dir, "result.json"))
	}
	if err := j.render(w, format); err != nil {
		return errors.Join(err, saveErr)
	}
	if saveErr != nil {
		return fmt.Errorf("write the result: %w", saveErr)
	}
	if broke != nil && j.verdict.Status != verdict.Invalid {
		return broke
	}
	return ending(j.verdict)
}

// measure resolves, builds and runs. The document is nil when nothing was
// measured and there is nothing to judge.
func (f checkFlags) measure(ctx context.Context, cfg *fileConfig, p *progress) (*result.Document, error) {
	repo, x, err := openExperiment(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer x.Session.Close()
	refs, commits, err := f.resolve(ctx, repo)
	if err != nil {
		return nil, err
	}
	x.Alternate = f.alternate
	if x.Provenance.Repository.Dirty {
		p.note("the working tree has uncommitted changes; they are not measured, %s is", short(commits[1]))
	}
	for arm, name := range []string{"base", "head"} {
		x.Arms = append(x.Arms, experiment.Arm{Name: name, Ref: refs[arm], Commit: commits[arm], Start: cfg.Target})
	}
	// One layout that both arms share comes first: if it is the same bytes there
	// is nothing to measure, and no need to build the others.
	seeds := layoutSeeds(cfg.Seed, cfg.Target.Layouts, 0)
	shared := [2][]uint64{seeds[0][:1], seeds[1][:1]}
	if err := buildArms(ctx, x.Session, cfg, x.Arms, shared, p); err != nil {
		return nil, err
	}
	if !f.measureAnyway && sameBytes(x.Arms) {
		return experiment.Identical(x), nil
	}
	if err := useCalibration(&x, cfg, p); err != nil {
		return nil, err
	}
	earlier, err := f.earlier(x, p)
	if err != nil {
		return nil, err
	}
	if len(earlier) > 0 {
		seeds = layoutSeeds(cfg.Seed, cfg.Target.Layouts, runsIn(earlier))
		x.RatePerS = earlier[len(earlier)-1].Document.Plan.RatePerS
	}
	if err := buildArms(ctx, x.Session, cfg, x.Arms, seeds, p); err != nil {
		return nil, err
	}
	p.notes(x.Session.Notes())
	return measureArms(ctx, x, p, earlier...)
}

// buildArms builds both arms with the seeds of each.
func buildArms(ctx context.Context, session *target.Session, cfg *fileConfig, arms []experiment.Arm, seeds [2][]uint64, p *progress) error {
	for i := range arms {
		a := &arms[i]
		builds, err := session.Build(ctx, a.Name, a.Commit, cfg.Target, seeds[i], func(done, total int) {
			p.say(fmt.Sprintf("building %s (%s), layouts", a.Name, short(a.Commit)), done, total)
		})
		if err != nil {
			return err
		}
		a.Builds = builds
	}
	return nil
}

// short is a commit as people write it.
func short(commit string) string { return commit[:min(len(commit), 12)] }

var errOverBudget = errors.New("the check overran its budget by more than a minute")

// measureArms runs the experiment and lets the verdict, on it and the earlier runs
// together, end it early. The budget begins here, after the builds: what a check
// can see must not depend on whether they came from the cache.
func measureArms(ctx context.Context, x experiment.Config, p *progress, earlier ...result.Earlier) (*result.Document, error) {
	x.Budget = untilDeadline(ctx, x.Budget)
	ctx, cancel := context.WithTimeoutCause(ctx, x.Budget+time.Minute, errOverBudget)
	defer cancel()
	x.Provenance.StartedAt = time.Now().UTC()
	restore, err := p.tune()
	if err != nil {
		return nil, err
	}
	defer restore()
	x.Decide = func(doc *result.Document) bool {
		pooled, err := poolWith(doc, earlier)
		return err != nil || verdict.Judge(pooled).Final // what cannot be pooled need not be measured
	}
	x.Observe = p.observe
	doc, err := experiment.Check(ctx, x)
	pooled, poolErr := poolWith(doc, earlier)
	if poolErr != nil {
		return doc, errors.Join(err, poolErr)
	}
	return pooled, err
}

// untilDeadline is the part of a budget that is left until the context's deadline,
// if it has one: then somebody waits for the builds too.
func untilDeadline(ctx context.Context, budget time.Duration) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		return min(budget, time.Until(end))
	}
	return budget
}

// sameBytes says whether the arms' first layouts, which are linked in the same
// order, have the same digest.
func sameBytes(arms []experiment.Arm) bool {
	base, head := arms[0].Builds[0], arms[1].Builds[0]
	return base.Seed == head.Seed && base.SHA256 == head.SHA256
}

// layoutSeeds are the link orders of both arms. The first is common, by which
// equal builds are recognised, and the same in every run of a pair; the others are
// each arm's own, and other ones after so many earlier runs, since what is left of
// the luck of layouts gets smaller only by more of them.
func layoutSeeds(seed uint64, n, earlier int) (seeds [2][]uint64) {
	rng := rand.New(rand.NewPCG(seed, 0x1a40))
	shared := 1 + rng.Uint64N(1<<31)
	if earlier > 0 {
		rng = rand.New(rand.NewPCG(seed, 0x1a40+uint64(earlier)))
	}
	for arm := range seeds {
		if n <= 1 {
			seeds[arm] = []uint64{0}
			continue
		}
		seeds[arm] = []uint64{shared}
		for len(seeds[arm]) < n {
			seeds[arm] = append(seeds[arm], 1+rng.Uint64N(1<<31))
		}
	}
	return seeds
}

// resolve finds the two commits.
func (f checkFlags) resolve(ctx context.Context, repo *target.Repository) (refs [2]string, commits [2]string, err error) {
	refs = [2]string{f.base, f.head}
	if commits[1], err = repo.Resolve(ctx, f.head); err != nil {
		return refs, commits, err
	}
	if f.base != "" {
		commits[0], err = repo.Resolve(ctx, f.base)
		return refs, commits, err
	}
	branch, err := repo.DefaultBranch(ctx)
	if err != nil {
		return refs, commits, err
	}
	refs[0] = "merge base with " + branch
	commits[0], err = repo.MergeBase(ctx, branch, commits[1])
	if err == nil && commits[0] == commits[1] {
		err = fmt.Errorf("head (%s) is its own merge base with %s: there is no change to judge; name another commit with --base", short(commits[1]), branch)
	}
	return refs, commits, err
}

// openExperiment prepares the measurement of commits of the repository around the
// working directory: all but the arms. The session is the caller's to close.
func openExperiment(ctx context.Context, cfg *fileConfig) (*target.Repository, experiment.Config, error) {
	repo, err := target.OpenRepository(ctx, ".")
	if err != nil {
		return nil, experiment.Config{}, err
	}
	x, err := newExperiment(cfg)
	if err != nil {
		return nil, x, err
	}
	x.Provenance.Repository = result.Repository{Path: repo.Name()}
	if x.Provenance.Repository.Dirty, err = repo.Dirty(ctx); err != nil {
		return nil, x, err
	}
	x.Session, err = target.NewSession(ctx, repo)
	return repo, x, err
}

// newExperiment wires scenario, driver, machine and policy for targets that are
// started here; arms and session are the caller's.
func newExperiment(cfg *fileConfig) (experiment.Config, error) {
	s, err := loadScenario(cfg)
	if err != nil {
		return experiment.Config{}, err
	}
	if cfg.Target.Driver == driverGobench {
		return experiment.Config{}, fmt.Errorf("the driver %q has no server to measure: `gate check` compares the benchmarks of two commits", driverGobench)
	}
	x, err := wire(cfg, s, "localhost")
	x.EngineCPUs, x.TargetCPUs = target.Partition(target.CPUs())
	return x, err
}

// wire makes an experiment of a scenario with servers that go by the name of host,
// which may have a port.
func wire(cfg *fileConfig, s *scenario.Scenario, host string) (experiment.Config, error) {
	name := (&url.URL{Host: host}).Hostname()
	secured, err := cfg.Transport.tls(name)
	if err != nil {
		return experiment.Config{}, err
	}
	driver, err := newDriver(s, httpdriver.Options{Host: host, Protocol: cfg.Transport.Protocol, TLS: secured})
	if err != nil {
		return experiment.Config{}, err
	}
	machine, err := detectMachine()
	if err != nil {
		return experiment.Config{}, err
	}
	return experiment.Config{
		Scenario: s, Driver: driver, Loading: loading(s), Policy: cfg.Policy, Metrics: cfg.Gating, Seed: cfg.Seed, Budget: cfg.Budget,
		Timeout: requestTimeout, Protocol: cfg.Transport.Protocol, TLS: secured,
		Provenance: result.Provenance{
			Tool: tool(), StartedAt: time.Now().UTC(), Seed: cfg.Seed, Command: os.Args,
			Scenario: result.Scenario{Name: s.Name, SHA256: s.SHA256, Text: s.Text},
			Runner:   result.Runner{Class: machine.Class(), Fingerprint: machine.Fingerprint()},
		},
	}, nil
}

// requestTimeout is how long one answer is awaited.
const requestTimeout = 5 * time.Second
