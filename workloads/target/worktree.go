package target

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// armDirectory is the checkout of one arm.
type armDirectory struct {
	mu     sync.Mutex // held while the worktree is made and while it builds
	dir    string
	commit string
	// missing are submodules that could not be filled without the network.
	missing []string
}

// arm returns the record of an arm, its checkout not necessarily made yet.
func (s *Session) arm(name string) *armDirectory {
	dir := filepath.Join(s.dir, s.armName(name))
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.arms[name]
	if !ok {
		a = &armDirectory{dir: dir}
		s.arms[name] = a
	}
	return a
}

// checkOut makes the detached worktree of an arm; a.mu is held. Asking again for
// the same commit is free.
func (s *Session) checkOut(ctx context.Context, a *armDirectory, commit string) error {
	if s.repository == nil {
		return errors.New("check out: this session has no repository")
	}
	id, err := s.repository.Resolve(ctx, commit)
	if err != nil {
		return err
	}
	if a.commit != "" {
		if a.commit != id {
			return fmt.Errorf("check out %s: the arm already holds %s", id, a.commit)
		}
		return nil
	}
	if _, err := git(ctx, s.repository.top, "worktree", "add", "--detach", "--quiet", a.dir, id); err != nil {
		return fmt.Errorf("check out %s: %w", id, err)
	}
	a.commit = id
	missing, err := fillSubmodules(ctx, s.repository.top, a.dir)
	if err != nil {
		return fmt.Errorf("check out %s: %w", id, err)
	}
	a.missing = missing
	return nil
}

// fillSubmodules clones the submodules of a checkout from those of the user's
// own, sharing their objects and never using the network. It returns the paths
// of those that are not initialised there, or lack the commit.
func fillSubmodules(ctx context.Context, from, to string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(to, ".gitmodules")); err != nil {
		return nil, nil
	}
	out, err := git(ctx, to, "ls-tree", "-r", "-z", "HEAD")
	if err != nil {
		return nil, err
	}
	var missing []string
	for entry := range strings.SplitSeq(out, "\x00") {
		// "160000 commit ID\tPATH" is a submodule.
		head, path, ok := strings.Cut(entry, "\t")
		fields := strings.Fields(head)
		if !ok || len(fields) != 3 || fields[1] != "commit" || !filepath.IsLocal(path) {
			continue
		}
		source, destination := filepath.Join(from, path), filepath.Join(to, path)
		if !holdsCommit(ctx, source, fields[2]) {
			missing = append(missing, path)
			continue
		}
		if _, err := git(ctx, to, "clone", "--quiet", "--shared", "--no-checkout", "--", source, destination); err != nil {
			return nil, fmt.Errorf("submodule %s: %w", path, err)
		}
		if _, err := git(ctx, destination, "checkout", "--quiet", "--detach", fields[2]); err != nil {
			return nil, fmt.Errorf("submodule %s: %w", path, err)
		}
		nested, err := fillSubmodules(ctx, source, destination)
		if err != nil {
			return nil, err
		}
		for _, name := range nested {
			missing = append(missing, filepath.Join(path, name))
		}
	}
	return missing, nil
}

// holdsCommit reports whether dir is the root of a repository with the commit.
func holdsCommit(ctx context.Context, dir, commit string) bool {
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err != nil {
		return false
	}
	_, err := git(ctx, dir, "cat-file", "-e", commit+"^{commit}")
	return err == nil
}

// submoduleHint explains a failed build of a checkout with empty submodules.
func (a *armDirectory) submoduleHint() string {
	if len(a.missing) == 0 {
		return ""
	}
	return fmt.Sprintf("\nsubmodules that are not here: %s; run `git submodule update --init --recursive`, or set `submodules: recursive` at actions/checkout",
		strings.Join(a.missing, ", "))
}
