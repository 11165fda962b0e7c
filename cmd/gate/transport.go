package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/workloads/load"
)

// transport is how a target is spoken to.
type transport struct {
	Protocol load.Protocol
	CA       string // PEM file of the authorities that vouch for the target; empty: the system's
	Insecure bool   // nobody needs to vouch for it
}

// protocols are those that can be named; the first is the default.
var protocols = []string{string(load.HTTP1), string(load.HTTPS1), string(load.H2), string(load.H2C)}

// readTransport reads the keys of [target] about protocol and certificates.
func readTransport(t *diag.Table, driver string) transport {
	x := transport{
		Protocol: load.Protocol(t.Choice("protocol", protocols[0], protocols...)),
		Insecure: t.Bool("insecure", false),
	}
	ca, _ := t.Text("ca")
	x.CA = ca.Value
	switch {
	case x.Protocol != load.HTTP1 && driver != driverHTTP:
		t.Fault(t.Position("protocol"), "value", "target.protocol is %q, and driver %q speaks http/1.1 only: leave it out, or use driver = \"http\"", x.Protocol, driver)
	case (x.CA != "" || x.Insecure) && !x.secure():
		key := "insecure"
		if x.CA != "" {
			key = "ca"
		}
		t.Fault(t.KeyPosition(key), "value", "target.%s is about certificates, which %s has none of: leave it out, or set protocol = \"https/1.1\" or \"h2\"", key, x.Protocol)
	case x.CA != "" && x.Insecure:
		t.Fault(t.KeyPosition("insecure"), "value", "target.insecure accepts any certificate, so that target.ca means nothing: keep one")
	}
	return x
}

func (x transport) secure() bool { return x.Protocol == load.HTTPS1 || x.Protocol == load.H2 }

// tls is the client's side of connections to a server of that name; nil where the
// protocol has none.
func (x transport) tls(serverName string) (*tls.Config, error) {
	if !x.secure() {
		return nil, nil
	}
	c := &tls.Config{ServerName: serverName, InsecureSkipVerify: x.Insecure}
	if x.CA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(x.CA)
	if err != nil {
		return nil, fmt.Errorf("read the authorities' certificates: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate: it must be a PEM file with -----BEGIN CERTIFICATE-----", x.CA)
	}
	return c, nil
}
