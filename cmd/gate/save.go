package main

import (
	"os"
	"path/filepath"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// save writes result.json and every report into the directory, made if need be.
// Without one it is a new directory in the user's cache, so that the working tree
// stays as it was.
func save(dir string, doc *result.Document, v verdict.Verdict) (string, error) {
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			cache = os.TempDir()
		}
		dir = filepath.Join(cache, "fivegate", "results", doc.Provenance.StartedAt.Format("20060102T150405.000Z"))
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return dir, err
	}
	if err := doc.WriteFile(filepath.Join(dir, "result.json")); err != nil {
		return dir, err
	}
	return dir, writeReports(dir, doc, v)
}
