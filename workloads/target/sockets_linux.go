package target

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// listener is a listening TCP socket; IPv4 in IPv6 counts as IPv4.
type listener struct {
	addr  netip.AddrPort
	inode uint64
}

// listening is the state of a listening socket in /proc/net/tcp (tcp_states.h).
const listening = "0A"

// parseListeners reads the listening sockets out of /proc/net/tcp or tcp6
// (proc_net(5)): after a heading, lines whose fields are a number, the local and
// the remote address, the state, five more, and the inode.
func parseListeners(r io.Reader) ([]listener, error) {
	var found []listener
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != listening {
			continue
		}
		addr, err := parseSocketAddr(fields[1])
		if err != nil {
			return nil, err
		}
		inode, err := strconv.ParseUint(fields[9], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("inode %q: %w", fields[9], err)
		}
		found = append(found, listener{addr, inode})
	}
	return found, lines.Err()
}

// parseSocketAddr reads "0100007F:1F90": the address as 32-bit words in this
// machine's byte order, and the port as a number, all in hex.
func parseSocketAddr(text string) (netip.AddrPort, error) {
	host, service, _ := strings.Cut(text, ":")
	words, err := hex.DecodeString(host)
	if err != nil || len(words) != 4 && len(words) != 16 {
		return netip.AddrPort{}, fmt.Errorf("socket address %q is neither IPv4 nor IPv6", text)
	}
	port, err := strconv.ParseUint(service, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("socket address %q: %w", text, err)
	}
	for i := 0; i < len(words); i += 4 {
		binary.NativeEndian.PutUint32(words[i:], binary.BigEndian.Uint32(words[i:]))
	}
	addr, _ := netip.AddrFromSlice(words) // its length was checked
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), nil
}
