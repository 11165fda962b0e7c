package load

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"testing"
	"time"
)

// eachProtocol runs a test once with each transport and protocol, for servers
// that web starts.
func eachProtocol(t *testing.T, f func(t *testing.T, config Config)) {
	eachTransport(t, f)
	config := usual()
	config.TLS = &tls.Config{RootCAs: authority(t).pool}
	for _, config.Protocol = range []Protocol{H2, H2C} {
		t.Run(string(config.Protocol), func(t *testing.T) { f(t, config) })
	}
}

// web starts Go's own server for a protocol and returns its address.
func web(t testing.TB, config Config, handler http.Handler) string {
	t.Helper()
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols), ErrorLog: log.New(io.Discard, "", 0)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve := server.Serve
	switch config.Protocol {
	case H2:
		server.Protocols.SetHTTP2(true)
	case H2C:
		server.Protocols.SetUnencryptedHTTP2(true)
	default:
		server.Protocols.SetHTTP1(true)
	}
	if config.Protocol.secure() {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{authority(t).issue(t, time.Hour, "127.0.0.1")}}
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}
