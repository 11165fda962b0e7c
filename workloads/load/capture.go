package load

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
)

// capture keeps one response's body for the check that its request asks for. It
// belongs to a connection, and its memory is bounded by the largest MaxBody.
type capture struct {
	limit   int // bytes of raw
	raw     []byte
	over    bool // there were more
	coding  coding
	decoded []byte
	source  bytes.Reader // of raw, for unzip
	unzip   *gzip.Reader
}

// coding is how a body is encoded (RFC 9110 §8.4).
type coding uint8

const (
	identity coding = iota
	gzipped
	unknown
)

var (
	nameContentEncoding = []byte("Content-Encoding")
	tokenIdentity       = []byte("identity")
	tokenGzip           = []byte("gzip")
	tokenXGzip          = []byte("x-gzip") // an old name of the same (RFC 9110 §8.4.1.3)
)

// begin forgets the last body and prepares for one of at most maxBody bytes.
func (c *capture) begin(maxBody int) {
	// gzip makes what cannot be compressed longer: 5 bytes for each 64 KiB, and
	// a header that may name a file.
	c.limit = maxBody + maxBody>>10 + 1024
	c.raw, c.over, c.coding = c.raw[:0], false, identity
}

// forget drops what an interim response said.
func (c *capture) forget() { c.coding = identity }

// takeCoding reads a Content-Encoding header. A cut value has lost its end.
func (c *capture) takeCoding(value []byte, cut bool) {
	switch {
	case !cut && (len(value) == 0 || bytes.EqualFold(value, tokenIdentity)):
	case !cut && c.coding == identity && (bytes.EqualFold(value, tokenGzip) || bytes.EqualFold(value, tokenXGzip)):
		c.coding = gzipped
	default:
		c.coding = unknown
	}
}

// add takes the next bytes of the body, as they were sent.
func (c *capture) add(b []byte) {
	if room := c.limit - len(c.raw); len(b) > room {
		b, c.over = b[:room], true
	}
	c.raw = append(c.raw, b...)
}

// content returns the decoded body, valid until begin; false when it has more than
// maxBody bytes or cannot be decoded.
func (c *capture) content(maxBody int) (body []byte, ok bool) {
	switch {
	case c.over || c.coding == unknown:
		return nil, false
	case c.coding == identity || len(c.raw) == 0: // nothing needs no decoding
		return c.raw, len(c.raw) <= maxBody
	}
	if c.openGzip() != nil {
		return nil, false
	}
	c.decoded = c.decoded[:0]
	for len(c.decoded) <= maxBody {
		c.decoded = slices.Grow(c.decoded, 512)
		n, err := c.unzip.Read(c.decoded[len(c.decoded):cap(c.decoded)])
		c.decoded = c.decoded[:len(c.decoded)+n]
		if errors.Is(err, io.EOF) { // the checksum is right too
			return c.decoded, len(c.decoded) <= maxBody
		}
		if err != nil {
			return nil, false
		}
	}
	return nil, false
}

// openGzip begins to decode raw.
func (c *capture) openGzip() (err error) {
	c.source.Reset(c.raw)
	if c.unzip != nil {
		return c.unzip.Reset(&c.source)
	}
	c.unzip, err = gzip.NewReader(&c.source)
	return err
}
