//go:build !linux

package target

// rssUnit is the unit of ru_maxrss in bytes on macOS (getrusage(2) there).
const rssUnit = 1
