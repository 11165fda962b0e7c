package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/workloads/experiment"
	"github.com/fivegate/fivegate/workloads/target"
)

// demoCase is one check of the demo: the reference store against itself, with a
// fault planted in head or none.
type demoCase struct {
	name, title, fault string
	want               verdict.Status
}

var demoCases = []demoCase{
	{"identical", "1. identical: the same store on both sides", "", verdict.Pass},
	{"slowdown", "2. planted: head needs 10% more CPU for every request", "slowdown=10%", verdict.Regression},
}

func newDemoCommand() *cobra.Command {
	var out string
	var budget time.Duration
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show it working: an identical pair passes, a planted slow-down is blocked",
		Long: `demo checks the embedded reference store against itself twice: once unchanged,
which must pass, and once with a slow-down of 10% planted in head, which must be
blocked. It needs nothing but this binary.`,
		Example: "  gate demo\n  gate demo --out demo-out",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo(cmd, out, budget)
		},
	}
	cmd.Flags().StringVar(&out, "out", "gate-demo", "directory for the two reports")
	cmd.Flags().DurationVar(&budget, "budget", 100*time.Second, "time for each of the two checks")
	return cmd
}

func demo(cmd *cobra.Command, out string, budget time.Duration) error {
	w := cmd.OutOrStdout()
	wrong := 0
	var summary []string
	for _, c := range demoCases {
		fmt.Fprintf(w, "\n%s\n\n", c.title)
		doc, err := demoCheck(cmd, c, budget)
		if doc == nil {
			return err
		}
		dir := filepath.Join(out, c.name)
		if err := conclude(w, doc, err, dir, false); err != nil && !errors.As(err, new(*verdictError)) {
			return err
		}
		v := verdict.Judge(doc)
		answer := "as it should be"
		if v.Status != c.want && (c.want != verdict.Pass || v.Status != verdict.Improvement) {
			answer = fmt.Sprintf("NOT the %s it should be", c.want)
			wrong++
		}
		summary = append(summary, fmt.Sprintf("%-10s  %s (exit %d), %s: %s", c.name, v.Status, v.ExitCode(), answer, filepath.Join(dir, "report.html")))
	}
	fmt.Fprintf(w, "\nsummary\n")
	for _, line := range summary {
		fmt.Fprintf(w, "  %s\n", line)
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d demo checks did not end as they should; this machine may be too busy: see gate doctor", wrong, len(demoCases))
	}
	fmt.Fprintln(w, "the identical pair passed and the planted slow-down was blocked")
	return nil
}

// demoCheck runs one case with this very binary as both arms.
func demoCheck(cmd *cobra.Command, c demoCase, budget time.Duration) (*result.Document, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cfg := storeConfig(self, budget)
	ctx := cmd.Context()
	session, err := target.NewSession(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	x, err := newExperiment(cfg)
	if err != nil {
		return nil, err
	}
	x.Session = session
	for i, name := range []string{"base", "head"} {
		start := cfg.Target
		if i == 1 && c.fault != "" {
			start.Start = append(append([]string{}, start.Start...), "--fault", c.fault)
		}
		build, err := session.Prebuilt(name, ".", start)
		if err != nil {
			return nil, err
		}
		x.Arms = append(x.Arms, experiment.Arm{Name: name, Start: start, Builds: []target.Build{build}})
	}
	p := newProgress(cmd.ErrOrStderr())
	defer p.done()
	return measureArms(ctx, x, p)
}

// storeConfig is the configuration of the demo: the store of this binary, with
// the embedded scenario.
func storeConfig(self string, budget time.Duration) *fileConfig {
	cfg := defaultConfig()
	cfg.Budget = budget
	cfg.Target = target.Config{
		Driver: "engram",
		Start:  []string{self, "refstore", "--port", "{port}", "--data", "{data}"},
		Ready:  "http://127.0.0.1:{port}/health/alive",
	}
	return cfg
}
