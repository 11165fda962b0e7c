// Package toolcache keeps what tests install by name, outside the repository: each
// thing in a folder of its own in the user's cache, made once.
package toolcache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Dir is the folder of that name in the user's cache. Where there is none, install
// fills one. It gets its name only when it is complete, so that one that was broken
// off, or that another process is at, is never used; when two processes install the
// same at once, one result stays. An error of install is returned as it is, and then
// nothing is kept.
func Dir(name string, install func(dir string) error) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a folder for %s: %w", name, err)
	}
	parent := filepath.Join(cache, "fivegate", "test-tools")
	dir := filepath.Join(parent, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", err
	}
	part, err := os.MkdirTemp(parent, "part-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(part)
	if err := install(part); err != nil {
		return "", err
	}
	if err := os.Rename(part, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return dir, nil
}

// Absent ends a test for want of a tool: it is skipped, with the reason. On CI it
// fails, since a skipped test would pass there for one that held.
func Absent(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("a tool is absent, and CI allows no test to be skipped: %s", reason)
	}
	t.Skipf("skipped, which CI does not allow: %s", reason)
}
