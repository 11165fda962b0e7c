package result_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteIsDeterministic(t *testing.T) {
	want := written(t, smallCheck())
	for range 5 {
		if !bytes.Equal(written(t, smallCheck()), want) {
			t.Fatal("the same document gives other bytes")
		}
	}
	if n := bytes.Count(want, []byte("\n")); n != 1 {
		t.Errorf("%d line ends, want 1", n)
	}
}

func TestWriteFileReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "result.json")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := smallCheck()
	if err := d.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, written(t, d)) {
		t.Error("the file differs from what Write writes")
	}
	wantFiles(t, dir, "result.json")
}

func TestWriteFileLeavesNothingAfterAnError(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "result.json")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := smallCheck()
	d.Slices[len(d.Slices)-1].CPUS = math.NaN() // JSON cannot hold it
	if err := d.WriteFile(path); err == nil {
		t.Error("no error for a document that JSON cannot hold")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("the file holds %.20q (error %v), want what it held before", got, err)
	}
	wantFiles(t, dir, "result.json")

	taken := filepath.Join(dir, "directory")
	if err := os.MkdirAll(filepath.Join(taken, "inside"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := smallCheck().WriteFile(taken); err == nil {
		t.Error("no error where a directory is in the way")
	}
	wantFiles(t, dir, "directory", "result.json")

	if err := smallCheck().WriteFile(filepath.Join(dir, "absent", "result.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: error %v", err)
	}
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if len(got) != len(want) {
		t.Fatalf("the directory holds %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("the directory holds %q, want %q", got, want)
		}
	}
}
