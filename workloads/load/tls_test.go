package load

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestConnectNamesTheProblemOfTLS(t *testing.T) {
	stranger, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	own := authority(t)
	tests := []struct {
		name     string
		secure   *tls.Config // of the server; nil: it speaks no TLS
		handle   func(net.Conn)
		want     string
		verified bool // the certificate is to blame
	}{
		{"expired", &tls.Config{Certificates: []tls.Certificate{own.issue(t, -time.Hour, "127.0.0.1")}}, answering(ok), "expired", true},
		{"of an unknown authority", &tls.Config{Certificates: []tls.Certificate{stranger.issue(t, time.Hour, "127.0.0.1")}}, answering(ok), "unknown authority", true},
		{"for another name", &tls.Config{Certificates: []tls.Certificate{own.issue(t, time.Hour, "example.org")}}, answering(ok), "127.0.0.1", true},
		{"no TLS at all", nil, func(c net.Conn) { bufio.NewReader(c).Peek(1); io.WriteString(c, plainOK) }, "TLS handshake", false},
		{"hangs up", nil, func(c net.Conn) { bufio.NewReader(c).Peek(1) }, "TLS handshake", false},
		{"nothing in common", &tls.Config{
			Certificates: []tls.Certificate{own.issue(t, time.Hour, "127.0.0.1")}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS11,
		}, answering(ok), "version", false},
	}
	for _, test := range tests {
		for _, protocol := range []Protocol{HTTPS1, H2} {
			t.Run(test.name+" "+string(protocol), func(t *testing.T) {
				target := serveTLS(t, test.secure, "", test.handle)
				config := usual()
				config.Protocol, config.TLS = protocol, &tls.Config{RootCAs: own.pool}
				engine, _ := start(t, config)
				_, err := engine.Connect(t.Context(), target.address())
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("got error %v, want one with %q", err, test.want)
				}
				var bad *tls.CertificateVerificationError
				if errors.As(err, &bad) != test.verified {
					t.Errorf("the certificate is blamed: %v, want %v: %v", !test.verified, test.verified, err)
				}
				if k := kindOfError(err, refused); k != tlsFailure && k != reset {
					t.Errorf("the kind is %s: %v", kindNames[k], err)
				}
			})
		}
	}
}

func TestNoHTTP2(t *testing.T) {
	own := authority(t)
	target := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{own.issue(t, time.Hour, "127.0.0.1")}}, "", answering(ok))
	config := usual()
	config.Protocol, config.TLS = H2, &tls.Config{RootCAs: own.pool}
	engine, _ := start(t, config)
	if _, err := engine.Connect(t.Context(), target.address()); err == nil || !strings.Contains(err.Error(), "does not offer HTTP/2") {
		t.Errorf("got error %v", err)
	}
}

// The name that the caller gives counts, where the address is not what the
// certificate is for.
func TestServerName(t *testing.T) {
	own := authority(t)
	target := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{own.issue(t, time.Hour, "example.org")}}, "", answering(ok))
	config := usual()
	config.Protocol, config.TLS = HTTPS1, &tls.Config{RootCAs: own.pool, ServerName: "example.org"}
	engine, lanes := start(t, config, target.address())
	lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, 8)}, Requests: sequence(8)})
	if completed, _ := outcome(lane); completed != 8 {
		t.Errorf("%d completed, errors %v", completed, errorsOf(lane))
	}
}

// A target that comes back with a bad certificate in the middle of a slice.
func TestCertificateGoesBad(t *testing.T) {
	for _, protocol := range []Protocol{HTTPS1, H2} {
		t.Run(string(protocol), func(t *testing.T) {
			own := authority(t)
			config := usual()
			config.Protocol, config.TLS = protocol, &tls.Config{RootCAs: own.pool}
			target := serve(t, config, "", friendly(config))
			engine, lanes := start(t, config, target.address())
			target.crash()
			serveTLS(t, &tls.Config{
				Certificates: []tls.Certificate{own.issue(t, -time.Hour, "127.0.0.1")}, NextProtos: []string{"h2"},
			}, target.address(), friendly(config))
			const n = 100
			lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(5*time.Millisecond, n)}, Requests: sequence(n)})
			// Until the crash is noticed requests may fail by it.
			if errors := errorsOf(lane); errors["tls"] < n/2 || errors["tls"]+errors["reset"]+errors["closed"] != n {
				t.Errorf("errors %v, %d sent; want nearly all %d of kind tls", errors, lane.Sent, n)
			}
		})
	}
}

// Faults of TLS once it stands: a record that is none.
func TestBrokenRecords(t *testing.T) {
	config := usual()
	config.Protocol, config.TLS = HTTPS1, &tls.Config{RootCAs: authority(t).pool}
	target := serve(t, config, "", func(c net.Conn) {
		if _, err := readRequest(bufio.NewReader(c)); err == nil {
			io.WriteString(below(c), "this is no record of TLS")
			io.Copy(io.Discard, below(c))
		}
	})
	engine, lanes := start(t, config, target.address())
	lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, 8)}, Requests: sequence(8)})
	if errors := errorsOf(lane); errors["tls"] != 8 {
		t.Errorf("errors %v, want 8 of kind tls", errors)
	}
}

// A server that closes idle connections between slices, as most do after a
// while, costs no request.
func TestIdleConnectionsThatWereClosedAreReopened(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		target := serve(t, config, "", answering(ok))
		engine, lanes := start(t, config, target.address())
		for range 3 {
			const n = 20
			lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(0, n)}, Requests: sequence(n)})
			if completed, _ := outcome(lane); completed != n {
				t.Errorf("%d completed, errors %v; want all %d", completed, errorsOf(lane), n)
			}
			target.hangUp()
		}
	})
}
