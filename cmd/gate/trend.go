package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/history"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

type trendFlags struct {
	dir       string
	since     string
	threshold string
	release   string
	format    string
	json      bool
	out       string
}

func newTrendCommand() *cobra.Command {
	var f trendFlags
	cmd := &cobra.Command{
		Use:   "trend",
		Short: "Where the history changed, over weeks and years",
		Long: `trend reads the history that "gate trend add" keeps, and says where each series
changed, by how much and between which commits; what drifts; how it stands against
the last release; and what was only a spike or more noise.

The exit code is 1 when a series is worse by more than the threshold because of
something in the window, and nobody has explained it; else 0.`,
		Example: `  gate trend add gate-out/result.json      append a measurement to history/
  gate trend                               the last 90 days
  gate trend --since 2026-01-01 --out reports
  gate trend --release v1.4.0              against a release
  gate trend explain 4f2a9c1 --reason "writes are synced now" --by @storage-team`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.trend(cmd.OutOrStdout()) },
	}
	cmd.PersistentFlags().StringVar(&f.dir, "dir", "history", "directory of the history")
	fl := cmd.Flags()
	fl.StringVar(&f.since, "since", "90d", "start of the window: days before the newest run, or a date")
	fl.StringVar(&f.threshold, "threshold", "5%", "change, or drift in a month, that is a regression")
	fl.StringVar(&f.release, "release", "", "release, or commit, to compare with (default: the newest release marked)")
	fl.StringVar(&f.format, "format", "terminal", strings.Join(trendFormatNames(), ", "))
	fl.BoolVar(&f.json, "json", false, "short for --format json")
	fl.StringVar(&f.out, "out", "", "directory to write the trend to in every format as well")
	cmd.MarkFlagsMutuallyExclusive("json", "format")
	cmd.AddCommand(newTrendAddCommand(&f.dir), newTrendImportCommand(&f.dir), newTrendExplainCommand(&f.dir))
	return cmd
}

var trendFormats = []struct {
	name, file string
	write      func(io.Writer, *history.Trend) error
}{
	{"terminal", "", history.Terminal},
	{"html", "trend.html", history.HTML},
	{"markdown", "trend.md", history.Markdown},
	{"json", "trend.json", history.JSON},
}

func trendFormatNames() (names []string) {
	for _, f := range trendFormats {
		names = append(names, f.name)
	}
	return names
}

func (f trendFlags) trend(w io.Writer) error {
	if f.json {
		f.format = "json"
	}
	if !slices.Contains(trendFormatNames(), f.format) {
		return fmt.Errorf("format %q is not known; allowed are %s", f.format, strings.Join(trendFormatNames(), ", "))
	}
	o, err := f.options()
	if err != nil {
		return err
	}
	files, explanations, err := readHistory(f.dir)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("there is no history in %s yet; gate trend add RESULT.json begins one", f.dir)
	}
	t, err := history.Analyse(files, explanations, o)
	if err != nil {
		return err
	}
	if f.release != "" && !slices.ContainsFunc(t.Series, func(s history.Series) bool { return s.Release != nil }) {
		return fmt.Errorf("no run of the history is of %q, or too few runs are before or after it: give the name that gate trend add --release was given, or at least 7 digits of a measured commit", f.release)
	}
	if f.out != "" {
		if err := os.MkdirAll(f.out, 0o777); err != nil {
			return err
		}
	}
	for _, format := range trendFormats {
		write := func(w io.Writer) error { return format.write(w, t) }
		if f.out != "" && format.file != "" {
			if err := result.Replace(filepath.Join(f.out, format.file), write); err != nil {
				return err
			}
		}
		if format.name == f.format {
			if err := write(w); err != nil {
				return err
			}
		}
	}
	if len(t.Regressed()) > 0 {
		return &verdictError{code: verdict.ExitRegression}
	}
	return nil
}

func (f trendFlags) options() (o history.Options, err error) {
	if o.Threshold, err = diag.ParsePercent(f.threshold, diag.Range[float64]{Min: 0.001, Max: 1}); err != nil {
		return o, fmt.Errorf("--threshold: %w", err)
	}
	o.Release = f.release
	if days, found := strings.CutSuffix(f.since, "d"); found {
		if n, err := strconv.Atoi(days); err == nil && n >= 1 && n <= 36_525 {
			o.Window = time.Duration(n) * 24 * time.Hour
			return o, nil
		}
	}
	if o.Since, err = time.Parse(time.DateOnly, f.since); err != nil {
		return o, fmt.Errorf("--since is %q: give days before the newest run, such as 90d, or a date, such as 2026-01-31", f.since)
	}
	return o, nil
}

// readHistory reads a history. Faults name files as the user would.
func readHistory(dir string) ([][]history.Run, []history.Explanation, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	files, explanations, err := history.ReadAll(os.DirFS(dir))
	var faults diag.Faults
	if errors.As(err, &faults) {
		for i := range faults {
			faults[i].File = filepath.Join(dir, faults[i].File)
		}
		return nil, nil, faults
	}
	return files, explanations, err
}

func newTrendAddCommand(dir *string) *cobra.Command {
	var arm, release string
	cmd := &cobra.Command{
		Use:   "add RESULT.json...",
		Short: "Append measurements to the history",
		Long: `add takes the absolute values of head (or of another arm) out of result documents
and appends a line for each to the series file of its runner class and scenario.
What is there already is not added twice. Nothing is written when one of the
documents cannot be taken.`,
		Example: `  gate trend add gate-out/result.json
  gate trend add --release v1.4.0 gate-out/result.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var runs []history.Run
			for _, path := range args {
				doc, err := result.ReadFile(path)
				if err != nil {
					return err
				}
				r, err := history.FromDocument(doc, arm, release)
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				runs = append(runs, r)
			}
			return appendRuns(cmd.OutOrStdout(), *dir, runs)
		},
	}
	cmd.Flags().StringVar(&arm, "arm", "", "arm to take the values of (default: head)")
	cmd.Flags().StringVar(&release, "release", "", "name of the release that was measured")
	return cmd
}

func newTrendImportCommand(dir *string) *cobra.Command {
	var o history.ImportOptions
	cmd := &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Append what another tool measured to the history",
		Long: `import reads a table with a header. The column "time" is needed (RFC 3339, a date,
a date with a time, or seconds since 1970); "commit" and "release" are taken where
they are; every other column is a metric. An empty cell is no value.`,
		Example: `  gate trend import --class our-lab --scenario nightly --higher throughput runs.csv`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			runs, err := history.Import(args[0], f, o)
			if err != nil {
				return err
			}
			return appendRuns(cmd.OutOrStdout(), *dir, runs)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&o.Class, "class", "", "runner class that the numbers are of")
	fl.StringVar(&o.Scenario, "scenario", "", "what was measured")
	fl.StringSliceVar(&o.Higher, "higher", nil, "metrics of which more is better (default: less is, of all)")
	for _, name := range []string{"class", "scenario"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a flag that was defined just above
		}
	}
	return cmd
}

// appendRuns puts runs into their files, each of which is written whole or not at
// all, after all of them were read and found in order.
func appendRuns(w io.Writer, dir string, runs []history.Run) error {
	files := map[string][]history.Run{}
	added := 0
	for _, r := range runs {
		name, err := history.Path(r.Class, r.Scenario)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if _, read := files[path]; !read {
			if files[path], err = readSeries(path); err != nil {
				return err
			}
		}
		var isNew bool
		if files[path], isNew, err = history.Add(files[path], r); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if isNew {
			added++
		}
	}
	if err := writeAttributes(dir); err != nil {
		return err
	}
	for path, all := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := result.Replace(path, func(w io.Writer) error { return history.Write(w, all) }); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "%d of %d run(s) added to %s; the others were there. Commit the directory to keep them\n", added, len(runs), dir)
	return nil
}

func readSeries(path string) ([]history.Run, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return history.Read(path, f)
}

// writeAttributes lets git merge series files by keeping the lines of both sides.
func writeAttributes(dir string) error {
	path := filepath.Join(dir, ".gitattributes")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return result.Replace(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "*.jsonl merge=union text eol=lf\n")
		return err
	})
}

func newTrendExplainCommand(dir *string) *cobra.Command {
	var e history.Explanation
	cmd := &cobra.Command{
		Use:   "explain COMMIT",
		Short: "Say why a change in the history is as it should be",
		Long: `explain notes why a change is as it should be. COMMIT is the first one after the
change, as trend shows it. The change is shown with the reason from then on, and
no longer makes trend end with 1.`,
		Example: `  gate trend explain 4f2a9c1 --metric latency.p99 --reason "writes are synced now" --by @storage-team`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e.Commit = args[0]
			if _, explanations, err := readHistory(*dir); err != nil {
				return err
			} else if slices.ContainsFunc(explanations, e.Same) {
				fmt.Fprintln(cmd.OutOrStdout(), "it is explained already")
				return nil
			}
			path := filepath.Join(*dir, history.ExplanationsFile)
			before, err := os.ReadFile(path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err := writeAttributes(*dir); err != nil {
				return err
			}
			return result.Replace(path, func(w io.Writer) error {
				if _, err := w.Write(before); err != nil {
					return err
				}
				return e.Write(w)
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&e.Reason, "reason", "", "why the change is as it should be")
	fl.StringVar(&e.By, "by", "", "who answers for it")
	fl.StringVar(&e.Scenario, "scenario", "", "only under this scenario (default: any)")
	fl.StringVar(&e.Metric, "metric", "", "only of this metric (default: any)")
	return cmd
}
