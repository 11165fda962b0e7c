//go:build !linux && !darwin

package runner

import (
	"io/fs"
	"runtime"
)

// detect knows the number of CPUs only.
func detect(m Machine, _ fs.FS) (Machine, error) {
	m.CPUs, m.Cores, m.Virtualisation = runtime.NumCPU(), runtime.NumCPU(), "unknown"
	return m, nil
}
