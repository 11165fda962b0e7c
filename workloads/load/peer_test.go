package load

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
)

// peer is the server's end of an HTTP/2 connection, frame by frame, so that it
// can misbehave in any way (RFC 9113 §4.1, §6).
type peer struct {
	net.Conn
	answered int
}

const (
	frameData     = 0
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	framePing     = 6
	frameGoAway   = 7

	flagEnd        = 1 // of a stream
	flagAck        = 1
	flagEndHeaders = 4
)

// Header blocks that need no table (RFC 7541 §6): indexed or literal.
const (
	status200 = "\x88"
	status302 = "\x08\x03302"
	status100 = "\x08\x03100"
	length1   = "\x0f\x0d\x011"
	length5   = "\x0f\x0d\x015"
	upperCase = "\x00\x01X\x01y"
	lowerCase = "\x00\x01x\x01y"
)

// framed returns a handler that speaks HTTP/2 and calls answer for each request.
func framed(answer func(p *peer, id uint32)) func(net.Conn) {
	return func(c net.Conn) {
		const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
		r := bufio.NewReader(c)
		if _, err := r.Discard(len(preface)); err != nil {
			return
		}
		p := &peer{Conn: c}
		p.frame(frameSettings, 0, 0, "")
		for {
			var head [9]byte
			if _, err := io.ReadFull(r, head[:]); err != nil {
				return
			}
			payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
			if _, err := io.ReadFull(r, payload); err != nil {
				return
			}
			switch kind, flags := head[3], head[4]; {
			case kind == frameSettings && flags&flagAck == 0:
				p.frame(frameSettings, flagAck, 0, "")
			case kind == framePing && flags&flagAck == 0:
				p.frame(framePing, flagAck, 0, string(payload))
			case kind == frameHeaders:
				answer(p, binary.BigEndian.Uint32(head[5:]))
			}
		}
	}
}

// frame sends one frame; an error shows at the next read.
func (p *peer) frame(kind, flags byte, id uint32, payload string) error {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	_, err := p.Write(append(binary.BigEndian.AppendUint32(head, id), payload...))
	return err
}

func (p *peer) headers(id uint32, flags byte, block string) {
	p.frame(frameHeaders, flagEndHeaders|flags, id, block)
}

func (p *peer) answer(id uint32, text string) {
	p.headers(id, 0, status200)
	p.frame(frameData, flagEnd, id, text)
}

func (p *peer) reset(id, code uint32) {
	p.frame(frameReset, 0, id, string(binary.BigEndian.AppendUint32(nil, code)))
}

func (p *peer) goAway(last, code uint32) {
	p.frame(frameGoAway, 0, 0, string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code)))
}
