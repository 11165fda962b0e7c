package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/lipgloss"
	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/verdict"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

var formats = map[string]func(io.Writer, Model) error{
	"txt":  func(w io.Writer, m Model) error { return Terminal(w, m, TerminalOptions{}) },
	"md":   Markdown,
	"json": JSON,
}

func render(t *testing.T, f fixture, format func(io.Writer, Model) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := format(&b, New(f.doc, f.v)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for _, f := range fixtures() {
		for ext, format := range formats {
			t.Run(f.name+"."+ext, func(t *testing.T) {
				got := render(t, f, format)
				path := filepath.Join("testdata", f.name+"."+ext)
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(got, string(want)); diff != "" {
					t.Errorf("got (-) and want (+) differ; -update rewrites %s\n%s", path, diff)
				}
				if again := render(t, f, format); again != got {
					t.Error("a second rendering gave other bytes")
				}
			})
		}
	}
}

func TestTerminalKeepsWithinWidth(t *testing.T) {
	for _, f := range append(fixtures(), hostile(), crowded(60)) {
		for _, width := range []int{50, 60, 80, 100, 120} {
			for _, colour := range []bool{false, true} {
				out := render(t, f, func(w io.Writer, m Model) error {
					return Terminal(w, m, TerminalOptions{Width: width, Colour: colour})
				})
				for line := range strings.Lines(out) {
					line = strings.TrimSuffix(line, "\n")
					if got := lipgloss.Width(line); got > width {
						t.Errorf("%s, width %d, colour %v: a line of %d columns: %q", f.name, width, colour, got, line)
					}
				}
			}
		}
	}
}

// The numbers that decide must survive on the narrowest terminal.
func TestNarrowTerminalKeepsEffectAndDecision(t *testing.T) {
	f := fixture{"regression", checkDocument(), regressionVerdict()}
	out := render(t, f, func(w io.Writer, m Model) error { return Terminal(w, m, TerminalOptions{Width: 60}) })
	for _, want := range []string{"cpu_per_op", "+7.9% [ +6.1,  +9.7]", "5%", "regression"} {
		if !strings.Contains(out, want) {
			t.Errorf("at 60 columns %q is missing:\n%s", want, out)
		}
	}
}

// The environment must not matter: whether colour is wanted, NO_COLOR included,
// is the caller's to find out.
func TestTerminalColoursOnlyWhenTold(t *testing.T) {
	t.Setenv("CLICOLOR_FORCE", "1")
	t.Setenv("COLORTERM", "truecolor")
	f := fixtures()[2]
	plain := render(t, f, func(w io.Writer, m Model) error { return Terminal(w, m, TerminalOptions{}) })
	if strings.ContainsRune(plain, 0x1b) {
		t.Errorf("escape sequences without colour:\n%q", plain)
	}
	t.Setenv("NO_COLOR", "1")
	t.Setenv("CLICOLOR_FORCE", "")
	coloured := render(t, f, func(w io.Writer, m Model) error { return Terminal(w, m, TerminalOptions{Colour: true}) })
	if !strings.ContainsRune(coloured, 0x1b) {
		t.Error("no escape sequence with colour")
	}
}

func TestTerminalStartsAndEndsWithTheVerdict(t *testing.T) {
	for _, f := range fixtures() {
		out := render(t, f, formats["txt"])
		if want := strings.ToUpper(string(f.v.Status)) + "  "; !strings.HasPrefix(out, want) {
			t.Errorf("%s does not start with %q:\n%s", f.name, want, out)
		}
		end := out[strings.LastIndex(strings.TrimSuffix(out, "\n"), "\n\n")+2:]
		if !strings.HasPrefix(end, string(f.v.Status)+": ") || !strings.Contains(end, fmt.Sprint("exit code ", f.v.ExitCode())) {
			t.Errorf("%s ends with %q", f.name, end)
		}
	}
}

// A verdict that nobody filled in must not look like a pass in any format.
func TestZeroVerdictIsShownAsInvalid(t *testing.T) {
	f := fixture{"zero", checkDocument(), verdict.Verdict{}}
	for ext, format := range formats {
		out := render(t, f, format)
		if !strings.Contains(strings.ToLower(out), "invalid") || strings.Contains(out, "pass") || strings.Contains(out, "may merge") {
			t.Errorf("%s:\n%s", ext, out)
		}
	}
}

func TestNumbersThatAreNoneAreAbsent(t *testing.T) {
	m := compare("latency.p50", math.NaN(), math.Inf(1), math.NaN(), math.NaN(), verdict.Open)
	m.Limit = math.Inf(-1)
	f := fixture{"nan", checkDocument(), verdict.Verdict{Status: verdict.Inconclusive, Metrics: []verdict.Metric{m}}}
	f.doc.Plan.RatePerS, f.doc.Provenance.DurationS = math.NaN(), math.Inf(1)
	for ext, format := range formats {
		out := render(t, f, format)
		for _, bad := range []string{"NaN", "Inf"} {
			if strings.Contains(out, bad) {
				t.Errorf("%s shows %s:\n%s", ext, bad, out)
			}
		}
	}
	var doc struct{ Metrics []map[string]any }
	if err := json.Unmarshal([]byte(render(t, f, JSON)), &doc); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"base", "head", "effect", "low", "high", "limit", "mde"} {
		if got, ok := doc.Metrics[0][key]; !ok || got != nil {
			t.Errorf("%s is %v, want null", key, got)
		}
	}
}

func TestWritersErrorIsReturned(t *testing.T) {
	m := New(checkDocument(), passVerdict())
	for ext, format := range formats {
		if err := format(failingWriter{}, m); err == nil {
			t.Errorf("%s: a failed write was not reported", ext)
		}
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
