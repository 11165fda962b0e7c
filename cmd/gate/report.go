package main

import (
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/fivegate/fivegate/gate/report"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

func newReportCommand() *cobra.Command {
	var format string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "report RESULT.json",
		Short: "Judge a result document again and render it",
		Long: `report reads a result document, computes the verdict from it, and renders it.
The verdict is a pure function of the document: it is byte for byte the one that
the check gave. The exit code is the verdict's.`,
		Example: `  gate report result.json
  gate report --format markdown result.json
  gate report --json result.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := result.ReadFile(args[0])
			if err != nil {
				return err
			}
			v := verdict.Judge(doc)
			if asJSON {
				format = "json"
			}
			if err := render(cmd.OutOrStdout(), format, doc, v); err != nil {
				return err
			}
			return ending(v)
		},
	}
	cmd.Flags().StringVar(&format, "format", "terminal", "terminal, markdown or json")
	cmd.Flags().BoolVar(&asJSON, "json", false, "short for --format json")
	return cmd
}

// render writes a judged document in one of the formats.
func render(w io.Writer, format string, doc *result.Document, v verdict.Verdict) error {
	m := report.New(doc, v)
	switch format {
	case "terminal":
		return report.Terminal(w, m, terminalOptions(w))
	case "markdown":
		return report.Markdown(w, m)
	case "json":
		return report.JSON(w, m)
	}
	return fmt.Errorf("format %q is not known; allowed are terminal, markdown, json", format)
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
