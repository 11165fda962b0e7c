package history

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
)

// hostile is a trend whose every name is an attack.
func hostile(t *testing.T) *Trend {
	const attack = `</script><img src=x onerror=alert(1)> @everyone | [x](http://evil) #1 "'`
	runs := daily(noisy(2, 120, 0.01, stepAt(100, 0.10)))
	for i := range runs {
		runs[i].Scenario, runs[i].Class, runs[i].Tool, runs[i].Commit = attack, attack, attack, "<b>"+runs[i].Commit[:8]
		runs[i].Values = map[string]Value{attack: {Value: runs[i].Values["m"].Value, Unit: "<i>", Better: "lower"}}
	}
	runs[50].Release = "<script>"
	runs[100].Tool = "<u>"
	return analyse(t, runs, quarter, Explanation{Schema: Schema, Commit: runs[100].Commit, Reason: attack, By: attack})
}

func ordinary(t *testing.T) *Trend {
	runs := daily(noisy(2, 120, 0.01, stepAt(100, 0.10)))
	runs[50].Release = "v1.4.0"
	spikes := noisy(3, 120, 0.01, flat)
	spikes[90] = 200
	drift := noisy(4, 120, 0.01, func(day int) float64 { return 100 + 0.3*math.Max(0, float64(day-80)) })
	for i := range runs {
		runs[i].Values["spiky"] = Value{Value: spikes[i], Unit: "s", Better: "lower"}
		runs[i].Values["drifting"] = Value{Value: drift[i], Unit: "B", Better: "lower"}
	}
	return analyse(t, runs, quarter)
}

func render(t *testing.T, write func(io.Writer, *Trend) error, trend *Trend) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, trend); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTerminalSaysItInTheLastLine(t *testing.T) {
	out := render(t, Terminal, ordinary(t))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "2 regressions unexplained in 3 series") || !strings.Contains(last, "gate trend explain") {
		t.Errorf("the last line is %q", last)
	}
	if !strings.HasPrefix(lines[0], "state") || !strings.HasPrefix(lines[1], "regression") {
		t.Errorf("the table begins\n%s\n%s", lines[0], lines[1])
	}
	if !strings.Contains(out, "a spike: 200 s") || !strings.Contains(out, "drifts by +") {
		t.Errorf("findings are missing:\n%s", out)
	}
}

func TestMarkdownKeepsNamesHarmless(t *testing.T) {
	out := render(t, Markdown, hostile(t))
	for _, bad := range []string{"<img", "</script", "<b>", " @everyone", "](http", " #1"} {
		if strings.Contains(out, bad) {
			t.Errorf("%q stands in the Markdown", bad)
		}
	}
	if out := render(t, Markdown, ordinary(t)); !strings.HasPrefix(out, "### ❌ Trend: 2 regressions") {
		t.Errorf("begins %q", out[:60])
	}
}

func TestJSONIsWhatWasFound(t *testing.T) {
	trend := ordinary(t)
	var got struct {
		Schema      string
		Regressions int
		Series      []struct {
			Metric, State string
			Changes       []struct {
				Run        int
				Effect     float64
				LastBefore string `json:"last_before"`
				FirstAfter string `json:"first_after"`
			}
			SinceRelease *struct{ With string } `json:"since_release"`
		}
	}
	if err := json.Unmarshal([]byte(render(t, JSON, trend)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != TrendSchema || got.Regressions != 2 || len(got.Series) != 3 {
		t.Fatalf("%+v", got)
	}
	for _, s := range got.Series {
		if s.Metric == "m" && (len(s.Changes) != 1 || s.Changes[0].Run != 100 || s.Changes[0].LastBefore == s.Changes[0].FirstAfter || s.SinceRelease.With != "v1.4.0") {
			t.Errorf("%+v", s)
		}
	}
}

// The page is well-formed, its only script is ours and is the one that its policy
// allows, nothing is loaded, and names are text.
func TestPage(t *testing.T) {
	script := regexp.MustCompile(`(?s)<script>(.*?)</script>`)
	for name, trend := range map[string]*Trend{"ordinary": ordinary(t), "hostile": hostile(t)} {
		out := render(t, HTML, trend)
		found := script.FindAllStringSubmatch(out, -1)
		if len(found) != 1 || found[0][1] != scriptText {
			t.Fatalf("%s: %d scripts, or another than ours", name, len(found))
		}
		hash := sha256.Sum256([]byte(found[0][1]))
		if !strings.Contains(html.UnescapeString(out), "script-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'") {
			t.Errorf("%s: the policy does not allow the script: %s", name, regexp.MustCompile(`<meta http-equiv[^>]*>`).FindString(out))
		}
		markup := script.ReplaceAllString(out, "")
		for _, bad := range []string{"<img", "<b>", "<i>", "<u>", " src=", " href=", "@import", "url("} {
			if strings.Contains(strings.ReplaceAll(markup, "&lt;img src=x", ""), bad) {
				t.Errorf("%s: %q stands in the page", name, bad)
			}
		}
		d := xml.NewDecoder(strings.NewReader(markup))
		d.Strict, d.AutoClose, d.Entity = false, []string{"meta"}, xml.HTMLEntity
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		ids := map[string]bool{}
		for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(markup, -1) {
			if ids[m[1]] {
				t.Errorf("%s: the id %q stands twice", name, m[1])
			}
			ids[m[1]] = true
		}
		if !strings.Contains(markup, `<p class="bar" hidden>`) {
			t.Errorf("%s: without a script the buttons would show and do nothing", name)
		}
		if again := render(t, HTML, trend); again != out {
			t.Errorf("%s: a second rendering gave other bytes", name)
		}
	}
}

// A plot of ten years is not ten years of dots.
func TestPlotOfManyRunsIsSmall(t *testing.T) {
	s := analyse(t, daily(noisy(2, 3650, 0.01, stepAt(3600, 0.10))), quarter).Series[0]
	svg := s.chart("x", 0)
	if len(svg) > 60_000 || strings.Count(svg, "<circle") > dotted {
		t.Errorf("%d bytes, %d dots", len(svg), strings.Count(svg, "<circle"))
	}
}
