package target

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// CopyDir copies a directory, such as a prepared data directory of a stopped
// target, into one that does not exist or is empty. Blocks are shared where the
// file system can, and copied inside the kernel otherwise; holes stay holes.
// Modes, modification times and symbolic links are kept, hard links become files
// of their own, sockets and pipes are left out. After an error nothing of the copy
// stays; a full disk is named with the bytes needed and free.
func CopyDir(from, to string) error {
	left, err := os.ReadDir(to)
	if err == nil && len(left) > 0 {
		return fmt.Errorf("copy %s to %s: the destination is not empty", from, to)
	}
	if err := copyTree(from, to); err != nil {
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			// Counted before the partial copy goes: what is free and what it took.
			free := freeBytes(to) + dirSize(to)
			err = fmt.Errorf("disk full: copying %s to %s takes %d bytes and %d are free; free some, or set TMPDIR to a larger disk: %w",
				from, to, dirSize(from), free, err)
		} else {
			err = fmt.Errorf("copy %s to %s: %w", from, to, err)
		}
		return errors.Join(err, removeAll(to))
	}
	return nil
}

// directory is a copied directory whose mode and time are set at the end.
type directory struct {
	path string
	mode fs.FileMode
	time time.Time
}

func copyTree(from, to string) error {
	var directories []directory
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		destination := filepath.Join(to, name)
		switch info.Mode().Type() {
		case fs.ModeDir:
			directories = append(directories, directory{destination, info.Mode().Perm(), info.ModTime()})
			return os.MkdirAll(destination, 0o700)
		case fs.ModeSymlink:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, destination)
		case fs.ModeSocket, fs.ModeNamedPipe:
			return nil
		case 0:
			if err := copyFile(path, destination, info.Mode().Perm()); err != nil {
				return err
			}
			return os.Chtimes(destination, info.ModTime(), info.ModTime())
		}
		return fmt.Errorf("%s: neither a file nor a directory", path)
	})
	for i := len(directories) - 1; err == nil && i >= 0; i-- {
		d := directories[i]
		err = errors.Join(os.Chmod(d.path, d.mode), os.Chtimes(d.path, d.time, d.time))
	}
	return err
}

// copyFile copies one regular file; the destination must not exist.
func copyFile(from, to string, mode fs.FileMode) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	destination, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = copyContents(destination, source)
	// Chmod, since the umask cuts the mode of a new file.
	return errors.Join(err, destination.Chmod(mode), destination.Close())
}

// copyRange copies n bytes at the current offsets. io.Copy uses copy_file_range
// where there is one.
func copyRange(to, from *os.File, n int64) error {
	copied, err := io.Copy(to, io.LimitReader(from, n))
	if err == nil && copied < n {
		err = fmt.Errorf("%s became shorter while it was copied", from.Name())
	}
	return err
}

// freeBytes is the room left for an unprivileged user on the disk of a path that
// may not exist yet; 0 when it cannot be told.
func freeBytes(path string) int64 {
	var stat unix.Statfs_t
	for unix.Statfs(path, &stat) != nil {
		parent := filepath.Dir(path)
		if parent == path {
			return 0
		}
		path = parent
	}
	return int64(stat.Bavail) * int64(stat.Bsize)
}
