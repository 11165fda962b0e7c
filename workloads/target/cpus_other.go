//go:build !linux

package target

import "runtime"

// CPUs lists the CPUs of the machine: this system binds no process to any.
func CPUs() []int {
	cpus := make([]int, runtime.NumCPU())
	for i := range cpus {
		cpus[i] = i
	}
	return cpus
}
