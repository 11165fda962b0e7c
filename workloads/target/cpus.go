package target

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/fivegate/fivegate/gate/runner"
)

// Partition divides the CPUs that gate may use between the load engine and the
// targets. The engine gets one whole core, the last: engine is its last CPU and
// the core's other threads stay idle, since a busy sibling would slow the engine
// and be slowed by it. The targets get all others; both arms share them, as the
// duet needs. With two CPUs that are one core's, each side gets one of them. With
// one CPU there is nothing to divide, and both get it: such a machine can measure
// CPU per operation, and hardly latency.
//
// The last core and not the first, as CPU 0 serves more interrupts on most
// machines; an engine late by an interrupt is an error of every request, while a
// target's share of it is in both arms.
func Partition(cpus []int) (engine, targets []int) {
	return partition(cpus, func(cpu int) []int { return siblings("/", cpu) })
}

func partition(cpus []int, siblings func(cpu int) []int) (engine, targets []int) {
	if len(cpus) == 0 {
		return nil, nil
	}
	cpus = slices.Sorted(slices.Values(cpus))
	last := cpus[len(cpus)-1]
	engine = []int{last}
	core := siblings(last)
	for _, cpu := range cpus {
		if cpu != last && !slices.Contains(core, cpu) {
			targets = append(targets, cpu)
		}
	}
	if len(targets) == 0 { // one core
		targets = cpus[:max(1, len(cpus)-1)]
	}
	return engine, slices.Clone(targets)
}

// siblings lists the CPUs that are threads of the same core, the CPU itself
// included; none when the system does not tell.
func siblings(root string, cpu int) []int {
	text, err := os.ReadFile(filepath.Join(root, "sys/devices/system/cpu", "cpu"+strconv.Itoa(cpu), "topology/thread_siblings_list"))
	if err != nil {
		return nil
	}
	list, err := runner.ParseCPUList(string(text))
	if err != nil {
		return nil
	}
	return list
}
