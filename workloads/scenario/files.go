package scenario

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/fivegate/fivegate/gate/diag"
)

// fileSet reads the files that a scenario names, and keeps account of them.
type fileSet struct {
	folder  fs.FS // of the scenario; nil when it has none
	account strings.Builder
	counted map[string]bool
}

// read returns the file that a text names, of at most so many bytes; false, with
// the fault noted, when it cannot be had.
func (f *fileSet) read(t *diag.Table, name diag.Text, most int64) ([]byte, bool) {
	data, wrong := f.open(name.Value, most)
	if wrong != "" {
		t.Fault(name.At(-1), "file", "file %q %s", name.Value, wrong)
		return nil, false
	}
	if !f.counted[name.Value] {
		f.counted[name.Value] = true
		fmt.Fprintf(&f.account, "# file %q: %d bytes, sha256 %x\n", name.Value, len(data), sha256.Sum256(data))
	}
	return data, true
}

// open says in words why a file cannot be had.
func (f *fileSet) open(name string, most int64) (data []byte, wrong string) {
	switch {
	case !fs.ValidPath(name):
		return nil, `must be in the folder of the scenario or below it, and be named from there, such as "queries.txt"`
	case f.folder == nil:
		return nil, "cannot be had: this scenario is not in a folder of its own"
	}
	info, err := fs.Stat(f.folder, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "is not there: it is looked for in the folder of the scenario"
	case err != nil:
		return nil, "cannot be read: " + err.Error()
	case !info.Mode().IsRegular():
		return nil, "is not a regular file"
	}
	file, err := f.folder.Open(name)
	if err != nil {
		return nil, "cannot be read: " + err.Error()
	}
	defer file.Close()
	data, err = io.ReadAll(io.LimitReader(file, most+1))
	switch {
	case err != nil:
		return nil, "cannot be read: " + err.Error()
	case int64(len(data)) > most:
		return nil, fmt.Sprintf("is larger than %d bytes", most)
	}
	return data, ""
}

// text is the scenario's text with the account of its files, as comments: two
// scenarios with different data are never the same.
func (f *fileSet) text(text []byte) string {
	if f.account.Len() == 0 {
		return string(text)
	}
	return strings.TrimSuffix(string(text), "\n") + "\n" + f.account.String()
}
