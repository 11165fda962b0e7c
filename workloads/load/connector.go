package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// connector makes connections to one target.
type connector struct {
	address string
	tls     *tls.Config // nil: cleartext
	h2      bool        // over TLS: nothing but HTTP/2 will do
}

// connect makes one connection, handshake included. It takes at most dialTimeout.
func (c *connector) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(dialTimeout))
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", c.address)
	if err != nil || c.tls == nil {
		return conn, err
	}
	secure := tls.Client(conn, c.tls)
	err = secure.HandshakeContext(ctx)
	if err == nil && c.h2 && secure.ConnectionState().NegotiatedProtocol != alpnH2 {
		err = errNoH2
	}
	if err != nil {
		_ = conn.Close() // nothing was sent that could be lost
		return nil, &handshakeError{err}
	}
	return secure, nil
}

var errNoH2 = errors.New("the server does not offer HTTP/2; use protocol " + string(HTTPS1))

// handshakeError is a TLS connection that could not be made though somebody
// listens.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string {
	var bad *tls.CertificateVerificationError
	if errors.As(e.err, &bad) {
		return fmt.Sprintf("TLS handshake: %v; trust the certificate's authority, or ask the server by a name that it is for", e.err)
	}
	return fmt.Sprintf("TLS handshake: %v", e.err)
}

func (e *handshakeError) Unwrap() error { return e.err }

// kindOfError names what a failed read, write or connection attempt means; other
// is for errors that have no kind of their own.
func kindOfError(err error, other kind) kind {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, context.DeadlineExceeded):
		return timeout
	case errors.Is(err, syscall.ECONNRESET):
		return reset
	case isTLS(err):
		return tlsFailure
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, syscall.EPIPE):
		return closed
	}
	return other
}

// isTLS reports whether TLS itself failed. After the handshake alerts come as
// net.OpError: crypto/tls keeps their own type to itself.
func isTLS(err error) bool {
	var handshake *handshakeError
	var record tls.RecordHeaderError
	var op *net.OpError
	return errors.As(err, &handshake) || errors.As(err, &record) ||
		errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error")
}
