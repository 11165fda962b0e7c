//go:build !linux

package load

// newTransport returns the only transport that there is here.
func newTransport(config Config) (name string, t transport, err error) {
	return portableName, newPortable(config), nil
}
