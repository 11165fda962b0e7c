package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/workloads/refstore"
)

// newRefstoreCommand runs the embedded reference store as a server.
func newRefstoreCommand() *cobra.Command {
	var port uint16
	var data string
	var faults []string
	c := &cobra.Command{
		Use:   "refstore",
		Short: "the embedded store as a server, on 127.0.0.1",
		Long: `Run the embedded reference store: a small store that speaks Engram's HTTP API.
It answers on 127.0.0.1 only, until SIGINT, SIGTERM or POST /shutdown.

Faults that it can be told to have, several at once:
` + refstore.FaultHelp(),
		Example: `  gate refstore --port 7432 --data /tmp/refstore
  gate refstore --fault slowdown=8% --fault stall=100ms/5s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serveRefstore(cmd, port, data, faults)
		},
	}
	c.Flags().Uint16Var(&port, "port", 7432, "TCP port; 0 lets the system choose")
	c.Flags().StringVar(&data, "data", "", "data directory; without one nothing is kept")
	c.Flags().StringArrayVar(&faults, "fault", nil, "a fault to have, see above; may be repeated")
	return c
}

// serveRefstore opens the store and serves it until the command's context ends.
func serveRefstore(cmd *cobra.Command, port uint16, data string, texts []string) error {
	faults := make([]refstore.Fault, len(texts))
	for i, text := range texts {
		var err error
		if faults[i], err = refstore.ParseFault(text); err != nil {
			return err
		}
	}
	store, err := refstore.Open(data, faults)
	if err != nil {
		return err
	}
	if n := store.TornBytes(); n > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "refstore: cut %d bytes of a half-written record off the log\n", n)
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		return fmt.Errorf("refstore: %w", errors.Join(err, store.Close()))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "HTTP API: http://%s\n", l.Addr())
	return store.Serve(cmd.Context(), l)
}
