package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/workloads/load"
)

// TestAnswerErrors asks the server that fails everything by each protocol.
func TestAnswerErrors(t *testing.T) {
	for _, protocol := range []load.Protocol{load.HTTP1, load.HTTPS1, load.H2, load.H2C} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- answerErrors(ctx, l, protocol) }()
		scheme, want := "http://", "HTTP/1.1"
		transport := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		transport.Protocols.SetHTTP1(protocol == load.HTTP1 || protocol == load.HTTPS1)
		transport.Protocols.SetHTTP2(protocol == load.H2)
		transport.Protocols.SetUnencryptedHTTP2(protocol == load.H2C)
		if protocol == load.HTTPS1 || protocol == load.H2 {
			scheme = "https://"
		}
		if protocol == load.H2 || protocol == load.H2C {
			want = "HTTP/2.0"
		}
		answer, err := (&http.Client{Transport: transport}).Get(scheme + l.Addr().String() + "/anything")
		if err != nil {
			t.Fatalf("%s: %v", protocol, err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusServiceUnavailable || answer.Proto != want {
			t.Errorf("%s: %s by %s", protocol, answer.Status, answer.Proto)
		}
		transport.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", protocol, err)
		}
	}
}

// TestWhatProves checks that only the right verdict, for the right reason, is a
// proof.
func TestWhatProves(t *testing.T) {
	busy := verdict.Verdict{Status: verdict.Invalid, Reason: "the load engine, not the target, was the limit"}
	silent := verdict.Verdict{Status: verdict.Invalid, Reason: "the declared metric cpu_per_op is missing: 0 of 28 rounds have a value in both arms; head answered none of its 900 requests as expected"}
	of := func(s verdict.Status) verdict.Verdict { return verdict.Verdict{Status: s} }
	for name, c := range map[string]struct{ yes, no []verdict.Verdict }{
		"identical": {[]verdict.Verdict{of(verdict.Pass), of(verdict.Improvement), of(verdict.Inconclusive)}, []verdict.Verdict{of(verdict.Regression), busy}},
		"slower":    {[]verdict.Verdict{of(verdict.Regression)}, []verdict.Verdict{of(verdict.Pass), of(verdict.Inconclusive), busy}},
		"failing":   {[]verdict.Verdict{silent}, []verdict.Verdict{of(verdict.Pass), of(verdict.Regression), busy}},
	} {
		for _, p := range proofs() {
			if p.Name != name {
				continue
			}
			for _, v := range c.yes {
				if !p.holds(v) {
					t.Errorf("%s: %+v does not prove it", name, v)
				}
			}
			for _, v := range c.no {
				if p.holds(v) {
					t.Errorf("%s: %+v proves it", name, v)
				}
			}
		}
	}
}

func TestSelftestEnding(t *testing.T) {
	lines := proofs()
	for i := range lines {
		lines[i].Holds, lines[i].Verdict, lines[i].Reason = true, verdict.Pass, "so"
	}
	var out bytes.Buffer
	if err := (selftestFlags{}).conclude(&out, lines); err != nil || strings.Count(out.String(), "ok ") != 3 {
		t.Errorf("%v\n%s", err, out.String())
	}
	lines[1].Holds = false
	out.Reset()
	err := selftestFlags{json: true}.conclude(&out, lines)
	if err == nil || !strings.Contains(err.Error(), "1 of 3 proofs failed") || !strings.Contains(out.String(), `"holds": false`) {
		t.Errorf("%v\n%s", err, out.String())
	}
	if code := exitCode(err, new(bytes.Buffer)); code != verdict.ExitInvalid {
		t.Errorf("exit code %d", code)
	}
}
