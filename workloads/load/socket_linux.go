package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// resolve finds the one address that a target listens on.
func resolve(ctx context.Context, address string) (unix.Sockaddr, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	if len(ips) == 0 {
		return nil, errors.New("the host has no address")
	}
	return sockaddr(ips[0].Unmap(), number), nil
}

func sockaddr(ip netip.Addr, port int) unix.Sockaddr {
	if ip.Is4() {
		return &unix.SockaddrInet4{Port: port, Addr: ip.As4()}
	}
	return &unix.SockaddrInet6{Port: port, Addr: ip.As16()}
}

// dial begins a connection without waiting for it. A nil error means that it is
// made or under way.
func dial(to unix.Sockaddr) (fd int, err error) {
	family := unix.AF_INET
	if _, ok := to.(*unix.SockaddrInet6); ok {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, &socketError{err}
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return -1, errors.Join(&socketError{err}, unix.Close(fd))
	}
	err = unix.Connect(fd, to)
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// socketError is a socket that could not be made: this process's fault, not the
// target's.
type socketError struct {
	err error
}

func (e *socketError) Error() string {
	return fmt.Sprintf("make a socket (raise the limit of open files, or use fewer connections): %v", e.err)
}

func (e *socketError) Unwrap() error { return e.err }

// Reads and writes never block, so the runtime is not told about them.

func readSocket(fd int, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

func writeSocket(fd int, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// kindOfErrno names what a failed read or write means for the request.
func kindOfErrno(errno syscall.Errno) kind {
	switch errno {
	case unix.ECONNRESET:
		return reset
	case unix.ETIMEDOUT:
		return timeout
	}
	return closed // EPIPE and the like
}

// kindOfDial names what a failed connection attempt means.
func kindOfDial(err error) kind {
	if errors.Is(err, unix.ETIMEDOUT) {
		return timeout
	}
	return refused
}
