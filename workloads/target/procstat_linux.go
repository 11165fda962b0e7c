package target

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// clockTick is the unit of times in /proc: USER_HZ, which is 100 per second on
// every architecture that Go runs on, whatever HZ the kernel was built with
// (proc(5), time(7)).
const clockTick = 10 * time.Millisecond

// procStat is the part of /proc/PID/stat that is used here (proc_pid_stat(5)).
type procStat struct {
	state    byte
	parent   int
	group    int
	session  int
	user     time.Duration // of the process itself, exited threads included
	system   time.Duration
	children time.Duration // of children that it has waited for, and theirs
	threads  int
	start    uint64 // clock ticks since boot; with the pid it names a process for ever
	rssPages int64
}

// zombie: dead, but not waited for.
func (s procStat) zombie() bool { return s.state == 'Z' || s.state == 'X' }

// Positions in /proc/PID/stat, counted from the state, which is 0.
const (
	statParent     = 1
	statGroup      = 2
	statSession    = 3
	statUser       = 11
	statSystem     = 12
	statChildUser  = 13
	statChildSys   = 14
	statThreads    = 17
	statStart      = 19
	statRSS        = 21
	statLastNeeded = statRSS
)

// parseProcStat reads one line of /proc/PID/stat. The name of the program may
// hold anything, brackets and line ends included, so fields count from the last
// bracket. It does not allocate.
func parseProcStat(line []byte) (procStat, error) {
	end := bytes.LastIndexByte(line, ')')
	if end < 0 || end+2 >= len(line) {
		return procStat{}, errors.New("/proc stat: no program name")
	}
	var s procStat
	rest := line[end+2:]
	for i := 0; i <= statLastNeeded; i++ {
		var field []byte
		field, rest, _ = bytes.Cut(rest, []byte(" "))
		if i == 0 {
			if len(field) != 1 {
				return procStat{}, fmt.Errorf("/proc stat: state %q", field)
			}
			s.state = field[0]
			continue
		}
		value, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			// The few unsigned fields that can be larger are none of those used.
			value = 0
			if i == statParent || i == statStart {
				return procStat{}, fmt.Errorf("/proc stat: field %d is %q", i+3, field)
			}
		}
		s.set(i, value)
	}
	return s, nil
}

func (s *procStat) set(field int, value int64) {
	ticks := time.Duration(max(0, min(value, int64(1<<62)/int64(clockTick)))) * clockTick
	switch field {
	case statParent:
		s.parent = int(value)
	case statGroup:
		s.group = int(value)
	case statSession:
		s.session = int(value)
	case statUser:
		s.user = ticks
	case statSystem:
		s.system = ticks
	case statChildUser, statChildSys:
		s.children += ticks
	case statThreads:
		s.threads = int(value)
	case statStart:
		s.start = uint64(value)
	case statRSS:
		s.rssPages = value
	}
}
