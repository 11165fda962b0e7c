package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/verdict"
)

// suites are documents of benchmarks with their verdicts.
func suites() []fixture {
	ln := math.Log
	return []fixture{
		judgedSuite("suite-pass", resulttest.SuiteOptions{Seed: 1, Benchmarks: 12}, nil),
		judgedSuite("suite-regression", resulttest.SuiteOptions{
			Seed: 2, Benchmarks: 14, Slow: map[int]float64{7: ln(1.12), 11: ln(1.3), 4: -ln(1.2)}, Alloc: map[int]float64{3: 11, 11: 14},
		}, func(d *result.Document) { alternate(d, 5, 6) }),
		judgedSuite("suite-states", resulttest.SuiteOptions{Seed: 3, Benchmarks: 10}, everyState),
		judgedSuite("suite-inconclusive", resulttest.SuiteOptions{Seed: 4, Benchmarks: 4, RoundSD: 0.3, BlockSD: 0.2}, nil),
	}
}

// judgedSuite is a document as the driver of Go benchmarks writes it.
func judgedSuite(name string, o resulttest.SuiteOptions, change func(*result.Document)) fixture {
	if o.RoundSD == 0 {
		o.RoundSD, o.BlockSD = 0.01, 0.015
	}
	d := resulttest.Suite(o)
	d.Provenance = checkDocument().Provenance
	d.Provenance.Scenario = result.Scenario{}
	d.Provenance.Command = []string{"gate", "check", "--base", "v1.2.0", "--bench", "Encode|Decode", "--pkg=./codec/..."}
	d.Provenance.Repository.Dirty = false
	d.Outcome.Ended = result.RunDecided
	for i := range d.Arms {
		d.Arms[i].Ref, d.Arms[i].Commit = []string{"v1.2.0", "HEAD"}[i], strings.Repeat([]string{"1", "2"}[i], 40)
	}
	for i := range d.Benchmarks {
		b := &d.Benchmarks[i]
		b.Name = fmt.Sprintf("codec/json.BenchmarkEncode/size=%d/%s", 1<<(i%20), b.Name)
	}
	if change != nil {
		change(d)
	}
	return fixture{name, d, verdict.Judge(d)}
}

// alternate makes benchmarks ones that were measured in turn.
func alternate(d *result.Document, which ...int) {
	for _, i := range which {
		d.Benchmarks[i].Mode = result.ModeAlternating
	}
}

// everyState leaves four benchmarks measured: one with a unit of its own, one with
// a unit of which nobody knows which way is better, one in which allocations began.
func everyState(d *result.Document) {
	for i, state := range []result.BenchmarkState{
		result.BenchmarkNew, result.BenchmarkRemoved, result.BenchmarkLeftOut, result.BenchmarkFailedBase, result.BenchmarkIdentical, result.BenchmarkFailedBase,
	} {
		b := &d.Benchmarks[i]
		*b = result.Benchmark{Name: b.Name, State: state}
		if state == result.BenchmarkFailedBase {
			b.Detail = "panic: no such key"
		}
	}
	d.Plan.Metrics = append(d.Plan.Metrics, "B/s")
	speed, hits := &d.Benchmarks[6].Measures[0], &d.Benchmarks[7].Measures[1]
	speed.Unit, speed.Better = "B/s", result.HigherIsBetter
	hits.Unit, hits.Better = "hits", ""
	for i := range speed.Base {
		speed.Base[i], speed.Head[i] = 1e15*speed.Base[i], 1e15*speed.Head[i]
	}
	clear(d.Benchmarks[8].Measures[1].Base)
}

// large is more benchmarks than anybody reads, with names that attack.
func large(benchmarks int, name func(i int) string) fixture {
	slow := map[int]float64{}
	for i := range 40 {
		slow[7*i] = math.Log(1.15 + 0.01*float64(i))
	}
	return judgedSuite("suite-large", resulttest.SuiteOptions{Seed: 5, Benchmarks: benchmarks, Blocks: 7, Slow: slow}, func(d *result.Document) {
		for i := range d.Benchmarks {
			d.Benchmarks[i].Name = name(i)
			if i%12 == 11 {
				d.Benchmarks[i] = result.Benchmark{Name: name(i), State: result.BenchmarkFailedBase, Detail: name(i)}
			}
		}
	})
}

func longName(i int) string {
	return fmt.Sprintf("internal/storage/engine.BenchmarkCompaction/levels=%d/keys=1048576/compression=zstd-8", i)
}

func attackingName(i int) string { return attacks[i%(len(attacks)-1)] + fmt.Sprint(i) }

func TestSuitesAreBounded(t *testing.T) {
	f := large(600, longName)
	if out := render(t, f, Markdown); len(out) > maxMarkdown || !strings.Contains(out, "eft out for length") {
		t.Errorf("%d bytes of Markdown", len(out))
	} else {
		checkMarkdown(t, out)
	}
	small := render(t, f, func(w io.Writer, m Model) error { return MarkdownWithin(w, m, 9_000) })
	checkMarkdown(t, small)
	if len(small) > 9_000 || !strings.HasSuffix(small, "exit code 1).\n") {
		t.Errorf("%d bytes of Markdown that may have 9,000, ending in %q", len(small), small[len(small)-60:])
	}
	if lines := strings.Count(render(t, f, formats["txt"]), "\n"); lines > 80 {
		t.Errorf("%d lines on a terminal", lines)
	}
	page := renderHTML(t, f.doc, f.v)
	checkHTML(t, page)
	if len(page) > maxHTML {
		t.Errorf("%d bytes of HTML", len(page))
	}
	for i := range f.doc.Benchmarks {
		if name := longName(i); !strings.Contains(page, name) {
			t.Fatalf("%s is not on the page", name)
		}
	}
	const benchmarks, failing = 600, 50
	const measures = 2 * (benchmarks - failing)
	for _, c := range []struct {
		format func(io.Writer, Model) error
		part   string
		want   int
	}{
		{JSON, `"state": `, benchmarks},
		{JSON, `"decision": `, measures},
		{JUnit, "<testcase ", 1 + measures + failing},
		{OpenMetrics, `bound="estimate"`, measures},
	} {
		if got := strings.Count(render(t, f, c.format), c.part); got != c.want {
			t.Errorf("%d times %s, want %d", got, c.part, c.want)
		}
	}
}

func TestSuitesShowHostileNamesAsText(t *testing.T) {
	f := large(600, attackingName)
	checkMarkdown(t, render(t, f, Markdown))
	checkHTML(t, renderHTML(t, f.doc, f.v))
	for _, c := range []struct {
		name string
		out  string
	}{
		{"terminal", render(t, f, formats["txt"])},
		{"explain", explained(t, f)},
	} {
		if strings.ContainsFunc(c.out, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x202e || r == 0x2066 }) {
			t.Errorf("%s: a control character gets through", c.name)
		}
	}
}

func explained(t *testing.T, f fixture) string {
	t.Helper()
	var b strings.Builder
	if err := Explain(&b, f.doc, f.v, TerminalOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Names that become the same by being cleaned must not make two benchmarks one.
func TestNamesStayApart(t *testing.T) {
	f := judgedSuite("twins", resulttest.SuiteOptions{Seed: 6, Benchmarks: 3}, func(d *result.Document) {
		for i := range d.Benchmarks {
			d.Benchmarks[i].Name = strings.Repeat("x", 300) + fmt.Sprint(i)
		}
	})
	seen := map[string]bool{}
	for _, r := range New(f.doc, f.v).rows {
		if seen[r.name] {
			t.Errorf("two rows are called %s", r.name)
		}
		seen[r.name] = true
	}
}

func TestByImportance(t *testing.T) {
	m := func(name string, d verdict.Decision, effect, high float64) verdict.Metric {
		return verdict.Metric{Name: name, Gating: d != verdict.Watching, Decision: d, HasEffect: true, Effect: effect, High: high, Limit: 0.05}
	}
	var got []string
	for _, of := range ByImportance([]verdict.Metric{
		m("watched", verdict.Watching, 9, 9), m("calm", verdict.Clear, 0.01, 0.02), m("better", verdict.Better, -0.1, -0.05), m("fell", verdict.Clear, -0.03, 0.02),
		m("open", verdict.Open, 0.01, 0.1), m("wide", verdict.Open, 0, 0.3), m("worse", verdict.Worse, 0.1, 0.2), m("worst", verdict.Worse, 0.2, 0.3), m("best", verdict.Better, -0.2, -0.1),
	}) {
		got = append(got, of.Name)
	}
	if diff := cmp.Diff(strings.Fields("worst worse wide open best better fell calm watched"), got); diff != "" {
		t.Error(diff)
	}
}

func TestRestIsCounted(t *testing.T) {
	for _, f := range append(suites(), large(600, longName)) {
		m := New(f.doc, f.v)
		if m.suite.shown > maxOpen {
			t.Errorf("%s: %d rows stand open", f.name, m.suite.shown)
		}
		if rest := len(m.rows) - m.suite.shown; rest > 0 && !strings.HasPrefix(m.suite.rest, count(rest, "more measure")) {
			t.Errorf("%s: %d rows are folded, and it says %q", f.name, rest, m.suite.rest)
		}
	}
}

// Nothing in a report of benchmarks speaks of requests, rates or latencies.
func TestSuitesSpeakOfBenchmarks(t *testing.T) {
	for _, f := range suites() {
		for name, out := range map[string]string{
			"txt": render(t, f, formats["txt"]), "md": render(t, f, Markdown), "explain": explained(t, f), "html": renderHTML(t, f.doc, f.v), "openmetrics": render(t, f, OpenMetrics),
		} {
			out = strings.ReplaceAll(strings.ToLower(out), "gating metric regressed", "")
			for _, word := range []string{"request", "latency", "scenario", "offered", "metric regressed"} {
				if at := strings.Index(out, word); at >= 0 && name != "openmetrics" {
					t.Errorf("%s.%s says %q: %s", f.name, name, word, out[max(0, at-50):min(len(out), at+50)])
				}
			}
			if strings.Contains(out, "fivegate_requests") {
				t.Errorf("%s.%s counts requests", f.name, name)
			}
		}
	}
}

func TestFormatMeasure(t *testing.T) {
	for _, c := range []struct {
		unit       verdict.Unit
		base, head float64
		want       string
	}{
		{"sec/op", 1.5e-6, 312e-9, "1.50 µs, 0.31 µs"},
		{"user-sec/op", 0.5, 2, "0.50 s, 2.00 s"},
		{"B/op", 64, 72, "64.0 B, 72.0 B"},
		{"B/op", 0, 3 << 20, "0.00 MiB, 3.00 MiB"},
		{"B/s", 3 << 30, 1 << 30, "3.00 GiB/s, 1.00 GiB/s"},
		{"peak-RSS-bytes", 3 << 20, 4 << 20, "3.00 MiB, 4.00 MiB"},
		{"allocs/op", 0, 12, "0, 12"},
		{"allocs/op", 12345, 12346, "12,345, 12,346"},
		{"instructions/op", 12.3e9, 4e6, "12.3G, 0.00G"},
		{"hits", 0.0123, 0.5, "0.0123, 0.50"},
		{"rows/s", 1.5, 2, "1.50/s, 2.00/s"},
		{"x", math.NaN(), math.Inf(1), "–, –"},
	} {
		base, head := formatMeasure(c.unit, c.base, c.head)
		if got := base + ", " + head; got != c.want {
			t.Errorf("%s of %v and %v: got %q, want %q", c.unit, c.base, c.head, got, c.want)
		}
	}
}

// What is to be typed again holds the choice of benchmarks, and nothing that a
// stranger could make a shell run.
func TestChosen(t *testing.T) {
	for _, c := range []struct{ why, command, flags, leftOut string }{
		{"base and head are said elsewhere", "gate check --base v1 --head=v2 --seed 7 --out x", "", ""},
		{"either form of a flag", "gate check --bench ^BenchmarkX$ --pkg=./a/... --measure-anyway --cpu 1,2", "--bench '^BenchmarkX$' --pkg ./a/... --measure-anyway --cpu 1,2", ""},
		{"a value that ends the quotes", "gate check --bench x';curl --pkg ./b", "--pkg ./b", "--bench"},
		{"a value that is missing", "gate check --bench", "", "--bench"},
		{"commands of strangers", "gate check --cmd=curl --bench x --build y", "--bench x", "--cmd --build"},
		{"flags for another tool", "gate check --bench x -- -toolexec evil", "--bench x", "what stands after --"},
	} {
		flags, leftOut := Chosen(&result.Document{Provenance: result.Provenance{Command: strings.Fields(c.command)}})
		if got := strings.Join(flags, " "); got != c.flags {
			t.Errorf("%s: flags %q, want %q", c.why, got, c.flags)
		}
		if got := strings.Join(leftOut, " "); got != c.leftOut {
			t.Errorf("%s: left out %q, want %q", c.why, got, c.leftOut)
		}
	}
}

func TestShortened(t *testing.T) {
	for _, c := range []struct {
		why   string
		names string
		want  string
	}{
		{"short ones stay", "a/b.BenchmarkX a/b.BenchmarkY", "a/b.BenchmarkX a/b.BenchmarkY"},
		{"a package that all have", "some/long/package.BenchmarkX some/long/package.BenchmarkYYYY", "…BenchmarkX …BenchmarkYYYY"},
		{"parameters that all have", "pkg.BenchmarkEncode/n=1/level=9/zstd pkg.BenchmarkEncode/n=12/level=9/zstd", "…n=1… …n=12…"},
		{"one is the beginning of the other", "package.BenchmarkEncodeAll package.BenchmarkEncodeAll/size=100", "…BenchmarkEncodeAll …BenchmarkEncodeAll/size=100"},
		{"the same", "package.BenchmarkEncodeAll/n package.BenchmarkEncodeAll/n", "package.BenchmarkEncodeAll/n package.BenchmarkEncodeAll/n"},
		{"one only", "package.BenchmarkEncodeAll/size=100", "package.BenchmarkEncodeAll/size=100"},
		{"letters of several bytes", "ä.BenchmarkÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ ä.BenchmarkÖ", "…BenchmarkÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ …BenchmarkÖ"},
	} {
		if got := strings.Join(shortened(strings.Fields(c.names), 20), " "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.why, got, c.want)
		}
	}
}

// Whatever became of the benchmarks, every format can say it.
func TestSuitesOfLittle(t *testing.T) {
	all := func(state result.BenchmarkState) func(*result.Document) {
		return func(d *result.Document) {
			for i := range d.Benchmarks {
				d.Benchmarks[i] = result.Benchmark{Name: d.Benchmarks[i].Name, State: state, Detail: "it says so"}
			}
		}
	}
	few := resulttest.SuiteOptions{Seed: 7, Benchmarks: 3}
	apart := judgedSuite("made apart", few, nil)
	apart.doc.Kind = result.KindCompare
	for i := range apart.doc.Benchmarks {
		b := &apart.doc.Benchmarks[i]
		b.Mode, b.Rounds, b.First, b.BaseLayouts, b.HeadLayouts = result.ModeSeparate, 0, "", nil, nil
	}
	for _, c := range []struct {
		f    fixture
		says string
	}{
		{judgedSuite("identical", few, func(d *result.Document) {
			all(result.BenchmarkIdentical)(d)
			d.Outcome = result.Outcome{Ended: result.RunIdentical}
		}), "nothing was run"},
		{judgedSuite("all new", few, all(result.BenchmarkNew)), "3: 0 measured, 3 new in head"},
		{judgedSuite("one fails in head", few, func(d *result.Document) {
			d.Benchmarks[0] = result.Benchmark{Name: "B", State: result.BenchmarkFailedHead, Detail: "panic"}
		}), "1 fail in head"},
		{judgedSuite("no block of one", few, func(d *result.Document) {
			b := &d.Benchmarks[1]
			b.First, b.BaseLayouts, b.HeadLayouts = "", nil, nil
			b.Measures = []result.Measure{{Unit: "sec/op", Better: result.LowerIsBetter}}
		}), "0 to 28 blocks"},
		{apart, "Nothing pairs the two"},
	} {
		if out := explained(t, c.f); !strings.Contains(out, c.says) {
			t.Errorf("%s: %q is not in\n%s", c.f.name, c.says, out)
		}
		checkMarkdown(t, render(t, c.f, Markdown))
		checkHTML(t, renderHTML(t, c.f.doc, c.f.v))
		for _, format := range []func(io.Writer, Model) error{JSON, JUnit, SARIF, OpenMetrics, formats["txt"]} {
			if out := render(t, c.f, format); strings.Contains(out, "NaN") || strings.Contains(out, "Inf") {
				t.Errorf("%s: a number that is none is in\n%s", c.f.name, out)
			}
		}
	}
}
