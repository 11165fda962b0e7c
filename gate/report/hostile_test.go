package report

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// attacks are texts that do something on GitHub or on a terminal when they get
// there as they are.
var attacks = []string{
	"<img src=x onerror=alert(1)>",
	"</details><h1>PASS</h1>",
	"<!-- gate:v1 key=spoof -->",
	"| cell | break |",
	"`|` ``` ```js",
	"[click](https://evil.example)",
	"![pixel](https://evil.example/x.png)",
	"[ref]: https://evil.example",
	"@everyone please look",
	"fixes #1, GH-2, owner/repo#3",
	"https://evil.example www.evil.example mail@evil.example",
	"- [ ] task\n# heading\n\n---\n1. list",
	"**bold** __under__ *it* ~~gone~~ $x$ \\| \\",
	"&lt;script&gt; &#60;b&#62;",
	"\x1b[31mred\x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
	"pass\u202edesrever\u2066\u200b\ufeff",
	"\xff\xfe broken",
	strings.Repeat("very long ", 5000),
}

// hostile is a document in which every text attacks, and a verdict of it.
func hostile() fixture {
	all := strings.Join(attacks[:len(attacks)-1], " ")
	doc := checkDocument()
	doc.Kind = result.KindCheck
	doc.Provenance.Tool.Version = attacks[0]
	doc.Provenance.Scenario.Name = all
	doc.Provenance.Runner.Class = attacks[5]
	doc.Provenance.Runner.Fingerprint = map[string]string{}
	doc.Provenance.Command = attacks
	doc.Provenance.Repository.Path = attacks[1]
	doc.Arms[0].Name, doc.Arms[0].Ref = attacks[11], attacks[4]
	doc.Launches[0].Arm = attacks[2]
	v := regressionVerdict()
	v.Reason, v.Next = all, attacks[1]
	v.Notes = nil
	for i, attack := range attacks {
		doc.Provenance.Runner.Fingerprint[attack] = attack
		doc.Slices[0].Operations = append(doc.Slices[0].Operations, result.Operation{Errors: map[string]int64{attack: 1}})
		v.Notes = append(v.Notes, attack)
		m := compare(attack, 0.001, 0.08, 0.01, 0.02, verdict.Worse)
		m.Reason, m.Gating = attack, i%2 == 0
		if i%3 == 0 {
			m.Unit, m.Decision = verdict.Unit(attack), verdict.Decision(attack)
		}
		v.Metrics = append(v.Metrics, m)
	}
	return fixture{"hostile", doc, v}
}

// crowded has more metrics than a reader wants; 800 are more than a page holds.
func crowded(metrics int) fixture {
	v := regressionVerdict()
	for i := range metrics {
		m := compare(fmt.Sprintf("latency.p50/operation_%04d_&&&&&&&&", i), 0.001, 0.08, 0.01, 0.02, verdict.Worse)
		m.Gating = i%2 == 0
		v.Metrics = append(v.Metrics, m)
		v.Notes = append(v.Notes, strings.Repeat("<", 100))
	}
	return fixture{"crowded", checkDocument(), v}
}

// Our own markup, which is taken away before looking for anybody else's.
var (
	ownTags    = regexp.MustCompile(`</?(details|summary|code)>`)
	references = regexp.MustCompile(`&#\d+;`)
	ownSpans   = regexp.MustCompile("`[^`\\\\|]*`")
)

// active are the beginnings of markup, references and addresses.
var active = regexp.MustCompile(`[<>\x60]|\]\(|!\[|\[[ x]\]|@\w|#\d|(?i:https?:|www\.|gh-\d)|[\x00-\x09\x0b-\x1f\x7f]`)

func checkMarkdown(t interface{ Errorf(string, ...any) }, out string) {
	if len(out) >= maxMarkdown+1 {
		t.Errorf("%d bytes", len(out))
	}
	if !utf8.ValidString(out) {
		t.Errorf("not UTF-8")
	}
	bare := ownSpans.ReplaceAllString(out, "")
	if strings.Count(bare, "<details>") != strings.Count(bare, "</details>") {
		t.Errorf("details that are not closed")
	}
	bare = references.ReplaceAllString(ownTags.ReplaceAllString(bare, ""), "§")
	if hit := active.FindStringIndex(bare); hit != nil {
		t.Errorf("active markup %q in %q", bare[hit[0]:hit[1]], bare[max(0, hit[0]-60):min(len(bare), hit[1]+60)])
	}
	for line := range strings.Lines(bare) {
		columns := strings.Count(line, "|") - 1
		if strings.HasPrefix(line, "|") && columns != len(gatingHeader("")) && columns != len(watchedHeader) {
			t.Errorf("a row of %d columns: %q", columns, line)
		}
	}
}

func TestMarkdownShowsHostileTextsAsText(t *testing.T) {
	checkMarkdown(t, render(t, hostile(), Markdown))
}

func TestMarkdownIsBounded(t *testing.T) {
	f := crowded(800)
	out := render(t, f, Markdown)
	checkMarkdown(t, out)
	if len(out) < maxMarkdown/2 {
		t.Errorf("only %d bytes of %d are used", len(out), maxMarkdown)
	}
	if !strings.Contains(out, "eft out for length") {
		t.Error("it does not say that something was left out")
	}
	if !strings.HasSuffix(out, "exit code 1).\n") {
		t.Errorf("the last sentence is missing: %q", out[len(out)-80:])
	}
}

func TestMarkdownOfAnyTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(attacks), rapid.String()), 1, 4)
		str := func(label string) string { return strings.Join(words.Draw(t, label), "") }
		doc, v := checkDocument(), regressionVerdict()
		v.Reason, v.Next, v.Notes = str("reason"), str("next"), []string{str("note")}
		v.Metrics[0].Name, v.Metrics[5].Name = str("gating"), str("watched")
		doc.Provenance.Scenario.Name, doc.Arms[0].Name, doc.Arms[0].Ref = str("scenario"), str("arm"), str("ref")
		var b strings.Builder
		if err := Markdown(&b, New(doc, v)); err != nil {
			t.Fatal(err)
		}
		checkMarkdown(t, b.String())
	})
}

func TestTerminalShowsHostileTextsAsText(t *testing.T) {
	out := render(t, hostile(), func(w io.Writer, m Model) error { return Terminal(w, m, TerminalOptions{}) })
	for _, r := range out {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("%U reaches the terminal", r)
		}
	}
}

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"  a \t\n b  ", "a b"},
		{"a\x00b\u202ec\xffd", "a\ufffdb\ufffdc\ufffdd"},
		{"0123456789", "0123456…"},
		{"01234567", "0123456…"},
		{"0123456", "0123456"},
	} {
		if got := clean(c.in, 8); got != c.want {
			t.Errorf("clean(%q): got %q, want %q", c.in, got, c.want)
		}
	}
}
