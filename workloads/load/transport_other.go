//go:build !linux

package load

import "time"

// newTransport returns the only transport that there is here.
func newTransport(config Config) (name string, t transport, err error) {
	return newPool(config)
}

// processStarved returns 0: this system does not tell.
func processStarved() time.Duration { return 0 }
