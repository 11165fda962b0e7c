package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/runner"
)

func newDoctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine can measure, and what makes it noisy",
		Long: `doctor says which runner class this machine is, which tier, and what about it
adds noise to measurements, with the command that mends each.`,
		Example: "  gate doctor\n  gate doctor --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			machine, err := detectMachine()
			if err != nil {
				return err
			}
			return printDoctor(cmd.OutOrStdout(), machine, machine.Doctor(os.DirFS("/")), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return cmd
}

func detectMachine() (runner.Machine, error) { return runner.Detect(os.DirFS("/"), os.Getenv) }

func printDoctor(w io.Writer, m runner.Machine, findings []runner.Finding, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{
			"class": m.Class(), "tier": m.Tier(), "fingerprint": m.Fingerprint(), "findings": findings,
		})
	}
	fmt.Fprintf(w, "runner class  %s\ntier          %d\n\n", m.Class(), m.Tier())
	noisy := 0
	for _, f := range findings {
		fmt.Fprintf(w, "%-8s %-16s %s\n", f.State, f.Name, f.Detail)
		if f.Fix != "" {
			fmt.Fprintf(w, "%25s mend: %s\n", "", f.Fix)
		}
		if f.State == runner.Noisy {
			noisy++
		}
	}
	_, err := fmt.Fprintf(w, "\n%d of %d findings add noise; gate calibrates to what is left and says what it could have seen\n", noisy, len(findings))
	return err
}
