package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/calibration"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/experiment"
	"github.com/fivegate/fivegate/workloads/target"
)

// calibrateFlags are the flags of calibrate as typed.
type calibrateFlags struct {
	config   string
	ref      string
	override overrides
	length   time.Duration
	refstore bool
	out      string
	json     bool
}

func newCalibrateCommand() *cobra.Command {
	var f calibrateFlags
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure what checks on this runner can see, and how often they are wrong",
		Long: `calibrate measures one commit against itself on this runner, with the target and
scenario of gate.toml, for as long as it is given. It says how often a check here
would block identical builds, how large a slow-down must be to be caught, how
many minutes it takes to see 5%, where the noise comes from, and what would make
checks sharper.

The calibration is kept on this machine, and gate check uses it from then on: its
report says these numbers, and a metric that is too noisy here is watched and not
judged, with the reason. --out writes it to a file as well; committed as
baselines/CLASS/SCENARIO.calibration.json, or named in gate.toml as calibration
in [check], it is used by every check on a runner of the same class.

An interrupted calibration keeps what was measured, if that suffices for any.`,
		Example: `  gate calibrate
  gate calibrate --for 30m --out baselines/calibration.json
  gate calibrate --refstore`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.calibrate(cmd) },
	}
	fl := cmd.Flags()
	fl.DurationVar(&f.length, "for", 10*time.Minute, "how long to measure, builds not counted")
	fl.StringVar(&f.ref, "ref", "HEAD", "commit to measure against itself")
	fl.StringVar(&f.config, "config", "gate.toml", "configuration file")
	fl.StringVar(&f.override.Scenario, "scenario", "", "scenario by name or file")
	fl.StringVar(&f.override.Budget, "budget", "", "budget of the checks that are to be foretold (default: that of gate.toml, or 5m)")
	fl.StringVar(&f.override.Threshold, "threshold", "", "threshold of those checks (default 5%)")
	fl.StringVar(&f.override.Seed, "seed", "", "seed of all that is drawn at random (default: the scenario's)")
	fl.BoolVar(&f.refstore, "refstore", false, "use the embedded reference store, and measure on it how much of a planted slow-down a duet shows; needs no gate.toml")
	fl.StringVar(&f.out, "out", "", "file to write the calibration to as well, to be committed")
	fl.BoolVar(&f.json, "json", false, "print the calibration as JSON")
	for _, other := range []string{"config", "ref"} {
		cmd.MarkFlagsMutuallyExclusive("refstore", other)
	}
	return cmd
}

const (
	// attenuationShare is the part of a calibration of the reference store that goes
	// into a planted slow-down, of plantedSlowdown.
	attenuationShare = 0.25
	plantedSlowdown  = 0.20

	leastCalibration = time.Minute
)

// draws is how many checks are put together: 500 of ten minutes, which know a rate
// to half a percent; fewer of less, which holds fewer that differ.
func draws(length time.Duration) int { return min(max(int(50*length.Minutes()), 40), 500) }

func (f calibrateFlags) calibrate(cmd *cobra.Command) error {
	if f.length < leastCalibration || f.length > 24*time.Hour {
		return fmt.Errorf("--for %s is out of range; allowed are %s to 24h", f.length, leastCalibration)
	}
	ctx := cmd.Context()
	s, err := prepareSelf(ctx, f.config, f.ref, f.override, f.refstore)
	if err != nil {
		return err
	}
	defer s.experiment.Session.Close()
	p := newProgress(cmd.ErrOrStderr())
	defer p.done()
	if err := s.build(ctx, p, s.config.Target.Layouts); err != nil {
		return err
	}
	length := f.length
	if f.refstore {
		length = time.Duration((1 - attenuationShare) * float64(f.length))
	}
	doc, check, broke := s.identical(ctx, length, p)
	if doc == nil || broke != nil && !errors.Is(broke, experiment.ErrInterrupted) {
		return broke
	}
	c, err := s.analyse(doc, check, draws(f.length), p)
	if err != nil {
		return errors.Join(broke, err)
	}
	if f.refstore && broke == nil {
		if c.Attenuation, broke = s.attenuation(ctx, f.length-length, p); broke != nil && !errors.Is(broke, experiment.ErrInterrupted) {
			return broke
		}
	}
	p.done()
	path, err := f.save(c)
	if err != nil {
		return err
	}
	if err := f.print(cmd.OutOrStdout(), c, path); err != nil {
		return err
	}
	if broke != nil {
		return fmt.Errorf("%w after %d blocks; what they say was kept, and is used", broke, c.Blocks)
	}
	return nil
}

// identical measures the commit against itself. The shape is that of a check with
// the configured budget.
func (s *self) identical(ctx context.Context, length time.Duration, p *progress) (*result.Document, calibration.Shape, error) {
	x := s.experiment
	x.Budget = length
	x.Calibrate = &experiment.Calibrate{CheckBudget: s.config.Budget}
	doc, err := measureArms(ctx, x, p)
	if doc == nil || doc.Outcome.Blocks == 0 {
		return nil, calibration.Shape{}, errors.Join(err, errNothingMeasured)
	}
	check := calibration.Shape{Blocks: x.Calibrate.Check.Blocks, Rounds: x.Calibrate.Check.Rounds, Looks: experiment.Looks(x.Calibrate.Check.Blocks)}
	check.PrepareS, check.BlockS = blockTimes(doc)
	return doc, check, err
}

var errNothingMeasured = errors.New("no block was completed")

// blockTimes are the time before the first block and that of one block.
func blockTimes(doc *result.Document) (prepare, block float64) {
	for i := range doc.Launches {
		if l := doc.Launches[i]; l.Block == 0 {
			prepare = l.StartS
			break
		}
	}
	return prepare, (doc.Provenance.DurationS - prepare) / float64(doc.Outcome.Blocks)
}

// analyse turns what was measured into a calibration.
func (s *self) analyse(doc *result.Document, check calibration.Shape, draws int, p *progress) (*calibration.Calibration, error) {
	var done atomic.Int64
	finished := make(chan struct{})
	type outcome struct {
		c   *calibration.Calibration
		err error
	}
	out := make(chan outcome, 1)
	go func() {
		defer close(finished)
		c, err := calibration.Analyse(doc, calibration.Options{
			Key: calibrationKey(s.experiment, s.config), Check: check, Draws: draws, SameBytes: s.store,
			Progress: func(n, _ int) { done.Store(int64(n)) },
		})
		out <- outcome{c, err}
	}()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-finished:
			o := <-out
			return o.c, o.err
		case <-tick.C:
			p.say(fmt.Sprintf("putting checks together, %d of %d", done.Load(), draws), int(done.Load()), draws)
		}
	}
}

// attenuation measures how much of a planted slow-down of the store a duet shows.
func (s *self) attenuation(ctx context.Context, length time.Duration, p *progress) ([]calibration.Attenuation, error) {
	x := s.experiment
	x.Budget = length
	x.Arms = append([]experiment.Arm{}, x.Arms...)
	head := &x.Arms[1]
	head.Start.Start = append(append([]string{}, head.Start.Start...), "--fault", fmt.Sprintf("slowdown=%.0f%%", 100*plantedSlowdown))
	p.note("measuring a planted slow-down of %.0f%%, to see how much of it a duet shows", 100*plantedSlowdown)
	doc, err := measureArms(ctx, x, p)
	if doc == nil || err != nil {
		return []calibration.Attenuation{}, err
	}
	return calibration.Attenuate(doc, plantedSlowdown), nil
}

// save writes the calibration to where checks look for it, with its page, and to
// the file that was named.
func (f calibrateFlags) save(c *calibration.Calibration) (string, error) {
	path, err := calibrationCache(c.Key)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o777)
	}
	if err != nil {
		return "", err
	}
	page := strings.TrimSuffix(path, ".json") + ".html"
	if err := errors.Join(result.Replace(path, c.Write), result.Replace(page, c.HTML)); err != nil {
		return "", err
	}
	if f.out != "" {
		return page, result.Replace(f.out, c.Write)
	}
	return page, nil
}

func (f calibrateFlags) print(w io.Writer, c *calibration.Calibration, page string) error {
	if f.json {
		return c.Write(w)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d blocks of base against itself, %s, different builds: %d; checks of %d blocks put together from them: %d\n\n",
		c.Blocks, c.Key.RunnerClass, c.Layouts, c.Check.Blocks, c.Drawn.Checks)
	columns(&b, []string{"slow-down", "blocked", "95% interval", "inconclusive", "blocks used", "blocked, apart"}, c.OutcomeTable())
	columns(&b, []string{"metric", "role", "false alarms", "MDE", "minutes to see 5%"}, c.MetricTable())
	columns(&b, []string{"noise of a round", "layouts", "launches", "rounds", "within rounds"}, c.VarianceTable())
	columns(&b, []string{"planted", "of", "duet", "solo", "κ"}, c.KappaTable())
	for _, d := range c.Demoted {
		fmt.Fprintf(&b, "%s is watched and not judged: %s\n", d.Metric, d.Reason)
	}
	for _, a := range c.Advice {
		fmt.Fprintf(&b, "advice: %s\n", a)
	}
	fmt.Fprintf(&b, "page: %s\n\n%s\n", page, calibration.Sentence(c.Plan()))
	_, err := io.WriteString(w, b.String())
	return err
}

// columns writes a table, nothing when it has no rows.
func columns(b *strings.Builder, header []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	rows = append([][]string{header}, rows...)
	widths := make([]int, len(header))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += cell + strings.Repeat(" ", widths[i]-len([]rune(cell))+2)
		}
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
	b.WriteByte('\n')
}

// self is one commit, or the reference store, to be measured against itself.
type self struct {
	config     *fileConfig
	experiment experiment.Config
	store      bool
}

// prepareSelf reads the configuration and opens what is needed to measure. The
// session is the caller's to close.
func prepareSelf(ctx context.Context, config, ref string, flags overrides, store bool) (*self, error) {
	if store {
		return prepareStore(ctx, flags)
	}
	cfg, err := loadConfig(config, flags, os.Getenv)
	if err != nil {
		return nil, err
	}
	repo, x, err := openExperiment(ctx, cfg)
	if err != nil {
		return nil, err
	}
	commit, err := repo.Resolve(ctx, ref)
	if err != nil {
		return nil, errors.Join(err, x.Session.Close())
	}
	for _, name := range []string{"base", "head"} {
		x.Arms = append(x.Arms, experiment.Arm{Name: name, Ref: ref, Commit: commit, Start: cfg.Target})
	}
	return &self{config: cfg, experiment: x}, nil
}

// prepareStore is prepareSelf for the reference store of this binary.
func prepareStore(ctx context.Context, flags overrides) (*self, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cfg := storeConfig(program, defaultConfig().Budget)
	if err := cfg.override(flags, os.Getenv).Err(); err != nil {
		return nil, err
	}
	x, err := newExperiment(cfg)
	if err != nil {
		return nil, err
	}
	if x.Session, err = target.NewSession(ctx, nil); err != nil {
		return nil, err
	}
	for _, name := range []string{"base", "head"} {
		x.Arms = append(x.Arms, experiment.Arm{Name: name, Start: cfg.Target})
	}
	return &self{config: cfg, experiment: x, store: true}, nil
}

// build builds both arms in so many layouts each, as a check does.
func (s *self) build(ctx context.Context, p *progress, layouts int) error {
	x := &s.experiment
	if !s.store {
		err := buildArms(ctx, x.Session, s.config, x.Arms, layoutSeeds(s.config.Seed, layouts, 0), p)
		p.notes(x.Session.Notes())
		return err
	}
	for i := range x.Arms {
		build, err := x.Session.Prebuilt(x.Arms[i].Name, ".", x.Arms[i].Start)
		if err != nil {
			return err
		}
		x.Arms[i].Builds = []target.Build{build}
	}
	return nil
}
