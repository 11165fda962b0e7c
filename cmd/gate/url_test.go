package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/workloads/refstore"
)

// late is what is said of a run on a machine so busy that it proves nothing.
const late = "the load engine was the limit"

// runServer runs gate run against a server, as the command line does, and reads
// what it has written. A run in which nothing was wrong but the engine counts as
// passed.
func runServer(t *testing.T, args ...string) (code int, said string, doc *result.Document, metrics map[string]bool) {
	t.Helper()
	out := t.TempDir()
	var stdout, stderr bytes.Buffer
	code = run(append([]string{"run", "--for", "1s", "--out", out}, args...), strings.NewReader(""), &stdout, &stderr)
	said = stdout.String() + stderr.String()
	doc, err := result.ReadFile(filepath.Join(out, "result.json"))
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	var v struct {
		Reason  string
		Metrics []struct{ Name string }
	}
	data, err := os.ReadFile(filepath.Join(out, "verdict.json"))
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	metrics = map[string]bool{}
	for _, m := range v.Metrics {
		metrics[m.Name] = true
	}
	if code == verdict.ExitInvalid && strings.Contains(v.Reason, late) && !strings.Contains(v.Reason, "; ") {
		t.Logf("this machine was too busy: %s", v.Reason)
		code = verdict.ExitPass
	}
	return code, said, doc, metrics
}

func startWeb(t *testing.T, start func(*httptest.Server)) (*web, *httptest.Server) {
	t.Helper()
	w := &web{articles: map[string]string{}}
	s := httptest.NewUnstartedServer(w.handler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that are broken off
	start(s)
	t.Cleanup(s.Close)
	return w, s
}

func TestRunURL(t *testing.T) {
	site, server := startWeb(t, (*httptest.Server).Start)
	code, said, doc, metrics := runServer(t, "--url", server.URL+"/health")
	if code != verdict.ExitPass {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	if len(doc.Launches) != 1 || len(doc.Launches[0].Series) != 0 || doc.Launches[0].Events[0].Name != result.EventNotStarted || doc.Arms[0].Ref != server.URL {
		t.Errorf("arms %+v, launches %+v", doc.Arms, doc.Launches)
	}
	if metrics["cpu_per_op"] || metrics["rss"] || !metrics["latency.p50"] || !metrics["error_rate"] {
		t.Errorf("metrics %v: those of a process are not known, the others are", metrics)
	}
	if doc.Plan.RatePerS != defaultURLRatePerS || doc.Plan.CapacityPerS != 0 || doc.Plan.TargetCPUs != nil || doc.Provenance.Scenario.Name != "GET /health" {
		t.Errorf("plan %+v of scenario %q", doc.Plan, doc.Provenance.Scenario.Name)
	}
	// No more than the rate: a second of it, three where gate was late, and two at
	// most to warm up.
	most := 5 * defaultURLRatePerS
	if requests, _ := site.seen(); requests > most {
		t.Errorf("%d requests, want at most %d", requests, most)
	}
	for _, s := range doc.Slices {
		if s.Phase != result.PhaseOpen || s.CPUS != 0 || s.RSSBytes != 0 {
			t.Errorf("slice of phase %s, %v CPU seconds, %d bytes", s.Phase, s.CPUS, s.RSSBytes)
		}
	}
}

func TestRunURLRate(t *testing.T) {
	_, server := startWeb(t, (*httptest.Server).Start)
	code, said, doc, _ := runServer(t, "--url", server.URL+"/health", "--rate", "20", "--seed", "5")
	if code != verdict.ExitPass || doc.Plan.RatePerS != 20 || doc.Slices[0].Due != 20 || doc.Provenance.Seed != 5 {
		t.Errorf("exit code %d, %v/s, seed %d\n%s", code, doc.Plan.RatePerS, doc.Provenance.Seed, said)
	}
}

func TestRunURLSecure(t *testing.T) {
	_, server := startWeb(t, func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() })
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"any certificate", []string{"--insecure"}, verdict.ExitPass, "0 failed"},
		{"the server's own", []string{"--ca", ca}, verdict.ExitPass, "0 failed"},
		{"HTTP/2", []string{"--ca", ca, "--protocol", "h2"}, verdict.ExitPass, "0 failed"},
		{"nobody vouches for it", nil, verdict.ExitInvalid, "certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, said, _, _ := runServer(t, append([]string{"--url", server.URL + "/health"}, tt.args...)...)
			if flat := strings.Join(strings.Fields(said), " "); code != tt.code || !strings.Contains(flat, tt.want) {
				t.Errorf("exit code %d, want %d and %q\n%s", code, tt.code, tt.want, said)
			}
		})
	}
}

func TestRunURLWrongStatus(t *testing.T) {
	_, server := startWeb(t, (*httptest.Server).Start)
	code, said, doc, metrics := runServer(t, "--url", server.URL+"/missing")
	if code != verdict.ExitInvalid || !strings.Contains(said, "100.00%") || !metrics["error_rate"] {
		t.Errorf("exit code %d\n%s", code, said)
	}
	op := doc.Slices[0].Operations[0]
	if op.Name != "get" || op.Completed != 0 || op.Errors["status"] != doc.Slices[0].Sent {
		t.Errorf("operation %+v", op)
	}
}

const articlesScenario = `name = "Articles"
[arrival]
pattern = "constant"
rate = 100

[values]
id = { type = "sequence" }
any = { type = "integer", max = 30, distribution = "zipf" }
text = { type = "words", count = 5 }

[[setup]]
method = "PUT"
path = "/articles/${id}"
body = '{"id": ${id}, "text": "${text}"}'
count = 30

[verify]
path = "/articles"
expect.body_json = "$.count = 30"

[[request]]
name = "read"
path = "/articles/${any}"
weight = 4
expect = { status = 200, body_contains = "text", body_json = "$.id" }

[[request]]
name = "write"
method = "PUT"
path = "/articles/${id}"
body = '{"id": ${id}}'

[validation]
max_error_rate = 0.0
`

// A scenario's [[setup]] is sent to a server of somebody's only on demand.
func TestRunURLSetup(t *testing.T) {
	file := filepath.Join(t.TempDir(), "articles.toml")
	if err := os.WriteFile(file, []byte(articlesScenario), 0o600); err != nil {
		t.Fatal(err)
	}
	site, server := startWeb(t, (*httptest.Server).Start)
	code, said, _, _ := runServer(t, "--url", server.URL, "--scenario", file)
	if _, articles := site.seen(); code != verdict.ExitInvalid || articles > 0 || !strings.Contains(said, "[verify]") {
		t.Errorf("exit code %d, %d articles\n%s", code, articles, said)
	}
	code, said, doc, metrics := runServer(t, "--url", server.URL, "--scenario", file, "--setup")
	if code != verdict.ExitPass || !metrics["latency.p50/write"] || doc.Launches[0].LoadS <= 0 {
		t.Errorf("exit code %d, metrics %v\n%s", code, metrics, said)
	}
}

// fenced is the first block of TOML of a page.
var fenced = regexp.MustCompile("(?s)```toml\n(.*?)```")

// The example of the documentation works as printed, against the reference store.
func TestDocumentedScenario(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "scenarios.md"))
	if err != nil {
		t.Fatal(err)
	}
	example := fenced.FindSubmatch(page)
	if example == nil {
		t.Fatal("docs/scenarios.md has no example")
	}
	file := filepath.Join(t.TempDir(), "notes.toml")
	if err := os.WriteFile(file, example[1], 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := refstore.Open("", nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.Handler(store))
	t.Cleanup(server.Close)
	code, said, doc, _ := runServer(t, "--url", server.URL, "--scenario", file, "--setup")
	var failed int64
	for _, s := range doc.Slices {
		for _, op := range s.Operations {
			for _, n := range op.Errors {
				failed += n
			}
		}
	}
	if code != verdict.ExitPass || failed > 0 {
		t.Errorf("exit code %d, %d requests failed\n%s", code, failed, said)
	}
}
