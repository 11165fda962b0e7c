//go:build !linux

package target

import (
	"os"
	"syscall"
)

// spawner starts children. Without affinity and parent-death signals there is
// nothing to it.
type spawner struct{}

func newSpawner() *spawner { return &spawner{} }

// run calls start; CPUs cannot be chosen on this system.
func (*spawner) run(_ []int, start func() error) error { return start() }

func (*spawner) close() {}

// childAttributes put a child in a process group of its own.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// becomeSubreaper does nothing: orphans go to launchd and are found by their
// process group.
func becomeSubreaper() error { return nil }

// ownedByMe reports whether a file belongs to this user.
func ownedByMe(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
