package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// parseCPUInfo reads /proc/cpuinfo: lines "name : value", a paragraph for each
// processor. Paragraphs without a processor number (arm has one for the board) do
// not count.
func parseCPUInfo(text string) []map[string]string {
	var processors []map[string]string
	current := map[string]string{}
	flush := func() {
		if current["processor"] != "" {
			processors = append(processors, current)
		}
		current = map[string]string{}
	}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			flush()
			continue
		}
		current[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	flush()
	return processors
}

// armImplementers are the makers of arm cores by the number in their registers
// (MIDR_EL1, Arm Architecture Reference Manual; the kernel's cputype.h).
var armImplementers = map[string]string{
	"0x41": "arm", "0x42": "broadcom", "0x43": "cavium", "0x46": "fujitsu", "0x48": "hisilicon",
	"0x4e": "nvidia", "0x50": "apm", "0x51": "qualcomm", "0x53": "samsung", "0x61": "apple", "0x6d": "microsoft", "0xc0": "ampere",
}

// identifyCPU names the model of the processors; machines of several kinds of core
// get all of them, in order.
func identifyCPU(processors []map[string]string) CPU {
	var cpu CPU
	var models []string
	for _, p := range processors {
		vendor, model := modelOf(p)
		if cpu.Vendor == "" {
			cpu.Vendor = vendor
		}
		if model != "" && !slices.Contains(models, model) {
			models = append(models, model)
		}
		if cpu.Name == "" {
			cpu.Name = p["model name"]
		}
	}
	slices.Sort(models)
	cpu.Model = strings.Join(models, "+")
	flags := strings.Fields(processors[0]["flags"] + " " + processors[0]["Features"])
	slices.Sort(flags)
	if len(flags) > 0 {
		sum := sha256.Sum256([]byte(strings.Join(slices.Compact(flags), " ")))
		cpu.FlagsID = hex.EncodeToString(sum[:])[:12]
	}
	return cpu
}

// modelOf names the maker and model of one processor.
func modelOf(p map[string]string) (vendor, model string) {
	if implementer := p["CPU implementer"]; implementer != "" {
		vendor = armImplementers[strings.ToLower(implementer)]
		if vendor == "" {
			vendor = implementer
		}
		return vendor, fmt.Sprintf("%s.%s.%s", strings.TrimPrefix(p["CPU part"], "0x"),
			number(p["CPU variant"]), p["CPU revision"])
	}
	switch vendor = p["vendor_id"]; vendor {
	case "AuthenticAMD":
		vendor = "amd"
	case "GenuineIntel":
		vendor = "intel"
	case "HygonGenuine":
		vendor = "hygon"
	}
	if vendor == "" || p["cpu family"] == "" {
		return vendor, p["model"]
	}
	return vendor, fmt.Sprintf("%s.%s.%s", p["cpu family"], p["model"], p["stepping"])
}

// number writes a hexadecimal number as a decimal one.
func number(text string) string {
	value, err := strconv.ParseUint(text, 0, 32)
	if err != nil {
		return text
	}
	return strconv.FormatUint(value, 10)
}

// virtualisation names the hypervisor. The machine's maker tells it best; where
// there is no such table, as in small virtual machines, the clocks that the kernel
// offers do, and then the CPU's own flag.
func virtualisation(root fs.FS, processors []map[string]string) string {
	maker := strings.ToLower(readText(root, "sys/class/dmi/id/sys_vendor") + " " + readText(root, "sys/class/dmi/id/product_name"))
	for _, known := range []struct{ text, name string }{
		{"microsoft corporation virtual machine", "hyperv"},
		{"amazon ec2", "amazon"},
		{"google compute", "google"},
		{"vmware", "vmware"},
		{"virtualbox", "virtualbox"},
		{"xen", "xen"},
		{"qemu", "kvm"},
		{"kvm", "kvm"},
		{"apple virtualization", "apple"},
		{"parallels", "parallels"},
	} {
		if strings.Contains(maker, known.text) && !strings.Contains(maker, ".metal") {
			return known.name
		}
	}
	clocks := readText(root, "sys/devices/system/clocksource/clocksource0/available_clocksource")
	for _, known := range []struct{ text, name string }{{"kvm-clock", "kvm"}, {"hyperv", "hyperv"}, {"xen", "xen"}} {
		if strings.Contains(clocks, known.text) {
			return known.name
		}
	}
	switch flags := processors[0]["flags"]; {
	case slices.Contains(strings.Fields(flags), "hypervisor"):
		return "vm"
	case flags != "": // x86 would say
		return "none"
	case strings.Contains(readText(root, "proc/device-tree/compatible"), "linux,dummy-virt"):
		return "kvm"
	}
	return "unknown"
}

// libraries are the places of the C library, by distribution.
var libraries = []string{
	"lib/x86_64-linux-gnu/libc.so.6", "lib/aarch64-linux-gnu/libc.so.6", "usr/lib/x86_64-linux-gnu/libc.so.6",
	"usr/lib/aarch64-linux-gnu/libc.so.6", "lib64/libc.so.6", "usr/lib64/libc.so.6", "usr/lib/libc.so.6",
}

// readLibC names the C library and its version by the banner inside it: running
// ldd would start a process.
func readLibC(root fs.FS) string {
	for _, name := range libraries {
		_, rest, ok := strings.Cut(readText(root, name), "stable release version ")
		if !ok {
			continue
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if end > 0 {
			return "glibc " + strings.TrimSuffix(rest[:end], ".")
		}
	}
	if found, err := fs.Glob(root, "lib/ld-musl-*.so.1"); err == nil && len(found) > 0 {
		return "musl"
	}
	return ""
}
