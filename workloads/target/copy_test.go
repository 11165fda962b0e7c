package target

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCopyDir(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	write(t, from, "a", "text", "deep/er/b", "", "deep/c", strings.Repeat("x", 1<<20))
	old := time.Unix(1_000_000_000, 0)
	// Data, a hole of 64 MiB, data.
	sparse, err := os.Create(filepath.Join(from, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, 64 << 20} {
		if _, err := sparse.WriteAt([]byte("data"), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(sparse.Truncate(80<<20), sparse.Close(), os.Symlink("a", filepath.Join(from, "link")),
		os.Chmod(filepath.Join(from, "a"), 0o640), syscall.Mkfifo(filepath.Join(from, "pipe"), 0o600),
		os.Chtimes(filepath.Join(from, "a"), old, old), os.Chtimes(filepath.Join(from, "deep"), old, old),
		os.Chmod(filepath.Join(from, "deep"), 0o500)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(from, "deep"), 0o700) })
	if err := CopyDir(from, to); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(from, "pipe")); err != nil {
		t.Fatal(err)
	}
	want, err := hashDir(from)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := hashDir(to); got != want || err != nil {
		t.Errorf("the copy differs: %v", err)
	}
	for _, name := range []string{"a", "deep"} {
		source, err1 := os.Stat(filepath.Join(from, name))
		copied, err2 := os.Stat(filepath.Join(to, name))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if source.Mode() != copied.Mode() || !source.ModTime().Equal(copied.ModTime()) {
			t.Errorf("%s: mode %v, time %v; want %v, %v", name, copied.Mode(), copied.ModTime(), source.Mode(), source.ModTime())
		}
	}
	var stat syscall.Stat_t
	if err := syscall.Stat(filepath.Join(to, "sparse"), &stat); err != nil || stat.Size != 80<<20 || stat.Blocks*512 > 8<<20 {
		t.Errorf("sparse file: size %d, %d blocks, %v", stat.Size, stat.Blocks, err)
	}

	if err := CopyDir(from, to); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("copy over a copy: %v", err)
	}
	if err := CopyDir(filepath.Join(from, "none"), filepath.Join(to, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("copy of nothing: %v", err)
	}
	if err := os.Chmod(filepath.Join(to, "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestBuildCache(t *testing.T) {
	cache := &buildCache{dir: t.TempDir(), limit: 2500}
	fill := func(key, text string) {
		t.Helper()
		from := t.TempDir()
		write(t, from, "bin/x", text)
		if err := cache.put(key, from); err != nil {
			t.Fatal(err)
		}
	}
	has := func(key string) bool {
		t.Helper()
		to := filepath.Join(t.TempDir(), "to")
		hash, ok := cache.get(key, to)
		if have, err := hashDir(to); ok && (have != hash || err != nil) {
			t.Errorf("%s: hash %s, files %s, %v", key, hash, have, err)
		}
		return ok
	}
	kilo := strings.Repeat("k", 1000)
	fill("one", kilo)
	fill("one", kilo)
	fill("two", kilo)
	if has("none") || !has("two") || !has("one") {
		t.Error("entries are not found")
	}
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(cache.dir, "two"), past, past); err != nil {
		t.Fatal(err)
	}
	fill("three", kilo)
	if has("two") || !has("one") || !has("three") {
		t.Error("not the entry used longest ago went")
	}
	write(t, cache.dir, "one/files/bin/x", "changed")
	if has("one") {
		t.Error("a damaged entry is believed")
	}
	if _, err := os.Stat(filepath.Join(cache.dir, "one")); !os.IsNotExist(err) {
		t.Errorf("a damaged entry stays: %v", err)
	}
	var off *buildCache
	if _, ok := off.get("x", ""); ok || off.put("x", "") != nil {
		t.Error("a cache that is off keeps something")
	}

	// A cache that cannot be written is a remark, not an error.
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GATE_CACHE", filepath.Join(file, "cache"))
	if cache, note := openBuildCache(); cache != nil || !strings.Contains(note, "not cached") {
		t.Errorf("cache %v, note %q", cache, note)
	}
}

func TestRing(t *testing.T) {
	r := NewRing(100)
	for i := range 1000 {
		if n, err := r.Write([]byte(strings.Repeat("x", i%7) + "\n")); n != i%7+1 || err != nil {
			t.Fatal(n, err)
		}
	}
	text := r.String()
	if len(text) > 100 || len(text) < 90 || !strings.HasSuffix(text, "xxxxx\n") || bytes.Contains([]byte(text), []byte("xxxxxxx")) {
		t.Errorf("kept %q", text)
	}
	if quoted := quoteTail(strings.Repeat("a\n", errorLines+2)); strings.Count(quoted, "| a") != errorLines || !strings.Contains(quoted, "(2 lines") {
		t.Errorf("tail %q", quoted)
	}
}
