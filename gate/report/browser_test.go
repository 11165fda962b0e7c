package report

import (
	"bytes"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/verdict"
)

// maxHTML is the most that the report of a five-minute check may take, in bytes.
const maxHTML = 1_000_000

// browserPage is a page that Chromium opens. Its JSON form is part of the job
// that testdata/browser/check.mjs reads.
type browserPage struct {
	Name    string         `json:"name"`
	URL     string         `json:"url"`
	Verdict string         `json:"verdict"` // what a heading must say
	Keep    bool           `json:"keep"`    // pictures of it
	Visits  []browserVisit `json:"visits"`

	broken []string // the rules that the page breaks on purpose
}

// browserVisit is one look at a page.
type browserVisit struct {
	Width  int    `json:"width"`  // of the window, in CSS pixels
	Scheme string `json:"scheme"` // light or dark, as prefers-color-scheme has it
	Full   bool   `json:"full"`   // also by keyboard, without colours and on paper
}

var (
	everyVisit = []browserVisit{{400, "light", false}, {400, "dark", false}, {1400, "light", true}, {1400, "dark", false}}
	twoVisits  = []browserVisit{{400, "dark", false}, {1400, "light", true}}
)

// browserFinding is what is wrong with a page, or a note on it.
type browserFinding struct{ Page, Visit, Rule, Detail string }

// Chromium opens the report of each verdict, and of documents that are harder to
// show, on a phone and on a desk, in light and in dark. testdata/browser says
// what is checked there. In the same browser stand pages that break one rule
// each, since a check that finds nothing anywhere would prove nothing.
func TestHTMLInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a browser; run without -short")
	}
	tools := findBrowserTools(t)
	dir := t.TempDir()
	pages := slices.Concat(judgedPages(t, dir), difficultPages(t, dir), controlPages(t, dir))
	findings := tools.open(t, pages)
	for _, page := range pages {
		t.Run(page.Name, func(t *testing.T) { checkPage(t, page, findings) })
	}
}

func checkPage(t *testing.T, page browserPage, findings []browserFinding) {
	broken := map[string]bool{}
	for _, f := range findings {
		if f.Page != page.Name {
			continue
		}
		broken[f.Rule] = true
		if page.Keep {
			t.Errorf("%s: %s: %s", f.Visit, f.Rule, f.Detail)
		}
	}
	if got := slices.Sorted(maps.Keys(broken)); !page.Keep && !slices.Equal(got, page.broken) {
		t.Errorf("breaks %q, found was %q: %v", page.broken, got, findingsOf(page, findings))
	}
}

func findingsOf(page browserPage, findings []browserFinding) (of []browserFinding) {
	for _, f := range findings {
		if f.Page == page.Name {
			of = append(of, f)
		}
	}
	return of
}

// judgedPages are the reports of the committed documents, of which there is one
// for each verdict at least.
func judgedPages(t *testing.T, dir string) (pages []browserPage) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "cmd", "gate", "testdata", "report", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[verdict.Status]bool{}
	for _, path := range paths {
		if strings.HasSuffix(path, ".verdict.json") {
			continue
		}
		doc, err := result.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v := verdict.Judge(doc)
		seen[v.Status] = true
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		pages = append(pages, reportPage(t, dir, fixture{name, doc, v}, everyVisit))
	}
	for _, status := range []verdict.Status{verdict.Pass, verdict.Improvement, verdict.Regression, verdict.Inconclusive, verdict.Invalid} {
		if !seen[status] {
			t.Errorf("no document of the verdict %s in %s", status, filepath.Dir(paths[0]))
		}
	}
	return pages
}

// difficultPages are reports of a check as long as checks get, of runs, of a
// check that measured nothing, of benchmarks, and of a document whose
// every text attacks.
func difficultPages(t *testing.T, dir string) (pages []browserPage) {
	t.Helper()
	long := resulttest.Check(resulttest.Options{
		Seed: 11, Layouts: 8, CommonSD: 0.05, RoundSD: 0.01, LaunchSD: 0.01, LayoutSD: 0.005,
		Effects: map[string]float64{"cpu_per_op": 0.08, "latency.p99": 0.1},
	})
	difficult := []fixture{{"five-minutes", long, verdict.Judge(long)}, hostile(), large(24, longName)}
	for _, f := range fixtures() {
		if f.name == "run" || f.name == "run-unjudged" || f.name == "identical" {
			difficult = append(difficult, f)
		}
	}
	for _, f := range difficult {
		pages = append(pages, reportPage(t, dir, f, twoVisits))
	}
	return pages
}

func reportPage(t *testing.T, dir string, f fixture, visits []browserVisit) browserPage {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, New(f.doc, f.v), Illustrate(f.doc, f.v)); err != nil {
		t.Fatal(err)
	}
	if b.Len() > maxHTML {
		t.Errorf("%s: the report has %d bytes, and %d are allowed", f.name, b.Len(), maxHTML)
	}
	return browserPage{
		Name: f.name, URL: writePage(t, dir, f.name, b.String()), Verdict: string(f.v.Status.Known()), Keep: true, Visits: visits,
	}
}

// writePage writes a page and returns its address.
func writePage(t *testing.T, dir, name, html string) string {
	t.Helper()
	path := filepath.Join(dir, name+".html")
	if err := os.WriteFile(path, []byte(html), 0o600); err != nil {
		t.Fatal(err)
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}
