package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// The explanation of each verdict says what was asked of it, and ends with the
// verdict's code.
func TestExplainOfEachVerdict(t *testing.T) {
	for _, d := range verdictDocuments {
		var out, errs bytes.Buffer
		code := run([]string{"explain", filepath.Join("testdata", "report", d.name+".json")}, strings.NewReader(""), &out, &errs)
		if code != d.exit || errs.Len() > 0 {
			t.Errorf("%s: exit code %d, want %d: %s", d.name, code, d.exit, errs.String())
		}
		for _, part := range []string{"What was measured", "Why the verdict is " + d.name, "What would change it", "Where the noise came from", "What to do"} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%s: the explanation lacks %q:\n%s", d.name, part, out.String())
			}
		}
	}
}
