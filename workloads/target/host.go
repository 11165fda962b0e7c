package target

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Host is what the whole machine has spent since it was started, in seconds; two
// readings are to be subtracted.
type Host struct {
	// BusyS is CPU time spent, all CPUs added up: user, system and interrupts; not
	// idle, not waiting for a disk, not stolen. In steps of 10 ms for each of its
	// five parts. /proc/schedstat has nanoseconds, yet counts a task only when it
	// leaves the CPU, so one that runs through a slice would count nothing in it.
	BusyS float64
	// StealS is CPU time that the hypervisor gave to others, in steps of 10 ms.
	StealS float64
	// PressureS is the time during which some task waited for a CPU (PSI "some"),
	// in microseconds; IOPressureS and MemPressureS likewise for a disk and for
	// memory. Zero where the kernel does not account for pressure.
	PressureS, IOPressureS, MemPressureS float64
}

// ReadHost reads the counters of this machine. On systems without /proc the error
// is fs.ErrNotExist.
func ReadHost() (Host, error) { return readHost("/") }

func readHost(root string) (Host, error) {
	var host Host
	text, err := os.ReadFile(filepath.Join(root, "proc/stat"))
	if err == nil {
		host, err = parseCPULine(text)
	}
	if err != nil {
		return Host{}, fmt.Errorf("CPU time of the machine: %w", err)
	}
	for name, into := range map[string]*float64{"cpu": &host.PressureS, "io": &host.IOPressureS, "memory": &host.MemPressureS} {
		text, err := os.ReadFile(filepath.Join(root, "proc/pressure", name))
		if err == nil {
			*into, err = parsePressure(text)
		}
		// Without CONFIG_PSI there are no files, and with psi=0 none can be read.
		if err != nil && !errors.As(err, new(*fs.PathError)) {
			return Host{}, fmt.Errorf("pressure on %s: %w", name, err)
		}
	}
	return host, nil
}

// Positions in the first line of /proc/stat, after "cpu" (proc_stat(5)). Time of
// guests is part of user and nice.
const (
	cpuUser    = 0
	cpuNice    = 1
	cpuSystem  = 2
	cpuIRQ     = 5
	cpuSoftIRQ = 6
	cpuSteal   = 7
)

// parseCPULine reads the times of all CPUs together: the first line of /proc/stat.
func parseCPULine(text []byte) (Host, error) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) <= cpuSteal+1 || fields[0] != "cpu" {
		return Host{}, fmt.Errorf("/proc/stat begins with %.60q", line)
	}
	var busy, steal uint64
	for i, field := range fields[1 : cpuSteal+2] {
		ticks, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return Host{}, fmt.Errorf("/proc/stat: %w", err)
		}
		switch i {
		case cpuUser, cpuNice, cpuSystem, cpuIRQ, cpuSoftIRQ:
			busy += ticks
		case cpuSteal:
			steal = ticks
		}
	}
	const hertz = 100 // USER_HZ, as in /proc/PID/stat
	return Host{BusyS: float64(busy) / hertz, StealS: float64(steal) / hertz}, nil
}

// parsePressure reads the total of the line "some avg10=0.00 … total=12345", in
// seconds (the kernel's Documentation/accounting/psi.rst).
func parsePressure(text []byte) (float64, error) {
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "some" {
			continue
		}
		for _, field := range fields {
			if total, ok := strings.CutPrefix(field, "total="); ok {
				micros, err := strconv.ParseUint(total, 10, 64)
				return float64(micros) / 1e6, err
			}
		}
	}
	return 0, fmt.Errorf("no total in %.60q", text)
}
