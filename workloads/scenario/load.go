package scenario

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/workloads/scenarios"
)

const extension = ".toml"

// Names returns the names of the embedded scenarios, sorted, such as
// ci/fast_regression_check.
func Names() []string {
	files, _ := fs.Glob(scenarios.Files, "*/*"+extension) // fails for a malformed pattern only
	for i, file := range files {
		files[i] = strings.TrimSuffix(file, extension)
	}
	return files
}

// Load reads an embedded scenario by its name, or a file by its path, and the
// files beside it that it names. A name
// wins over a file of that name; write ./ci/name to mean the file. The error is
// a diag.Faults when the file is there and wrong.
func Load(nameOrPath string) (*Scenario, error) {
	if text, err := fs.ReadFile(scenarios.Files, nameOrPath+extension); err == nil {
		return Parse(nameOrPath+extension, text, nil)
	}
	text, err := readFile(nameOrPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("scenario %q is neither a file nor an embedded scenario: %s: %w",
			nameOrPath, diag.Suggest(nameOrPath, Names()), fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	return Parse(nameOrPath, text, os.DirFS(filepath.Dir(nameOrPath)))
}

// readFile reads no more than what Parse needs to see that a file is too large.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, diag.MaxTOMLBytes+1))
}
