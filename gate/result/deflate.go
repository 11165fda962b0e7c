package result

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// What compressed data in a document may become. Real data inflates to about
// twice its size; without limits a document of a few kilobytes could ask for
// all memory.
const (
	maxInflateRatio = 64        // of one value
	minInflateLimit = 4 << 10   // bytes that any value may become
	maxInflatedSize = 256 << 20 // bytes of all values of a document together
)

// inflateBudget is how many bytes may still be inflated; nil is no limit.
type inflateBudget struct{ left atomic.Int64 }

func newInflateBudget() *inflateBudget {
	b := new(inflateBudget)
	b.left.Store(maxInflatedSize)
	return b
}

func (b *inflateBudget) take(n int) error {
	if b != nil && b.left.Add(int64(-n)) < 0 {
		return fmt.Errorf("the document holds more than %d MB of compressed data: split it", maxInflatedSize>>20)
	}
	return nil
}

// deflater is a zlib writer with its buffers. Its memory is large and its
// creation slow, so it is used again.
type deflater struct {
	scratch []byte // for the caller
	out     bytes.Buffer
	z       *zlib.Writer
}

// deflaters compress at the fastest level: counters of small histograms and
// latencies repeat too little for more search to pay.
var deflaters = sync.Pool{New: func() any {
	d := new(deflater)
	z, err := zlib.NewWriterLevel(&d.out, zlib.BestSpeed)
	if err != nil { // only an unknown level is an error
		z = zlib.NewWriter(&d.out)
	}
	d.z = z
	return d
}}

// deflate appends to out one zlib stream with the given parts, each of which
// gets a code table of its own.
func (d *deflater) deflate(parts ...[]byte) error {
	d.z.Reset(&d.out)
	for i, part := range parts {
		if _, err := d.z.Write(part); err != nil {
			return err
		}
		if i < len(parts)-1 {
			if err := d.z.Flush(); err != nil {
				return err
			}
		}
	}
	return d.z.Close()
}

// inflater is a zlib reader with its buffers, used again for the same reason.
type inflater struct {
	in  bytes.Reader
	z   io.ReadCloser
	out []byte
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// inflate returns what packed, one whole zlib stream, holds. It refuses more
// than limit bytes, and more than maxInflateRatio times its size. The result is
// valid until the next call.
func (d *inflater) inflate(packed []byte, limit int, budget *inflateBudget) ([]byte, error) {
	limit = min(limit, minInflateLimit+maxInflateRatio*len(packed))
	d.in.Reset(packed)
	if err := d.reset(); err != nil {
		return nil, err
	}
	d.out = d.out[:0]
	for {
		if len(d.out) == cap(d.out) {
			d.out = append(d.out, 0)[:len(d.out)]
		}
		room := d.out[len(d.out):min(cap(d.out), limit+1)]
		n, err := d.z.Read(room)
		d.out = d.out[:len(d.out)+n]
		switch {
		case len(d.out) > limit:
			return nil, fmt.Errorf("%d compressed bytes hold more than %d", len(packed), limit)
		case errors.Is(err, io.EOF) && d.in.Len() > 0:
			return nil, fmt.Errorf("%d bytes follow the compressed data", d.in.Len())
		case errors.Is(err, io.EOF):
			return d.out, budget.take(len(d.out))
		case err != nil:
			return nil, err
		}
	}
}

// reset starts the zlib reader on d.in.
func (d *inflater) reset() error {
	if d.z == nil {
		z, err := zlib.NewReader(&d.in)
		if err != nil {
			return err
		}
		d.z = z
		return nil
	}
	return d.z.(zlib.Resetter).Reset(&d.in, nil)
}
