package main

import (
	"os"
	"path/filepath"
)

// save writes result.json and every report into the directory, made if need be.
// Without one it is a new directory in the user's cache, so that the working tree
// stays as it was.
func (j judged) save(dir string) (string, error) {
	if dir == "" {
		dir = filepath.Join(resultsDir(), j.doc.Provenance.StartedAt.Format("20060102T150405.000Z"))
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return dir, err
	}
	if err := j.doc.WriteFile(filepath.Join(dir, resultFile)); err != nil {
		return dir, err
	}
	return dir, j.writeReports(dir)
}

// resultsDir is where results are kept that no directory was named for.
func resultsDir() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "fivegate", "results")
}
