package gobench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// pkg is a package whose tests have benchmarks in one of the arms at least.
type pkg struct {
	path       string             // import path
	rel        string             // directory below the one that patterns are relative to, with slashes; empty for itself
	dirs       [2]string          // in each arm; empty where the arm has no such package
	benchmarks [2]map[string]bool // declared top-level ones, and whether each runs in parallel
	broken     [2]string          // one line: why it cannot be built
	ownChange  bool               // its own files differ, and not only those of packages that it imports
	binaries   [2][]string        // of each layout
}

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath                string
	Dir                       string
	TestGoFiles, XTestGoFiles []string
	Error                     *struct{ Err string }
}

// list asks the go command for the packages of an arm, in dir.
func list(ctx context.Context, dir string, env []string, cfg Config) ([]listed, error) {
	args := append([]string{"list", "-e", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles,Error"}, cfg.Flags...)
	args = append(append(args, "--"), cfg.Packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("the go command is not in PATH; install Go, or describe the target in gate.toml")
	}
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w: %s", strings.Join(cfg.Packages, " "), err, strings.TrimSpace(stderr.String()))
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listed
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, l)
	}
}

// pair brings the packages of both arms together by their directories, sorted by
// them; roots are the directories that patterns are relative to. Packages that
// declare no benchmark are left away.
func pair(roots [2]string, arms [2][]listed) ([]*pkg, error) {
	byDir := map[string]*pkg{}
	for arm, all := range arms {
		for _, l := range all {
			if l.Dir == "" {
				continue // a pattern that matches nothing
			}
			rel, err := filepath.Rel(roots[arm], l.Dir)
			if err != nil || !filepath.IsLocal(rel) {
				return nil, fmt.Errorf("package %s lies in %s, outside of what is checked: choose packages within it, as --pkg ./... does", l.ImportPath, l.Dir)
			}
			rel = strings.TrimPrefix(filepath.ToSlash(rel), ".")
			var files []string
			for _, name := range slices.Concat(l.TestGoFiles, l.XTestGoFiles) {
				files = append(files, filepath.Join(l.Dir, name))
			}
			declared := scan(files)
			if len(declared) == 0 {
				continue
			}
			p := byDir[rel]
			if p == nil {
				p = &pkg{rel: rel}
				byDir[rel] = p
			}
			p.path, p.dirs[arm], p.benchmarks[arm] = l.ImportPath, l.Dir, declared
			if l.Error != nil {
				p.broken[arm], _, _ = strings.Cut(strings.TrimSpace(l.Error.Err), "\n")
			}
		}
	}
	var out []*pkg
	for _, p := range byDir {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *pkg) int { return strings.Compare(a.rel, b.rel) })
	return out, nil
}

// filesDiffer reports whether the files that lie directly in two directories
// differ. Those whose names begin with a dot do not count: one is git's own.
func filesDiffer(a, b string, chosen func(name string) bool) (bool, error) {
	var sums [2]string
	for i, dir := range []string{a, b} {
		sum, err := sumFiles(dir, func(rel string, entry fs.DirEntry) bool {
			return !strings.Contains(rel, "/") && rel[0] != '.' && chosen(entry.Name())
		})
		if err != nil {
			return false, err
		}
		sums[i] = sum
	}
	return sums[0] != sums[1], nil
}

// isCode reports whether a file gets into a test binary or decides what does.
func isCode(name string) bool {
	switch filepath.Ext(name) {
	case ".go", ".s", ".c", ".h", ".cc", ".cpp", ".S", ".syso":
		return true
	}
	return false
}

// sumData is the hash of all that benchmarks may read beside their binary: every
// testdata directory of the checkout.
func sumData(root string) (string, error) {
	return sumFiles(root, func(rel string, _ fs.DirEntry) bool {
		return strings.HasPrefix(rel, "testdata/") || strings.Contains(rel, "/testdata/")
	})
}

// sumFiles is the hash of the chosen files below a directory, by their names with
// slashes.
func sumFiles(root string, chosen func(rel string, entry fs.DirEntry) bool) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && rel != "." {
			return filepath.SkipDir
		}
		if entry.IsDir() || !chosen(rel, entry) {
			return nil
		}
		fmt.Fprintf(sum, "%q ", rel)
		if entry.Type()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(path)
			fmt.Fprintf(sum, "-> %q\n", to)
			return err
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		n, err := io.Copy(sum, file)
		fmt.Fprintf(sum, " %d\n", n)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// sumTexts is the hash of a list of texts.
func sumTexts(texts []string) string {
	sum := sha256.New()
	for _, text := range texts {
		fmt.Fprintf(sum, "%q\n", text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
