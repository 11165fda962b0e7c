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
	"math/rand/v2"

	"github.com/fivegate/fivegate/workloads/dataset"
	"github.com/fivegate/fivegate/workloads/scenario"
)

// Driver makes the requests of one scenario. It is immutable, so that goroutines
// may share it.
type Driver struct {
	seed       uint64
	operations []scenario.OperationWeight
	data       *dataset.Generator
	nodes      int
	dimension  int
	spaces     []string
	probes     []int32   // operation of each probe
	wires      [][]byte  // request of each probe
	byOp       [][]int32 // by operation: its probes
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
	d := &Driver{seed: s.Seed, operations: s.Operations, data: g, nodes: s.Data.Nodes, dimension: s.Data.Dimension, spaces: spaceNames(s.Data.Spaces)}
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

// UseProbes makes a probe set of n requests, split by weight over the operations
// that may be repeated without changing anything; none if there is no such
// operation. It may be called again before the first measured round.
func (d *Driver) UseProbes(n int) {
	d.probes, d.wires = nil, nil
	weights := make([]float64, len(d.operations))
	for i, o := range d.operations {
		if encoders[o.Name].idempotent {
			weights[i] = o.Weight
		}
	}
	d.byOp = make([][]int32, len(d.operations))
	for op, count := range apportion(weights, n) {
		for range count {
			probe := uint64(len(d.probes))
			d.byOp[op] = append(d.byOp[op], int32(probe))
			d.probes = append(d.probes, int32(op))
			d.wires = append(d.wires, d.encode(op, probeStream|probe))
		}
	}
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

// Probes is the operation of each probe; its length is the size of the probe set.
func (d *Driver) Probes() []int32 { return d.probes }

// apportion divides n by weights, by the method of largest remainders; of equal
// remainders the earlier comes first. All counts are zero if all weights are.
func apportion(weights []float64, n int) []int {
	var sum float64
	for _, w := range weights {
		sum += w
	}
	counts := make([]int, len(weights))
	if sum <= 0 {
		return counts
	}
	remainders := make([]float64, len(weights))
	left := n
	for i, w := range weights {
		share := float64(n) * w / sum
		counts[i] = int(share)
		remainders[i] = share - float64(counts[i])
		left -= counts[i]
	}
	for ; left > 0; left-- {
		best := -1
		for i, r := range remainders {
			if weights[i] > 0 && (best < 0 || r > remainders[best]+1e-9) {
				best = i
			}
		}
		counts[best]++
		remainders[best]--
	}
	return counts
}

// generator is a random stream of its own for each item of a scenario.
func (d *Driver) generator(item uint64) *rand.Rand { return rand.New(rand.NewPCG(d.seed, item)) }
