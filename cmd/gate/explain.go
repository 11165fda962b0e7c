package main

import (
	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/report"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

func newExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain RESULT.json",
		Short: "Say in plain words what a result means",
		Long: `explain reads a result document and says in plain words what was measured, why
the verdict is what it is, what would change it, where the noise came from, and
what to do. The exit code is the verdict's.`,
		Example: `  gate explain result.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := result.ReadFile(args[0])
			if err != nil {
				return err
			}
			v := verdict.Judge(doc)
			w := cmd.OutOrStdout()
			if err := report.Explain(w, doc, v, terminalOptions(w)); err != nil {
				return err
			}
			return ending(v)
		},
	}
}
