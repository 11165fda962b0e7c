package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/result"
)

func newMergeCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "merge RESULT.json...",
		Short: "Join the result documents of one measurement's shards",
		Long: `merge joins documents that several machines of one runner class wrote for the
same scenario and the same arms. Nothing is lost: counts add up, histograms and
probes are kept, and the order of the files changes nothing.`,
		Example: "  gate merge --out all.json shard1/result.json shard2/result.json",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			docs := make([]*result.Document, len(args))
			for i, path := range args {
				var err error
				if docs[i], err = result.ReadFile(path); err != nil {
					return err
				}
			}
			merged, err := result.Merge(docs...)
			if err != nil {
				return fmt.Errorf("merge: %w", err)
			}
			return merged.WriteFile(out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "merged.json", "file to write")
	return cmd
}
