package target

import (
	"net"
	"strconv"
	"strings"
	"testing"
)

func TestFreePorts(t *testing.T) {
	seen := map[int]bool{}
	for range 20 {
		ports, err := freePorts(2)
		if err != nil {
			t.Fatal(err)
		}
		for _, port := range ports {
			if seen[port] || port < firstPort || port >= endPort {
				t.Errorf("port %d, seen before: %v", port, seen[port])
			}
			seen[port] = true
		}
	}
	for _, host := range []string{"127.0.0.1", ""} {
		taken, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		if port := taken.Addr().(*net.TCPAddr).Port; func() bool { _, ok := tryPort(port); return ok }() {
			t.Errorf("port %d of %q is taken and passes as free", port, host)
		}
	}
}

func TestParseReady(t *testing.T) {
	tests := []struct {
		text string
		port int
		addr string // or part of the error
	}{
		{"http://127.0.0.1:80/x", 0, "127.0.0.1:80"},
		{"http://localhost", 7, "localhost:80"},
		{"https://[::1]/", 7, "[::1]:443"},
		{"tcp://127.0.0.1:99", 7, "127.0.0.1:99"},
		{"", 7, "127.0.0.1:7"},
		{"", 0, ""},
		{"log:up", 7, "127.0.0.1:7"},
		{"log:(", 7, "error parsing regexp"},
		{"tcp://x", 7, "must name a host and a port"},
		{"http://:8/", 7, "must name a host and a port"},
		{"http://a b/", 7, "invalid character"},
		{"up", 7, "must stand at its beginning"},
	}
	for _, test := range tests {
		r, err := parseReady(test.text, test.port)
		if err != nil && (test.addr == "" || !strings.Contains(err.Error(), test.addr)) || err == nil && r.addr != test.addr {
			t.Errorf("%q with port %s: address %q, %v; want %q", test.text, strconv.Itoa(test.port), r.addr, err, test.addr)
		}
	}
}
