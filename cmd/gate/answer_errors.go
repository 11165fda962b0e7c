package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/workloads/load"
)

// answerErrorsVerb is the server to which selftest sends a head's requests that
// must fail. It is of no use to anybody else, and not shown.
const answerErrorsVerb = "answer-errors"

func newAnswerErrorsCommand() *cobra.Command {
	var port uint16
	var protocol string
	cmd := &cobra.Command{
		Use:    answerErrorsVerb,
		Short:  "Answer 503 to every request, on 127.0.0.1",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
			if err != nil {
				return err
			}
			return answerErrors(cmd.Context(), l, load.Protocol(protocol))
		},
	}
	cmd.Flags().Uint16Var(&port, "port", 0, "TCP port")
	cmd.Flags().StringVar(&protocol, "protocol", protocols[0], "what is spoken")
	return cmd
}

// answerErrors answers 503 to everything on a listener, by the protocol, until ctx
// ends.
func answerErrors(ctx context.Context, l net.Listener, protocol load.Protocol) error {
	s := &http.Server{
		ReadHeaderTimeout: requestTimeout,
		Protocols:         new(http.Protocols),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "fails every request, for gate selftest", http.StatusServiceUnavailable)
		}),
	}
	s.Protocols.SetHTTP1(protocol != load.H2C)
	s.Protocols.SetUnencryptedHTTP2(protocol == load.H2C)
	serve := func() error { return s.Serve(l) }
	if protocol == load.HTTPS1 || protocol == load.H2 {
		s.Protocols.SetHTTP2(protocol == load.H2)
		certificate, err := selfSigned()
		if err != nil {
			return errors.Join(err, l.Close())
		}
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
		serve = func() error { return s.ServeTLS(l, "", "") }
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// selfSigned is a certificate for a day that nobody vouches for.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
