package load

import (
	"crypto/tls"
	"fmt"
	"net"
)

// Protocol is what the targets speak. The zero value is HTTP1.
type Protocol string

// The protocols. Requests are written in HTTP/1.1 in all cases; with HTTP/2 the
// engine translates them before the slice.
const (
	HTTP1  Protocol = "http/1.1"  // cleartext
	HTTPS1 Protocol = "https/1.1" // HTTP/1.1 over TLS
	H2     Protocol = "h2"        // HTTP/2 over TLS, agreed on by ALPN
	H2C    Protocol = "h2c"       // HTTP/2 in cleartext, with prior knowledge (RFC 9113 §3.3)
)

func (p Protocol) check() error {
	switch p {
	case HTTP1, HTTPS1, H2, H2C:
		return nil
	}
	return fmt.Errorf("load engine: protocol %q is not known; use one of %q", p, []Protocol{HTTP1, HTTPS1, H2, H2C})
}

func (p Protocol) secure() bool      { return p == HTTPS1 || p == H2 }
func (p Protocol) multiplexed() bool { return p == H2 || p == H2C }

// tlsFor returns the TLS configuration for a target; nil when there is none.
func (c *Config) tlsFor(address string) (*tls.Config, error) {
	if !c.Protocol.secure() {
		return nil, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	own := &tls.Config{}
	if c.TLS != nil {
		own = c.TLS.Clone()
	}
	if own.ServerName == "" {
		own.ServerName = host
	}
	own.ClientSessionCache = nil // each connection is to cost the same
	own.NextProtos = []string{"http/1.1"}
	if c.Protocol.multiplexed() {
		own.NextProtos = []string{alpnH2}
	}
	return own, nil
}

const alpnH2 = "h2"
