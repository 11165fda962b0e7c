package report

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fivegate/fivegate/internal/toolcache"
)

// What the machine formats are held against, by name and version. The schema
// that Jenkins checks JUnit XML by is not published by itself. The sources of
// pytest carry it; those of later versions were changed, and know no error.
const (
	xmlValidator      = "lxml==6.1.3"
	openMetricsParser = "prometheus-client==0.26.0"
	junitSource       = "pytest==5.4.3"
	junitSchema       = "testing/example_scripts/junit-10.xsd"
	sarifModule       = "github.com/owenrumney/go-sarif/v3@v3.3.1"
	sarifPackage      = "pkg/report/v210/sarif"
)

// junitBuild is what pip needs to fetch the sources, which it does not without
// asking their build for a name.
var junitBuild = []string{"setuptools==75.8.0", "setuptools-scm==6.4.2", "packaging==24.2", "tomli==2.0.1", "wheel==0.45.1"}

// schemaTimeout is after when an installation or a validation is taken to hang.
// Chosen: they take seconds.
const schemaTimeout = 3 * time.Minute

// errNoValidator is a validator that is not to be had: its tool is absent, or
// the registry that it comes from does not answer.
var errNoValidator = errors.New("no validator")

// offline are what the package tools say when a registry does not answer.
var offline = regexp.MustCompile(`(?i)connection|timed? ?out|unreachable|no such host|name resolution|lookup disabled|from versions: none|no module named pip`)

// need ends the test when there is no validator.
func need(t *testing.T, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, errNoValidator):
		toolcache.Absent(t, err.Error())
	default:
		t.Fatal(err)
	}
}

// call runs a program with bounded time and returns its standard output.
func call(dir string, stdin io.Reader, env []string, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), schemaTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdin, cmd.Env, cmd.WaitDelay = dir, stdin, append(os.Environ(), env...), time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	switch {
	case err == nil:
		return out.Bytes(), nil
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("%w: %w", errNoValidator, err)
	case ctx.Err() != nil, offline.Match(errs.Bytes()), offline.Match(out.Bytes()):
		return nil, fmt.Errorf("%w: %s %s: %w\n%s%s", errNoValidator, name, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return nil, fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, out.String(), errs.String())
}

// pythonTools is a folder of the user's cache with the Python packages and the
// JUnit schema, which is made once for each set of versions.
var pythonTools = sync.OnceValues(func() (string, error) {
	// Compiled packages fit one version of Python on one kind of machine.
	abi, err := call("", nil, nil, "python3", "-c", "import sys, sysconfig; print(sys.implementation.cache_tag, sysconfig.get_platform())")
	if err != nil {
		return "", err
	}
	name := append([]string{"schema"}, strings.Fields(string(abi))...)
	return toolcache.Dir(strings.Join(append(name, xmlValidator, openMetricsParser, junitSource), "_"), installPython)
})

func installPython(dir string) error {
	pip := func(args ...string) error {
		args = append([]string{"-m", "pip", "--disable-pip-version-check", "--quiet", "--retries", "1", "--timeout", "20"}, args...)
		_, err := call(dir, nil, []string{"PYTHONPATH=" + dir}, "python3", args...)
		return err
	}
	wheels := append([]string{xmlValidator, openMetricsParser}, junitBuild...)
	if err := pip(append([]string{"install", "--no-deps", "--only-binary", ":all:", "--target", "."}, wheels...)...); err != nil {
		return err
	}
	if err := pip("download", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--dest", "source", junitSource); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(dir, "source", "*.tar.gz"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("%s came as %q: %w", junitSource, archives, err)
	}
	schema, err := fileOf(archives[0], junitSchema)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Dir(archives[0])); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "junit.xsd"), schema, 0o600)
}

// fileOf reads a file of a source archive, named from the archive's only folder.
func fileOf(archive, name string) ([]byte, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", archive, err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("%s: look for %s: %w", archive, name, err)
		}
		if _, inside, _ := strings.Cut(path.Clean(h.Name), "/"); inside == name {
			return io.ReadAll(r)
		}
	}
}

// pythonAnswer is what check.py says of a document.
type pythonAnswer struct {
	Fault   string
	Samples [][]any // name, labels, value
}

// askPython validates documents of one kind, by name.
func askPython(t *testing.T, kind string, documents map[string]string) map[string]pythonAnswer {
	t.Helper()
	dir, err := pythonTools()
	need(t, err)
	job, err := json.Marshal(map[string]any{"xsd": filepath.Join(dir, "junit.xsd"), kind: documents})
	if err != nil {
		t.Fatal(err)
	}
	out, err := call("", bytes.NewReader(job), []string{"PYTHONPATH=" + dir, "PYTHONDONTWRITEBYTECODE=1"}, "python3", "testdata/schema/check.py")
	need(t, err)
	var answers map[string]pythonAnswer
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != len(documents) {
		t.Fatalf("check.py: %d answers to %d documents, %v: %.500s", len(answers), len(documents), err, out)
	}
	return answers
}

// sarifJSONSchema is the standard's schema, which the module holds as a constant
// of its source. The go command keeps it in its module cache.
var sarifJSONSchema = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "schema-") // outside the module, whose go.mod must stay as it is
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	out, err := call(dir, nil, []string{"GOFLAGS="}, "go", "mod", "download", "-json", sarifModule)
	if err != nil {
		return "", err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", fmt.Errorf("go mod download: %w: %s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(module.Dir, filepath.FromSlash(sarifPackage), "schema*.go"))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		if schema := longestConstant(file); schema != "" {
			return schema, nil
		}
	}
	return "", fmt.Errorf("%s holds no schema in %q", sarifModule, files)
})

// longestConstant is the longest string literal of a Go file.
func longestConstant(file string) (longest string) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return ""
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && len(text) > len(longest) {
				longest = text
			}
		}
		return true
	})
	return longest
}
