package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/baseline"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/workloads/experiment"
)

var errDirty = errors.New("the working tree has uncommitted changes: commit or stash them, so that the baseline is that of a commit")

// checkAgainst measures head alone and holds it against the committed baseline.
func (f checkFlags) checkAgainst(cmd *cobra.Command) error {
	if f.against != "baseline" {
		return fmt.Errorf("--against %q: only \"baseline\" is possible; to compare with a commit, name it with --base", f.against)
	}
	cfg, err := loadConfig(f.config, f.override, os.Getenv)
	if err != nil {
		return err
	}
	p := newProgress(cmd.ErrOrStderr())
	defer p.done()
	files := baselineFlags{dir: baselineDir}
	var b *baseline.Baseline
	m, err := measureAlone(cmd.Context(), cfg, f.head, p, files.rateOf(&b))
	p.done()
	if err != nil && m != nil {
		return conclude(cmd.OutOrStdout(), m.doc, err, f.out, f.json)
	}
	if err != nil {
		return inconclusiveWithout(cmd.OutOrStdout(), err)
	}
	doc, err := b.Against(m.doc)
	if errors.Is(err, baseline.ErrHead) {
		return conclude(cmd.OutOrStdout(), m.doc, err, f.out, f.json)
	}
	if err != nil {
		return inconclusiveWithout(cmd.OutOrStdout(), err)
	}
	return conclude(cmd.OutOrStdout(), doc, nil, f.out, f.json)
}

// measureAlone builds a commit in its layouts and drives it alone, launch after
// launch. rate, if given, says at how many requests a second, for a runner class
// and scenario. A measurement that broke is returned beside an error that says what
// its verdict does.
func measureAlone(ctx context.Context, cfg *fileConfig, ref string, p *progress, rate func(class, scenario string) (float64, error)) (*aloneRun, error) {
	repo, x, err := openExperiment(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer x.Session.Close()
	if rate == nil && x.Provenance.Repository.Dirty {
		return nil, errDirty // before time is spent on what will be refused
	}
	if rate != nil {
		if x.RatePerS, err = rate(x.Provenance.Runner.Class, scenarioName(cfg)); err != nil {
			return nil, err
		}
	}
	commit, err := repo.Resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	x.Arms = []experiment.Arm{{Name: "head", Ref: ref, Commit: commit, Start: cfg.Target}}
	seeds := layoutSeeds(cfg.Seed, cfg.Target.Layouts, 0)
	if err := buildArms(ctx, x.Session, cfg, x.Arms, [2][]uint64{seeds[1], nil}, p); err != nil {
		return nil, err
	}
	p.notes(x.Session.Notes())
	ctx, cancel := context.WithTimeoutCause(ctx, x.Budget+time.Minute, errOverBudget)
	defer cancel()
	restore, err := p.tune()
	if err != nil {
		return nil, err
	}
	defer restore()
	x.Provenance.StartedAt = time.Now().UTC()
	x.Observe = p.observe
	doc, err := experiment.Alone(ctx, x)
	if err != nil {
		err = fmt.Errorf("invalid: %s", verdict.Judge(doc).Reason)
	}
	return &aloneRun{doc: doc, scenario: scenarioName(cfg), manyLayouts: variesLayout(cfg.Target)}, err
}
