package result

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
)

// Write writes the document as one line of JSON. The same document gives the
// same bytes. It does not validate: what was measured can be kept whatever it
// is, but Read refuses what Validate does.
func (d *Document) Write(w io.Writer) error {
	if err := json.MarshalWrite(w, d, json.Deterministic(true)); err != nil {
		return fmt.Errorf("write result document: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write result document: %w", err)
	}
	return nil
}

// WriteFile writes the document to a file, all of it or nothing, see Replace.
func (d *Document) WriteFile(path string) error { return Replace(path, d.Write) }

// Replace writes a file, all of it or nothing: whoever reads path sees the old
// content or the whole new one, and after an error the directory is as it was
// before.
func Replace(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = fill(f, write)
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// fill writes a new file, down to the disk, and closes it.
func fill(f *os.File, write func(io.Writer) error) error {
	buffered := bufio.NewWriterSize(f, 1<<20)
	err := write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = f.Chmod(0o644) // CreateTemp's mode would keep other users out
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
