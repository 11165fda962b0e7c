package target

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cacheLimit is how large the build cache may grow, in bytes. Chosen: some 100
// layouts of a 20 MB server.
const cacheLimit = 2 << 30

// buildCache keeps the artifacts of builds, by key. An entry is a directory
// "files" and a file "sha256" with the hash of its contents; it appears whole, by
// a rename, and is believed only if the hash still fits. The entries used longest
// ago go first. A nil cache keeps nothing.
type buildCache struct {
	dir   string
	limit int64
}

// openBuildCache opens the cache at GATE_CACHE, or under the user's cache
// directory; GATE_CACHE=off switches it off. A cache that cannot be used costs
// time only, so it gives a remark and no error.
func openBuildCache() (*buildCache, string) {
	dir := os.Getenv("GATE_CACHE")
	switch dir {
	case "off":
		return nil, ""
	case "":
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, "builds are not cached: " + err.Error()
		}
		dir = filepath.Join(user, "fivegate", "builds")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "builds are not cached: " + err.Error()
	}
	return &buildCache{dir: dir, limit: cacheLimit}, ""
}

// get copies an entry into a directory and returns its hash.
func (c *buildCache) get(key, to string) (string, bool) {
	if c == nil {
		return "", false
	}
	entry := filepath.Join(c.dir, key)
	want, err := os.ReadFile(filepath.Join(entry, "sha256"))
	if err != nil {
		return "", false
	}
	err = CopyDir(filepath.Join(entry, "files"), to)
	var have string
	if err == nil {
		have, err = hashDir(to)
	}
	if err != nil || have != strings.TrimSpace(string(want)) {
		// Damaged: a build will replace it, and to must not keep the pieces.
		_ = errors.Join(removeAll(entry), removeAll(to), os.MkdirAll(to, 0o700))
		return "", false
	}
	now := time.Now()
	_ = os.Chtimes(entry, now, now) // only the order of eviction suffers
	return have, true
}

// put keeps a copy of a directory under a key.
func (c *buildCache) put(key, from string) error {
	if c == nil {
		return nil
	}
	temporary, err := os.MkdirTemp(c.dir, "new-")
	if err != nil {
		return err
	}
	defer func() { _ = removeAll(temporary) }() // nothing is there after the rename
	files := filepath.Join(temporary, "files")
	if err := CopyDir(from, files); err != nil {
		return err
	}
	hash, err := hashDir(files)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(temporary, "sha256"), []byte(hash+"\n"), 0o600); err != nil {
		return err
	}
	err = os.Rename(temporary, filepath.Join(c.dir, key))
	if err != nil && !errors.Is(err, fs.ErrExist) { // another gate was faster with the same
		return err
	}
	return c.evict()
}

// evict removes the entries used longest ago until the rest is within the limit,
// and what a killed gate left half written.
func (c *buildCache) evict() error {
	type entry struct {
		path string
		used time.Time
		size int64
	}
	listed, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	var entries []entry
	var total int64
	for _, item := range listed {
		info, err := item.Info()
		if err != nil {
			continue // another gate removed it
		}
		path := filepath.Join(c.dir, item.Name())
		if strings.HasPrefix(item.Name(), "new-") {
			if time.Since(info.ModTime()) > unownedAge {
				_ = removeAll(path)
			}
			continue
		}
		size := dirSize(path)
		total += size
		entries = append(entries, entry{path, info.ModTime(), size})
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.path, b.path)) })
	for _, e := range entries {
		if total <= c.limit {
			return nil
		}
		if err := removeAll(e.path); err != nil {
			return fmt.Errorf("build cache: %w", err)
		}
		total -= e.size
	}
	return nil
}

// dirSize is the size of the files under a directory, in bytes; what cannot be
// looked at counts nothing.
func dirSize(dir string) int64 {
	var total int64
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
