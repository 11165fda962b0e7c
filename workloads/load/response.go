package load

import (
	"bytes"
	"errors"
)

// responseParser reads one HTTP/1.1 response (RFC 9112) from whatever pieces
// the network hands over. It looks at the status, the framing and whether the
// connection stays open, and throws the rest away as it comes, but for a body
// that is wanted: its memory is itself and that capture, which is bounded,
// whatever the server sends.
//
// It is strict where a lax reader could mistake one response for another:
// conflicting lengths, a length beside a transfer coding, codings other than
// chunked, folded lines and bare line feeds are errors.
type responseParser struct {
	state     parseState
	status    int
	mustClose bool // the connection cannot be used again

	minor     byte  // of HTTP/1.minor
	saidClose bool  // a Connection header said so
	length    int64 // Content-Length; -1 when there was none
	chunked   bool
	remaining int64 // bytes of the body or chunk to skip
	headBytes int   // of status line, header and trailer so far
	toHead    bool  // the request was HEAD: no body follows, whatever its length says
	body      *capture

	// held keeps a line of which only the beginning has arrived.
	held     [maxLine]byte
	heldSize int
	cut      bool // the line was longer than held
}

type parseState uint8

const (
	atStatus parseState = iota
	atHeader
	inBody // of remaining bytes
	inBodyUntilClose
	atChunkSize
	inChunk
	afterChunk
	atTrailer
	atEnd
)

const (
	maxLine      = 512     // a longer line is skipped when it does not matter, and an error when it does
	maxHeadBytes = 1 << 16 // as common clients; what breaks above is only patience
)

var (
	errStatusLine = errors.New("malformed status line")
	errHeader     = errors.New("malformed header line")
	errLength     = errors.New("malformed or conflicting Content-Length")
	errCoding     = errors.New("unsupported or conflicting Transfer-Encoding")
	errChunk      = errors.New("malformed chunk")
	errHeadSize   = errors.New("header section larger than 64 KiB")
	errLineEnd    = errors.New("line does not end in CR LF")
	errUpgrade    = errors.New("switching protocols was not asked for")
)

var methodHead = []byte("HEAD ")

// await prepares for the response to a request, whose body goes to c if it is
// wanted.
func (p *responseParser) await(r *Request, c *capture) {
	p.reset()
	p.toHead = bytes.HasPrefix(r.Wire, methodHead)
	if r.wantsBody() {
		c.begin(r.Expect.maxBody())
		p.body = c
	}
}

// reset prepares for the next response on the same connection.
func (p *responseParser) reset() {
	p.state, p.status, p.mustClose = atStatus, 0, false
	p.headBytes, p.toHead, p.body = 0, false, nil
	p.heldSize, p.cut = 0, false
	p.beginHeader()
}

func (p *responseParser) beginHeader() {
	p.length, p.chunked, p.saidClose = -1, false, false
	if p.body != nil {
		p.body.forget()
	}
}

// feed reads b. It returns how much of it belongs to the response and whether
// the response is complete; bytes after a complete response are not used.
func (p *responseParser) feed(b []byte) (used int, done bool, err error) {
	for used < len(b) && p.state != atEnd {
		rest := b[used:]
		switch p.state {
		case inBody, inChunk:
			n := p.skip(len(rest))
			p.keep(rest[:n])
			used += n
		case inBodyUntilClose:
			p.keep(rest)
			used = len(b)
		default:
			n, err := p.feedLine(rest)
			if err != nil {
				return used, false, err
			}
			used += n
		}
	}
	return used, p.state == atEnd, nil
}

// endOfStream reports whether the response is complete now that the server has
// closed the connection.
func (p *responseParser) endOfStream() bool {
	return p.state == atEnd || p.state == inBodyUntilClose
}

// keep hands bytes of the body to whom they matter.
func (p *responseParser) keep(b []byte) {
	if p.body != nil {
		p.body.add(b)
	}
}

// skip takes up to n bytes of a body or chunk.
func (p *responseParser) skip(n int) int {
	taken := min(int64(n), p.remaining)
	p.remaining -= taken
	if p.remaining == 0 {
		if p.state == inChunk {
			p.state = afterChunk
		} else {
			p.state = atEnd
		}
	}
	return int(taken)
}

// feedLine takes bytes up to the end of the line and acts on it when complete.
func (p *responseParser) feedLine(b []byte) (used int, err error) {
	end := bytes.IndexByte(b, '\n')
	used = end + 1
	if end < 0 {
		used = len(b)
	}
	if p.state == atStatus || p.state == atHeader || p.state == atTrailer {
		if p.headBytes += used; p.headBytes > maxHeadBytes {
			return 0, errHeadSize
		}
	}
	line := b[:used]
	if end < 0 || p.heldSize > 0 || p.cut {
		line = p.hold(line)
		if end < 0 {
			return used, p.checkUnfinished()
		}
	}
	cut := p.cut || len(line) > maxLine
	p.heldSize, p.cut = 0, false
	if cut {
		line = line[:maxLine]
	} else {
		if len(line) < 2 || line[len(line)-2] != '\r' {
			return 0, errLineEnd
		}
		line = line[:len(line)-2]
	}
	return used, p.takeLine(line, cut)
}

// hold appends to the held line what fits and returns all of it.
func (p *responseParser) hold(b []byte) []byte {
	n := copy(p.held[p.heldSize:], b)
	p.heldSize += n
	p.cut = p.cut || n < len(b)
	return p.held[:p.heldSize]
}

// checkUnfinished refuses lines that only ever matter whole, so that an endless
// one ends here and not at the timeout.
func (p *responseParser) checkUnfinished() error {
	if p.cut && (p.state == atChunkSize || p.state == afterChunk) {
		return errChunk
	}
	return nil
}

// takeLine acts on a line without its CR LF. A cut line has lost its end.
func (p *responseParser) takeLine(line []byte, cut bool) error {
	switch p.state {
	case atStatus:
		return p.takeStatus(line)
	case atHeader:
		if len(line) == 0 {
			return p.endHeader()
		}
		return p.takeHeader(line, cut)
	case atChunkSize:
		if cut {
			return errChunk
		}
		return p.takeChunkSize(line)
	case afterChunk:
		if len(line) != 0 {
			return errChunk
		}
		p.state = atChunkSize
	case atTrailer:
		if len(line) == 0 {
			p.state = atEnd
		}
	}
	return nil
}

// takeStatus reads "HTTP/1.1 200 OK"; the reason may be missing.
func (p *responseParser) takeStatus(line []byte) error {
	const prefix = "HTTP/1."
	if len(line) < len(prefix)+5 || string(line[:len(prefix)]) != prefix {
		return errStatusLine
	}
	minor, code, rest := line[len(prefix)], line[len(prefix)+2:len(prefix)+5], line[len(prefix)+5:]
	if minor != '0' && minor != '1' || line[len(prefix)+1] != ' ' || len(rest) > 0 && rest[0] != ' ' {
		return errStatusLine
	}
	p.status = 0
	for _, c := range code {
		if c < '0' || c > '9' {
			return errStatusLine
		}
		p.status = p.status*10 + int(c-'0')
	}
	if p.status < 100 || p.status > 599 {
		return errStatusLine
	}
	p.minor = minor
	p.mustClose = minor == '0' // unless it says keep-alive
	p.state = atHeader
	return nil
}

// endHeader decides how the body is framed (RFC 9112 §6.3).
func (p *responseParser) endHeader() error {
	switch {
	case p.status == 101:
		return errUpgrade
	case p.status < 200:
		p.state = atStatus // the final response follows
		p.beginHeader()
	case p.status == 204 || p.status == 304 || p.toHead:
		p.state = atEnd
	case p.chunked && p.length >= 0:
		return errLength
	case p.chunked:
		p.state = atChunkSize
	case p.length > 0:
		p.state, p.remaining = inBody, p.length
	case p.length == 0:
		p.state = atEnd
	default:
		p.state, p.mustClose = inBodyUntilClose, true
	}
	return nil
}
