package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/baseline"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// baselineFlags are the flags that the verbs under baseline share.
type baselineFlags struct {
	config   string
	dir      string
	override overrides
	ref      string
	out      string
}

func newBaselineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "baseline",
		Short: "Committed numbers of where the project stands, for each scenario and runner class",
		Long: `A baseline is what one commit was measured to do, kept in git under
baselines/<runner class>/<scenario>.json. Numbers are compared within one runner
class only. A check of base against head is sharper and needs no baseline; a
baseline tells what became of many small steps, and serves machines on which base
cannot be built.`,
		Example: `  gate baseline record
  gate check --against baseline
  gate baseline verify`,
	}
	cmd.AddCommand(newBaselineRecord(), newBaselineRefresh(), newBaselineShow(), newBaselineVerify(), newBaselineList())
	return cmd
}

func (f *baselineFlags) addDir(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "dir", baselineDir, "directory of all baselines")
}

// baselineDir is where baselines are kept in a repository.
const baselineDir = "baselines"

func (f *baselineFlags) addMeasuring(cmd *cobra.Command) {
	fl := cmd.Flags()
	f.addDir(cmd)
	fl.StringVar(&f.config, "config", "gate.toml", "configuration file")
	fl.StringVar(&f.override.Scenario, "scenario", "", "scenario by name or file")
	fl.StringVar(&f.override.Budget, "budget", "", "time for measuring, builds not counted (default 5m)")
	fl.StringVar(&f.override.Seed, "seed", "", "seed of all that is drawn at random (default: the scenario's)")
	fl.StringVar(&f.ref, "ref", "HEAD", "commit to measure")
	fl.StringVar(&f.out, "out", "", "directory for result.json and every report (default: a new one in the user's cache)")
}

func newBaselineRecord() *cobra.Command {
	var f baselineFlags
	cmd := &cobra.Command{
		Use:   "record",
		Short: "Measure a commit alone, in many launches and layouts, and write it down as the baseline",
		Long: `record measures HEAD alone and writes the numbers into the baseline of this
scenario and runner class. Recording the same commit again, on another day, adds a
run: only several runs tell how much one day differs from another.

It refuses, and says why, when the tree is dirty, when requests fail, when the
launches differ too much, or when the scenario's own limits do not hold.`,
		Example: "  gate baseline record\n  gate baseline record --budget 2m --scenario load.toml",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.record(cmd) },
	}
	f.addMeasuring(cmd)
	return cmd
}

func newBaselineRefresh() *cobra.Command {
	var f baselineFlags
	cmd := &cobra.Command{
		Use:   "refresh",
		Short: "Measure HEAD, and move the baseline if it is better for certain",
		Long: `refresh measures HEAD and holds it against the baseline. The baseline moves
only when HEAD is better for certain, beyond the threshold; where nothing is shown
it stays, so that many small steps for the worse add up against it and are seen. It
never moves on a regression: to accept one, record it.`,
		Example: "  gate baseline refresh",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.refresh(cmd) },
	}
	f.addMeasuring(cmd)
	return cmd
}

func newBaselineShow() *cobra.Command {
	var f baselineFlags
	cmd := &cobra.Command{
		Use:     "show [FILE]",
		Short:   "The numbers of a baseline; of this runner class and scenario when no file is named",
		Example: "  gate baseline show\n  gate baseline show baselines/*/load.json",
		RunE:    func(cmd *cobra.Command, args []string) error { return f.show(cmd.OutOrStdout(), args) },
	}
	f.addDir(cmd)
	return cmd
}

func newBaselineVerify() *cobra.Command {
	var f baselineFlags
	cmd := &cobra.Command{
		Use:     "verify",
		Short:   "Prove that the committed baselines are well-formed, unedited, and of the present scenarios",
		Example: "  gate baseline verify",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.verify(cmd.OutOrStdout()) },
	}
	f.addDir(cmd)
	return cmd
}

func newBaselineList() *cobra.Command {
	var f baselineFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "All baselines: runner class, scenario, commit, runs, age",
		Example: "  gate baseline list",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.list(cmd.OutOrStdout(), time.Now()) },
	}
	f.addDir(cmd)
	return cmd
}

// place is where the baseline of a runner class and scenario stands.
func (f *baselineFlags) place(class, scenario string) string {
	return filepath.Join(f.dir, filepath.FromSlash(baseline.Path(class, scenario)))
}

// readyScenario stands for the scenario of a gate.toml that names none: a GET of
// the page that ready names.
const readyScenario = "ready"

// scenarioName is what gate.toml calls the scenario, which is what it is found by
// again. A file from outside the repository goes by its name alone.
func scenarioName(cfg *fileConfig) string {
	switch name := filepath.ToSlash(filepath.Clean(cfg.Scenario)); {
	case cfg.Scenario == "":
		return readyScenario
	case filepath.IsLocal(cfg.Scenario):
		return name
	default:
		return filepath.Base(name)
	}
}

func (f *baselineFlags) record(cmd *cobra.Command) error {
	p := newProgress(cmd.ErrOrStderr())
	defer p.done()
	m, err := f.measure(cmd.Context(), p, nil)
	p.done()
	if err := f.keep(cmd.OutOrStdout(), m, err); err != nil {
		return err
	}
	class := m.doc.Provenance.Runner.Class
	b, err := readBaseline(f.place(class, m.scenario))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		b = &baseline.Baseline{Scenario: m.scenario, RunnerClass: class}
	case err != nil:
		return err
	}
	return f.add(cmd.OutOrStdout(), b, m)
}

// keep saves what was measured, if anything was, and passes the error on: whatever
// is refused later, the document is there to be looked at.
func (f *baselineFlags) keep(w io.Writer, m *aloneRun, broke error) error {
	if m == nil {
		return broke
	}
	dir, err := judge(m.doc).save(f.out)
	if err != nil {
		return errors.Join(broke, fmt.Errorf("write the result: %w", err))
	}
	fmt.Fprintf(w, "result: %s\n\n", filepath.Join(dir, "result.json"))
	return broke
}

// add writes a measurement down as one more run.
func (f *baselineFlags) add(w io.Writer, b *baseline.Baseline, m *aloneRun) error {
	run, err := baseline.NewRun(m.doc, m.manyLayouts)
	if err != nil {
		return err
	}
	grown, err := b.Add(run)
	if err != nil {
		return err
	}
	path := f.place(b.RunnerClass, b.Scenario)
	if err := writeBaseline(f.dir, path, grown); err != nil {
		return err
	}
	printBaseline(w, path, grown)
	fmt.Fprintf(w, "recorded %s as the baseline, run %d of this commit; commit %s\n", short(run.Commit), len(grown.Current()), path)
	return nil
}

func (f *baselineFlags) refresh(cmd *cobra.Command) error {
	p := newProgress(cmd.ErrOrStderr())
	defer p.done()
	var b *baseline.Baseline
	m, err := f.measure(cmd.Context(), p, f.rateOf(&b))
	p.done()
	if err := f.keep(cmd.OutOrStdout(), m, err); err != nil {
		return inconclusiveWithout(cmd.OutOrStdout(), err)
	}
	v, err := judgeAgainst(b, m.doc)
	if err != nil {
		return inconclusiveWithout(cmd.OutOrStdout(), err)
	}
	switch v.Status {
	case verdict.Improvement:
		fmt.Fprintf(cmd.OutOrStdout(), "the baseline moves: %s\n", v.Reason)
		return f.add(cmd.OutOrStdout(), b, m)
	case verdict.Regression:
		fmt.Fprintf(cmd.OutOrStdout(), "the baseline stays, since it never moves on a red run: %s\nto accept it as it is: gate baseline record\n", v.Reason)
	default:
		fmt.Fprintf(cmd.OutOrStdout(), "the baseline stays: %s\n", v.Reason)
	}
	return ending(v)
}

// rateOf finds the baseline, and says at which rate to measure.
func (f *baselineFlags) rateOf(b **baseline.Baseline) func(class, scenario string) (float64, error) {
	return func(class, scenario string) (rate float64, err error) {
		if *b, err = f.find(class, scenario); err != nil {
			return 0, err
		}
		return (*b).Rate(), nil
	}
}

// find reads the baseline of a class and scenario; that there is none is an
// *Unusable, never a reason to take another class's.
func (f *baselineFlags) find(class, scenario string) (*baseline.Baseline, error) {
	path := f.place(class, scenario)
	b, err := readBaseline(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &baseline.Unusable{Why: fmt.Sprintf("no baseline for this runner class: there is no %s; record one here with gate baseline record", path)}
	}
	return b, err
}

// inconclusiveWithout ends with the code of an inconclusive check when there is no
// baseline to compare with: nothing is wrong with the change.
func inconclusiveWithout(w io.Writer, err error) error {
	var unusable *baseline.Unusable
	if !errors.As(err, &unusable) {
		return err
	}
	fmt.Fprintf(w, "inconclusive: %s\n", unusable.Why)
	return &verdictError{verdict.ExitInconclusive}
}

func judgeAgainst(b *baseline.Baseline, doc *result.Document) (verdict.Verdict, error) {
	compared, err := b.Against(doc)
	if err != nil {
		return verdict.Verdict{}, err
	}
	return verdict.Judge(compared), nil
}

// aloneRun is a measurement of one commit alone.
type aloneRun struct {
	doc         *result.Document
	scenario    string // as gate.toml names it
	manyLayouts bool   // the build can vary the layout
}

// measure builds and drives a commit alone. rate, if given, finds the rate that the
// baseline was recorded at.
func (f *baselineFlags) measure(ctx context.Context, p *progress, rate func(class, scenario string) (float64, error)) (*aloneRun, error) {
	cfg, err := loadConfig(f.config, f.override, os.Getenv)
	if err != nil {
		return nil, err
	}
	return measureAlone(ctx, cfg, f.ref, p, rate)
}
