package target

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// buildOutput is how much of a build's output is kept, in bytes.
const buildOutput = 256 << 10

// runBuild runs one build command in the arm's worktree, in a process group of
// its own that dies with the context.
func (s *Session) runBuild(ctx context.Context, plan *buildPlan, layout layoutCommand) error {
	argv := layout.argv
	output := NewRing(buildOutput)
	program, err := FindProgram(argv[0], plan.a.dir)
	if err != nil {
		return &BuildError{Arm: plan.arm, Command: argv, Status: err.Error(), err: err}
	}
	cmd := exec.CommandContext(ctx, program, argv[1:]...)
	cmd.Dir, cmd.Env = plan.a.dir, layout.env
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = childAttributes()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// A daemon that the build left behind may hold the output open for ever.
	cmd.WaitDelay = 2 * time.Second
	if err = s.spawner.run(nil, cmd.Start); err == nil {
		err = cmd.Wait()
	}
	if err == nil || errors.Is(err, exec.ErrWaitDelay) { // done, and a daemon of the build still holds the output
		return nil
	}
	failed := &BuildError{
		Arm: plan.arm, Command: argv, Status: err.Error(), Output: output.String(),
		Hint: plan.a.submoduleHint(), err: err,
	}
	if cause := context.Cause(ctx); cause != nil {
		failed.Status, failed.err = "stopped: "+cause.Error(), cause
	}
	return failed
}

// quoteTail renders the last lines of a program's output under an error.
func quoteTail(output string) string {
	output = strings.TrimRight(output, " \t\r\n")
	if output == "" {
		return "; it printed nothing"
	}
	lines := strings.Split(output, "\n")
	head := "; it printed:"
	if cut := len(lines) - errorLines; cut > 0 {
		lines = lines[cut:]
		head = fmt.Sprintf("; it printed (%d lines before these are left out):", cut)
	}
	return head + "\n  | " + strings.Join(lines, "\n  | ")
}
