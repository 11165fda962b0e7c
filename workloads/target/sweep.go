package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// unownedAge is how old a session directory without a record must be before it
// is taken for the rest of a gate that died while making it. Chosen.
const unownedAge = time.Hour

// sweep removes the sessions of gates that are dead: processes first, then
// worktrees and files. It returns one remark for each. What cannot be removed
// is left for the next sweep; it is never an error of the present run.
func sweep(ctx context.Context, temp string) []string {
	found, err := filepath.Glob(filepath.Join(temp, sessionPrefix+"*"))
	if err != nil {
		return nil
	}
	var notes []string
	for _, dir := range found {
		if ctx.Err() != nil {
			return notes
		}
		if note := sweepOne(ctx, dir); note != "" {
			notes = append(notes, note)
		}
	}
	return notes
}

func sweepOne(ctx context.Context, dir string) string {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || !ownedByMe(info) {
		return ""
	}
	record, lock, err := lockDead(dir)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, io.EOF) {
		if time.Since(info.ModTime()) < unownedAge {
			return ""
		}
	} else if err != nil {
		return "" // alive, or not ours to judge
	}
	if lock != nil {
		defer lock.Close()
	}
	killStrays(dir)
	if err := removeSessionDir(ctx, dir, record.Repository); err != nil {
		return fmt.Sprintf("what a killed gate left in %s could not be removed: %v", dir, err)
	}
	return fmt.Sprintf("removed what a killed gate (process %d) left in %s", record.PID, dir)
}

// lockDead takes the lock of a session whose owner is dead. The error is
// io.EOF when the record is empty, and another one when the owner lives.
func lockDead(dir string) (ownerRecord, *os.File, error) {
	var record ownerRecord
	file, err := os.OpenFile(filepath.Join(dir, "owner.json"), os.O_RDWR, 0)
	if err != nil {
		return record, nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = json.NewDecoder(io.LimitReader(file, 1<<16)).Decode(&record)
	}
	if err != nil {
		return record, nil, errors.Join(err, file.Close())
	}
	return record, file, nil
}

// removeSessionDir takes the worktrees of a session off the list that git keeps,
// and removes the directory. The files of a worktree go first and by us: git
// refuses to remove what it finds odd, and an entry without files it removes
// readily. The record goes last, so that a sweep that is killed can be repeated.
func removeSessionDir(ctx context.Context, dir, repository string) error {
	var errs []error
	for _, worktree := range worktreesIn(ctx, dir, repository) {
		err := removeAll(worktree)
		if err == nil {
			_, err = git(ctx, repository, "worktree", "remove", "--force", worktree)
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, removeAll(dir))...)
}

// worktreesIn lists the worktrees of a repository that lie in dir. A repository
// that is gone took its list with it.
func worktreesIn(ctx context.Context, dir, repository string) []string {
	if repository == "" {
		return nil
	}
	out, err := git(ctx, repository, "worktree", "list", "--porcelain")
	if err != nil {
		return nil
	}
	var found []string
	for line := range strings.Lines(out) {
		path, ok := strings.CutPrefix(strings.TrimSpace(line), "worktree ")
		if ok && strings.HasPrefix(path, dir+string(filepath.Separator)) {
			found = append(found, path)
		}
	}
	return found
}

// removeAll is os.RemoveAll for trees with directories that their owner may not
// write, as module caches have.
func removeAll(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	walkErr := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return nil
	})
	return errors.Join(walkErr, os.RemoveAll(dir))
}
