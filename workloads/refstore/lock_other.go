//go:build !unix

package refstore

import (
	"os"
	"path/filepath"
)

// lockDirectory only opens the lock file: this system has no advisory locks that
// end with the process.
func lockDirectory(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
}
