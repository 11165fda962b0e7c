// Package runner tells what machine this is: its class, inside which numbers may
// be compared, its tier, that is what can be measured on it, and what makes it
// noisy. It only reads files and variables; it measures nothing and changes
// nothing.
//
// The class is a pure function of the fingerprint:
//
//	machine, err := runner.Detect(os.DirFS("/"), os.Getenv)
//	machine.Class() // "linux-amd64-amd-25.17.1-2cpu-24gib-kvm-847279500f"
//
// The same label of a hosted runner stands for several CPU models, and those
// differ by more than what the gate is to detect; so a baseline counts inside its
// class only. No reading of a clock, a frequency or a load is part of the class,
// or it would change from run to run.
package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// Machine is what the gate knows about the machine it runs on. A field that the
// system does not tell has its zero value.
type Machine struct {
	OS, Arch       string
	CPU            CPU
	CPUs           int  // that are online
	Cores          int  // of them, those that are not threads of another's core
	SMT            bool // two or more threads share a core
	Caches         []string
	Nodes          []Node
	MemoryBytes    int64
	Virtualisation string // "none", "kvm", "hyperv", …; "unknown"
	Kernel         string // release, such as "6.8.0-1021-azure"
	LibC           string // "glibc 2.39", "musl"
	// Info is what may change between runs on one machine: shown, never compared.
	Info map[string]string
}

// CPU names a model of CPU.
type CPU struct {
	Vendor  string // "amd", "intel", "arm", …
	Model   string // vendor's numbers: "25.17.1" (family.model.stepping), or "d49.0.0" (part.variant.revision)
	Name    string // as sold; missing on arm
	FlagsID string // hash of the instruction-set flags
}

// Node is one NUMA node.
type Node struct {
	ID        int
	CPUs      []int
	Distances []int // to each node, in order; 10 is local
}

// keyFields are the fields of the fingerprint that make the class.
var keyFields = []string{
	"os", "arch", "cpu_vendor", "cpu_model", "cpu_flags", "cpus", "smt", "caches", "numa", "memory_gib",
	"virtualisation", "kernel", "libc",
}

// Fingerprint is the machine in words: what makes the class, and the rest of Info
// under names of its own.
func (m Machine) Fingerprint() map[string]string {
	f := map[string]string{
		"os": m.OS, "arch": m.Arch, "cpu_vendor": m.CPU.Vendor, "cpu_model": m.CPU.Model, "cpu_flags": m.CPU.FlagsID,
		"cpus": fmt.Sprint(m.CPUs), "smt": fmt.Sprint(m.SMT), "caches": strings.Join(m.Caches, " "), "numa": m.numa(),
		"memory_gib": fmt.Sprint(memoryBand(m.MemoryBytes)), "virtualisation": m.Virtualisation,
		"kernel": kernelSeries(m.Kernel), "libc": m.LibC,
		"cpu_name": m.CPU.Name, "cores": fmt.Sprint(m.Cores), "kernel_release": m.Kernel,
	}
	for name, value := range m.Info {
		if _, taken := f[name]; !taken {
			f[name] = value
		}
	}
	for name, value := range f {
		if value == "" {
			delete(f, name)
		}
	}
	return f
}

// Class is the key inside which numbers may be compared; a file name.
func (m Machine) Class() string { return classOf(m.Fingerprint()) }

// classOf makes the class of a fingerprint: the fields that people know a machine
// by, and a hash of all that count.
func classOf(fingerprint map[string]string) string {
	sum := sha256.New()
	for _, name := range keyFields {
		fmt.Fprintf(sum, "%s=%q\n", name, fingerprint[name])
	}
	parts := []string{
		fingerprint["os"], fingerprint["arch"], fingerprint["cpu_vendor"], fingerprint["cpu_model"],
		fingerprint["cpus"] + "cpu", fingerprint["memory_gib"] + "gib", fingerprint["virtualisation"],
		hex.EncodeToString(sum.Sum(nil))[:10],
	}
	return strings.Map(fileNameRune, strings.Join(parts, "-"))
}

// fileNameRune keeps what is harmless in a file name everywhere.
func fileNameRune(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '.':
		return r
	case r >= 'A' && r <= 'Z':
		return r + 'a' - 'A'
	}
	return '_'
}

// numa names the nodes by their CPUs and distances.
func (m Machine) numa() string {
	nodes := make([]string, len(m.Nodes))
	for i, node := range m.Nodes {
		nodes[i] = fmt.Sprintf("%dcpu%v", len(node.CPUs), node.Distances)
	}
	return strings.Join(nodes, " ")
}

// gib is 2³⁰ bytes.
const gib = 1 << 30

// memoryBand is the size of the memory in GiB, to the nearest of 1, 1.5, 2, 3, 4,
// 6, 8, 12, 16 and so on, rounded down: what the system reports is a few percent
// below what is built in, and differs between kernels of one machine.
func memoryBand(bytes int64) int {
	if bytes <= 0 {
		return 0
	}
	size := float64(bytes) / gib
	power := math.Exp2(math.Floor(math.Log2(size)))
	best := power
	for _, band := range []float64{power * 1.5, power * 2} {
		if math.Abs(math.Log(band/size)) < math.Abs(math.Log(best/size)) {
			best = band
		}
	}
	return int(best)
}

// kernelSeries is the major and minor version: "6.8" of "6.8.0-1021-azure".
func kernelSeries(release string) string {
	parts := strings.SplitN(release, ".", 3)
	if len(parts) < 2 {
		return release
	}
	minor := parts[1]
	if end := strings.IndexFunc(minor, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		minor = minor[:end]
	}
	return parts[0] + "." + minor
}

// Tier is what can be measured here: 1 with 8 cores and 16 GiB, 2 with 16 cores and
// 64 GiB, 3 with 16 cores, 128 GiB and two NUMA nodes; 0 below, where everything
// runs scaled down.
func (m Machine) Tier() int {
	memory := memoryBand(m.MemoryBytes)
	switch {
	case m.Cores >= 16 && memory >= 128 && len(m.Nodes) >= 2:
		return 3
	case m.Cores >= 16 && memory >= 64:
		return 2
	case m.Cores >= 8 && memory >= 16:
		return 1
	}
	return 0
}
