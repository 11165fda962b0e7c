package target

import (
	"bytes"
	"regexp"
	"sync"
)

// Ring keeps the last bytes of what a program prints. It is an io.Writer that
// never fails and never blocks the writer.
type Ring struct {
	mu      sync.Mutex
	limit   int
	buf     []byte
	cut     bool           // something was forgotten
	pattern *regexp.Regexp // looked for in every line, until found
	found   chan struct{}  // closed when it is
	line    []byte         // the unfinished line, for the pattern
}

// maxLine bounds the part of one line that a pattern is looked for in, in bytes.
const maxLine = 16 << 10

// NewRing makes a Ring that keeps so many bytes.
func NewRing(limit int) *Ring { return &Ring{limit: limit} }

// expect makes the ring look for a line. To be called before the first Write.
func (r *Ring) expect(pattern *regexp.Regexp) <-chan struct{} {
	r.pattern, r.found = pattern, make(chan struct{})
	return r.found
}

// Write appends p and forgets what no longer fits.
func (r *Ring) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.match(p)
	r.buf = append(r.buf, p...)
	// Compact only when twice the limit is reached, so that the cost of a byte
	// stays constant.
	if len(r.buf) > 2*r.limit {
		r.buf = append(r.buf[:0], r.buf[len(r.buf)-r.limit:]...)
		r.cut = true
	}
	return len(p), nil
}

func (r *Ring) match(p []byte) {
	for r.pattern != nil && len(p) > 0 {
		line, rest, whole := bytes.Cut(p, []byte("\n"))
		if room := maxLine - len(r.line); len(line) > room {
			line = line[:room]
		}
		r.line = append(r.line, line...)
		p = rest
		if !whole {
			return
		}
		if r.pattern.Match(r.line) {
			r.pattern = nil
			close(r.found)
		}
		r.line = r.line[:0]
	}
}

// String is what was kept; if anything was cut, it begins with a whole line.
func (r *Ring) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.buf[max(0, len(r.buf)-r.limit):]
	if r.cut || len(kept) < len(r.buf) {
		if i := bytes.IndexByte(kept, '\n'); i >= 0 {
			kept = kept[i+1:]
		}
	}
	return string(kept)
}
