//go:build !linux

package target

import "os"

// copyContents copies the data of a file.
func copyContents(to, from *os.File) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	return copyRange(to, from, info.Size())
}
