package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/hook"
)

func newHookCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook",
		Short: "Check what is about to be pushed, in a minute",
		Long: `hook puts gate before git push: the commit that is pushed is measured against what
the remote has, in worktrees of their own, and a regression is told before others
have it. It warns and stops nothing, unless it was installed with --strict.

git push --no-verify and GATE_SKIP=1 git push leave it out.`,
		Example: `  gate hook install
  gate hook status
  gate hook uninstall`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newHookInstallCommand(), newHookRunCommand(), newHookStatusCommand(), newHookUninstallCommand())
	return cmd
}

func newHookInstallCommand() *cobra.Command {
	var s hook.Script
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Write the pre-push hook of this repository",
		Long: `install writes the hook where git looks for it, in linked worktrees and with
core.hooksPath too. A hook that is there becomes pre-push.local and runs first.
Hooks that pre-commit, lefthook or husky keep are left alone: the entry for their
configuration is printed.`,
		Example: `  gate hook install
  gate hook install --strict --budget 2m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return installHook(cmd, s) },
	}
	cmd.Flags().BoolVar(&s.Strict, "strict", false, "a regression stops the push")
	cmd.Flags().DurationVar(&s.Budget, "budget", 0, "time that a push may take (default 1m)")
	return cmd
}

func installHook(cmd *cobra.Command, s hook.Script) error {
	repo, err := openHooks(cmd)
	if err != nil {
		return err
	}
	if s.Budget != 0 {
		if err := checkHookBudget("--budget", s.Budget); err != nil {
			return err
		}
	}
	if s.Program, err = thisProgram(); err != nil {
		return err
	}
	path, notes, err := repo.Install(cmd.Context(), s)
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "installed %s\n", path)
	for _, note := range notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	effect := "warns and stops nothing"
	if s.Strict {
		effect = "stops a push that is a regression"
	}
	fmt.Fprintf(w, "before each push it measures what is pushed, for at most %s, and %s; git push --no-verify or GATE_SKIP=1 leaves it out\n", hookBudgetOr(s.Budget), effect)
	return nil
}

// thisProgram is the path by which gate was started. Links in it are kept: package
// managers move them to the next version.
func thisProgram() (string, error) {
	path, err := exec.LookPath(os.Args[0])
	if err != nil {
		return os.Executable()
	}
	return filepath.Abs(path)
}

func newHookUninstallCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "uninstall",
		Short:   "Remove gate's pre-push hook and put the one back that was there before",
		Example: "  gate hook uninstall",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			repo, err := openHooks(cmd)
			if err != nil {
				return err
			}
			done, err := repo.Uninstall(cmd.Context())
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), done)
			}
			return err
		},
	}
}

func newHookStatusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Say whether gate runs before a push here, and what stands in its way",
		Example: "  gate hook status",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// Before openHooks, which forgets the configuration of this one call of git.
			skip, err := hook.Skip(cmd.Context(), ".", os.Getenv)
			if err != nil {
				return err
			}
			repo, err := openHooks(cmd)
			if err != nil {
				return err
			}
			st, err := repo.Status(cmd.Context())
			if err != nil {
				return err
			}
			st.Skip = skip
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(st)
			}
			printHookStatus(cmd.OutOrStdout(), st)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// openHooks finds the repository around the working directory, whatever hook this
// is started from.
func openHooks(cmd *cobra.Command) (*hook.Repository, error) {
	if err := hook.ForgetRepository(cmd.Context()); err != nil {
		return nil, err
	}
	return hook.Open(cmd.Context(), ".")
}

func printHookStatus(w io.Writer, st hook.Status) {
	fmt.Fprintf(w, "hook       %s\n", st.Path)
	if st.By != "" {
		fmt.Fprintf(w, "kept by    %s\n", st.By)
	}
	if st.Chained != "" {
		fmt.Fprintf(w, "runs first %s\n", st.Chained)
	}
	if st.Program != "" {
		fmt.Fprintf(w, "program    %s\n", st.Program)
	}
	if st.Missing {
		fmt.Fprintln(w, "note: the program is not there any more; the one on the PATH is called instead")
	}
	for _, note := range st.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	switch {
	case !st.Installed && st.Foreign:
		fmt.Fprintln(w, "not installed: the hook that is there is not gate's; gate hook install lets it run first")
	case !st.Installed && st.By != "":
		fmt.Fprintf(w, "not installed: %s does not call gate; gate hook install prints the entry\n", st.By)
	case !st.Installed:
		fmt.Fprintln(w, "not installed: gate hook install")
	case st.Skip != "":
		fmt.Fprintf(w, "installed, but pushes are not checked now: %s\n", st.Skip)
	case st.Outdated:
		fmt.Fprintln(w, "installed by another version: gate hook install renews it")
	case st.Strict:
		fmt.Fprintln(w, "installed: a regression stops the push")
	default:
		fmt.Fprintln(w, "installed: a regression is told, and stops nothing")
	}
}

// defaultHookBudget is how long a push may take. Chosen: longer, and people learn
// to push with --no-verify.
const defaultHookBudget = time.Minute

func hookBudgetOr(budget time.Duration) time.Duration {
	if budget == 0 {
		return defaultHookBudget
	}
	return budget
}

// checkHookBudget refuses what is no time for a check.
func checkHookBudget(name string, budget time.Duration) error {
	if budget < budgetRange.Min || budget > budgetRange.Max {
		return fmt.Errorf("%s: %s is out of range; allowed is from %s to %s", name, budget, budgetRange.Min, budgetRange.Max)
	}
	return nil
}
