package target

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCopyDirDiskFull(t *testing.T) {
	small := t.TempDir()
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no small disk to fill: mount: %v (needs root)", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(small, 0); err != nil {
			t.Error(err)
		}
	})
	from := t.TempDir()
	write(t, from, "a", strings.Repeat("a", 700_000), "b/c", strings.Repeat("c", 700_000))
	to := filepath.Join(small, "copy")
	err := CopyDir(from, to)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{"disk full", to, "1400000 bytes"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q: %v", want, err)
		}
	}
	if left, err := os.ReadDir(small); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
