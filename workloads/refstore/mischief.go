package refstore

import (
	"hash/fnv"
	"io"
	"math"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// crashCode is the exit code of a process that crash-after ends.
const crashCode = 3

// hashedBytes is how much of a query decides whether it is a slow one.
const hashedBytes = 128

// mischief makes the faults happen. They surround the API and do not know it,
// except which paths are about memories.
type mischief struct {
	faults  map[string]Fault
	drain   <-chan struct{} // closed when the server stops: what hangs gives up
	started time.Time       // stalls are counted from here
	first   sync.Once       // the first request for memories
	hanging chan struct{}   // closed when hang-after begins
	seen    atomic.Uint64   // requests for memories
	ledger  *ledger         // of slowdown
	queries *queryCosts     // of slow-queries
	exit    func(code int)
}

func newMischief(faults []Fault, drain <-chan struct{}) (*mischief, error) {
	if err := checkFaults(faults); err != nil {
		return nil, err
	}
	m := &mischief{
		faults: map[string]Fault{}, drain: drain, started: time.Now(),
		hanging: make(chan struct{}), exit: os.Exit,
	}
	for _, f := range faults {
		m.faults[f.kind] = f
	}
	if f, ok := m.faults[faultSlowdown]; ok {
		m.ledger = newLedger(f.share)
	}
	if f, ok := m.faults[faultSlowQueries]; ok {
		m.queries = &queryCosts{factor: f.factor}
	}
	return m, nil
}

// wrap adds the faults to a handler; without any, it is the handler itself.
func (m *mischief) wrap(next http.Handler) http.Handler {
	if len(m.faults) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		about := strings.HasPrefix(r.URL.Path, "/api/v1/memories") || strings.HasPrefix(r.URL.Path, "/api/v1/episodes")
		if about {
			m.first.Do(m.arm)
		}
		if m.hung(r) {
			return
		}
		began := time.Now()
		held := &heldWriter{ResponseWriter: w, release: func() { m.beforeAnswer(r, began) }}
		if about && m.unlucky() {
			fail(held, &apiError{http.StatusInternalServerError, "MEMORY_SYSTEM_ERROR", "a fault was ordered: " + m.faults[faultErrors].String()})
			return
		}
		if m.queries == nil {
			next.ServeHTTP(held, r)
			return
		}
		m.queries.serve(next, held, r, m.chosen(r))
	})
}

// arm starts the timers that count from the first request for memories.
func (m *mischief) arm() {
	if f, ok := m.faults[faultCrash]; ok {
		time.AfterFunc(f.length, func() { m.exit(crashCode) })
	}
	if f, ok := m.faults[faultHang]; ok {
		time.AfterFunc(f.length, func() { close(m.hanging) })
	}
}

// hung keeps a request for ever once hang-after has begun: until its client gives
// up, or the server stops.
func (m *mischief) hung(r *http.Request) bool {
	select {
	case <-m.hanging:
	default:
		return false
	}
	select {
	case <-r.Context().Done():
	case <-m.drain:
	}
	panic(http.ErrAbortHandler) // the only way to close without an answer
}

// unlucky says whether this request for memories is to fail. Request n does when
// the whole number below n·share has just grown: as evenly as can be, and the
// same in every run.
func (m *mischief) unlucky() bool {
	f, ok := m.faults[faultErrors]
	if !ok {
		return false
	}
	n := float64(m.seen.Add(1))
	return math.Floor(n*f.share+1e-9) > math.Floor((n-1)*f.share+1e-9)
}

// chosen says whether a query is one of the slow ones. A hash of the query decides,
// so it is slow each time it is asked.
func (m *mischief) chosen(r *http.Request) bool {
	if r.Method != http.MethodGet || r.URL.RawQuery == "" {
		return false
	}
	// The end of a query tells it from others, and is cheap to hash: all 9 kB of an
	// embedding would take as long as the search.
	h := fnv.New64a()
	_, _ = io.WriteString(h, r.URL.RawQuery[max(0, len(r.URL.RawQuery)-hashedBytes):]) // never fails
	x := h.Sum64()                                                                     // its high bits are weak: one round of mixing spreads them
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11)/(1<<53) < m.faults[faultSlowQueries].share
}

// beforeAnswer runs when an answer is complete and before any of it is sent.
func (m *mischief) beforeAnswer(r *http.Request, began time.Time) {
	if m.ledger != nil {
		m.ledger.pay(time.Since(began))
	}
	f, ok := m.faults[faultStall]
	if !ok {
		return
	}
	left := f.stallLeft(time.Since(m.started))
	if left <= 0 {
		return
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	case <-m.drain:
	}
}

// stallLeft is how much longer a stall lasts at some time after the start: the
// stall is at the end of each period. At most 0 outside.
func (f Fault) stallLeft(since time.Duration) time.Duration {
	at := since % f.period
	if at < f.period-f.length {
		return 0
	}
	return f.period - at
}

// heldWriter calls release before the first byte of an answer.
type heldWriter struct {
	http.ResponseWriter
	release func()
	begun   bool
}

func (w *heldWriter) begin() {
	if !w.begun {
		w.begun = true
		w.release()
	}
}

// WriteHeader begins the answer.
func (w *heldWriter) WriteHeader(status int) {
	w.begin()
	w.ResponseWriter.WriteHeader(status)
}

// Write begins the answer if WriteHeader has not.
func (w *heldWriter) Write(b []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(b)
}

// Unwrap lets net/http reach the connection, for instance to close it after too
// large a body.
func (w *heldWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
