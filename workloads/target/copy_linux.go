package target

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// copyContents shares the blocks of a file (btrfs, XFS, bcachefs, overlayfs on
// them) or copies its data, hole by hole.
func copyContents(to, from *os.File) error {
	if unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) == nil {
		return nil
	}
	info, err := from.Stat()
	if err != nil {
		return err
	}
	if err := to.Truncate(info.Size()); err != nil {
		return err
	}
	for offset := int64(0); offset < info.Size(); {
		start, err := unix.Seek(int(from.Fd()), offset, unix.SEEK_DATA)
		switch {
		case errors.Is(err, unix.ENXIO): // only a hole is left
			return nil
		case err != nil: // no such question to this file system
			start, offset = offset, info.Size()
		default:
			if offset, err = unix.Seek(int(from.Fd()), start, unix.SEEK_HOLE); err != nil {
				return err
			}
		}
		if _, err := from.Seek(start, io.SeekStart); err != nil {
			return err
		}
		if _, err := to.Seek(start, io.SeekStart); err != nil {
			return err
		}
		if err := copyRange(to, from, offset-start); err != nil {
			return err
		}
	}
	return nil
}
