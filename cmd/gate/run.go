package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/experiment"
	"github.com/fivegate/fivegate/workloads/scenario"
)

// runFlags are the flags of run as typed.
type runFlags struct {
	config   string
	ref      string
	override overrides
	length   time.Duration
	rate     float64 // requests a second; 0: the scenario's
	server   serverFlags
	out      string
	json     bool
}

func newRunCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Drive one commit, or a server that runs already, and judge it by the scenario's limits",
		Long: `run builds one commit, starts it, offers the scenario's load to it alone, and
reports latency, errors and CPU. The exit code is 0 when the scenario's
validation limits hold and 3 when they do not.

With --url nothing is built or started: the server at that address is offered
the scenario's rate and no more, whoever runs it and wherever. gate.toml is not
read. Without --scenario, that address itself is asked for, 50 times a second,
to be answered 200. What a scenario has in [[setup]] is sent only with --setup.
The server's CPU time and memory are not known, and not reported.

Scenarios that are part of gate: ` + strings.Join(scenario.Names(), ", ") + `.`,
		Example: `  gate run
  gate run --ref v1.4.0 --for 60s
  gate run --url http://127.0.0.1:8080/health --rate 100
  gate run --url https://127.0.0.1:8443 --insecure --scenario shop.toml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.ref, "ref", "HEAD", "commit to run")
	fl.StringVar(&f.config, "config", "gate.toml", "configuration file")
	fl.StringVar(&f.override.Scenario, "scenario", "", "scenario by name or file")
	fl.StringVar(&f.override.Seed, "seed", "", "seed of all that is drawn at random (default: the scenario's)")
	fl.Float64Var(&f.rate, "rate", 0, "requests a second (default: the scenario's)")
	fl.DurationVar(&f.length, "for", 30*time.Second, "how long load is offered")
	fl.StringVar(&f.out, "out", "", "directory for result.json and every report (default: a new one in the user's cache)")
	fl.BoolVar(&f.json, "json", false, "print the verdict as JSON")
	f.server.add(cmd)
	for _, other := range []string{"ref", "config"} {
		cmd.MarkFlagsMutuallyExclusive("url", other)
	}
	return cmd
}

func (f runFlags) run(cmd *cobra.Command) error {
	if f.length < time.Second || f.length > 24*time.Hour {
		return fmt.Errorf("--for %s is out of range; allowed are 1s to 24h", f.length)
	}
	if f.rate != 0 && !(f.rate >= 0.001 && f.rate <= 1e6) {
		return fmt.Errorf("--rate %v is out of range; allowed are 0.001 to 1000000 requests a second", f.rate)
	}
	if err := f.server.check(); err != nil {
		return err
	}
	measure := f.measure
	if f.server.url != "" {
		measure = f.measureServer
	}
	p := newProgress(cmd.ErrOrStderr())
	defer p.done()
	doc, err := measure(cmd.Context(), p)
	p.done()
	if doc == nil {
		return err
	}
	return conclude(cmd.OutOrStdout(), doc, err, f.out, f.json)
}

// measure builds, starts and drives a commit. The document is nil when nothing was
// measured and there is nothing to judge.
func (f runFlags) measure(ctx context.Context, p *progress) (*result.Document, error) {
	cfg, err := loadConfig(f.config, f.override, os.Getenv)
	if err != nil {
		return nil, err
	}
	repo, x, err := openExperiment(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer x.Session.Close()
	if err := f.setRate(x.Scenario); err != nil {
		return nil, err
	}
	commit, err := repo.Resolve(ctx, f.ref)
	if err != nil {
		return nil, err
	}
	p.phase("building %s", f.ref)
	builds, err := x.Session.Build(ctx, "head", commit, cfg.Target, []uint64{0}, nil)
	if err != nil {
		return nil, err
	}
	p.notes(x.Session.Notes())
	x.Arms = []experiment.Arm{{Name: "head", Ref: f.ref, Commit: commit, Start: cfg.Target, Builds: builds}}
	return f.drive(ctx, x, p)
}

// drive offers the load.
func (f runFlags) drive(ctx context.Context, x experiment.Config, p *progress) (*result.Document, error) {
	restore, err := p.tune()
	if err != nil {
		return nil, err
	}
	defer restore()
	x.Observe = p.observe
	x.Provenance.StartedAt = time.Now().UTC()
	return experiment.Run(ctx, x, f.length)
}

var errRateBelowLimit = errors.New("it is below the throughput that the scenario's own limits demand")

// setRate puts --rate in the place of the scenario's rate.
func (f runFlags) setRate(s *scenario.Scenario) error {
	if f.rate == 0 {
		return nil
	}
	if f.rate < s.Limits.ThroughputPerS {
		return fmt.Errorf("--rate %v: %w (expected_throughput_ops_sec = %v)", f.rate, errRateBelowLimit, s.Limits.ThroughputPerS)
	}
	s.Arrival.RatePerS = f.rate
	return nil
}
