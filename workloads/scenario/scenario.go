// Package scenario reads scenario files: TOML that says what load to offer, and
// on what data.
//
// The format is that of Engram's load tool with keys of our own, and read
// strictly: where that tool ignores a key that it does not know, here it is a
// fault with line and column, and so is a value out of its range. All faults of
// a file are reported at once. The smallest file is
//
//	name = "smallest"
//	[arrival]
//	pattern = "constant"
//	rate = 100                     # operations a second
//	[operations]
//	store_weight = 0.5
//	recall_weight = 0.5
//	embedding_search_weight = 0.0
//	[data]
//	num_nodes = 1000
//	embedding_dim = 768
//	memory_spaces = 1
//
// That is for Engram's API. For any HTTP server, requests stand in the place of
// [operations] and [data]:
//
//	name = "smallest"
//	[arrival]
//	pattern = "constant"
//	rate = 100                     # requests a second
//	[[request]]
//	name = "get"
//	path = "/"
//
// docs/scenarios.md describes all keys. The package knows the file and its
// limits; it does not make requests, due times or vectors of them.
package scenario

import (
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// Scenario is a scenario file, checked and with its defaults filled in.
type Scenario struct {
	Name        string
	Description string
	Text        string            // the file as it was read, and the digests of the files that it names as comments
	SHA256      string            // hex, of Text
	Seed        uint64            // of everything drawn at random; at least 1
	Budget      time.Duration     // how long one run of it lasts; whole seconds
	Arrival     Arrival           // when requests are sent
	Operations  []OperationWeight // what is sent; those with a weight above 0, in the order store, recall, embedding_search or that of Requests
	Data        Data              // what is there before the first request; with Engram's operations only
	HTTP        *HTTP             // what the operations are, and what is there before; nil: Engram's
	Probes      int               // size of the probe set; 0 means none
	Limits      result.Limits     // what a run must keep to
}

// The arrival patterns.
const (
	Constant = "constant" // one request every period
	Poisson  = "poisson"  // many independent users
)

// Arrival says when requests are sent.
type Arrival struct {
	Pattern  string  // Constant or Poisson
	RatePerS float64 // mean operations a second, offered to each arm
	Jitter   float64 // largest displacement of a request, in periods, 0 to 0.5; Constant only
	Stagger  bool    // the second arm's requests fall half a mean period after the first's
}

// Engram's operations.
const (
	Store           = "store"
	Recall          = "recall"
	EmbeddingSearch = "embedding_search"
)

// OperationWeight is an operation and its share of the requests.
type OperationWeight struct {
	Name   string
	Weight float64 // above 0; all weights of a scenario sum to 1
}

// The distributions of embeddings.
const (
	Clustered = "clustered" // around Data.Clusters centres
	Uniform   = "uniform"
)

// Data is the dataset that the target is loaded with.
type Data struct {
	Nodes        int // memories, over all spaces
	Dimension    int // numbers in an embedding
	Spaces       int
	Distribution string  // Clustered or Uniform
	Clusters     int     // Clustered only
	StdDev       float64 // around the centre, per dimension; Clustered only
}
