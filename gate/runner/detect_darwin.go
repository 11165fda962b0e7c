package runner

import (
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// detect fills in what sysctl tells; the root has nothing to say on this system.
func detect(m Machine, _ fs.FS) (Machine, error) {
	text := func(name string) string {
		value, err := unix.Sysctl(name)
		if err != nil {
			return ""
		}
		return value
	}
	count := func(name string) int {
		value, err := unix.SysctlUint32(name)
		if err != nil {
			return 0
		}
		return int(value)
	}
	m.CPUs, m.Cores = count("hw.logicalcpu"), count("hw.physicalcpu")
	if m.CPUs == 0 {
		return m, fmt.Errorf("what machine this is: sysctl hw.logicalcpu tells nothing")
	}
	m.SMT = m.Cores < m.CPUs
	m.CPU.Name = text("machdep.cpu.brand_string")
	vendor, _, _ := strings.Cut(strings.ToLower(m.CPU.Name), " ")
	m.CPU.Vendor, m.CPU.Model = strings.TrimSuffix(vendor, "(r)"), text("hw.model")
	if memory, err := unix.SysctlUint64("hw.memsize"); err == nil {
		m.MemoryBytes = int64(memory)
	}
	m.Kernel = text("kern.osrelease")
	m.Virtualisation = "none"
	if count("kern.hv_vmm_present") == 1 {
		m.Virtualisation = "vm"
	}
	return m, nil
}
