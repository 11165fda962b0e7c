package target

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Errors that a caller may want to tell apart.
var (
	// ErrNotRepository: the directory is not inside a git working tree.
	ErrNotRepository = errors.New("not a git repository")
	// ErrBare: the repository has no working tree.
	ErrBare = errors.New("bare git repository")
	// ErrNoCommit: a ref does not name a commit that is here.
	ErrNoCommit = errors.New("no such commit")
)

// Repository is the git working tree that the arms are taken from. It is only
// read, except for the list of worktrees that git keeps in it.
type Repository struct {
	top     string // root of the working tree
	shallow bool
}

// OpenRepository finds the working tree that dir lies in. The error is
// ErrNotRepository or ErrBare where that is the reason.
func OpenRepository(ctx context.Context, dir string) (*Repository, error) {
	if err := findGit(); err != nil {
		return nil, err
	}
	out, err := git(ctx, dir, "rev-parse", "--is-bare-repository", "--is-shallow-repository")
	if err != nil {
		if strings.Contains(err.Error(), "not a git repository") {
			return nil, fmt.Errorf("%s: %w; run gate inside a checkout, or `git init` it first", dir, ErrNotRepository)
		}
		return nil, err
	}
	bare, shallow, _ := strings.Cut(out, "\n")
	if bare == "true" {
		return nil, fmt.Errorf("%s: %w; run gate inside a clone of it", dir, ErrBare)
	}
	top, err := git(ctx, dir, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	return &Repository{top: top, shallow: shallow == "true"}, nil
}

// Name is the base name of the working tree, for reports.
func (r *Repository) Name() string { return filepath.Base(r.top) }

// Prefix is the path of a directory of the working tree, relative to its root;
// "." is the root itself.
func (r *Repository) Prefix(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(r.top, dir)
	if err == nil && !filepath.IsLocal(rel) {
		err = fmt.Errorf("%s is not within %s", dir, r.Name())
	}
	return rel, err
}

// Resolve returns the full commit id that ref names. The error is ErrNoCommit
// when there is none, with the command that would fetch it.
func (r *Repository) Resolve(ctx context.Context, ref string) (string, error) {
	if err := checkRef(ref); err != nil {
		return "", err
	}
	id, err := git(ctx, r.top, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}")
	if err == nil {
		return id, nil
	}
	if exitCode(err) != 1 && exitCode(err) != 128 {
		return "", err
	}
	return "", fmt.Errorf("%q: %w in %s; run `git fetch origin %s`%s",
		ref, ErrNoCommit, r.Name(), strings.TrimPrefix(ref, "origin/"), r.shallowHint())
}

// checkRef refuses what git could take for an option.
func checkRef(ref string) error {
	if ref == "" {
		return fmt.Errorf("empty ref: %w", ErrNoCommit)
	}
	if strings.HasPrefix(ref, "-") {
		return fmt.Errorf("%q is not a ref: it begins with a dash: %w", ref, ErrNoCommit)
	}
	return nil
}

// shallowHint says how to get the history that a shallow clone lacks.
func (r *Repository) shallowHint() string {
	if !r.shallow {
		return ""
	}
	return "; this clone is shallow, so set `fetch-depth: 0` at actions/checkout or run `git fetch --unshallow`"
}

// MergeBase returns the commit where b left a: what a pull request must be
// compared with, or else foreign commits on the target branch count as its own.
func (r *Repository) MergeBase(ctx context.Context, a, b string) (string, error) {
	if err := errors.Join(checkRef(a), checkRef(b)); err != nil {
		return "", err
	}
	id, err := git(ctx, r.top, "merge-base", "--end-of-options", a, b)
	switch {
	case err == nil:
		return id, nil
	case exitCode(err) == 1:
		return "", fmt.Errorf("%s and %s have no common ancestor in %s: %w%s", a, b, r.Name(), ErrNoCommit, r.shallowHint())
	case exitCode(err) == 128:
		return "", errors.Join(r.missing(ctx, a), r.missing(ctx, b), err)
	}
	return "", err
}

func (r *Repository) missing(ctx context.Context, ref string) error {
	_, err := r.Resolve(ctx, ref)
	return err
}

// DefaultBranch is the ref that changes are merged into: where origin/HEAD
// points, or the first that exists of main, master and the configured
// init.defaultBranch, origin's before the local one, which is often stale.
func (r *Repository) DefaultBranch(ctx context.Context) (string, error) {
	if ref, err := git(ctx, r.top, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"); err == nil {
		if _, err := r.Resolve(ctx, ref); err == nil {
			return ref, nil
		}
	}
	names := []string{"main", "master"}
	if name, err := git(ctx, r.top, "config", "--get", "init.defaultBranch"); err == nil && checkRef(name) == nil {
		names = append(names, name)
	}
	for _, name := range names {
		for _, ref := range []string{"refs/remotes/origin/" + name, "refs/heads/" + name} {
			if _, err := r.Resolve(ctx, ref); err == nil {
				return strings.TrimPrefix(strings.TrimPrefix(ref, "refs/remotes/"), "refs/heads/"), nil
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return "", fmt.Errorf("%s has no default branch: none of origin/HEAD, %s exists; name the base with --base%s",
		r.Name(), strings.Join(names, ", "), r.shallowHint())
}

// Dirty reports whether tracked files have uncommitted changes. Only commits
// are measured, so the report has to say that such changes were not. Untracked
// files do not count, as in `git describe --dirty`: result files would.
func (r *Repository) Dirty(ctx context.Context) (bool, error) {
	out, err := git(ctx, r.top, "status", "--porcelain", "--untracked-files=no")
	return out != "", err
}

// SameFiles reports whether two commits hold the same files, whatever their
// messages and histories.
func (r *Repository) SameFiles(ctx context.Context, a, b string) (bool, error) {
	one, err := r.tree(ctx, a)
	if err != nil {
		return false, err
	}
	other, err := r.tree(ctx, b)
	return one == other, err
}

// tree is the id of the files of a commit: equal for commits that differ only in
// their message or history.
func (r *Repository) tree(ctx context.Context, commit string) (string, error) {
	if err := checkRef(commit); err != nil {
		return "", err
	}
	return git(ctx, r.top, "rev-parse", "--verify", "--end-of-options", commit+"^{tree}")
}
