// Package actiontest tests what cannot be tested as Go: the composite action, its
// scripts, the workflows of this repository, and those that docs/github.md and
// gate init hand out.
//
// Policies are asserted on the YAML itself; actionlint, zizmor and shellcheck see
// the same files; the scripts are run by themselves with a gate that only notes
// how it was called; and act runs whole workflows on this machine, with a GitHub
// of our own on the loopback.
package actiontest

import (
	"os"
	"path/filepath"
	"testing"
)

// module is the root of the module, absolute.
func module(t testing.TB) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// read returns the text of a file of the module.
func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// glob returns the names of files of the module, relative to its root; there must
// be some.
func glob(t testing.TB, pattern string) []string {
	t.Helper()
	root := module(t)
	paths, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no file matches %s: %v", pattern, err)
	}
	for i := range paths {
		paths[i], _ = filepath.Rel(root, paths[i])
	}
	return paths
}
