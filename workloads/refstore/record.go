package refstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// Kinds of log record.
const (
	recordSpace   = 1
	recordEpisode = 2
)

// maxDimension and maxRecord bound what is accepted from outside: a larger figure
// is taken for damage.
const (
	maxDimension = 65536
	maxRecord    = 8 << 20
)

var errShort = errors.New("it ends too early")

// entry is a decoded log record.
type entry struct {
	space    string
	created  time.Time // of the space; zero in an episode's record
	episode  episode
	vector   []float32
	replaces []string
}

// appendString writes a length and the bytes.
func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendMeta writes an episode without its embedding.
func appendMeta(b []byte, e episode) []byte {
	b = appendString(b, e.id)
	b = appendString(b, e.content)
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(e.confidence))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.observed))
	return binary.LittleEndian.AppendUint64(b, uint64(e.stored))
}

// appendFloats writes float32 values, little-endian.
func appendFloats(b []byte, v []float32) []byte {
	at := len(b)
	b = append(b, make([]byte, 4*len(v))...)
	for i, x := range v {
		binary.LittleEndian.PutUint32(b[at+4*i:], math.Float32bits(x))
	}
	return b
}

// floats reads as many float32 values as dst has room for.
func floats(dst []float32, b []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
}

// parser reads the fields of a record. After the first fault all reads give zero
// values, so that only the end is checked.
type parser struct {
	rest []byte
	err  error
}

func (p *parser) take(n uint64) []byte {
	if p.err != nil || n > uint64(len(p.rest)) {
		p.fail(errShort)
		return nil
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

// fail notes the first fault.
func (p *parser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *parser) uvarint() uint64 {
	if p.err != nil {
		return 0
	}
	x, n := binary.Uvarint(p.rest)
	if n <= 0 {
		p.err = errShort
		return 0
	}
	p.rest = p.rest[n:]
	return x
}

func (p *parser) string() string { return string(p.take(p.uvarint())) }

func (p *parser) uint32() uint32 {
	if b := p.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (p *parser) int64() int64 {
	if b := p.take(8); b != nil {
		return int64(binary.LittleEndian.Uint64(b))
	}
	return 0
}

func (p *parser) meta() episode {
	return episode{
		id: p.string(), content: p.string(),
		confidence: math.Float32frombits(p.uint32()), observed: p.int64(), stored: p.int64(),
	}
}

func (p *parser) floats() []float32 {
	n := p.uvarint()
	if n < 1 || n > maxDimension {
		p.fail(fmt.Errorf("it has a vector of %d dimensions", n))
		return nil
	}
	b := p.take(4 * n)
	if b == nil {
		return nil
	}
	v := make([]float32, n)
	floats(v, b)
	return v
}

// end reports the first fault, or bytes that are left over.
func (p *parser) end() error {
	if p.err == nil && len(p.rest) > 0 {
		return fmt.Errorf("it has %d bytes too many", len(p.rest))
	}
	return p.err
}

// spaceRecord encodes the creation of a space.
func spaceRecord(b []byte, id string, created time.Time) []byte {
	b = appendString(append(b, recordSpace), id)
	return binary.LittleEndian.AppendUint64(b, uint64(created.UnixNano()))
}

// episodeRecord encodes a stored episode.
func episodeRecord(b []byte, space string, e episode, v []float32, replaces []string) []byte {
	b = appendString(append(b, recordEpisode), space)
	b = appendMeta(b, e)
	b = binary.AppendUvarint(b, uint64(len(replaces)))
	for _, id := range replaces {
		b = appendString(b, id)
	}
	b = binary.AppendUvarint(b, uint64(len(v)))
	return appendFloats(b, v)
}

// parseRecord decodes a record.
func parseRecord(b []byte) (entry, error) {
	if len(b) == 0 {
		return entry{}, errShort
	}
	p := parser{rest: b[1:]}
	e := entry{space: p.string()}
	switch b[0] {
	case recordSpace:
		e.created = time.Unix(0, p.int64()).UTC()
	case recordEpisode:
		e.episode = p.meta()
		n := p.uvarint()
		for i := uint64(0); i < n && p.err == nil; i++ {
			e.replaces = append(e.replaces, p.string())
		}
		e.vector = p.floats()
	default:
		return entry{}, fmt.Errorf("it is of unknown kind %d", b[0])
	}
	if err := p.end(); err != nil {
		return entry{}, err
	}
	return e, checkSpaceID(e.space)
}
