package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/fivegate/fivegate/gate/report"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

type reportFlags struct {
	format string
	output string
	out    string
	json   bool
}

func newReportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report RESULT.json",
		Short: "Judge a result document again and render it",
		Long: `report reads a result document, computes the verdict from it, and renders it.
The verdict is a pure function of the document: it is byte for byte the one that
the check gave. The exit code is the verdict's.

One format goes to standard output or, with --output, to a file. With --out,
every format is also written into a directory, under the names that CI servers
look for: ` + strings.Join(reportFiles(), ", ") + `.`,
		Example: `  gate report result.json
  gate report --format markdown result.json
  gate report --format junit --output junit.xml result.json
  gate report --out reports result.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.report(cmd.OutOrStdout(), args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "terminal", strings.Join(formatNames(), ", "))
	fl.StringVarP(&f.output, "output", "o", "", "file to write the report to (default: standard output)")
	fl.StringVar(&f.out, "out", "", "directory to write the report to in every format as well")
	fl.BoolVar(&f.json, "json", false, "short for --format json")
	cmd.MarkFlagsMutuallyExclusive("json", "format")
	return cmd
}

func (f reportFlags) report(w io.Writer, path string) error {
	if f.json {
		f.format = "json"
	}
	// Before the document is read, which may take a while.
	if !slices.Contains(formatNames(), f.format) {
		return unknownFormat(f.format)
	}
	doc, err := result.ReadFile(path)
	if err != nil {
		return err
	}
	j := judge(doc)
	if f.out != "" {
		if err := j.writeReports(f.out); err != nil {
			return err
		}
	}
	write := func(w io.Writer) error { return j.render(w, f.format) }
	if f.output != "" {
		err = result.Replace(f.output, write)
	} else {
		err = write(w)
	}
	if err != nil {
		return err
	}
	return ending(j.verdict)
}

// formats are the ways to lay out a verdict, and the names of their files in a
// directory of reports; what is for a terminal has none.
var formats = []struct{ name, file string }{
	{"terminal", ""},
	{"html", "report.html"},
	{"markdown", "report.md"},
	{"json", "verdict.json"},
	{"junit", "junit.xml"},
	{"sarif", "report.sarif"},
	{"openmetrics", "metrics.txt"},
}

func formatNames() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

func reportFiles() (files []string) {
	for _, f := range formats {
		if f.file != "" {
			files = append(files, f.file)
		}
	}
	return files
}

// judged is a document with its verdict, and both as the formats show them.
type judged struct {
	doc     *result.Document
	verdict verdict.Verdict
	model   report.Model
}

func judge(doc *result.Document) judged {
	v := verdict.Judge(doc)
	return judged{doc: doc, verdict: v, model: report.New(doc, v)}
}

// writeReports writes every format into a directory, which is made if need be.
func (j judged) writeReports(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, f := range formats {
		if f.file == "" {
			continue
		}
		write := func(w io.Writer) error { return j.render(w, f.name) }
		if err := result.Replace(filepath.Join(dir, f.file), write); err != nil {
			return err
		}
	}
	return nil
}

// render writes one of the formats.
func (j judged) render(w io.Writer, format string) error {
	switch format {
	case "terminal":
		return report.Terminal(w, j.model, terminalOptions(w))
	case "html":
		return report.HTML(w, j.model, report.Illustrate(j.doc, j.verdict))
	case "markdown":
		return report.Markdown(w, j.model)
	case "json":
		return report.JSON(w, j.model)
	case "junit":
		return report.JUnit(w, j.model)
	case "sarif":
		return report.SARIF(w, j.model)
	case "openmetrics":
		return report.OpenMetrics(w, j.model)
	}
	return unknownFormat(format)
}

func unknownFormat(name string) error {
	return fmt.Errorf("format %q is not known; allowed are %s", name, strings.Join(formatNames(), ", "))
}

// terminalOptions are colour and width of where the report goes: colour only on
// a terminal, and never with NO_COLOR (no-color.org).
func terminalOptions(w io.Writer) report.TerminalOptions {
	opts := report.TerminalOptions{Width: 100}
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return opts
	}
	opts.Colour = os.Getenv("NO_COLOR") == ""
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		opts.Width = min(width, 120)
	}
	return opts
}

// ending turns a verdict into the program's ending.
func ending(v verdict.Verdict) error {
	if code := v.ExitCode(); code != verdict.ExitPass {
		return &verdictError{code: code}
	}
	return nil
}
