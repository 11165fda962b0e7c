//go:build !linux

package target

import (
	"os"
	"syscall"
)

// Spawner starts children. Without affinity and parent-death signals there is
// nothing to it.
type Spawner struct{}

// NewSpawner makes a Spawner.
func NewSpawner() *Spawner { return &Spawner{} }

// run calls start; CPUs cannot be chosen on this system.
func (*Spawner) run(_ []int, start func() error) error { return start() }

// Close does nothing.
func (*Spawner) Close() {}

// childAttributes put a child in a process group of its own.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// BecomeSubreaper does nothing: orphans go to launchd and are found by their
// process group.
func BecomeSubreaper() error { return nil }

// ownedByMe reports whether a file belongs to this user.
func ownedByMe(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
