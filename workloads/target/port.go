package target

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
)

// Ports are picked below the range from which kernels take the source ports of
// connections (32768 and up on Linux, 49152 and up on macOS): inside it, a
// connection of the load engine could take the port between our look and the
// target's listen. All have five digits, so arguments are equally long.
const (
	firstPort = 20000
	endPort   = 32000
)

// recentPorts remembers the ports picked lately in this process, so that two
// launches that start together never get the same one.
var recentPorts = struct {
	sync.Mutex
	list []int
}{}

// recentPortsKept is how many are remembered; far more than launch at once.
const recentPortsKept = 64

// freePorts picks n different loopback TCP ports on which nobody listens. They
// are not reserved: the target has to take them, and the identity proof shows
// that it did.
func freePorts(n int) ([]int, error) {
	recentPorts.Lock()
	defer recentPorts.Unlock()
	var picked []int
	for tries := 0; len(picked) < n; tries++ {
		port := firstPort + rand.IntN(endPort-firstPort) // no part of the experiment: the target's port does not matter
		if tries > 500 {
			port = 0 // any: this machine is full, or lets us listen elsewhere only
		}
		if tries > 1000 {
			return nil, fmt.Errorf("no free loopback port among %d–%d", firstPort, endPort)
		}
		port, ok := tryPort(port)
		if !ok || slices.Contains(recentPorts.list, port) {
			continue
		}
		picked = append(picked, port)
		recentPorts.list = append(recentPorts.list, port)
		if extra := len(recentPorts.list) - recentPortsKept; extra > 0 {
			recentPorts.list = recentPorts.list[extra:]
		}
	}
	return picked, nil
}

// tryPort listens on a port of all addresses for a moment: targets may bind the
// loopback address, or all of them.
func tryPort(port int) (int, bool) {
	for _, host := range []string{"127.0.0.1", ""} {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return 0, false
		}
		port = listener.Addr().(*net.TCPAddr).Port
		if listener.Close() != nil {
			return 0, false
		}
	}
	return port, true
}
