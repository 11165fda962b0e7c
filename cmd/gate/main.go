// Command gate answers one question about a change: did it make the system
// slower by more than five percent, and how sure are we?
//
// Each verb has a file of its own here. They are thin: they parse flags, wire
// the measuring half (workloads) to the deciding half (gate), print, and choose
// the exit code.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/verdict"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program; tests call it with streams of their own. A fault of the
// program itself must not end with Go's exit code 2, which is a verdict; by the
// time it is caught here, everything that was begun has been cleaned up.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if fault := recover(); fault != nil {
			fmt.Fprintf(stderr, "gate: internal error: %v\n%s\nplease report this with the command line\n", fault, debug.Stack())
			code = verdict.ExitInvalid
		}
	}()
	ctx, stop := untilSignalled(context.Background())
	defer stop()
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exitCode(root.ExecuteContext(ctx), stderr)
}

// signalled is the cause of a context that a signal has ended.
type signalled struct{ os.Signal }

func (s signalled) Error() string { return "interrupted by " + s.Signal.String() }

// untilSignalled returns a context that SIGINT, SIGTERM or SIGHUP ends, with the
// signal as its cause. A second signal ends the process at once; its children
// die with it, since they ask the kernel for that.
func untilSignalled(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		select {
		case s := <-ch:
			signal.Stop(ch)
			cancel(signalled{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(ch)
		cancel(nil)
	}
}

// verdictError ends the program with a verdict's exit code; the verdict has been
// printed already.
type verdictError struct{ code int }

func (e *verdictError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// exitCode prints an error and chooses the code. Everything that is not a
// verdict is wrong usage, wrong configuration or a failed environment.
func exitCode(err error, stderr io.Writer) int {
	var v *verdictError
	var faults diag.Faults
	switch {
	case err == nil:
		return verdict.ExitPass
	case errors.As(err, &v):
		return v.code
	case errors.As(err, &faults):
		printFaults(stderr, faults)
		return verdict.ExitInvalid
	}
	fmt.Fprintf(stderr, "gate: %v\n", err)
	return verdict.ExitInvalid
}

// printFaults shows each fault with the line it stands on, where the file can be
// read again.
func printFaults(w io.Writer, faults diag.Faults) {
	byFile := map[string]diag.Faults{}
	var files []string
	for _, f := range faults {
		if byFile[f.File] == nil {
			files = append(files, f.File)
		}
		byFile[f.File] = append(byFile[f.File], f)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			source = nil // embedded, or gone: the positions must do
		}
		byFile[file].Print(w, source)
	}
	fmt.Fprintf(w, "gate: %d fault(s) in the configuration; nothing was run\n", len(faults))
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "gate",
		Short: "Did this change make the system slower by more than five percent, and how sure are we?",
		Long: `gate builds two commits, drives both at once with the same load on this
machine, and says whether head is more than 5% slower than base.

Exit codes: 0 pass, 1 regression, 2 regression against a rival,
3 invalid measurement, usage, configuration or environment, 4 inconclusive.`,
		Example: `  gate demo                                show it working, in under five minutes
  gate check                               HEAD against its merge base with the default branch
  gate check --base v1.4.0 --head HEAD     any two commits
  gate report result.json                  judge a result document again
  gate explain result.json                 what it means, in plain words`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newCheckCommand(),
		newRunCommand(),
		newReportCommand(),
		newExplainCommand(),
		newCompareCommand(),
		newMergeCommand(),
		newBaselineCommand(),
		newTrendCommand(),
		newPublishCommand(),
		newInitCommand(),
		newHookCommand(),
		newDemoCommand(),
		newSelftestCommand(),
		newAnswerErrorsCommand(),
		newCalibrateCommand(),
		newDoctorCommand(),
		newRefstoreCommand(),
		newVersionCommand(),
	)
	return root
}
