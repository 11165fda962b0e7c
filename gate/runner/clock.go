package runner

import (
	"errors"
	"fmt"
	"io/fs"
)

// clockFile names the kernel's clock.
const clockFile = "sys/devices/system/clocksource/clocksource0/current_clocksource"

// slowClocks are clocks that a read of the time goes to a device for, a
// microsecond or more each, many times what a read of the CPU's own counter takes.
var slowClocks = map[string]bool{"hpet": true, "acpi_pm": true, "jiffies": true, "refined-jiffies": true, "pit": true}

// ErrSlowClock means that requests cannot be timed by this machine's clock.
var ErrSlowClock = errors.New("clock too slow to time requests by")

// ClockSource is the name of the kernel's clock, such as "tsc", under a root
// directory (os.DirFS("/") for this machine); empty where the system does not tell.
// The error is ErrSlowClock for a clock that would disturb what it times.
func ClockSource(root fs.FS) (string, error) {
	name := readText(root, clockFile)
	if slowClocks[name] {
		return name, fmt.Errorf("%s: %w; choose another with `%s`", name, ErrSlowClock, clockFix)
	}
	return name, nil
}

// clockFix is the command that changes the clock; the boot parameter is for
// machines on which the kernel took the counter for unreliable.
const clockFix = "echo tsc | sudo tee /" + clockFile + "  # or boot with tsc=reliable"
