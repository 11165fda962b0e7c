package load

import "bytes"

// The header fields that decide where a response ends and what becomes of its
// connection.
var (
	nameConnection       = []byte("Connection")
	nameContentLength    = []byte("Content-Length")
	nameTransferEncoding = []byte("Transfer-Encoding")
	tokenChunked         = []byte("chunked")
	tokenClose           = []byte("close")
	tokenKeepAlive       = []byte("keep-alive")
)

// takeHeader reads one header field.
func (p *responseParser) takeHeader(line []byte, cut bool) error {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || bytes.IndexByte(line[:colon], ' ') >= 0 || bytes.IndexByte(line[:colon], '\t') >= 0 {
		return errHeader // also a folded line, which begins with a space
	}
	name, value := line[:colon], trim(line[colon+1:])
	// Lengths first: nearly all fields are none of these.
	switch {
	case len(name) == len(nameConnection) && bytes.EqualFold(name, nameConnection):
		if cut {
			return errHeader
		}
		p.takeConnection(value)
	case len(name) == len(nameContentLength) && bytes.EqualFold(name, nameContentLength):
		return p.takeLength(value, cut)
	case len(name) == len(nameTransferEncoding) && bytes.EqualFold(name, nameTransferEncoding):
		if cut || p.chunked || p.minor == '0' || !bytes.EqualFold(value, tokenChunked) {
			return errCoding
		}
		p.chunked = true
	case p.body != nil && len(name) == len(nameContentEncoding) && bytes.EqualFold(name, nameContentEncoding):
		p.body.takeCoding(value, cut)
	}
	return nil
}

// takeConnection reads a comma-separated list of options.
func (p *responseParser) takeConnection(value []byte) {
	for len(value) > 0 {
		option := value
		if comma := bytes.IndexByte(value, ','); comma >= 0 {
			option, value = value[:comma], value[comma+1:]
		} else {
			value = nil
		}
		option = trim(option)
		switch {
		case bytes.EqualFold(option, tokenClose):
			p.saidClose = true
		case bytes.EqualFold(option, tokenKeepAlive):
			p.mustClose = false
		}
	}
	p.mustClose = p.mustClose || p.saidClose // close wins, in whatever order
}

// trim takes optional white space off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// takeLength reads a Content-Length; a repeated one must say the same.
func (p *responseParser) takeLength(value []byte, cut bool) error {
	const maxDigits = 18 // fits an int64
	if cut || len(value) == 0 || len(value) > maxDigits {
		return errLength
	}
	var length int64
	for _, c := range value {
		if c < '0' || c > '9' {
			return errLength
		}
		length = length*10 + int64(c-'0')
	}
	if p.length >= 0 && p.length != length {
		return errLength
	}
	p.length = length
	return nil
}

// takeChunkSize reads "1a;extension": a size in hexadecimal digits.
func (p *responseParser) takeChunkSize(line []byte) error {
	const maxDigits = 15 // fits an int64
	var size int64
	digits := 0
	for digits < len(line) {
		value, ok := hexDigit(line[digits])
		if !ok {
			break
		}
		size = size<<4 | value
		digits++
		if digits > maxDigits {
			return errChunk
		}
	}
	rest := trim(line[digits:])
	if digits == 0 || len(rest) > 0 && rest[0] != ';' {
		return errChunk
	}
	p.state, p.remaining = inChunk, size
	if size == 0 {
		p.state = atTrailer
	}
	return nil
}

func hexDigit(c byte) (value int64, ok bool) {
	switch {
	case c >= '0' && c <= '9':
		return int64(c - '0'), true
	case c >= 'a' && c <= 'f':
		return int64(c-'a') + 10, true
	case c >= 'A' && c <= 'F':
		return int64(c-'A') + 10, true
	}
	return 0, false
}
