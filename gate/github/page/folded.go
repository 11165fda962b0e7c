package page

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/report"
	"github.com/fivegate/fivegate/gate/result"
)

// folded are the parts that a reader opens, the most wanted first: how to
// reproduce it, what to do if it is wrong, and each leg in full.
func folded(c legs.Combined, x Context, size int) []string {
	var parts []string
	if len(c.Legs) > 0 {
		parts = append(parts, fold("Reproduce it locally", reproduce(&c.Legs[0], x)))
	}
	parts = append(parts, fold("If this is wrong", wrongOf(c)))
	for i := range c.Legs {
		l := &c.Legs[i]
		title := fmt.Sprintf("All metrics, noise, smallest change seen (MDE) and runner: %s, %s", text(plain(l.Class(), maxName)), text(plain(under(l), maxName)))
		parts = append(parts, fold(title, detail(l, size/(2*len(c.Legs)))))
	}
	return parts
}

func fold(title, body string) string {
	return "<details><summary>" + title + "</summary>\n\n" + strings.TrimRight(body, "\n") + "\n\n</details>\n\n"
}

// detail is the leg's own report, below its headline. Of benchmarks it is no longer
// than size, since it could fill a page by itself.
func detail(l *legs.Leg, size int) string {
	var b strings.Builder
	m := report.New(l.Document, l.Verdict)
	// A strings.Builder gives no error.
	if isSuite(l) {
		_ = report.MarkdownWithin(&b, m, size)
	} else {
		_ = report.Markdown(&b, m)
	}
	_, body, _ := strings.Cut(b.String(), "\n\n")
	return body
}

// wrong is what to do about a verdict that one does not believe.
const wrong = `- Run the job again: base and head are measured afresh, and a false alarm rarely comes twice.
- Look at the interval, not only at the change, and at the notes: they say when the machine was noisy or the load engine was the limit.
- A slow-down that is worth it is accepted by a waiver in ` + "`gate-waivers.toml`" + `: metric, ceiling, reason, owner and last day.
- If the check itself is at fault, attach the result document to an issue: whoever has it can judge it again, with ` + "`gate report result.json`" + `.
`

// shellWord is what may stand in a command that people copy: nothing that a shell
// would read as anything but a word, and no flag.
var shellWord = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/-]{0,99}$`)

// reproduce is one command. What came from the document and could be more than a
// word to a shell is left out, and said to be.
func reproduce(l *legs.Leg, x Context) string {
	doc := l.Document
	command := []string{"gate", "check"}
	for _, arm := range doc.Arms {
		if shellWord.MatchString(arm.Name) && shellWord.MatchString(arm.Commit) && (arm.Name == "base" || arm.Name == "head") {
			command = append(command, "--"+arm.Name, arm.Commit)
		}
	}
	note := ""
	switch name := doc.Provenance.Scenario.Name; {
	case shellWord.MatchString(name):
		command = append(command, "--scenario", name)
	case name != "":
		note = "\nThe scenario's name is left out, since it could be more than a word to a shell.\n"
	}
	if isSuite(l) {
		flags, leftOut := report.Chosen(doc)
		command = append(command, flags...)
		if len(leftOut) > 0 {
			note = fmt.Sprintf("\nLeft out, since they could be more than a choice of benchmarks: %s.\n", text(strings.Join(leftOut, ", ")))
		}
	}
	command = append(command, "--seed", fmt.Sprint(doc.Provenance.Seed))
	if doc.Kind == result.KindRun {
		command = []string{"gate", "run"}
	}
	line := strings.Join(command, " ")
	if x.Pull > 0 {
		line = fmt.Sprintf("git fetch origin pull/%d/merge && %s", x.Pull, line)
	}
	return "```sh\n" + line + "\n```\n" + note
}
