package github

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/sethvargo/go-githubactions"

	"github.com/fivegate/fivegate/gate/github/page"
)

// Annotate writes annotations as workflow commands. Their texts cannot become
// commands of their own: line breaks and separators are escaped.
func Annotate(w io.Writer, annotations []page.Annotation) {
	action := githubactions.New(githubactions.WithWriter(w))
	for _, a := range annotations {
		fields := map[string]string{"title": a.Title}
		if a.File != "" {
			fields["file"] = a.File
		}
		if a.Line > 0 {
			fields["line"] = strconv.Itoa(a.Line)
		}
		if a.Column > 0 {
			fields["col"] = strconv.Itoa(a.Column)
		}
		say := action.WithFieldsMap(fields)
		switch a.Level {
		case page.Error:
			say.Errorf("%s", a.Message)
		case page.Warning:
			say.Warningf("%s", a.Message)
		case page.Notice:
			say.Noticef("%s", a.Message)
		}
	}
}

// maxSummary is how many bytes the job summary gets: beyond 1 MiB GitHub drops
// the whole of it, and the rest of the step may have written too.
const maxSummary = 900 << 10

// Summarize appends Markdown to the job summary, whose file GITHUB_STEP_SUMMARY
// names.
func Summarize(path, markdown string) error {
	if len(markdown) > maxSummary {
		return fmt.Errorf("the job summary would have %d bytes, more than %d", len(markdown), maxSummary)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write the job summary: %w", err)
	}
	_, err = io.WriteString(f, strings.TrimRight(markdown, "\n")+"\n\n")
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write the job summary: %w", err)
	}
	return nil
}
