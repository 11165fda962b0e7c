package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Repository is the one that is pushed from.
type Repository struct {
	top string // root of the working tree
}

// Open finds the repository around a directory. A repository without a working
// tree is an error: nothing can be built there.
func Open(ctx context.Context, dir string) (*Repository, error) {
	top, err := git(ctx, dir, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	return &Repository{top: top}, nil
}

func (r *Repository) git(ctx context.Context, args ...string) (string, error) {
	return git(ctx, r.top, args...)
}

// git runs one git command and returns its output without the last line end. It
// may neither ask for anything nor fetch what a partial clone lacks.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSuffix(stdout.String(), "\n"), nil
}

// answers says whether a git command that answers by its exit code said yes: 0, and
// not 1, or 128 for what does not exist.
func (r *Repository) answers(ctx context.Context, args ...string) (bool, error) {
	_, err := r.git(ctx, args...)
	var exit *exec.ExitError
	if errors.As(err, &exit) && (exit.ExitCode() == 1 || exit.ExitCode() == 128) {
		return false, nil
	}
	return err == nil, err
}

// config is a value of git's configuration; empty when there is none.
func config(ctx context.Context, dir string, args ...string) (string, error) {
	value, err := git(ctx, dir, append([]string{"config"}, args...)...)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return "", nil
	}
	return value, err
}

// ForgetRepository takes out of this process's environment what git puts there for
// a hook (GIT_DIR, GIT_PREFIX and others). In a linked worktree it would send every
// git that is started in another directory, and every build that asks git, to the
// repository of the push.
func ForgetRepository(ctx context.Context) error {
	names, err := git(ctx, ".", "rev-parse", "--local-env-vars")
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(names) {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	return nil
}

// within is a path that git gave, relative to the top of the working tree where it
// is not absolute.
func (r *Repository) within(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.top, path)
}
