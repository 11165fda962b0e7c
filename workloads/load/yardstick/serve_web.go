package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/load/stall"
)

// webServer is the yardstick behind net/http.
type webServer struct {
	handler  *stall.Handler
	server   http.Server
	listener net.Listener
	ended    chan error
}

// listenWeb starts a server for TLS or HTTP/2.
func listenWeb(config stall.Config, protocol load.Protocol) (*webServer, error) {
	s := &webServer{ended: make(chan error, 1)}
	s.server.Protocols = new(http.Protocols)
	s.server.ErrorLog = log.New(io.Discard, "", 0) // a client that hangs up is none
	var certificates []tls.Certificate
	switch protocol {
	case load.HTTPS1:
		s.server.Protocols.SetHTTP1(true)
	case load.H2:
		s.server.Protocols.SetHTTP2(true)
	case load.H2C:
		s.server.Protocols.SetUnencryptedHTTP2(true)
	default:
		return nil, fmt.Errorf("protocol %q is not served", protocol)
	}
	if protocol != load.H2C {
		certificate, err := selfSigned()
		if err != nil {
			return nil, fmt.Errorf("make a certificate: %w", err)
		}
		certificates = append(certificates, certificate)
	}
	var err error
	if s.handler, err = stall.NewHandler(config); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, errors.Join(err, s.handler.Close())
	}
	s.server.Handler = s.handler
	s.server.TLSConfig = &tls.Config{Certificates: certificates}
	go func() {
		if len(certificates) > 0 {
			s.ended <- s.server.ServeTLS(s.listener, "", "")
			return
		}
		s.ended <- s.server.Serve(s.listener)
	}()
	return s, nil
}

// Address returns where the server listens.
func (s *webServer) Address() string { return s.listener.Addr().String() }

// Arrivals returns when each request arrived, in ns from the first.
func (s *webServer) Arrivals() ([]int64, error) { return s.handler.Arrivals(), nil }

// Close ends the server.
func (s *webServer) Close() error {
	err := errors.Join(s.server.Close(), s.handler.Close())
	if ended := <-s.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// selfSigned makes a certificate that nobody vouches for.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	text, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{text}, PrivateKey: key}, err
}
