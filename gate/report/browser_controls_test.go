package report

import (
	"slices"
	"strings"
	"testing"
)

// controlHTML is a page with nothing wrong. The controls put something into it
// or replace something of it.
const controlHTML = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A page with nothing wrong</title>
<style>
:root { color-scheme: light dark }
body { margin: 1rem; background: Canvas; color: CanvasText }
svg { max-width: 100%; display: block }
text { fill: currentColor; font: 14px sans-serif }
.tip { display: none }
.point:hover .tip, .point:focus .tip { display: block }
</style>
<!-- head -->
<main>
<h1>Verdict: pass</h1>
<figure>
<svg class="chart" width="300" height="120" role="img" aria-label="Effect by block">
<g class="axis">
<text text-anchor="end" x="60" y="20">first</text>
<text text-anchor="end" x="60" y="60">second</text>
</g>
<circle cx="100" cy="50" r="8" fill="currentColor"><title>block 1: +1.5%</title></circle>
<!-- svg -->
</svg>
<table><tr><th scope="col">block</th><th scope="col">effect</th></tr><tr><td>1</td><td>+1.5%</td></tr></table>
</figure>
<p><button class="point" type="button">more<span class="tip">the values</span></button></p>
<details><summary>Raw values</summary><p>none</p></details>
<!-- main -->
</main>
</html>
`

// control is a page that breaks the named rules, which are sorted.
type control struct {
	name   string
	rules  []string
	place  string // what is replaced
	by     string
	visits []browserVisit // nil is a phone, in light
}

var desk = []browserVisit{{1400, "light", true}}

var controls = []control{
	{"good", nil, "", "", slices.Concat(everyVisit, desk)},
	{"console error", []string{"console"}, "<!-- main -->", `<script>console.error("broken")</script>`, nil},
	{"console warning", []string{"console"}, "<!-- main -->", `<script>console.warn("broken")</script>`, nil},
	{"exception", []string{"page-error"}, "<!-- main -->", `<script>setTimeout(() => { throw new Error("broken") })</script>`, nil},
	{"dialog", []string{"page-error"}, "<!-- main -->", `<script>alert(1)</script>`, nil},
	{"picture from elsewhere", []string{"console", "network"}, "<!-- main -->", `<img alt="" src="http://127.0.0.1:9/x.png">`, nil},
	{"style from elsewhere", []string{"console", "network"}, "<!-- head -->", `<link rel="stylesheet" href="other.css">`, nil},
	{"wide", []string{"overflow", "viewport"}, "<!-- main -->", `<div style="width: 900px">wide</div>`, nil},
	{"wide when unfolded", []string{"overflow", "viewport"}, "<p>none</p>", `<div style="width: 900px">wide</div>`, nil},
	{"no viewport", []string{"viewport"}, `<meta name="viewport" content="width=device-width, initial-scale=1">`, "", nil},
	{"verdict not in a heading", []string{"heading"}, "<h1>Verdict: pass</h1>", "<h1>Report</h1><p>Verdict: pass</p>", nil},
	{"verdict in a hidden heading", []string{"heading"}, "<h1>Verdict: pass</h1>", `<h1>Report</h1><h2 hidden>Verdict: pass</h2>`, nil},
	{"another verdict", []string{"heading"}, "<h1>Verdict: pass</h1>", "<h1>Verdict: bypassed</h1>", nil},
	{"drawing without a name", []string{"svg-name"}, ` role="img" aria-label="Effect by block"`, "", nil},
	{"hidden drawing with text", []string{"svg-name"}, ` role="img" aria-label="Effect by block"`, ` aria-hidden="true"`, nil},
	{"faint text", []string{"axe"}, "<!-- main -->", `<p style="color: #ccc; background: #fff">faint</p>`, nil},
	{"faint text in the dark", []string{"axe"}, "<!-- main -->", `<p style="color: #333">faint</p>`, []browserVisit{{400, "dark", false}}},
	{"picture without a name", []string{"axe"}, "<!-- main -->", `<img src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==">`, nil},
	{"faint label", []string{"contrast"}, "<!-- svg -->", `<text x="10" y="100" style="fill: #ccc">third</text>`, nil},
	{"labels on one another", []string{"overlap"}, "<!-- svg -->", `<text x="30" y="22">third</text>`, nil},
	{"label outside", []string{"cut"}, "<!-- svg -->", `<text x="280" y="100">outside</text>`, nil},
	{"label too small", []string{"small"}, `width="300" height="120"`, `width="120" viewBox="0 0 300 120"`, nil},
	{"axis with one label", []string{"axes"}, `<text text-anchor="end" x="60" y="60">second</text>`, "", nil},
	{"text cut", []string{"cut"}, "<!-- main -->", `<p style="width: 5em; overflow: hidden; white-space: nowrap">a text that is far too long</p>`, nil},
	{"value in a tooltip alone", []string{"hover"}, "block 1: +1.5%", "block 1: +2.5%", nil},
	{"words in a tooltip alone", []string{"hover"}, "<h1>", `<h1 title="nowhere else">`, nil},
	{"rule for the mouse alone", []string{"hover"}, ".point:hover .tip, .point:focus .tip", ".point:hover .tip", nil},
	{"script for the mouse alone", []string{"hover"}, "<!-- main -->", `<script>document.querySelector("circle").addEventListener("pointerenter", () => {})</script>`, nil},
	{"focus that nobody sees", []string{"focus"}, "<!-- head -->", `<style>button:focus { outline: none }</style>`, desk},
	{"wide on paper", []string{"print"}, "<!-- main -->", `<div role="region" aria-label="wide" tabindex="0" style="overflow-x: auto"><div style="width: 900px">wide</div></div>`, desk},
	{"high on paper", []string{"print"}, "<!-- main -->", `<div role="region" aria-label="high" tabindex="0" style="overflow-y: auto; max-height: 50px"><div style="height: 200px">high</div></div>`, desk},
	{"no heading on paper", []string{"print"}, "<!-- head -->", `<style>@media print { h1 { display: none } }</style>`, desk},
}

func controlPages(t *testing.T, dir string) (pages []browserPage) {
	t.Helper()
	for _, c := range controls {
		if !strings.Contains(controlHTML, c.place) {
			t.Fatalf("%s: the page holds no %q", c.name, c.place)
		}
		html := controlHTML
		if c.place != "" {
			html = strings.Replace(controlHTML, c.place, c.by, 1)
		}
		if c.visits == nil {
			c.visits = []browserVisit{{400, "light", false}}
		}
		name := "control-" + strings.ReplaceAll(c.name, " ", "-")
		pages = append(pages, browserPage{
			Name: name, URL: writePage(t, dir, name, html), Verdict: "pass", Visits: c.visits, broken: c.rules,
		})
	}
	return pages
}
