package main

import (
	"cmp"
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

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/hook"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// hookRunFlags are those that the hook's script gives.
type hookRunFlags struct {
	strict bool
	budget time.Duration
}

func newHookRunCommand() *cobra.Command {
	var f hookRunFlags
	cmd := &cobra.Command{
		Use:   "run [REMOTE [ADDRESS]]",
		Short: "Check a push; git, pre-commit and lefthook start this",
		Long: `run reads from standard input what git says of a push (githooks, pre-push), or
from pre-commit's variables, and measures each commit that is pushed against what
the remote has. The working tree's gate.toml says how; the scenario is
ci/hook_quick in the place of the five-minute one, and CPU time, allocations and
errors decide: times are only advice.

A push is stopped, with exit code 1, by a regression under --strict and by nothing
else: what cannot be measured in time, or not at all, goes through with a note.
GATE_HOOK_BUDGET is --budget.`,
		Example: `  gate hook run origin git@example.com:me/project.git <refs
  GATE_SKIP=1 git push`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	cmd.Flags().BoolVar(&f.strict, "strict", false, "stop a push that is a regression")
	cmd.Flags().DurationVar(&f.budget, "budget", 0, "time that the push may take, builds counted (default 1m)")
	return cmd
}

// run lets the push through whatever happens to gate itself.
func (f hookRunFlags) run(cmd *cobra.Command, args []string) error {
	if in, ok := cmd.InOrStdin().(*os.File); ok && isatty.IsTerminal(in.Fd()) {
		return errors.New("hook run: git starts this, and says on standard input what is pushed; to measure now, run gate check")
	}
	ctx, say := cmd.Context(), hookNotes(cmd.ErrOrStderr())
	why, err := hook.Skip(ctx, ".", os.Getenv)
	if err == nil && why != "" {
		say("this push is not checked: %s", why)
		return nil
	}
	if err == nil {
		err = f.push(cmd, args)
	}
	var ended *verdictError
	switch {
	case errors.As(err, &ended), errors.As(context.Cause(ctx), &signalled{}):
		return err
	case err != nil:
		say("this push is not checked: %s", firstLine(err))
	}
	return nil
}

// hookNotes prints lines among those of git and other hooks.
func hookNotes(w io.Writer) func(format string, args ...any) {
	return func(format string, args ...any) { fmt.Fprintf(w, "gate: "+format+"\n", args...) }
}

// firstLine is what a push needs to know of an error.
func firstLine(err error) string {
	line, more, _ := strings.Cut(err.Error(), "\n")
	if more != "" {
		line += " … (gate check says the rest)"
	}
	return line
}

var errHookBudget = errors.New("the time of a push is over")

// push checks each pair of a push.
func (f hookRunFlags) push(cmd *cobra.Command, args []string) error {
	budget, err := f.time(os.Getenv)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), budget, errHookBudget)
	defer cancel()
	plan, err := planPush(ctx, cmd.InOrStdin(), args)
	if err != nil {
		return err
	}
	c := hookCheck{cmd: cmd, say: hookNotes(cmd.ErrOrStderr()), budget: budget}
	for _, note := range plan.Notes {
		c.say("%s", note)
	}
	if len(plan.Pairs) == 0 {
		return nil
	}
	if err := c.configure(); err != nil {
		return err
	}
	worse := false
	for _, pair := range plan.Pairs {
		v, err := c.check(ctx, pair)
		switch {
		case err != nil && cmd.Context().Err() != nil:
			return err
		case errors.Is(context.Cause(ctx), errHookBudget):
			c.say("%s is not checked: building and measuring took longer than the %s of a push; give it more with GATE_HOOK_BUDGET or gate hook install --budget", pair.Ref, budget)
		case err != nil:
			c.say("%s is not checked: %s", pair.Ref, firstLine(err))
		default:
			worse = worse || v.Status == verdict.Regression
		}
	}
	switch {
	case worse && f.strict:
		c.say("the push is stopped by a regression; git push --no-verify pushes all the same")
		return &verdictError{code: verdict.ExitRegression}
	case worse:
		c.say("WARNING: this push is a regression; it goes through, since the hook was not installed with --strict")
	}
	return nil
}

// time is how long the push may take.
func (f hookRunFlags) time(getenv func(string) string) (time.Duration, error) {
	name, budget := "--budget", f.budget
	if text := strings.TrimSpace(getenv("GATE_HOOK_BUDGET")); text != "" && budget == 0 {
		name = "GATE_HOOK_BUDGET"
		var err error
		if budget, err = time.ParseDuration(text); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	budget = hookBudgetOr(budget)
	return budget, checkHookBudget(name, budget)
}

// planPush reads what is pushed and finds what to compare it with.
func planPush(ctx context.Context, in io.Reader, args []string) (hook.Plan, error) {
	refs, err := hook.ReadRefs(in)
	if err != nil {
		return hook.Plan{}, err
	}
	push := hook.Push{Refs: refs}
	if len(args) > 0 {
		push.Remote = args[0]
	}
	if len(refs) == 0 {
		if told, ok := hook.FromPreCommit(os.Getenv); ok {
			push = told
		}
	}
	if err := hook.ForgetRepository(ctx); err != nil {
		return hook.Plan{}, err
	}
	repo, err := hook.Open(ctx, ".")
	if err != nil {
		return hook.Plan{}, err
	}
	return repo.Plan(ctx, push)
}

// hookCheck measures the pairs of one push.
type hookCheck struct {
	cmd      *cobra.Command
	say      func(format string, args ...any)
	budget   time.Duration
	cfg      *fileConfig
	suite    bool // Go benchmarks are measured, not a target
	known    hook.Known
	question hook.Question // all but the pair
}

// quickScenario takes the place of the default scenario, which is made for five
// minutes; one that somebody has chosen stays.
const quickScenario = "ci/hook_quick"

// hookLayouts is the most layouts that are built of each arm. Chosen: eight links
// leave most of a minute to measure in.
const hookLayouts = 4

// hookGating are the metrics that decide: those that a minute beside an editor and a
// browser can see.
var hookGating = []string{verdict.CPUPerOp, verdict.Throughput, verdict.ErrorRate}

// hookConfig is the working tree's configuration: gate.toml, or in a Go module
// without one its benchmarks.
const hookConfig = "gate.toml"

// configure reads the configuration for a short check.
func (c *hookCheck) configure() error {
	cfg, err := loadConfig(hookConfig, overrides{}, os.Getenv)
	if errors.Is(err, fs.ErrNotExist) {
		if !inGoModule() {
			return errors.New("there is no gate.toml, which says how the target is built and started; gate init writes one")
		}
		if cfg, err = (checkFlags{config: hookConfig}).benchConfig(false); err == nil {
			cfg.Target.Driver, cfg.Target.Layouts = driverGobench, defaultLayouts
		}
	}
	if err != nil {
		return err
	}
	cfg.Budget = min(cfg.Budget, c.budget)
	cfg.Target.Layouts = min(cfg.Target.Layouts, hookLayouts)
	c.cfg, c.suite = cfg, cfg.Target.Driver == driverGobench
	c.question = hook.Question{Tool: tool(), Settings: cfg}
	if c.suite {
		cfg.Seed = cmp.Or(cfg.Seed, 1)
	} else if c.question.Scenario, err = c.shorten(); err != nil {
		return err
	}
	machine, err := detectMachine()
	if err != nil {
		return err
	}
	c.question.Class = machine.Class()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	c.known = hook.Known{Dir: filepath.Join(cache, "fivegate", "hook")}
	return nil
}

// shorten makes the check of a target fit a minute, and returns the hash of its
// scenario.
func (c *hookCheck) shorten() (string, error) {
	cfg := c.cfg
	if cfg.Scenario == defaultConfig().Scenario {
		cfg.Scenario = quickScenario
	}
	if few := slices.DeleteFunc(slices.Clone(cfg.Gating), func(m string) bool { return !slices.Contains(hookGating, m) }); len(few) > 0 {
		cfg.Gating = few
	}
	s, err := loadScenario(cfg)
	if err != nil {
		return "", err
	}
	return s.SHA256, nil
}

// check gives the verdict on a pair, the known one if there is one.
func (c *hookCheck) check(ctx context.Context, pair hook.Pair) (verdict.Verdict, error) {
	q := c.question
	q.Base, q.Head = pair.Base, pair.Head
	told := fmt.Sprintf("%s (%s) against %s (%s)", pair.Ref, short(pair.Head), pair.Against, short(pair.Base))
	doc := c.known.Read(q)
	if doc != nil {
		c.say("%s, as measured before", told)
	} else {
		c.say("%s, for at most %s; GATE_SKIP=1 git push leaves this out", told, c.budget)
		var err error
		if doc, err = c.measure(ctx, pair); err != nil {
			return verdict.Verdict{}, err
		}
	}
	v := verdict.Judge(doc)
	for _, line := range hook.Summary(v) {
		c.say("%s", line)
	}
	if v.Status == verdict.Invalid {
		return v, nil
	}
	path, err := c.known.Write(q, doc)
	if err != nil {
		c.say("the result is not kept: %v", err)
		return v, nil
	}
	c.say("the whole report: gate report %s", path)
	return v, nil
}

// measure is gate check of the pair, within the time that ctx leaves.
func (c *hookCheck) measure(ctx context.Context, pair hook.Pair) (*result.Document, error) {
	p := newProgress(c.cmd.ErrOrStderr())
	defer p.done()
	f := checkFlags{base: pair.Base, head: pair.Head}
	var doc *result.Document
	var err error
	if c.suite {
		doc, _, err = f.measureBenchmarks(ctx, c.cfg, p)
	} else {
		doc, err = f.measure(ctx, c.cfg, p)
	}
	switch {
	case err != nil:
		return nil, err
	case doc == nil:
		return nil, errors.New("nothing was measured")
	}
	// As it would be typed: git's own command has the remote's address in it, and
	// that may hold a password.
	doc.Provenance.Command = []string{"gate", "check", "--base", pair.Base, "--head", pair.Head}
	return doc, nil
}
