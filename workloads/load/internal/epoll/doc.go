// Package epoll is an epoll set whose waits are in nanoseconds, for a thread
// that drives many sockets by itself. It is empty except on Linux.
//
// Go's own network poller is no substitute: it rounds timers up to a
// millisecond (golang/go#53824) and answers each socket by waking a goroutine.
package epoll
