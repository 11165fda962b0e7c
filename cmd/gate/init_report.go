package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// initReport is what init tells about what it did.
type initReport struct {
	project
	files      []starterFile
	action     string
	pinned     bool // the action is named by what never changes
	repository bool // the directory is the root of a repository
}

// initSteps is what only a person can do, on GitHub. docs/github.md has the same
// with the sources.
const initSteps = `
Then, on GitHub:
  1. Merge these files into the default branch; gate-report.yml works from then on.
  2. Settings → Rules → Rulesets → New ruleset → New branch ruleset: enforcement
     Active, target the default branch, tick "Require status checks to pass", and
     add the check "gate" (it can be found after it has run once).
  3. In the same ruleset tick "Require a pull request before merging" and "Require
     review from Code Owners", and put into CODEOWNERS, with your own team:
       /.github/           @OWNER/TEAM
       /CODEOWNERS         @OWNER/TEAM
       /gate.toml          @OWNER/TEAM
       /gate-waivers.toml  @OWNER/TEAM
  4. Settings → Actions → General → "Approval for running fork pull request
     workflows from contributors": require it for all external contributors.
`

func printInit(w io.Writer, r initReport) error {
	var b strings.Builder
	fmt.Fprintf(&b, "This looks like %s.\n\n", r.describe())
	written := 0
	for _, f := range r.files {
		fmt.Fprintf(&b, "  %-16s  %s\n", f.State, f.Path)
		if f.State == fileWritten {
			written++
		}
	}
	for _, note := range r.notes() {
		fmt.Fprintf(&b, "\nnote: %s\n", note)
	}
	b.WriteString(initSteps)
	next := "gate check --plan"
	if r.Kind == kindGoBenchmarks {
		next = "gate check"
	} else if r.Kind != kindEngram && slices.ContainsFunc(r.files, func(f starterFile) bool { return f.Path == "gate.toml" && f.State == fileWritten }) {
		next = `look at the lines marked CHECK in gate.toml, then run gate check --plan`
	}
	fmt.Fprintf(&b, "\n%d files written; next: %s\n", written, next)
	_, err := io.WriteString(w, b.String())
	return err
}

// notes are what is not as one would expect.
func (r initReport) notes() (notes []string) {
	for _, f := range r.files {
		if f.State == fileLeftAlone {
			notes = append(notes, f.Path+" is not what init would write, and was left alone: move it away and run gate init again to compare")
		}
	}
	if len(r.Others) > 0 {
		notes = append(notes, fmt.Sprintf("there are other programs (%s); if one of them is the server, change build and start", strings.Join(r.Others, ", ")))
	}
	if r.Benchmarks > 0 && r.Kind != kindGoBenchmarks {
		notes = append(notes, "gate.toml is for the server; the Go benchmarks are measured by gate check --bench .")
	}
	if !r.pinned {
		notes = append(notes, "this build knows neither its release nor its commit, so the workflows say "+r.action+": put a full commit id of the action in its place")
	}
	if !r.repository {
		notes = append(notes, "this directory is not the root of a git repository; GitHub looks for workflows there only")
	}
	return notes
}
