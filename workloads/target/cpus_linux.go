package target

import "golang.org/x/sys/unix"

// CPUs lists the CPUs that this process may run on, ascending: fewer than the
// machine has under taskset or in a container. None when the system does not tell.
// To be asked at the start: the answer is the main thread's, which may be pinned
// later.
func CPUs() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(unix.Getpid(), &set); err != nil {
		return nil
	}
	var cpus []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}
