// Package engram drives a target that speaks Engram's HTTP API: Engram itself, or
// the reference store.
//
// It makes complete requests, encoded before a slice begins and the same bytes
// for both arms; it does not send them in a measurement (that is package load's
// part), only when it loads the dataset. The operations are
//
//	store             POST /api/v1/memories/remember  a new memory with its embedding
//	recall            GET  /api/v1/memories/recall    four words that occur in a loaded memory
//	embedding_search  GET  /api/v1/memories/recall    an embedding of the loaded distribution
//
// Every request names its memory space in X-Memory-Space: "default" if the
// scenario has one space, else space_0, space_1 and so on; item i of the dataset
// is in space i modulo their number.
//
// Example:
//
//	d, err := engram.New(s)
//	err = d.Load(ctx, addr, nil)         // the dataset, once per data directory
//	requests := d.Round(0, 1000)         // the same for every arm
package engram

import (
	"errors"
	"fmt"

	"github.com/fivegate/fivegate/workloads/dataset"
	"github.com/fivegate/fivegate/workloads/mix"
	"github.com/fivegate/fivegate/workloads/scenario"
)

// Driver makes the requests of one scenario. After UseProbes it does not change, so
// that goroutines may share it.
type Driver struct {
	*mix.Mix   // the rounds and the probe set
	operations []scenario.OperationWeight
	data       *dataset.Generator
	nodes      int
	dimension  int
	spaces     []string
}

// New prepares the driver and encodes the probe set.
func New(s *scenario.Scenario) (*Driver, error) {
	if len(s.Operations) == 0 {
		return nil, errors.New("engram driver: the scenario has no operation")
	}
	if s.Data.Spaces < 1 || s.Data.Nodes < 1 || s.Probes < 0 {
		return nil, fmt.Errorf("engram driver: %d spaces, %d nodes and %d probes: want at least 1, 1 and 0", s.Data.Spaces, s.Data.Nodes, s.Probes)
	}
	for _, o := range s.Operations {
		if _, known := encoders[o.Name]; !known {
			return nil, fmt.Errorf("engram driver: unknown operation %q: use %s, %s or %s", o.Name, scenario.Store, scenario.Recall, scenario.EmbeddingSearch)
		}
	}
	g, err := dataset.New(dataset.Config{
		Seed: s.Seed, Dimension: s.Data.Dimension, Distribution: s.Data.Distribution,
		Clusters: s.Data.Clusters, StdDev: s.Data.StdDev,
	})
	if err != nil {
		return nil, fmt.Errorf("engram driver: %w", err)
	}
	d := &Driver{operations: s.Operations, data: g, nodes: s.Data.Nodes, dimension: s.Data.Dimension, spaces: spaceNames(s.Data.Spaces)}
	operations := make([]mix.Operation, len(s.Operations))
	for i, o := range s.Operations {
		operations[i] = mix.Operation{Weight: o.Weight, Repeatable: encoders[o.Name].idempotent}
	}
	d.Mix = mix.New(s.Seed, operations, d.encode)
	d.UseProbes(s.Probes)
	return d, nil
}

// spaceNames are the names that Engram's own load tool uses.
func spaceNames(n int) []string {
	if n == 1 {
		return []string{"default"}
	}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("space_%d", i)
	}
	return names
}

// Operations are the names of the operations, in the order of the scenario;
// Request.Operation is an index into them.
func (d *Driver) Operations() []string {
	names := make([]string, len(d.operations))
	for i, o := range d.operations {
		names[i] = o.Name
	}
	return names
}
