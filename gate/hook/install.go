package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
)

// Names in the hooks' folder.
const (
	hookName   = "pre-push"
	ownHook    = "pre-push.local"  // runs first
	legacyHook = "pre-push.legacy" // where pre-commit puts a hook that it finds
)

// entry is the line for the configuration of the one who keeps the hooks.
var entries = map[string]string{
	"pre-commit": `add to .pre-commit-config.yaml:

  - repo: local
    hooks:
      - id: gate-pre-push
        name: gate
        entry: gate hook run
        language: system
        stages: [pre-push]
        pass_filenames: false
        always_run: true
        require_serial: true
        verbose: true

and run: pre-commit install --hook-type pre-push`,
	"lefthook": `add to lefthook.yml:

  pre-push:
    jobs:
      - name: gate
        run: gate hook run {1} {2}
        use_stdin: true

and run: lefthook install`,
	"husky": `add to .husky/pre-push the line:

  gate hook run "$@"`,
}

// keeperError says that the hooks are written by another program, which would
// write over what is put there.
type keeperError struct{ keeper, path string }

func (e *keeperError) Error() string {
	return fmt.Sprintf("%s is kept by %s, which would write over a hook that is put there; %s", e.path, e.keeper, entries[e.keeper])
}

// keeper is the program that a hook's text is of; empty for any other.
func keeper(path string, text []byte) string {
	lower := bytes.ToLower(text)
	switch {
	case bytes.Contains(lower, []byte("pre-commit.com")):
		return "pre-commit"
	case bytes.Contains(lower, []byte("lefthook")):
		return "lefthook"
	case strings.HasSuffix(filepath.ToSlash(filepath.Dir(path)), ".husky/_"):
		return "husky"
	}
	return ""
}

// Folder is where git looks for hooks.
type Folder struct {
	Path  string // absolute
	Scope string // of core.hooksPath: local, worktree, global, system, command; empty where it is not set
}

// Folder asks git, so that core.hooksPath and linked worktrees count as they do in a
// push.
func (r *Repository) Folder(ctx context.Context) (Folder, error) {
	path, err := r.git(ctx, "rev-parse", "--git-path", "hooks")
	if err != nil {
		return Folder{}, err
	}
	scoped, err := config(ctx, r.top, "--show-scope", "--get", "core.hooksPath")
	scope, _, _ := strings.Cut(scoped, "\t")
	return Folder{Path: r.within(path), Scope: scope}, err
}

// Install writes the hook, and returns its path and remarks for the user. A hook
// that is there becomes pre-push.local and runs first; it is never written over.
// Installing again renews the script. An error says what to do instead.
func (r *Repository) Install(ctx context.Context, s Script) (path string, notes []string, err error) {
	folder, err := r.Folder(ctx)
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(folder.Path, hookName)
	if folder.Scope == "global" || folder.Scope == "system" {
		return path, nil, fmt.Errorf("%s holds the hooks of all repositories here (core.hooksPath in the %s configuration): call gate from a hook of your own there, or give this repository its own (git config core.hooksPath .git/hooks)", folder.Path, folder.Scope)
	}
	if err := os.MkdirAll(folder.Path, 0o777); err != nil {
		return path, nil, err
	}
	there, err := readHook(path)
	if err != nil {
		return path, nil, err
	}
	if by := keeper(path, there); by != "" {
		return path, nil, &keeperError{by, path}
	}
	switch {
	case ours(there):
		s.Moved = bytes.Contains(there, []byte(moved))
	case there != nil:
		if err := moveAside(path); err != nil {
			return path, nil, err
		}
		s.Moved = true
		notes = append(notes, "the hook that was there is "+ownHook+" now, and runs first")
	}
	if err := write(path, s); err != nil {
		return path, notes, err
	}
	bare, err := r.bareWorktrees(ctx)
	return path, append(notes, bare...), err
}

// moveAside gives a hook its other name. It stays under the first one too until
// that is replaced, so that a push meanwhile has its hook.
func moveAside(path string) error {
	aside := filepath.Join(filepath.Dir(path), ownHook)
	err := os.Link(path, aside)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("there is a hook %s, which is not gate's, and a %s already: call one from the other and remove it", path, ownHook)
	}
	return err
}

// write puts the script in its place in one step, executable.
func write(path string, s Script) error {
	text, err := s.text()
	if err != nil {
		return err
	}
	fresh := filepath.Join(filepath.Dir(path), ".gate-"+hookName)
	if err := result.Replace(fresh, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
		return err
	}
	err = os.Chmod(fresh, 0o755)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return nil
}

// Uninstall takes gate's hook away and puts the one back that was there before. It
// returns what was done; a hook that is not gate's stays as it is.
func (r *Repository) Uninstall(ctx context.Context) (string, error) {
	folder, err := r.Folder(ctx)
	if err != nil {
		return "", err
	}
	for _, name := range []string{hookName, legacyHook} {
		path := filepath.Join(folder.Path, name)
		there, err := readHook(path)
		if err != nil {
			return "", err
		}
		if !ours(there) {
			continue
		}
		aside := filepath.Join(folder.Path, ownHook)
		if !bytes.Contains(there, []byte(moved)) {
			return "removed " + path, os.Remove(path)
		}
		switch err := os.Rename(aside, path); {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Sprintf("removed %s; %s, which was there before, is gone", path, ownHook), os.Remove(path)
		case err != nil:
			return "", err
		}
		return fmt.Sprintf("removed gate's hook; the one that was there before is %s again", path), nil
	}
	return "there is no hook of gate in " + folder.Path, nil
}

// readHook is the text of a hook; nil when there is none.
func readHook(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		return append([]byte{}, text...), nil
	case errors.Is(err, fs.ErrNotExist):
		if _, dangling := os.Lstat(path); dangling == nil {
			return nil, fmt.Errorf("%s is a link to a file that is not there: remove it", path)
		}
		return nil, nil
	}
	return nil, err
}

// ours says whether a hook is gate's.
func ours(text []byte) bool { return bytes.Contains(text, []byte(marker)) }

// bareWorktrees names worktrees that have no hook although this one does: a
// core.hooksPath that is relative is looked for in each.
func (r *Repository) bareWorktrees(ctx context.Context) (notes []string, err error) {
	path, err := config(ctx, r.top, "--type=path", "--get", "core.hooksPath")
	if err != nil || path == "" || filepath.IsAbs(path) {
		return nil, err
	}
	list, err := r.git(ctx, "worktree", "list", "--porcelain", "-z")
	if err != nil {
		return nil, err
	}
	for line := range strings.SplitSeq(list, "\x00") {
		tree, ok := strings.CutPrefix(line, "worktree ")
		if !ok {
			continue
		}
		if _, err := os.Stat(filepath.Join(tree, path, hookName)); errors.Is(err, fs.ErrNotExist) {
			notes = append(notes, fmt.Sprintf("the worktree %s has no such hook: core.hooksPath (%s) is relative, so git looks for it there; run gate hook install there too, or commit the hook", tree, path))
		}
	}
	return notes, nil
}
