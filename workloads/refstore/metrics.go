package refstore

import (
	"math"
	"math/bits"
	"sync"
	"time"
)

// Layout of a series: one bucket of time per second, five minutes of them; in
// each, eight classes of value per octave from 2^-20 (about one microsecond).
const (
	windowSeconds    = 300
	classesPerOctave = 8
	octaves          = 24
	lowestExponent   = -20
	classes          = classesPerOctave * octaves
)

// metrics is what the server knows of itself.
type metrics struct {
	created  series // stores that added a memory
	skipped  series // duplicates dropped
	replaced series // memories that made way
	storing  series // seconds
	recalled series // seconds
	errors   series
	names    []namedSeries
}

type namedSeries struct {
	name    string
	help    string
	seconds bool // a duration; else a counter
	series  *series
}

func newMetrics() *metrics {
	m := new(metrics)
	m.names = []namedSeries{
		{"memories_created_total", "Memories stored, without dropped duplicates.", false, &m.created},
		{"content_dedup_skip_total", "Duplicates dropped.", false, &m.skipped},
		{"content_dedup_replace_total", "Memories replaced by a more confident duplicate or under their id.", false, &m.replaced},
		{"request_errors_total", "Requests answered with an error.", false, &m.errors},
		{"store_duration_seconds", "Time to store, without reading and writing of the request.", true, &m.storing},
		{"recall_duration_seconds", "Time to recall, without reading and writing of the request.", true, &m.recalled},
	}
	return m
}

// stored records one store.
func (m *metrics) stored(o outcome, took time.Duration, now time.Time) {
	m.storing.add(took.Seconds(), now)
	switch {
	case o.dropped:
		m.skipped.add(1, now)
		return
	case o.replaced:
		m.replaced.add(1, now)
	}
	m.created.add(1, now)
}

// tally is the sum of some samples.
type tally struct {
	count    uint64
	sum      float64
	min, max float64
}

func (t *tally) add(o tally) {
	if o.count == 0 {
		return
	}
	if t.count == 0 {
		t.min, t.max = o.min, o.max
	}
	t.count, t.sum = t.count+o.count, t.sum+o.sum
	t.min, t.max = min(t.min, o.min), max(t.max, o.max)
}

// second holds the samples of one second.
type second struct {
	at int64 // Unix time in s
	tally
	class [classes]uint32
}

// series holds the last five minutes of a metric, and its total.
type series struct {
	mu      sync.Mutex
	seconds []second // allocated at the first sample
	total   tally
}

// add records a sample.
func (s *series) add(value float64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seconds == nil {
		s.seconds = make([]second, windowSeconds)
	}
	at := now.Unix()
	b := &s.seconds[at%windowSeconds]
	if b.at != at {
		*b = second{at: at}
	}
	one := tally{count: 1, sum: value, min: value, max: value}
	b.add(one)
	s.total.add(one)
	b.class[classOf(value)]++
}

// classOf is the class of a value; those outside the range are in the end classes.
func classOf(value float64) int {
	if !(value > 0) {
		return 0
	}
	c := math.Float64bits(value)
	exponent := int(c>>52&0x7ff) - 1023 - lowestExponent
	sub := int(c >> (52 - bits.Len(classesPerOctave-1)) & (classesPerOctave - 1))
	return min(max(exponent*classesPerOctave+sub, 0), classes-1)
}

// lowerEdge is the smallest value of a class.
func lowerEdge(class int) float64 {
	sub := 1 + float64(class%classesPerOctave)/classesPerOctave
	return math.Ldexp(sub, class/classesPerOctave+lowestExponent)
}

// window sums up the last length seconds. Values are known to a twelfth of
// themselves, counts and sums exactly.
func (s *series) window(length int64, now time.Time) (tally, [classes]uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var t tally
	var class [classes]uint32
	for i := range s.seconds {
		b := &s.seconds[i]
		if age := now.Unix() - b.at; b.count == 0 || age < 0 || age >= length {
			continue
		}
		t.add(b.tally)
		for c, n := range b.class {
			class[c] += n
		}
	}
	return t, class
}

// quantile is the value below which a share q of the samples lies.
func quantile(q float64, t tally, class *[classes]uint32) float64 {
	left := q * float64(t.count)
	for c, n := range class {
		if left -= float64(n); n > 0 && left <= 0 {
			low, high := lowerEdge(c), lowerEdge(c+1)
			return min(max(high+left/float64(n)*(high-low), t.min), t.max)
		}
	}
	return t.max
}
