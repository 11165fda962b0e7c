package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// gitError is a git command that did not succeed.
type gitError struct {
	args   []string
	stderr string
	err    error
}

func (e *gitError) Error() string {
	text := "git " + strings.Join(e.args, " ") + ": " + e.err.Error()
	if e.stderr != "" {
		text += ": " + e.stderr
	}
	return text
}

func (e *gitError) Unwrap() error { return e.err }

// git runs one git command in dir and returns its output without the last line
// end. Hooks are off, since checking out a worktree must not run the user's
// post-checkout hook; optional locks are off, so that a look at the status never
// disturbs an editor.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	all := append([]string{"-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false"}, args...)
	cmd := exec.CommandContext(ctx, "git", all...)
	cmd.Dir = dir
	cmd.Env = gitEnvironment()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", &gitError{args: args, stderr: strings.TrimSpace(stderr.String()), err: err}
	}
	return strings.TrimSuffix(stdout.String(), "\n"), nil
}

// exitCode is the exit status of a git command that ran, or −1.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// gitEnvironment is the process's environment without any GIT_ variable: inside
// a hook git sets GIT_DIR and GIT_INDEX_FILE, which would send every command
// here to the wrong repository or index.
func gitEnvironment() []string {
	env := withoutVariables(os.Environ(), func(name string) bool {
		return strings.HasPrefix(name, "GIT_") || name == "LC_ALL" || name == "LANGUAGE"
	})
	return append(env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0")
}

// withoutVariables drops the variables whose name the function picks.
func withoutVariables(env []string, drop func(name string) bool) []string {
	kept := make([]string, 0, len(env)+4)
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		if !drop(name) {
			kept = append(kept, entry)
		}
	}
	return kept
}

// findGit says in plain words that git is missing.
func findGit() error {
	if _, err := exec.LookPath("git"); err != nil {
		return fmt.Errorf("git is not installed or not in PATH: %w", err)
	}
	return nil
}
