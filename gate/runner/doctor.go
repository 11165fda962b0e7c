package runner

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// State is how a finding bears on measuring.
type State string

// The states of a finding.
const (
	Good    State = "good"    // as it should be
	Noisy   State = "noisy"   // measuring works, with wider intervals
	Broken  State = "broken"  // numbers from here would be wrong
	Unknown State = "unknown" // the system does not tell
)

// Finding is one property of this machine that bears on measuring.
type Finding struct {
	Name   string
	State  State
	Detail string // what was found and why it matters
	Fix    string // a command or change that helps; empty when nothing has to be done, or can
}

// Limits above which a machine counts as noisy. Chosen: a hundredth of stolen time
// and a tenth of waiting are well above what an idle machine shows.
const (
	noisySteal    = 0.01 // share of all CPU time since boot
	noisyPressure = 10.0 // percent of the last five minutes in which some task waited
	noisyLoad     = 0.5  // running tasks for each CPU, over one minute
)

// Doctor lists what bears on measuring on this machine, in a fixed order, with the
// command that improves it. The root is as for Detect.
func (m Machine) Doctor(root fs.FS) []Finding {
	findings := []Finding{m.cpus(), clock(root), m.virtual()}
	if m.OS != "linux" {
		return append(findings, Finding{
			"system", Noisy,
			m.OS + " tells little of what the target uses: CPU per operation is rough, and nothing can be pinned", "measure on Linux",
		})
	}
	return append(findings,
		governor(root), boost(root), m.threads(), autogroup(root), hugePages(root),
		steal(root), pressure(root), m.load(root), m.quota(), counters(root))
}

func (m Machine) cpus() Finding {
	detail := fmt.Sprintf("%d CPUs, %d cores, %d GiB: tier %d", m.CPUs, m.Cores, memoryBand(m.MemoryBytes), m.Tier())
	if m.CPUs < 2 {
		return Finding{"CPUs", Noisy, detail + "; the load engine and the target share a CPU, so latency is mostly each other's", "use a machine with two CPUs or more"}
	}
	return Finding{"CPUs", Good, detail, ""}
}

func clock(root fs.FS) Finding {
	name, err := ClockSource(root)
	switch {
	case err != nil:
		return Finding{"clock", Broken, name + " is too slow to time requests by", clockFix}
	case name == "":
		return Finding{"clock", Unknown, "the system does not tell its clock source", ""}
	}
	return Finding{"clock", Good, name, ""}
}

func (m Machine) virtual() Finding {
	switch m.Virtualisation {
	case "none":
		return Finding{"virtualisation", Good, "none", ""}
	case "unknown":
		return Finding{"virtualisation", Unknown, "the system does not tell", ""}
	}
	return Finding{"virtualisation", Noisy, m.Virtualisation + ": neighbours on the host are noise that nothing in here can stop; the duet cancels most of it", ""}
}

func governor(root fs.FS) Finding {
	switch name := readText(root, cpuDir+"/cpu0/cpufreq/scaling_governor"); name {
	case "":
		return Finding{"governor", Unknown, "no control of the clock rate from here", ""}
	case "performance":
		return Finding{"governor", Good, name, ""}
	default:
		return Finding{
			"governor", Noisy, name + ": the clock rate follows the load, so short slices run slower than long ones",
			"echo performance | sudo tee /" + cpuDir + "/cpu*/cpufreq/scaling_governor",
		}
	}
}

func boost(root fs.FS) Finding {
	switch readBoost(root) {
	case "off":
		return Finding{"boost", Good, "off", ""}
	case "on":
		fix := "echo 0 | sudo tee /" + cpuDir + "/cpufreq/boost"
		if readText(root, cpuDir+"/intel_pstate/no_turbo") != "" {
			fix = "echo 1 | sudo tee /" + cpuDir + "/intel_pstate/no_turbo"
		}
		return Finding{"boost", Noisy, "on: the clock rate follows the temperature and what other cores do", fix}
	}
	return Finding{"boost", Unknown, "no control of it from here", ""}
}

func (m Machine) threads() Finding {
	if !m.SMT {
		return Finding{"SMT", Good, "every CPU is a core of its own", ""}
	}
	return Finding{
		"SMT", Noisy, fmt.Sprintf("%d CPUs on %d cores: a busy sibling slows its core; gate keeps the engine's core for itself", m.CPUs, m.Cores),
		"echo off | sudo tee /" + cpuDir + "/smt/control",
	}
}

func autogroup(root fs.FS) Finding {
	if readText(root, "proc/sys/kernel/sched_autogroup_enabled") != "1" {
		return Finding{"autogroup", Good, "off: priorities act between all processes", ""}
	}
	text := readText(root, "proc/self/autogroup")
	_, nice, _ := strings.Cut(text, " nice ")
	if value, err := strconv.Atoi(nice); err == nil && value < 0 {
		return Finding{"autogroup", Good, "on, and this session has priority: nice " + nice, ""}
	}
	return Finding{
		"autogroup", Noisy, "on: other sessions get as much of the CPU as this one, whatever its niceness; gate raises it where it may",
		"sudo sh -c 'echo -15 > /proc/'$$'/autogroup'",
	}
}

func hugePages(root fs.FS) Finding {
	switch mode := chosen(readText(root, "sys/kernel/mm/transparent_hugepage/enabled")); mode {
	case "":
		return Finding{"huge pages", Unknown, "the system does not tell", ""}
	case "always":
		return Finding{
			"huge pages", Noisy, "always: a launch that gets huge pages is faster than one that does not",
			"echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
		}
	default:
		return Finding{"huge pages", Good, mode, ""}
	}
}

func steal(root fs.FS) Finding {
	line, _, _ := strings.Cut(readText(root, "proc/stat"), "\n")
	fields := strings.Fields(line)
	var total, stolen float64
	// user, nice, system, idle, iowait, irq, softirq, steal; guests are in user.
	for i := 1; i < len(fields) && i <= 8; i++ {
		value, err := strconv.ParseUint(fields[i], 10, 64)
		if err != nil {
			return Finding{"steal", Unknown, "/proc/stat cannot be read", ""}
		}
		total += float64(value)
		if i == 8 {
			stolen = float64(value)
		}
	}
	if total == 0 {
		return Finding{"steal", Unknown, "the system does not tell", ""}
	}
	detail := fmt.Sprintf("%.2f%% of CPU time since boot", 100*stolen/total)
	if stolen/total > noisySteal {
		return Finding{"steal", Noisy, detail + " went to other machines on the host", "use a machine with CPUs of its own"}
	}
	return Finding{"steal", Good, detail, ""}
}

func pressure(root fs.FS) Finding {
	line, _, _ := strings.Cut(readText(root, "proc/pressure/cpu"), "\n")
	for field := range strings.FieldsSeq(line) {
		text, ok := strings.CutPrefix(field, "avg300=")
		if !ok {
			continue
		}
		if percent, err := strconv.ParseFloat(text, 64); err == nil {
			detail := fmt.Sprintf("tasks waited for a CPU in %.1f%% of the last five minutes", percent)
			if percent > noisyPressure {
				return Finding{"pressure", Noisy, detail, busyFix}
			}
			return Finding{"pressure", Good, detail, ""}
		}
	}
	return Finding{"pressure", Unknown, "the kernel does not account for it", "boot with psi=1"}
}

// busyFix shows what else runs.
const busyFix = "end other work first: top -o %CPU"

func (m Machine) load(root fs.FS) Finding {
	value, err := strconv.ParseFloat(firstFields(readText(root, "proc/loadavg"), 1), 64)
	if err != nil || m.CPUs == 0 {
		return Finding{"load", Unknown, "the system does not tell", ""}
	}
	detail := fmt.Sprintf("%.2f running tasks over the last minute, on %d CPUs", value, m.CPUs)
	if value/float64(m.CPUs) > noisyLoad {
		return Finding{"load", Noisy, detail, busyFix}
	}
	return Finding{"load", Good, detail, ""}
}

func (m Machine) quota() Finding {
	limit := m.Info["cpu_quota"]
	if limit == "" {
		return Finding{"CPU quota", Good, "none", ""}
	}
	return Finding{
		"CPU quota", Noisy, "cpu.max is " + limit + " (quota and period, µs): the kernel stops the target for the rest of a period",
		"give the container whole CPUs (--cpuset-cpus) in place of a quota",
	}
}

func counters(root fs.FS) Finding {
	level := readText(root, "proc/sys/kernel/perf_event_paranoid")
	value, err := strconv.Atoi(level)
	switch {
	case err != nil:
		return Finding{"hardware counters", Unknown, "the kernel has no perf events", ""}
	case len(readText(root, "sys/bus/event_source/devices/cpu/type")+readText(root, "sys/bus/event_source/devices/armv8_pmuv3_0/type")) == 0:
		return Finding{"hardware counters", Unknown, "this machine shows none to its system; studies that need them are skipped", ""}
	case value > 2:
		return Finding{"hardware counters", Noisy, "perf_event_paranoid is " + level + ": unprivileged processes may not count", "sudo sysctl kernel.perf_event_paranoid=1"}
	}
	return Finding{"hardware counters", Good, "perf_event_paranoid is " + level, ""}
}
