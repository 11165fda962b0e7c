package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/result"
)

// version is set by the release build: -ldflags "-X main.version=v1.2.3".
var version = "dev"

// tool describes this build for the provenance of what it measures.
func tool() result.Tool {
	t := result.Tool{Version: version, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return t
	}
	if version == "dev" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		t.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			t.Commit = s.Value
		}
	}
	return t
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this build",
		Example: "  gate version",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t := tool()
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "gate %s %s %s/%s %s\n", t.Version, t.Go, runtime.GOOS, runtime.GOARCH, t.Commit)
			return err
		},
	}
}
