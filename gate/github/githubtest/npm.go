package githubtest

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/internal/toolcache"
)

// pinned is a package that GitHub publishes for its clients. It is fetched when a
// test needs it, and nothing of it is kept in the repository.
type pinned struct {
	name, version string
	sha256        string // of its archive, in hex
	file          string // the one that is wanted, inside of the archive
}

// npmFile returns what process makes of a package's file. The result is kept in the
// user's cache under key, which names everything that it depends on. Without npm
// or its registry the test is skipped, and says so; in CI it fails.
func npmFile(t *testing.T, p pinned, key string, process func([]byte) ([]byte, error)) []byte {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	kept := filepath.Join(cache, "fivegate", "test", key)
	if text, err := os.ReadFile(kept); err == nil {
		return text
	}
	raw, err := p.fetch(t)
	var absent *absentError
	switch {
	case errors.As(err, &absent):
		toolcache.Absent(t, fmt.Sprintf("%s@%s is not to be had: %v", p.name, p.version, err))
	case err != nil:
		t.Fatalf("%s@%s: %v", p.name, p.version, err)
	}
	text, err := process(raw)
	if err != nil {
		t.Fatalf("%s@%s: %v", p.name, p.version, err)
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o777); err != nil {
		t.Fatal(err)
	}
	// In one step, since tests of several packages run at once.
	if err := result.Replace(kept, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
		t.Fatal(err)
	}
	return text
}

// absentError says that npm or its registry cannot be reached.
type absentError struct{ err error }

func (e *absentError) Error() string { return e.err.Error() }

// fetch downloads the package's archive, without unpacking or running anything of
// it, and returns the one file.
func (p pinned) fetch(t *testing.T) ([]byte, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, &absentError{err}
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), npm, "pack", "--ignore-scripts", "--silent", "--pack-destination", dir, p.name+"@"+p.version)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, &absentError{fmt.Errorf("npm pack: %w\n%s", err, out)}
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return nil, fmt.Errorf("npm pack made %d archives: %w", len(archives), err)
	}
	return p.extract(archives[0])
}

func (p pinned) extract(archive string) ([]byte, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return nil, err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != p.sha256 {
		return nil, fmt.Errorf("the archive's sha256 is %s, pinned is %s", got, p.sha256)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", p.file, err)
		}
		if strings.TrimPrefix(header.Name, "package/") == p.file {
			return io.ReadAll(files)
		}
	}
}
