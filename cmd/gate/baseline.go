package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/baseline"
	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/workloads/scenario"
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

// readBaseline reads a baseline file.
func readBaseline(path string) (*baseline.Baseline, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, baseline.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	b, faults := baseline.Parse(path, text)
	return b, faults.Err()
}

func (f *baselineFlags) record(cmd *cobra.Command) error {
	p := newProgress(cmd.ErrOrStderr())
	defer p.done()
	m, err := f.measure(cmd.Context(), p, nil)
	p.done()
	if err != nil {
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

// add writes a measurement down as one more run.
func (f *baselineFlags) add(w io.Writer, b *baseline.Baseline, m *aloneRun) error {
	run, err := baseline.NewRun(m.doc, m.manyLayouts, m.calibratedSpread())
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

// attributes let git join two baselines that each got a run.
const attributes = "*.json merge=union\n"

// writeBaseline writes the file, and the attributes beside it if there are none.
func writeBaseline(dir, path string, b *baseline.Baseline) error {
	text, err := b.Format()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	write := func(text []byte) func(io.Writer) error {
		return func(w io.Writer) error { _, err := w.Write(text); return err }
	}
	if err := result.Replace(path, write(text)); err != nil {
		return err
	}
	beside := filepath.Join(dir, ".gitattributes")
	if _, err := os.Stat(beside); errors.Is(err, fs.ErrNotExist) {
		return result.Replace(beside, write([]byte(attributes)))
	}
	return nil
}

func (f *baselineFlags) refresh(cmd *cobra.Command) error {
	p := newProgress(cmd.ErrOrStderr())
	defer p.done()
	var b *baseline.Baseline
	m, err := f.measure(cmd.Context(), p, f.rateOf(&b))
	p.done()
	if err != nil {
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

func (f *baselineFlags) show(w io.Writer, paths []string) error {
	if len(paths) == 0 {
		machine, err := detectMachine()
		if err != nil {
			return err
		}
		paths, err = filesUnder(filepath.Join(f.dir, machine.Class()))
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(paths) == 0 {
			return inconclusiveWithout(w, &baseline.Unusable{Why: "no baseline for this runner class, " + machine.Class()})
		}
		if err != nil {
			return err
		}
	}
	for _, path := range paths {
		b, err := readBaseline(path)
		if err != nil {
			return err
		}
		printBaseline(w, path, b)
	}
	return nil
}

// filesUnder are all baseline files under a directory.
func filesUnder(dir string) (paths []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasSuffix(path, ".json") && !strings.HasSuffix(path, ".calibration.json") {
			paths = append(paths, path)
		}
		return err
	})
	return paths, err
}

func (f *baselineFlags) verify(w io.Writer) error {
	paths, err := filesUnder(f.dir)
	if err != nil {
		return err
	}
	var faults diag.Faults
	for _, path := range paths {
		faults = append(faults, f.verifyFile(path)...)
	}
	if err := faults.Err(); err != nil {
		return err
	}
	fmt.Fprintf(w, "baselines in order: %d\n", len(paths))
	return nil
}

// verifyFile says what is wrong with one committed baseline.
func (f *baselineFlags) verifyFile(path string) diag.Faults {
	b, err := readBaseline(path)
	var faults diag.Faults
	if errors.As(err, &faults) {
		return faults
	}
	fault := func(rule, format string, args ...any) diag.Faults {
		return diag.Faults{{File: path, Rule: rule, Message: fmt.Sprintf(format, args...)}}
	}
	if err != nil {
		return fault("read", "%v", err)
	}
	rel, err := filepath.Rel(f.dir, path)
	want := filepath.FromSlash(baseline.Path(b.RunnerClass, b.Scenario))
	if err != nil || rel != want {
		return fault("place", "is the baseline of %s on %s and belongs at %s: move it back; a baseline counts inside its runner class only", b.Scenario, b.RunnerClass, filepath.Join(f.dir, want))
	}
	if b.Scenario == readyScenario {
		return nil // made of gate.toml
	}
	s, err := scenario.Load(b.Scenario)
	switch runs := b.Current(); {
	case err != nil:
		return fault("scenario", "its scenario %s cannot be read (%v): restore it, or delete the baseline", b.Scenario, err)
	case s.SHA256 != runs[len(runs)-1].ScenarioSHA256:
		return fault("scenario", "its scenario %s has changed since it was recorded: record it again", b.Scenario)
	}
	return nil
}

func (f *baselineFlags) list(w io.Writer, now time.Time) error {
	paths, err := filesUnder(f.dir)
	if err != nil {
		return err
	}
	for _, path := range paths {
		b, err := readBaseline(path)
		if err != nil {
			return err
		}
		runs := b.Current()
		last := runs[len(runs)-1]
		fmt.Fprintf(w, "%s  %s  %s  runs: %d, launches: %d, recorded %s (%d days ago)\n", b.RunnerClass, b.Scenario, short(last.Commit),
			len(runs), len(last.Metrics[0].Launches), last.RecordedAt.Format(time.DateOnly), int(now.Sub(last.RecordedAt).Hours()/24))
	}
	return nil
}

func printBaseline(w io.Writer, path string, b *baseline.Baseline) {
	runs := b.Current()
	last := runs[len(runs)-1]
	fmt.Fprintf(w, "%s\n  %s on %s\n  commit %s, recorded %s, %.0f requests a second, layouts: %d, runs of this commit: %d\n",
		path, b.Scenario, b.RunnerClass, short(last.Commit), last.RecordedAt.Format(time.RFC3339), last.RatePerS, last.Layouts, len(runs))
	for _, m := range last.Metrics {
		fmt.Fprintf(w, "  %-12s %12.5g %-8s  launches: %d, which differ by %.1f%% (%.5g to %.5g)\n",
			m.Name, m.Median, m.Unit, len(m.Launches), 100*m.Spread(), slices.Min(m.Launches), slices.Max(m.Launches))
	}
}

// aloneRun is a measurement of one commit alone.
type aloneRun struct {
	doc         *result.Document
	scenario    string // as gate.toml names it
	manyLayouts bool   // the build can vary the layout
}

// calibratedSpread is what launches differ by on this runner class as calibrated, as
// a fraction; 0 where it is not.
func (m *aloneRun) calibratedSpread() float64 { return 0 }

// measure builds and drives a commit alone. rate, if given, finds the rate that the
// baseline was recorded at.
func (f *baselineFlags) measure(ctx context.Context, p *progress, rate func(class, scenario string) (float64, error)) (*aloneRun, error) {
	cfg, err := loadConfig(f.config, f.override, os.Getenv)
	if err != nil {
		return nil, err
	}
	return measureAlone(ctx, cfg, f.ref, p, rate)
}
