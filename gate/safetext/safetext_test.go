package safetext_test

import (
	"html"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/fivegate/fivegate/gate/safetext"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		" a\n\tb  c ":          "a b c",
		"\x1b[31mred":          "\ufffd[31mred",
		"le\u202eright":        "le\ufffdright",
		"a \xff byte":          "a \ufffd byte",
		"exactly10!":           "exactly10…",
		"nine char":            "nine char",
		"cut in the middle of": "cut in th…",
	} {
		if got := safetext.Line(in, 10); got != want {
			t.Errorf("Line(%q) = %q; want %q", in, got, want)
		}
		if got := safetext.Line(in, 100); strings.ContainsAny(got, "\x1b\n\t\u202e") || !utf8.ValidString(got) {
			t.Errorf("Line(%q) = %q", in, got)
		}
	}
}

func TestMarkdown(t *testing.T) {
	for in, want := range map[string]string{
		"cpu_per_op +7.9% on linux-amd64 now.": "cpu_per_op +7.9% on linux-amd64 now.",
		"reason: text (5.0%). More":            "reason: text (5.0%). More",
		"1. no list":                           "1&#46;\u2060 no list",
		"www.example.org":                      "www&#46;\u2060example.org",
		"see #12 and GH-12":                    "see &#35;\u206012 and GH&#45;\u206012",
		"@team":                                "&#64;\u2060team",
		"*b* `c` [l](u) <i>":                   "&#42;b&#42; &#96;c&#96; &#91;l&#93;(u) &#60;i&#62;",
		":tada: x":                             "&#58;\u2060tada: x",
		"a|b":                                  "a&#124;b",
	} {
		if got := safetext.Markdown(in); got != want {
			t.Errorf("Markdown(%q) = %q; want %q", in, got, want)
		}
	}
}

func TestCode(t *testing.T) {
	for in, want := range map[string]string{
		"cpu_per_op": "`cpu_per_op`",
		"@team #1":   "`@team #1`", // GitHub looks for neither in code
		"a`b":        "a&#96;b",
		"a|b":        "a&#124;b",
		" padded ":   " padded ",
		"":           "",
	} {
		if got := safetext.Code(in); got != want {
			t.Errorf("Code(%q) = %q; want %q", in, got, want)
		}
	}
}

// What a reader sees is the text itself.
func TestMarkdownLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := safetext.Line(rapid.String().Draw(t, "s"), 1000)
		shown := strings.ReplaceAll(html.UnescapeString(safetext.Markdown(s)), "\u2060", "")
		if want := strings.ReplaceAll(s, "\u2060", ""); shown != want {
			t.Fatalf("%q is shown as %q", s, shown)
		}
	})
}
