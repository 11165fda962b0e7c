package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/experiment"
	"github.com/fivegate/fivegate/workloads/target"
)

type runFlags struct {
	config   string
	ref      string
	override overrides
	length   time.Duration
	out      string
	json     bool
}

func newRunCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Drive one commit under the scenario and judge it by the scenario's limits",
		Long: `run builds one commit, starts it, offers the scenario's load to it alone, and
reports latency, errors and CPU. The exit code is 0 when the scenario's
validation limits hold and 3 when they do not.`,
		Example: "  gate run\n  gate run --ref v1.4.0 --for 60s",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.ref, "ref", "HEAD", "commit to run")
	fl.StringVar(&f.config, "config", "gate.toml", "configuration file")
	fl.StringVar(&f.override.Scenario, "scenario", "", "scenario by name or file")
	fl.StringVar(&f.override.Seed, "seed", "", "seed of all that is drawn at random (default: the scenario's)")
	fl.DurationVar(&f.length, "for", 30*time.Second, "how long load is offered")
	fl.StringVar(&f.out, "out", "", "directory for result.json, verdict.json and report.md (default: a new one in the user's cache)")
	fl.BoolVar(&f.json, "json", false, "print the verdict as JSON")
	return cmd
}

func (f runFlags) run(cmd *cobra.Command) error {
	if f.length < time.Second || f.length > 24*time.Hour {
		return fmt.Errorf("--for %s is out of range; allowed are 1s to 24h", f.length)
	}
	cfg, err := loadConfig(f.config, f.override, os.Getenv)
	if err != nil {
		return err
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

func (f runFlags) measure(ctx context.Context, cfg *fileConfig, p *progress) (*result.Document, error) {
	repo, err := target.OpenRepository(ctx, ".")
	if err != nil {
		return nil, err
	}
	commit, err := repo.Resolve(ctx, f.ref)
	if err != nil {
		return nil, err
	}
	session, err := target.NewSession(ctx, repo)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	x, err := newExperiment(cfg)
	if err != nil {
		return nil, err
	}
	x.Session = session
	x.Provenance.Repository = result.Repository{Path: repo.Name()}
	if x.Provenance.Repository.Dirty, err = repo.Dirty(ctx); err != nil {
		return nil, err
	}
	p.phase("building %s", f.ref)
	builds, err := session.Build(ctx, "head", commit, cfg.Target, []uint64{0}, nil)
	if err != nil {
		return nil, err
	}
	p.notes(session.Notes())
	x.Arms = []experiment.Arm{{Name: "head", Ref: f.ref, Commit: commit, Start: cfg.Target, Builds: builds}}
	x.Observe = p.observe
	restore, err := p.tune()
	if err != nil {
		return nil, err
	}
	defer restore()
	x.Provenance.StartedAt = time.Now().UTC()
	return experiment.Run(ctx, x, f.length)
}
