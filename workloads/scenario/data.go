package scenario

import (
	"fmt"

	"github.com/fivegate/fivegate/gate/diag"
)

// readData reads [data]. All three numbers are required, as Engram's tool has
// it: none has a value that would be right for most.
func readData(root *diag.Table) Data {
	root.Require("data", "add a table [data] with num_nodes, embedding_dim and memory_spaces")
	t := root.Table("data")
	number := func(key, example string, most int64) int {
		t.Require(key, fmt.Sprintf("add a line such as %s = %s", key, example))
		return int(t.Int(key, 0, diag.Range[int64]{Min: 1, Max: most}))
	}
	d := Data{
		Nodes:     number("num_nodes", "10_000", 10_000_000),
		Dimension: number("embedding_dim", "768", 65_536),
		Spaces:    number("memory_spaces", "1", 10_000),
	}
	if values := int64(d.Nodes) * int64(d.Dimension); values > maxDataValues {
		t.Fault(t.Position("num_nodes"), "range", "num_nodes × embedding_dim is %d: at most %d is allowed, which is 40 GB", values, int64(maxDataValues))
	}
	readDistribution(t.Table("embedding_distribution"), &d)
	return d
}

// readDistribution reads data.embedding_distribution, an inline table or one
// with a header of its own.
func readDistribution(t *diag.Table, d *Data) {
	d.Distribution, d.Clusters, d.StdDev = Clustered, defaultClusters, defaultStdDev
	t.Require("type", `add type = "clustered" or type = "uniform"`)
	name, ok := t.Text("type")
	if !ok {
		t.Names() // which keys belong here depends on the type
		return
	}
	switch name.Value {
	case Clustered:
		readClusters(t, d)
	case Uniform:
		d.Distribution, d.Clusters, d.StdDev = Uniform, 0, 0
	default:
		t.Fault(name.At(-1), "unsupported", "embedding distribution %q is not supported by this version: %s",
			name.Value, diag.Suggest(name.Value, []string{Clustered, Uniform}))
		t.Names()
	}
}

func readClusters(t *diag.Table, d *Data) {
	t.Require("num_clusters", "add a line such as num_clusters = 200")
	t.Require("std_dev", "add a line such as std_dev = 0.2")
	d.Clusters = int(t.Int("num_clusters", defaultClusters, diag.Range[int64]{Min: 1, Max: 1_000_000}))
	d.StdDev = t.Number("std_dev", defaultStdDev, diag.Range[float64]{Min: 0.001, Max: 10})
	if values := int64(d.Clusters) * int64(d.Dimension); values > maxClusterValues {
		t.Fault(t.Position("num_clusters"), "range", "num_clusters × embedding_dim is %d: at most %d is allowed", values, int64(maxClusterValues))
	}
}
