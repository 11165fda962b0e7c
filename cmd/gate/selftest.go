package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/workloads/experiment"
	"github.com/fivegate/fivegate/workloads/target"
)

// selftestFlags are the flags of selftest as typed.
type selftestFlags struct {
	config   string
	ref      string
	override overrides
	budget   time.Duration
	refstore bool
	json     bool
}

func newSelftestCommand() *cobra.Command {
	var f selftestFlags
	cmd := &cobra.Command{
		Use:   "selftest",
		Short: "Prove on this runner and target that the gate goes red when it must, and only then",
		Long: `selftest runs three short checks of one commit against itself, with the target
and scenario of gate.toml:

  identical  nothing is changed: it must not go red
  slower     head gets a quarter more requests, which are not recorded, so that
             each recorded one stands for 1.25 times the work: it must go red
  failing    head's requests get 503 for an answer, which is fast and wrong: it
             must be invalid

It is the first thing to run after gate init. The target's code is not touched.
The exit code is 0 when all three hold, and 3 when one does not.`,
		Example: `  gate selftest
  gate selftest --refstore`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.selftest(cmd) },
	}
	fl := cmd.Flags()
	fl.DurationVar(&f.budget, "budget", 2*time.Minute, "time for each of the three checks, builds not counted")
	fl.StringVar(&f.ref, "ref", "HEAD", "commit to check against itself")
	fl.StringVar(&f.config, "config", "gate.toml", "configuration file")
	fl.StringVar(&f.override.Scenario, "scenario", "", "scenario by name or file")
	fl.StringVar(&f.override.Seed, "seed", "", "seed of all that is drawn at random (default: the scenario's)")
	fl.BoolVar(&f.refstore, "refstore", false, "use the embedded reference store; needs no gate.toml")
	fl.BoolVar(&f.json, "json", false, "print the outcome as JSON")
	for _, other := range []string{"config", "ref"} {
		cmd.MarkFlagsMutuallyExclusive("refstore", other)
	}
	return cmd
}

// extraShare is how many unrecorded requests go with each recorded one in the
// check that must go red: far enough beyond any threshold worth having that a
// check of a minute sees it.
const extraShare = 0.25

// proof is one line of the self-test.
type proof struct {
	Name    string         `json:"name"`
	Must    string         `json:"must"` // what must come out
	Verdict verdict.Status `json:"verdict"`
	Holds   bool           `json:"holds"`
	Reason  string         `json:"reason"`

	holds func(verdict.Verdict) bool
	plant func(context.Context, *experiment.Config) (undo func() error, err error)
}

func proofs() []proof {
	return []proof{
		{
			Name: "identical", Must: "not go red", plant: plantNothing,
			holds: func(v verdict.Verdict) bool { return v.Status != verdict.Regression && v.Status != verdict.Invalid },
		},
		{
			Name: "slower", Must: "go red", plant: plantWork,
			holds: func(v verdict.Verdict) bool { return v.Status == verdict.Regression },
		},
		{
			Name: "failing", Must: "be invalid", plant: plantErrors,
			// For this reason and for no other: a machine too busy to measure on proves nothing.
			holds: func(v verdict.Verdict) bool {
				return v.Status == verdict.Invalid && strings.Contains(v.Reason, "head answered none of its")
			},
		},
	}
}

func (f selftestFlags) selftest(cmd *cobra.Command) error {
	ctx := cmd.Context()
	s, err := prepareSelf(ctx, f.config, f.ref, f.override, f.refstore)
	if err != nil {
		return err
	}
	defer s.experiment.Session.Close()
	if err := s.canPlant(); err != nil {
		return err
	}
	p := newProgress(cmd.ErrOrStderr())
	defer p.done()
	if err := s.build(ctx, p, 1); err != nil {
		return err
	}
	lines := proofs()
	for i := range lines {
		p.note("%s: must %s", lines[i].Name, lines[i].Must)
		if err := s.prove(ctx, &lines[i], f.budget, p); err != nil {
			return err
		}
	}
	p.done()
	return f.conclude(cmd.OutOrStdout(), lines)
}

// canPlant refuses a policy under which the planted work could not be seen.
func (s *self) canPlant() error {
	if slices.Contains(s.config.Gating, verdict.CPUPerOp) || slices.Contains(s.config.Gating, verdict.Throughput) {
		return nil
	}
	return errors.New("selftest makes head do more work, which cpu_per_op and throughput show, and policy.gating has neither: add one of them")
}

// prove runs one check and holds its verdict against what must come out. What ends
// invalid without having to has not been measured, and is tried once more.
func (s *self) prove(ctx context.Context, line *proof, budget time.Duration, p *progress) error {
	err := s.tryProof(ctx, line, budget, p)
	if err == nil && !line.Holds && line.Verdict == verdict.Invalid {
		p.note("%s: %s; once more", line.Name, line.Reason)
		err = s.tryProof(ctx, line, budget, p)
	}
	return err
}

func (s *self) tryProof(ctx context.Context, line *proof, budget time.Duration, p *progress) (err error) {
	x := s.experiment
	x.Budget = budget
	x.Arms = slices.Clone(x.Arms)
	undo, err := line.plant(ctx, &x)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, undo()) }()
	doc, err := measureArms(ctx, x, p)
	if doc == nil || errors.Is(err, experiment.ErrInterrupted) {
		return err
	}
	// An environment that fails the check proves nothing about a head that fails: base
	// must have been measured.
	if err != nil && !measured(doc) {
		return err
	}
	v := verdict.Judge(doc)
	line.Verdict, line.Reason, line.Holds = v.Status, v.Reason, line.holds(v)
	return nil
}

// plantWork gives head work that is not recorded.
func plantWork(ctx context.Context, x *experiment.Config) (func() error, error) {
	x.Arms[1].Extra = extraShare
	return plantNothing(ctx, x)
}

func plantNothing(context.Context, *experiment.Config) (func() error, error) {
	return func() error { return nil }, nil
}

// plantErrors sends head's requests to a server that fails them all. It is a process
// of its own on the target's cores: inside this one it would make the load engine
// late. Its certificate, where there is one, is nobody's, and has to be accepted.
func plantErrors(ctx context.Context, x *experiment.Config) (func() error, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cfg := target.Config{
		Start: []string{program, answerErrorsVerb, "--port", "{port}", "--protocol", string(x.Protocol)},
		Ready: readyConnection, ReadyTimeout: target.DefaultReadyTimeout,
	}
	build, err := x.Session.Prebuilt(answerErrorsVerb, "", cfg)
	if err != nil {
		return nil, err
	}
	process, err := x.Session.Start(ctx, target.LaunchSpec{Config: cfg, Build: build, CPUs: x.TargetCPUs})
	if err != nil {
		return nil, err
	}
	x.Arms[1].Divert = process.Addr()
	if x.TLS != nil {
		x.TLS = x.TLS.Clone()
		x.TLS.InsecureSkipVerify = true
	}
	return func() error {
		_, err := process.Stop(context.WithoutCancel(ctx), requestTimeout)
		return err
	}, nil
}

// measured says whether anything was.
func measured(doc *result.Document) bool { return len(doc.Slices) > 0 }

func (f selftestFlags) conclude(w io.Writer, lines []proof) error {
	broken := 0
	for _, l := range lines {
		if !l.Holds {
			broken++
		}
	}
	if f.json {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		if err := enc.Encode(map[string]any{"schema": "fivegate/selftest/v1", "holds": broken == 0, "proofs": lines}); err != nil {
			return err
		}
	} else {
		for _, l := range lines {
			mark := "ok    "
			if !l.Holds {
				mark = "FAILED"
			}
			fmt.Fprintf(w, "%s  %-9s  must %s: %s (%s)\n", mark, l.Name, l.Must, l.Verdict, l.Reason)
		}
	}
	if broken > 0 {
		return fmt.Errorf("%d of %d proofs failed: do not let this gate block merges on this runner yet; gate doctor says what makes it noisy, gate calibrate how much", broken, len(lines))
	}
	if !f.json {
		fmt.Fprintln(w, "the gate can be trusted here to go red when it must; gate calibrate says how often it would be wrong")
	}
	return nil
}
