package refstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// files is a data directory in use:
//
//	manifest.json        names the generation; written last, so it commits a snapshot
//	embeddings-<n>.f32   the embeddings, float32 little-endian, and nothing else
//	episodes-<n>.bin     ids, contents, confidences, times, concepts
//	wal-<n>.log          what was stored since
//	lock                 held while a store is open
//
// A directory without a manifest is at generation 0, which has only a log.
type files struct {
	dir        string
	lock       *os.File
	generation uint64
	log        *wal
	torn       int64 // bytes cut off the log at the start
}

// openFiles opens a data directory, creating it if need be, and fills the store
// from it.
func openFiles(dir string, into *store) (*files, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	lock, err := lockDirectory(dir)
	if err != nil {
		return nil, err
	}
	f := &files{dir: dir, lock: lock}
	if err := f.restore(into); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return f, nil
}

// restore reads the snapshot and the log.
func (f *files) restore(into *store) (err error) {
	f.generation, err = readSnapshot(f.dir, into)
	if errors.Is(err, errNoManifest) {
		err = f.checkFresh()
	}
	if err != nil {
		return err
	}
	f.log, f.torn, err = openWAL(f.path("wal", f.generation, "log"), into.replay)
	return err
}

// checkFresh refuses a directory that has lost its manifest: beginning empty there
// would look like losing everything.
func (f *files) checkFresh() error {
	snapshots, err := filepath.Glob(filepath.Join(escapeGlob(f.dir), "embeddings-*.f32"))
	if err != nil {
		return err
	}
	if len(snapshots) > 0 {
		return fmt.Errorf("data directory %s has %s but no manifest.json: restore it from a copy or empty it", f.dir, filepath.Base(snapshots[0]))
	}
	return nil
}

// escapeGlob makes a pattern that matches only the path itself.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// path names a file of a generation.
func (f *files) path(kind string, generation uint64, extension string) string {
	return filepath.Join(f.dir, fmt.Sprintf("%s-%d.%s", kind, generation, extension))
}

func (f *files) appendSpace(id string, created time.Time) error {
	return f.log.append(func(b []byte) []byte { return spaceRecord(b, id, created) })
}

func (f *files) appendEpisode(space string, e episode, v []float32, replaces []string) error {
	return f.log.append(func(b []byte) []byte { return episodeRecord(b, space, e, v, replaces) })
}

// close writes a snapshot if anything has changed since the last, and gives the
// directory up. Nothing may be stored during or after it.
func (f *files) close(from *store) error {
	err := f.log.file.Close()
	if err == nil && f.log.size > 0 {
		err = f.snapshot(from)
	}
	return errors.Join(err, f.lock.Close())
}

// snapshot writes the next generation and removes this one.
func (f *files) snapshot(from *store) error {
	next := f.generation + 1
	if err := writeSnapshot(f, next, from); err != nil {
		return errors.Join(
			fmt.Errorf("write snapshot in %s (the log still has everything): %w", f.dir, err),
			f.remove(next))
	}
	return f.remove(f.generation)
}

// remove deletes the files of a generation that exist.
func (f *files) remove(generation uint64) error {
	var errs []error
	for _, path := range []string{
		f.path("embeddings", generation, "f32"), f.path("episodes", generation, "bin"), f.path("wal", generation, "log"),
	} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// replay applies a record of the log.
func (s *store) replay(e entry) error {
	sp := s.spaces[e.space]
	if !e.created.IsZero() {
		if sp == nil {
			s.spaces[e.space] = newSpace(e.space, e.created, s.dimension)
		}
		return nil
	}
	if sp == nil {
		return fmt.Errorf("it belongs to memory space %q, which was never created", e.space)
	}
	if err := s.adopt(len(e.vector)); err != nil {
		return err
	}
	sp.insert(e.episode, e.vector, unit(e.vector), e.replaces)
	return nil
}
