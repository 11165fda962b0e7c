package actiontest

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// block is a piece of YAML in a document. file is what stands in the comment
// before it, as in <!-- file: action.yml -->: the file that the block repeats.
type block struct {
	file, text string
}

var fence = regexp.MustCompile("(?m)^(?:<!-- file: (\\S+) -->\n+)?```ya?ml\n((?s:.*?))^```$")

func blocks(markdown string) (found []block) {
	for _, m := range fence.FindAllStringSubmatch(markdown, -1) {
		found = append(found, block{file: m[1], text: m[2]})
	}
	return found
}

// workflow is the block as a whole workflow, so that the same policies apply; a
// list of steps is put into a job. It is empty for other YAML.
func (b block) workflow() string {
	switch {
	case strings.Contains(b.text, "\njobs:"), strings.Contains(b.text, "\nruns:"):
		return b.text
	case strings.Contains(b.text, "- uses:"), strings.Contains(b.text, "- name:"):
		return "name: steps\non: push\npermissions: {}\nconcurrency: x\njobs:\n  job:\n    runs-on: ubuntu-24.04\n" +
			"    timeout-minutes: 5\n    permissions: {}\n    steps:\n" + indent(b.text)
	}
	return ""
}

func indent(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) != "" {
			lines[i] = "      " + line
		}
	}
	return strings.Join(lines, "")
}

// What docs/github.md has to copy is what this repository uses and gate init writes.
func TestDocumentedWorkflowsAreTheFiles(t *testing.T) {
	named := map[string]bool{}
	for _, b := range blocks(read(t, "docs/github.md")) {
		if b.file == "" {
			continue
		}
		named[b.file] = true
		if diff := cmp.Diff(read(t, b.file), b.text); diff != "" {
			t.Errorf("docs/github.md does not repeat %s (-file +document):\n%s", b.file, diff)
		}
	}
	for _, file := range append(glob(t, "cmd/gate/starter/*.yml"), ".github/workflows/gate-suite.yml") {
		if !named[file] {
			t.Errorf("docs/github.md does not show %s", file)
		}
	}
}

// dogfood is how this repository calls its own action where others name a commit:
// gate-pr.yml measures the action of the change itself; gate-report.yml has nothing
// checked out, and takes the action of the default branch.
var dogfood = map[string]string{
	"gate-pr.yml":     "./ # zizmor: ignore[self-repository] the change under test is the action too, and act and actionlint know only this form",
	"gate-report.yml": "$/ # the action of the default branch, without a checkout",
}

// This repository uses the workflows that it hands out.
func TestStarterWorkflowsAreOurs(t *testing.T) {
	for name, uses := range dogfood {
		want := strings.ReplaceAll(read(t, "cmd/gate/starter/"+name), "uses: "+own, "uses: "+uses)
		if diff := cmp.Diff(want, read(t, ".github/workflows/"+name)); diff != "" {
			t.Errorf(".github/workflows/%s is not cmd/gate/starter/%s with our own action (-want +got):\n%s", name, name, diff)
		}
	}
}

// The tables of docs/github.md list each input and output, and no others.
func TestInputsAndOutputsAreDocumented(t *testing.T) {
	d, err := parse("action.yml", read(t, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, "docs/github.md")
	for heading, names := range map[string][]string{
		"## Inputs":  slices.Sorted(maps.Keys(d.action.Inputs)),
		"## Outputs": slices.Sorted(maps.Keys(d.action.Outputs)),
	} {
		_, section, ok := strings.Cut(text, "\n"+heading+"\n")
		if !ok {
			t.Errorf("docs/github.md has no section %q", heading)
			continue
		}
		section, _, _ = strings.Cut(section, "\n## ")
		var listed []string
		for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(section, -1) {
			listed = append(listed, m[1])
		}
		slices.Sort(listed)
		if diff := cmp.Diff(names, listed); diff != "" {
			t.Errorf("%s of docs/github.md (-action.yml +document):\n%s", heading, diff)
		}
	}
}
