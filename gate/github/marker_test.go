package github_test

import (
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/github"
)

func TestMarkersThatAreNone(t *testing.T) {
	good := github.MarkedForTest(comment(12, "x"))
	if tag, run, ok := github.ReadMarkerForTest(good); !ok || tag != "gate" || run != 12 {
		t.Errorf("%q: %s, %d, %v", good, tag, run, ok)
	}
	if _, _, ok := github.ReadMarkerForTest(strings.Replace(good, "-->\n", "-->\r\n", 1)); !ok {
		t.Error("a marker with the line break of a browser is not read")
	}
	for _, bad := range []string{
		"", "x", " " + good, "\n" + good, "> " + good, "`" + good, strings.ToUpper(good),
		strings.Replace(good, "gate:v1", "gate:v2", 1), strings.Replace(good, "run=12.1", "run=99999999999999999999.1", 1),
		strings.Replace(good, "run=12.1", "run=-1.1", 1), strings.Replace(good, "-->", "--> x", 1), strings.Replace(good, "sha=a", "sha=z", 1),
		strings.Replace(good, " digest", " extra=1 digest", 1),
	} {
		if _, _, ok := github.ReadMarkerForTest(bad); ok {
			t.Errorf("%q is read as a marker", bad)
		}
	}
}

func FuzzMarker(f *testing.F) {
	f.Add(github.MarkedForTest(comment(12, "x")))
	f.Add("<!-- gate:v1 key=a sha= run=1.1 digest= -->")
	f.Fuzz(func(t *testing.T, body string) {
		if _, run, ok := github.ReadMarkerForTest(body); ok && (run < 0 || !strings.HasPrefix(body, "<!-- gate:v1 key=")) {
			t.Errorf("%q is read as run %d", body, run)
		}
	})
}
