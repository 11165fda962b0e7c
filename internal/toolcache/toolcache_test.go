package toolcache_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fivegate/fivegate/internal/toolcache"
)

// emptyCache makes the user's cache an empty folder, and returns the tools' one in it.
func emptyCache(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cache, "fivegate", "test-tools")
}

func TestConcurrentInstallersShareOneFolder(t *testing.T) {
	parent := emptyCache(t)
	const installers = 4
	var started, ended sync.WaitGroup
	started.Add(installers)
	for range installers {
		ended.Go(func() {
			dir, err := toolcache.Dir("tool-1", func(dir string) error {
				started.Done()
				started.Wait() // until all have found that the folder is not there
				return os.WriteFile(filepath.Join(dir, "program"), []byte("whole"), 0o600)
			})
			if err != nil {
				t.Error(err)
				return
			}
			if text, err := os.ReadFile(filepath.Join(dir, "program")); err != nil || string(text) != "whole" {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
	ended.Wait()
	if got := names(t, parent); got != "tool-1" {
		t.Errorf("the cache holds %s, want tool-1", got)
	}
	if _, err := toolcache.Dir("tool-1", func(string) error { return errors.New("installed twice") }); err != nil {
		t.Error(err)
	}
}

func TestFailedInstallationLeavesNothing(t *testing.T) {
	parent := emptyCache(t)
	broke := errors.New("no registry")
	_, err := toolcache.Dir("tool-1", func(dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "half"), nil, 0o600), broke)
	})
	if !errors.Is(err, broke) {
		t.Errorf("the error is %v, want the installer's", err)
	}
	if got := names(t, parent); got != "" {
		t.Errorf("the cache holds %s, want nothing", got)
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

// ending records how a test was ended.
type ending struct {
	testing.TB
	how string
}

func (e *ending) Helper()                   {}
func (e *ending) Skipf(f string, a ...any)  { e.end("skipped", f, a) }
func (e *ending) Fatalf(f string, a ...any) { e.end("failed", f, a) }

func (e *ending) end(how, format string, args []any) {
	if e.how == "" { // the real ones do not return
		e.how = how + ": " + fmt.Sprintf(format, args...)
	}
}

func TestAbsentToolSkipsButFailsOnCI(t *testing.T) {
	for ci, want := range map[string]string{"": "skipped: ", "true": "failed: "} {
		t.Setenv("CI", ci)
		var e ending
		toolcache.Absent(&e, "no npm")
		if !strings.HasPrefix(e.how, want) || !strings.HasSuffix(e.how, "no npm") {
			t.Errorf("CI=%q: %s", ci, e.how)
		}
	}
}
