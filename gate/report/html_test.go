package report

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/verdict"
)

func renderHTML(t interface{ Fatal(...any) }, doc *result.Document, v verdict.Verdict) string {
	var b bytes.Buffer
	if err := HTML(&b, New(doc, v), Illustrate(doc, v)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// tags are the elements that the page is made of.
var tags = regexp.MustCompile(`<(/?[a-zA-Z!][a-zA-Z0-9]*)([^>]*)>`)

var allowedTags = strings.Fields(`!DOCTYPE html head meta title style body header main footer section h1 h2 p strong span
	dl div dt dd ul li table thead tbody tr th td figure figcaption details summary pre
	svg desc g line rect circle path polyline polygon text`)

// checkHTML asserts that the page is whole, needs nothing from elsewhere, and
// holds no element or attribute that is not ours.
func checkHTML(t interface{ Errorf(string, ...any) }, out string) {
	open := map[string]int{}
	for _, m := range tags.FindAllStringSubmatch(out, -1) {
		name, closing := strings.CutPrefix(m[1], "/")
		switch {
		case closing:
			open[name]--
		case !strings.HasSuffix(m[2], "/"):
			open[name]++
		default:
			open[name] += 0
		}
	}
	allowed := map[string]bool{}
	for _, tag := range allowedTags {
		allowed[tag] = true
	}
	for name, n := range open {
		if !allowed[name] {
			t.Errorf("an element <%s>", name)
		}
		if void := name == "meta" || name == "!DOCTYPE"; n != 0 && !void {
			t.Errorf("%d <%s> are not closed", n, name)
		}
	}
	bare := strings.ReplaceAll(out, `xmlns="http://www.w3.org/2000/svg"`, "")
	for _, attribute := range []string{" src=", " href=", " onerror=", " onclick=", "@import", "url("} {
		for at := range allIndexes(bare, attribute) {
			if inTag(bare, at) {
				t.Errorf("the page refers elsewhere: %s", bare[max(0, at-40):min(len(bare), at+40)])
			}
		}
	}
	if strings.Count(out, "<h1>") != 1 || strings.Count(out, "<main>") != 1 {
		t.Errorf("not exactly one heading and one main part")
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(out, -1) {
		if ids[m[1]] {
			t.Errorf("the id %q stands twice", m[1])
		}
		ids[m[1]] = true
	}
}

func allIndexes(s, sub string) func(func(int) bool) {
	return func(yield func(int) bool) {
		for from := 0; ; {
			i := strings.Index(s[from:], sub)
			if i < 0 || !yield(from+i) {
				return
			}
			from += i + len(sub)
		}
	}
}

// inTag says whether the place is inside of an element's tag, not in text.
func inTag(s string, at int) bool {
	return strings.LastIndexByte(s[:at], '<') > strings.LastIndexByte(s[:at], '>')
}

func TestPageOfEachVerdict(t *testing.T) {
	for _, f := range fixtures() {
		out := renderHTML(t, f.doc, f.v)
		checkHTML(t, out)
		if !strings.Contains(out, "</span> "+capital(string(f.v.Status))+"</h1>") {
			t.Errorf("%s: the heading does not name the verdict", f.name)
		}
	}
}

func TestPageOfAMeasurement(t *testing.T) {
	doc := resulttest.Check(resulttest.Options{Seed: 9, Effects: map[string]float64{"cpu_per_op": 0.1}})
	v := verdict.Judge(doc)
	out := renderHTML(t, doc, v)
	checkHTML(t, out)
	for _, title := range []string{"Gating metrics", "Effect of each block", "How the estimate settled", "Distribution of latency", "The measurement over time", "check of itself", "Where the noise came from", "Repeat it", "Provenance"} {
		if !strings.Contains(out, title) {
			t.Errorf("no section %q", title)
		}
	}
	if len(out) > 1e6 {
		t.Errorf("%d bytes for a check of 28 blocks; at most 1 MB", len(out))
	}
	if again := renderHTML(t, doc, v); again != out {
		t.Error("a second rendering gave other bytes")
	}
}

func TestPageShowsHostileTextsAsText(t *testing.T) {
	f := hostile()
	f.doc.Provenance.Scenario.Text = strings.Join(attacks, "\n")
	checkHTML(t, renderHTML(t, f.doc, f.v))
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(attacks), rapid.String()), 1, 4)
		str := func(label string) string { return strings.Join(words.Draw(t, label), "") }
		doc := resulttest.Check(resulttest.Options{Seed: 1, Blocks: 3, Rounds: 2, Probes: -1})
		doc.Plan.Operations = []string{str("operation"), str("operation")}
		doc.Arms[0].Name, doc.Arms[0].Commit = str("arm"), str("commit")
		doc.Slices[0].Engine.Limited = str("limited")
		v := regressionVerdict()
		v.Metrics[0].Name, v.Reason = str("metric"), str("reason")
		checkHTML(t, renderHTML(t, doc, v))
	})
}

func TestExplainGolden(t *testing.T) {
	for _, f := range fixtures() {
		var b bytes.Buffer
		if err := Explain(&b, f.doc, f.v, TerminalOptions{}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", f.name+".explain.txt")
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b.String(), string(want)); diff != "" {
			t.Errorf("got (-) and want (+) differ; -update rewrites %s\n%s", path, diff)
		}
	}
}

// The parts of the noise are named from what was measured.
func TestExplainNamesTheNoise(t *testing.T) {
	for name, c := range map[string]struct {
		options resulttest.Options
		want    string
	}{
		"launches differ": {resulttest.Options{Seed: 2, LaunchSD: 0.08, RoundSD: 0.004, CommonSD: 0.001}, "between blocks"},
		"rounds differ":   {resulttest.Options{Seed: 2, LaunchSD: 0.0001, LayoutSD: 0.0001, RoundSD: 0.08}, "between rounds"},
	} {
		first := explainNoise(resulttest.Check(c.options))[0]
		largest, _, _ := strings.Cut(first, "; then ")
		if !strings.HasPrefix(largest, "cpu_per_op: most of it, ") || !strings.Contains(largest, c.want) {
			t.Errorf("%s, and yet: %s", name, first)
		}
	}
}
