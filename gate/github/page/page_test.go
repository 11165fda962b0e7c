package page_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/github/page"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/gate/waiver"
)

var update = flag.Bool("update", false, "write the golden pages instead of comparing")

func check(seed uint64, log float64, class string) *result.Document {
	doc := resulttest.Check(resulttest.Options{
		Seed: seed, Blocks: 8, Rounds: 4, Layouts: 4, Probes: 120, RatePerS: 300,
		CommonSD: 0.05, RoundSD: 0.008, LaunchSD: 0.003, LayoutSD: 0.003,
		Effects: map[string]float64{"cpu_per_op": log, "throughput": log, "latency.p50": log, "latency.p90": log, "latency.p99": log},
	})
	same := resulttest.Check(resulttest.Options{Seed: 1, Blocks: 1, Rounds: 1, Probes: -1, RatePerS: 10})
	doc.Provenance.Scenario = same.Provenance.Scenario
	doc.Provenance.Runner = result.Runner{Class: class, Fingerprint: map[string]string{"arch": strings.Split(class, "-")[1], "cpu_model": "25.17.1", "cpu_name": "AMD EPYC"}}
	return doc
}

// A suite as large as they get fits, is shown with the worst first, and makes no
// more annotations than GitHub shows.
func TestManyBenchmarks(t *testing.T) {
	c := combine(t, legs.Options{}, suite(600, 30))
	for _, size := range []int{page.CommentSize, page.SummarySize} {
		body := page.Body(c, context, size)
		if n := utf8.RuneCountInString(body); n > size || !strings.Contains(body, "All metrics, noise") {
			t.Errorf("%d characters of %d, and the full report is left out", n, size)
		}
		worst, next := strings.Index(body, "/B232"), strings.Index(body, "/B224")
		if worst < 0 || next < worst {
			t.Errorf("B232 is at %d, and B224, which is less bad, at %d", worst, next)
		}
	}
	annotations := page.Annotations(c, nil, "the report")
	if len(annotations) != 10 || !strings.Contains(annotations[0].Message, "/B232 sec/op is worse by") {
		t.Errorf("%d annotations, the first is %q", len(annotations), annotations[0].Message)
	}
}

// suite is a check of so many benchmarks, of which some are 15% slower and more.
func suite(benchmarks, slow int) *result.Document {
	o := resulttest.SuiteOptions{Seed: 9, Benchmarks: benchmarks, Blocks: 7, RoundSD: 0.01, BlockSD: 0.015, Slow: map[int]float64{}}
	for i := range slow {
		o.Slow[8*i] = 0.14 + 0.01*float64(i)
	}
	doc := resulttest.Suite(o)
	same := check(1, 0, x64)
	doc.Provenance = same.Provenance
	doc.Provenance.Scenario = result.Scenario{}
	doc.Provenance.Command = []string{"gate", "check", "--bench", "Encode|`@all`", "--pkg", "./codec", "--cpu=1"}
	for i := range doc.Benchmarks {
		b := &doc.Benchmarks[i]
		b.Name = fmt.Sprintf("internal/codec.BenchmarkEncode/compression=zstd/level=9/concurrency=16/a|b`<@all>/%s", b.Name)
	}
	doc.Benchmarks[1] = result.Benchmark{Name: doc.Benchmarks[1].Name, State: result.BenchmarkLeftOut, Detail: "the budget does not reach it"}
	return doc
}

func combine(t *testing.T, o legs.Options, docs ...*result.Document) legs.Combined {
	t.Helper()
	o.Now = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	var sources []legs.Source
	for i, doc := range docs {
		name := fmt.Sprintf("leg%d/result.json", i)
		if i > 0 && doc.Provenance.Runner.Class == docs[0].Provenance.Runner.Class {
			name = "confirm.json"
		}
		sources = append(sources, legs.Source{Name: name, Document: doc})
	}
	c, err := legs.Combine(sources, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var context = page.Context{
	Head: strings.Repeat("a", 40), Pull: 7, Run: "55.1", RunURL: "https://github.example/o/r/actions/runs/55",
}

const (
	x64 = "linux-amd64-amd-25.17.1-2cpu-24gib-kvm-847279500f"
	arm = "linux-arm64-arm-0xd49-4cpu-16gib-azure-0123456789"
)

func waivers(t *testing.T) waiver.Set {
	t.Helper()
	text := ""
	for _, metric := range []string{"cpu_per_op", "throughput", "latency.p50", "latency.p90", "latency.p99", "error_rate"} {
		text += fmt.Sprintf("[waivers.%q]\nmetric = %q\nceiling = \"40%%\"\nreason = \"writes are synced now; see #12\"\nowner = \"@storage\"\nexpires = \"2026-12-31\"\n", "w "+metric, metric)
	}
	set, faults := waiver.Parse("gate-waivers.toml", []byte(text))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return set
}

func TestPages(t *testing.T) {
	noisy := resulttest.Check(resulttest.Options{Seed: 5, Blocks: 8, Rounds: 2, Probes: 120, RatePerS: 60, RoundSD: 0.2, LaunchSD: 0.1})
	broken := check(4, 0, x64)
	broken.Outcome = result.Outcome{Ended: result.RunFailed, Blocks: 5, Detail: "head crashed in block 6: exit status 134; its last output:\nthread 'main' panicked"}
	guarded, report := context, context
	guarded.Guarded, guarded.Unlisted = []string{"gate.toml", ".github/workflows/gate-pr.yml"}, true
	report.Report = "https://reports.example/55"
	second := check(8, 0, x64)
	for _, c := range []struct {
		name string
		c    legs.Combined
		x    page.Context
	}{
		{"pass", combine(t, legs.Options{}, check(1, 0, x64)), context},
		{"improvement", combine(t, legs.Options{}, check(2, -0.15, x64)), report},
		{"regression", combine(t, legs.Options{}, check(3, 0.12, x64)), guarded},
		{"inconclusive", combine(t, legs.Options{}, noisy), page.Context{}},
		{"invalid", combine(t, legs.Options{}, broken), context},
		{"several", combine(t, legs.Options{Require: []string{"arm64", "x64"}, Optional: []string{"numa"}}, check(1, 0, x64), check(3, 0.12, arm)), context},
		{"missing", combine(t, legs.Options{Require: []string{"arm64", "x64"}}, check(1, 0, x64)), context},
		{"waived", combine(t, legs.Options{Waivers: waivers(t)}, check(3, 0.12, x64)), context},
		{"unconfirmed", combine(t, legs.Options{}, check(3, 0.12, x64), second), context},
		{"nothing", combine(t, legs.Options{}), context},
		{"benchmarks", combine(t, legs.Options{}, suite(40, 5)), context},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := page.Body(c.c, c.x, page.CommentSize)
			compareGolden(t, c.name+".md", page.Title(c.c)+"\n====\n"+body)
			first, _, _ := strings.Cut(body, "\n")
			if !strings.HasPrefix(first, "### ") || !strings.Contains(first, string(c.c.Status)) {
				t.Errorf("the first line does not hold the verdict: %s", first)
			}
			// What stands open is a screenful; the rest is folded.
			open := body
			if at := strings.Index(body, "<details>"); at >= 0 {
				open = body[:at]
			}
			if n := strings.Count(open, "\n"); n > 50 {
				t.Errorf("%d lines stand open", n)
			}
		})
	}
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test ./gate/github/page -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// evil are texts that want to be more than text.
var evil = []string{
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</details><h1>PASS</h1>", "<!-- gate:v1 key=gate -->", "-->",
	"[click](https://evil.example)", "![pixel](https://evil.example/x.png)", "https://evil.example", "www.evil.example", "mail@evil.example",
	"@everyone", "@org/team", "#1", "GH-1", "o/r#1", "`code`", "``` \n```", "| cell |", "\\|", "**bold** __under__ ~~gone~~ $x$",
	"# heading", "> quote", "- item", "1. item", "+ item", "line\nbreak\n\n### ✅ Fivegate: pass", "\x1b[31mred", "safe\u202egnp", "zero\u200bwidth",
	"::error::x", "##[set-env name=PATH]x", "&lt;b&gt;", "&#60;", "\xff\xfe", strings.Repeat("long ", 10_000), "$(rm -rf /)", "; rm -rf /", "--config=/etc/passwd",
}

var (
	tags     = regexp.MustCompile(`<[^>]*>`)
	allowed  = regexp.MustCompile(`^</?(details|summary|code)>$`)
	links    = regexp.MustCompile(`\]\([^)]*\)`)
	spans    = regexp.MustCompile("`[^`\n]*`")
	fences   = regexp.MustCompile("(?s)```sh\n.*?\n```")
	mentions = regexp.MustCompile(`(^|[^&\pL\pN])[@#][\pL\pN]`)
)

// Whatever stands in a document, a waiver or the names of changed files, the page
// holds no markup, link, mention or HTML that is not its own.
func TestHostileTextsShowAsTheyAre(t *testing.T) {
	for _, text := range evil {
		doc := check(3, 0.12, x64)
		doc.Provenance.Runner.Class, doc.Provenance.Scenario.Name = "linux-amd64-"+text, text
		doc.Provenance.Runner.Fingerprint[text] = text
		doc.Arms[1].Ref = text
		doc.Slices[0].Engine.Limited = text
		set := waivers(t)[:1]
		set[0].Name, set[0].Owner, set[0].Reason = text, text, text
		c := combine(t, legs.Options{Waivers: set}, doc)
		c.Reason, c.Next, c.Notes = text, text, []string{text}
		x := context
		x.Guarded, x.Notices = []string{text}, []string{text}
		assertHarmless(t, text, page.Body(c, x, page.CommentSize))
		if title := page.Title(c); strings.ContainsAny(title, "\n\x1b\u202e") || utf8.RuneCountInString(title) > 255 {
			t.Errorf("%q: title %q", text, title)
		}
		for _, a := range page.Annotations(c, nil, "there") {
			if strings.ContainsAny(a.Message+a.Title, "\n\x1b\u202e") {
				t.Errorf("%q: annotation %+v", text, a)
			}
		}
	}
}

func assertHarmless(t *testing.T, text, body string) {
	t.Helper()
	if !utf8.ValidString(body) || strings.ContainsAny(body, "\x1b\u202e") {
		t.Errorf("%q: the page has characters that act or hide", text)
	}
	shown := spans.ReplaceAllString(fences.ReplaceAllString(body, ""), "")
	for _, tag := range tags.FindAllString(shown, -1) {
		if !allowed.MatchString(tag) {
			t.Errorf("%q: tag %s", text, tag)
		}
	}
	if strings.Contains(shown, "<!--") {
		t.Errorf("%q: a comment of HTML", text)
	}
	for _, link := range links.FindAllString(shown, -1) {
		if link != "]("+context.RunURL+")" {
			t.Errorf("%q: link %s", text, link)
		}
	}
	for _, word := range []string{"://evil", "www.evil", "mail@", "GH-1"} {
		if strings.Contains(shown, word) {
			t.Errorf("%q: %s stands as it is", text, word)
		}
	}
	if m := mentions.FindString(shown); m != "" {
		t.Errorf("%q: mention %q", text, m)
	}
	if n := strings.Count(body, "\n### "); n > 0 {
		t.Errorf("%q: %d more headings", text, n)
	}
	if opened, closed := strings.Count(shown, "<details>"), strings.Count(shown, "</details>"); opened != closed {
		t.Errorf("%q: %d sections are opened and %d closed", text, opened, closed)
	}
	for _, command := range fences.FindAllString(body, -1) {
		if strings.ContainsAny(command, ";$<>|") || strings.Contains(command, "--config") {
			t.Errorf("%q: command %s", text, command)
		}
	}
}

// However much there is to say, a page fits, whole parts are left out, and the
// page says how many.
func TestPagesFit(t *testing.T) {
	var docs []*result.Document
	for i := range 30 {
		docs = append(docs, check(3, 0.12, fmt.Sprintf("linux-amd64-%d", i)))
	}
	c := combine(t, legs.Options{}, docs...)
	for _, size := range []int{8_000, 20_000, page.CommentSize, page.SummarySize} {
		body := page.Body(c, context, size)
		if n := utf8.RuneCountInString(body); n > size {
			t.Errorf("%d characters, allowed are %d", n, size)
		}
		if opened, closed := strings.Count(body, "<details>"), strings.Count(body, "</details>"); opened != closed {
			t.Errorf("%d sections are opened and %d closed", opened, closed)
		}
		if size < page.SummarySize && !strings.Contains(body, "Left out for length: ") {
			t.Errorf("a page of %d does not say what is left out", size)
		}
		if !strings.Contains(body, "must not merge") {
			t.Errorf("a page of %d does not hold the verdict", size)
		}
	}
	if !strings.Contains(page.Body(c, context, page.CommentSize), "](https://github.example/o/r/actions/runs/55)") {
		t.Error("the page does not say where the rest is")
	}
}

func TestAnnotationsAreBounded(t *testing.T) {
	var docs []*result.Document
	for i := range 6 {
		docs = append(docs, check(3, 0.12, fmt.Sprintf("linux-amd64-%d", i)))
	}
	c := combine(t, legs.Options{Waivers: waivers(t)[:1], Require: []string{"arm64"}}, docs...)
	faults := diag.Faults{{File: "gate.toml", Line: 3, Column: 8, Rule: "range", Message: "policy.threshold is 500%"}}
	got := page.Annotations(c, faults, "the job summary")
	levels := map[page.Level]int{}
	for _, a := range got {
		levels[a.Level]++
	}
	if levels[page.Error] != 10 || levels[page.Warning] > 10 || levels[page.Notice] != 6 {
		t.Errorf("%v", levels)
	}
	if a := got[0]; a.File != "gate.toml" || a.Line != 3 || a.Column != 8 || a.Level != page.Error {
		t.Errorf("the first is %+v, want the fault of the configuration", a)
	}
	// A fault, what is missing, and four metrics of each of six legs are errors.
	if last := got[9]; last.Message != "16 more are not shown here, see the job summary" && !strings.Contains(last.Message, " more are not shown here, see the job summary") {
		t.Errorf("the last error is %+v, want the count of the others", last)
	}
	for _, a := range got {
		if a.Level == page.Notice && (a.File != "gate-waivers.toml" || a.Line != 1) {
			t.Errorf("a waiver in use is at %s:%d", a.File, a.Line)
		}
	}
}

func TestAnnotationsOfAPassAreNone(t *testing.T) {
	if got := page.Annotations(combine(t, legs.Options{}, check(1, 0, x64)), nil, ""); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if got := page.Annotations(legs.Combined{Status: verdict.Invalid, Reason: "x"}, nil, ""); len(got) != 1 || got[0].Level != page.Error {
		t.Errorf("%+v", got)
	}
}

func FuzzBody(f *testing.F) {
	for _, text := range evil {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := legs.Combined{Status: verdict.Regression, Blocks: true, Reason: text, Next: text, Notes: []string{text}}
		x := context
		x.Guarded = []string{text}
		assertHarmless(t, text, page.Body(c, x, page.CommentSize))
	})
}
