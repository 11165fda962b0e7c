package target

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// owns proves that whoever answers at addr is of the tree: every socket that
// listens there is held by one of its processes. The proof is the kernel's: the
// socket's inode in /proc/net/tcp and in /proc/PID/fd. An answer over HTTP proves
// nothing, as a server left over from an earlier run gives the same.
func (t *tree) owns(addr netip.AddrPort) error {
	inodes, err := listenersOn(addr)
	if err != nil {
		return err
	}
	if len(inodes) == 0 {
		return fmt.Errorf("port %d: nobody listens%s", addr.Port(), t.listensOn())
	}
	var denied error
	mine := map[uint64]bool{}
	for _, pid := range t.alive() {
		held, err := socketsOf(pid)
		if errors.Is(err, fs.ErrPermission) {
			denied = err
		}
		for _, inode := range held {
			mine[inode] = true
		}
	}
	for _, inode := range inodes {
		if mine[inode] {
			continue
		}
		if denied != nil {
			return fmt.Errorf("port %d: cannot prove who answers: %w; run gate as the target's user", addr.Port(), denied)
		}
		return &foreignError{port: int(addr.Port()), by: holderOf(inode), where: t.listensOn()}
	}
	return nil
}

// listenersOn returns the inodes of the sockets that may get a connection to the
// address: those that listen on it, and those that listen on any.
func listenersOn(addr netip.AddrPort) ([]uint64, error) {
	sockets, err := listeners()
	if err != nil {
		return nil, err
	}
	var same, other []uint64 // of the address's own family, and [::] for IPv4
	for _, socket := range sockets {
		at := socket.addr.Addr()
		switch {
		case socket.addr.Port() != addr.Port() || at != addr.Addr() && !at.IsUnspecified():
		case at.Is4() == addr.Addr().Is4():
			same = append(same, socket.inode)
		case at.Is6():
			other = append(other, socket.inode)
		}
	}
	if len(same) > 0 {
		return same, nil // the kernel prefers these, and [::] may be for IPv6 alone
	}
	return other, nil
}

// listeners lists the listening TCP sockets of this network namespace.
func listeners() ([]listener, error) {
	var found []listener
	for _, name := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		file, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) && name != "/proc/self/net/tcp" {
			continue // no IPv6 here
		}
		if err != nil {
			return nil, fmt.Errorf("list listening sockets: %w", err)
		}
		sockets, err := parseListeners(file)
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, fmt.Errorf("list listening sockets: %s: %w", name, err)
		}
		found = append(found, sockets...)
	}
	return found, nil
}

// socketsOf lists the inodes of the sockets that a process holds.
func socketsOf(pid int) ([]uint64, error) {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var inodes []uint64
	for _, entry := range entries {
		link, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		text, ok := strings.CutPrefix(link, "socket:[")
		if !ok {
			continue
		}
		if inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64); err == nil {
			inodes = append(inodes, inode)
		}
	}
	return inodes, nil
}

// holderOf names the process that holds a socket.
func holderOf(inode uint64) string {
	for _, pid := range allPIDs() {
		held, err := socketsOf(pid)
		if err == nil && slices.Contains(held, inode) {
			return fmt.Sprintf("process %d (%s)", pid, programName(pid))
		}
	}
	return "a process of another user"
}

// listensOn tells where the tree does listen, for errors; empty if nowhere.
func (t *tree) listensOn() string {
	sockets, err := listeners()
	if err != nil {
		return ""
	}
	var at []string
	for _, pid := range t.alive() {
		held, err := socketsOf(pid)
		if err != nil {
			continue
		}
		for _, socket := range sockets {
			if slices.Contains(held, socket.inode) {
				at = append(at, socket.addr.String())
			}
		}
	}
	if len(at) == 0 {
		return ""
	}
	slices.Sort(at)
	return "; the target listens on " + strings.Join(slices.Compact(at), ", ")
}
