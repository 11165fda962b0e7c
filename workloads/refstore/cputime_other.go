//go:build !linux && !darwin

package refstore

import "time"

var processStart = time.Now()

// processCPU is the time since the start: this system has no clock that is fine
// enough, so a fault that costs CPU is as large as if the process never waited.
func processCPU() time.Duration { return time.Since(processStart) }

// threadCPU is the time since the start, see processCPU.
func threadCPU() time.Duration { return time.Since(processStart) }
