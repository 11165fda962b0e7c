package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// webTarget is a [target] table that starts the web server.
func webTarget(lines string, args ...string) string {
	start := `"webserver", "--port", "{port}"`
	for _, a := range args {
		start += `, "` + a + `"`
	}
	return "[target]\ndriver = \"http\"\nstart = [" + start + "]\n" + lines
}

// newWebFixture is a fixture that can start the web server, with a scenario of
// articles.
func newWebFixture(t *testing.T, target string) *fixture {
	t.Helper()
	f := newFixture(t, target)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(filepath.Dir(f.path), "webserver")); err != nil {
		t.Fatal(err)
	}
	f.write("small.toml", articlesScenario+"[probes]\ncount = 120\n")
	return f
}

// resultOf reads the document that a run has written.
func (r *running) resultOf() *result.Document {
	r.f.t.Helper()
	_, after, _ := strings.Cut(r.out.text.String(), "result: ")
	path, _, _ := strings.Cut(after, "\n")
	doc, err := result.ReadFile(path)
	if err != nil {
		r.f.t.Fatalf("%v\n%s", err, r.out.text.String())
	}
	return doc
}

// passes waits for the end, and asserts that it is a pass and what is said; on a
// machine so busy that the engine was late, an invalid run.
func (r *running) passes(words ...string) {
	r.f.t.Helper()
	r.drain()
	code := verdict.ExitPass
	if strings.Contains(strings.Join(strings.Fields(r.out.text.String()), " "), late) {
		r.f.t.Log("this machine was too busy")
		code = verdict.ExitInvalid
	}
	r.ends(code, words...)
}

// failures are the failed requests of a document by kind.
func failures(doc *result.Document) map[string]int64 {
	total := map[string]int64{}
	for _, s := range doc.Slices {
		for _, op := range s.Operations {
			for kind, n := range op.Errors {
				total[kind] += n
			}
		}
	}
	return total
}

// A check of a web server against itself, by its real command line: every launch
// is set up, every request is answered as expected, both arms are compared, and
// it is no regression. On a machine so busy that the engine is late it may be
// invalid.
func TestCheckOfAWebServer(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute; run without -short")
	}
	f := newWebFixture(t, webTarget("ready = \"http://127.0.0.1:{port}/health\"\n"))
	before, after, _ := strings.Cut(articlesScenario, "[verify]")
	_, after, _ = strings.Cut(after, "[[request]]")
	f.write("small.toml", before+"[[request]]"+after) // whether a copy has the articles cannot be told
	r := f.start("check", "--base", "HEAD~1", "--budget", "75s", "--measure-anyway")
	r.drain()
	code, said := r.cmd.ProcessState.ExitCode(), r.out.text.String()
	f.assertNothingLeft()
	doc := r.resultOf()
	v := verdict.Judge(doc)
	switch {
	case v.Status == verdict.Pass, v.Status == verdict.Improvement, v.Status == verdict.Inconclusive:
	case v.Status == verdict.Invalid && strings.Contains(v.Reason, "too busy"):
		t.Logf("this machine was too busy: %s", v.Reason)
	default:
		t.Errorf("verdict %s: %s", v.Status, v.Reason)
	}
	if n := failures(doc); len(n) > 0 || code != v.ExitCode() || len(doc.Slices) == 0 || doc.Plan.Operations[0] != "read" {
		t.Errorf("exit code %d, failed %v, %d slices", code, n, len(doc.Slices))
	}
	for _, l := range doc.Launches {
		if l.LoadS <= 0 || len(l.Series) == 0 {
			t.Errorf("launch %d of %s: set up in %v s, %d series", l.ID, l.Arm, l.LoadS, len(l.Series))
		}
	}
	if t.Failed() {
		t.Logf("output:\n%s", said)
	}
}

// Without a scenario, the page that ready names is asked for; over TLS with a
// certificate that nobody vouches for, too.
func TestRunOfAWebServer(t *testing.T) {
	for name, target := range map[string]string{
		"http/1.1":  webTarget("ready = \"http://127.0.0.1:{port}/health\"\n"),
		"https/1.1": webTarget("ready = \"https://127.0.0.1:{port}/health\"\nprotocol = \"https/1.1\"\ninsecure = true\n", "--tls"),
		"h2":        webTarget("ready = \"https://127.0.0.1:{port}/health\"\nprotocol = \"h2\"\ninsecure = true\n", "--tls"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newWebFixture(t, target)
			f.write("gate.toml", target)
			r := f.start("run", "--for", "1s")
			r.passes("cpu_per_op", "rss")
			if doc := r.resultOf(); doc.Provenance.Scenario.Name != "GET /health" || len(failures(doc)) > 0 || doc.Slices[0].CPUS <= 0 {
				t.Errorf("scenario %q, failed %v, %v CPU seconds", doc.Provenance.Scenario.Name, failures(doc), doc.Slices[0].CPUS)
			}
		})
	}
}

func TestRunOfTheStore(t *testing.T) {
	t.Parallel()
	f := newFixture(t, storeTarget())
	r := f.start("run", "--for", "2s", "--rate", "60")
	r.passes("cpu_per_op", "latency.p50/recall")
	if doc := r.resultOf(); doc.Kind != result.KindRun || doc.Plan.RatePerS != 60 || len(failures(doc)) > 0 {
		t.Errorf("%s at %v/s, failed %v", doc.Kind, doc.Plan.RatePerS, failures(doc))
	}
}

// Arms in turn: the document says so, and holds slices of both.
func TestCheckAlternating(t *testing.T) {
	t.Parallel()
	f := newFixture(t, storeTarget())
	r := f.start("check", "--base", "HEAD~1", "--alternate")
	r.await("block 1 of")
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.ends(verdict.ExitInvalid, "interrupted")
	doc := r.resultOf()
	arms := map[int]int{}
	for _, s := range doc.Slices {
		if s.Phase == result.PhaseOpen && s.Mode == result.ModeAlternating {
			arms[s.Launch]++
		}
	}
	if doc.Plan.Mode != result.ModeAlternating || len(arms) < 2 || arms[0] != arms[1] {
		t.Errorf("mode %s, slices by launch %v", doc.Plan.Mode, arms)
	}
}
