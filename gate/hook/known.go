package hook

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// Question is all that a verdict depends on beside the luck of the measurement.
type Question struct {
	Base, Head string      // ids of commits
	Class      string      // of the machine
	Scenario   string      // hex SHA-256 of its text
	Tool       result.Tool // what measures and judges
	Settings   any         // the rest of the configuration, as JSON
}

// key is the name of the question's file.
func (q Question) key() (string, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return "", fmt.Errorf("name what was asked: %w", err)
	}
	sum := sha256.Sum256(text)
	return fmt.Sprintf("%x.json", sum[:10]), nil
}

// keptAnswers is how many documents are kept. Chosen: a few weeks of pushes, under
// 100 MB.
const keptAnswers = 50

// Known is a folder with the result documents of earlier pushes, so that one who
// pushes the same commits again neither waits again nor gets another answer by
// asking often enough.
type Known struct{ Dir string }

// Read returns the document that answers the question; nil when there is none, or
// none that can be read.
func (k Known) Read(q Question) *result.Document {
	name, err := q.key()
	if err != nil {
		return nil
	}
	doc, err := result.ReadFile(filepath.Join(k.Dir, name))
	if err != nil {
		return nil
	}
	return doc
}

// Write keeps a document, and forgets the oldest ones. It returns the document's
// path.
func (k Known) Write(q Question, doc *result.Document) (string, error) {
	name, err := q.key()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(k.Dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(k.Dir, name)
	if err := doc.WriteFile(path); err != nil {
		return "", err
	}
	return path, k.forget()
}

func (k Known) forget() error {
	entries, err := os.ReadDir(k.Dir)
	if err != nil {
		return err
	}
	type file struct {
		name    string
		written time.Time
	}
	var files []file
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || strings.HasPrefix(e.Name(), ".") { // gone meanwhile, or being written
			continue
		}
		files = append(files, file{e.Name(), info.ModTime()})
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(b.written.Compare(a.written), cmp.Compare(a.name, b.name)) })
	for _, f := range files[min(len(files), keptAnswers):] {
		if err := os.Remove(filepath.Join(k.Dir, f.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
