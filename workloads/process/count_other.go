//go:build !linux

package process

import "errors"

type event struct{}

var instructions, cycles event

// CanCount says that this system cannot.
func CanCount() error {
	return errors.New("count instructions: only Linux has perf events; measure without --counter perf")
}

type counter struct{}

func openCounter(event) (*counter, error) { return nil, CanCount() }

func (*counter) read() (int64, error) { return 0, CanCount() }

func (*counter) close() error { return nil }
