package runner

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Detect describes this machine. The root is the file system to read /proc and
// /sys in, os.DirFS("/"); getenv is os.Getenv. The error is a root without the
// files that every Linux has.
func Detect(root fs.FS, getenv func(string) string) (Machine, error) {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Info: environment(getenv)}
	return detect(m, root)
}

// environment is what a hosted runner says of itself.
func environment(getenv func(string) string) map[string]string {
	info := map[string]string{}
	for variable, name := range map[string]string{
		"ImageOS": "image_os", "ImageVersion": "image_version",
		"RUNNER_NAME": "runner_name", "RUNNER_ENVIRONMENT": "runner_environment",
	} {
		if value := getenv(variable); value != "" {
			info[name] = value
		}
	}
	return info
}

// detectLinux fills in a machine from /proc, /sys and the C library.
func detectLinux(m Machine, root fs.FS) (Machine, error) {
	processors, err := readCPUInfo(root)
	if err != nil {
		return m, fmt.Errorf("what machine this is: %w", err)
	}
	m.CPU = identifyCPU(processors)
	online, err := ParseCPUList(readText(root, cpuDir+"/online"))
	if err != nil || len(online) == 0 {
		online = nil
		for i := range processors {
			online = append(online, i)
		}
	}
	m.CPUs = len(online)
	m.Cores = countCores(root, online)
	m.SMT = m.Cores < m.CPUs
	m.Caches = readCaches(root, online)
	m.Nodes = readNodes(root)
	m.MemoryBytes = readMemory(root)
	m.Kernel = readText(root, "proc/sys/kernel/osrelease")
	m.LibC = readLibC(root)
	m.Virtualisation = virtualisation(root, processors)
	set := func(name, value string) {
		if value != "" {
			m.Info[name] = value
		}
	}
	set("microcode", processors[0]["microcode"])
	set("clock_source", readText(root, clockFile))
	set("governor", readText(root, cpuDir+"/cpu0/cpufreq/scaling_governor"))
	set("boost", readBoost(root))
	set("transparent_hugepage", chosen(readText(root, "sys/kernel/mm/transparent_hugepage/enabled")))
	set("cpu_quota", cpuQuota(root))
	set("load", firstFields(readText(root, "proc/loadavg"), 3))
	return m, nil
}

const cpuDir = "sys/devices/system/cpu"

// textLimit bounds every file read here; /proc/cpuinfo of 8192 CPUs fits.
const textLimit = 32 << 20

// readText is the text of a file without white space around it; empty when it is
// not there or cannot be read: then the system does not tell.
func readText(root fs.FS, name string) string {
	file, err := root.Open(name)
	if err != nil {
		return ""
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, textLimit))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// firstFields are the first n words of a text.
func firstFields(text string, n int) string {
	fields := strings.Fields(text)
	return strings.Join(fields[:min(n, len(fields))], " ")
}

// chosen is the word in brackets: "madvise" of "always [madvise] never".
func chosen(text string) string {
	_, rest, _ := strings.Cut(text, "[")
	word, _, _ := strings.Cut(rest, "]")
	return word
}

// countCores counts the sets of CPUs that are threads of one core. Without
// topology every CPU counts as a core.
func countCores(root fs.FS, online []int) int {
	cores := map[string]bool{}
	for _, cpu := range online {
		list := readText(root, fmt.Sprintf("%s/cpu%d/topology/thread_siblings_list", cpuDir, cpu))
		if list == "" {
			return len(online)
		}
		cores[list] = true
	}
	return len(cores)
}

// readCaches lists the kinds of cache, each as number × level, size and the CPUs
// that share one: "2×L1d 32K/1".
func readCaches(root fs.FS, online []int) []string {
	type cache struct{ level, kind, size, shared string }
	seen := map[cache]bool{}
	for _, cpu := range online {
		dir := fmt.Sprintf("%s/cpu%d/cache", cpuDir, cpu)
		for index := 0; ; index++ {
			at := path.Join(dir, "index"+strconv.Itoa(index))
			c := cache{
				readText(root, at+"/level"), readText(root, at+"/type"),
				readText(root, at+"/size"), readText(root, at+"/shared_cpu_list"),
			}
			if c.level == "" {
				break
			}
			seen[c] = true
		}
	}
	count := map[string]int{}
	for c := range seen {
		suffix := map[string]string{"Data": "d", "Instruction": "i"}[c.kind]
		sharers := 1
		if list, err := ParseCPUList(c.shared); err == nil && len(list) > 0 {
			sharers = len(list)
		}
		count[fmt.Sprintf("L%s%s %s/%d", c.level, suffix, c.size, sharers)]++
	}
	var caches []string
	for name, n := range count {
		caches = append(caches, fmt.Sprintf("%d×%s", n, name))
	}
	slices.SortFunc(caches, func(a, b string) int {
		_, nameA, _ := strings.Cut(a, "×")
		_, nameB, _ := strings.Cut(b, "×")
		return cmp.Or(cmp.Compare(nameA, nameB), cmp.Compare(a, b))
	})
	return caches
}

// readNodes lists the NUMA nodes that are online.
func readNodes(root fs.FS) []Node {
	const dir = "sys/devices/system/node"
	ids, err := ParseCPUList(readText(root, dir+"/online"))
	if err != nil {
		return nil
	}
	var nodes []Node
	for _, id := range ids {
		at := fmt.Sprintf("%s/node%d", dir, id)
		cpus, err := ParseCPUList(readText(root, at+"/cpulist"))
		if err != nil {
			continue
		}
		node := Node{ID: id, CPUs: cpus}
		for field := range strings.FieldsSeq(readText(root, at+"/distance")) {
			if distance, err := strconv.Atoi(field); err == nil {
				node.Distances = append(node.Distances, distance)
			}
		}
		nodes = append(nodes, node)
	}
	return nodes
}

// readMemory is MemTotal of /proc/meminfo, in bytes; 0 when it is not told.
func readMemory(root fs.FS) int64 {
	for line := range strings.Lines(readText(root, "proc/meminfo")) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "MemTotal:" {
			kib, err := strconv.ParseInt(fields[1], 10, 52)
			if err == nil && kib > 0 {
				return kib << 10
			}
		}
	}
	return 0
}

// readBoost tells whether the CPU may clock above its nominal rate.
func readBoost(root fs.FS) string {
	if text := readText(root, cpuDir+"/cpufreq/boost"); text != "" {
		return map[string]string{"0": "off", "1": "on"}[text]
	}
	return map[string]string{"1": "off", "0": "on"}[readText(root, cpuDir+"/intel_pstate/no_turbo")]
}

// cpuQuota is the cpu.max of this process's cgroup or the nearest above it that
// has a limit: "quota period" in µs; empty without one (cgroup v2 only).
func cpuQuota(root fs.FS) string {
	for line := range strings.Lines(readText(root, "proc/self/cgroup")) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		if !ok {
			continue
		}
		for at := path.Clean(group); ; at = path.Dir(at) {
			text := readText(root, path.Join("sys/fs/cgroup", at, "cpu.max"))
			if text != "" && !strings.HasPrefix(text, "max") {
				return text
			}
			if at == "." || at == "/" || strings.HasPrefix(at, "..") {
				return ""
			}
		}
	}
	return ""
}

// readCPUInfo reads the processors of /proc/cpuinfo, one map of fields each.
func readCPUInfo(root fs.FS) ([]map[string]string, error) {
	text := readText(root, "proc/cpuinfo")
	processors := parseCPUInfo(text)
	if len(processors) == 0 {
		return nil, errors.New("/proc/cpuinfo names no processor")
	}
	return processors, nil
}
