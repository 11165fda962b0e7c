package github_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/github"
	"github.com/fivegate/fivegate/gate/github/page"
)

func TestAnnotate(t *testing.T) {
	var b bytes.Buffer
	github.Annotate(&b, []page.Annotation{
		{Level: page.Error, File: "gate.toml", Line: 3, Column: 8, Title: "gate: range", Message: "100% is\n::error::too much"},
		{Level: page.Warning, Title: "a:b,c\n::warning::x", Message: "m"},
		{Level: page.Notice, File: "a,b:c", Title: "t", Message: "::set-output name=x::y"},
	})
	want := "::error col=8,file=gate.toml,line=3,title=gate%3A range::100%25 is%0A::error::too much\n" +
		"::warning title=a%3Ab%2Cc%0A%3A%3Awarning%3A%3Ax::m\n" +
		"::notice file=a%2Cb%3Ac,title=t::::set-output name=x::y\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSummarize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary")
	if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := github.Summarize(path, "### red\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "before\n### red\n\n" {
		t.Errorf("%q", got)
	}
	if err := github.Summarize(path, strings.Repeat("x", 1<<20)); err == nil {
		t.Error("a summary that GitHub would drop is written")
	}
	if err := github.Summarize(filepath.Join(path, "no", "such"), "x"); err == nil {
		t.Error("no error for a file that cannot be")
	}
}
