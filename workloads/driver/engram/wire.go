package engram

import (
	"bytes"
	"strconv"

	"github.com/fivegate/fivegate/workloads/dataset"
	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/mix"
	"github.com/fivegate/fivegate/workloads/scenario"
)

const (
	// cueWords is the length of a text cue: four words of a Zipf vocabulary of 4,096
	// are nearly always in one memory only.
	cueWords = 4
	// threshold is the least score that a recall asks for. Memories of a cue's own
	// cluster are far above it, others far below.
	threshold = "0.2"
	// minConfidence keeps memories above 0.7, below which Engram recalls a memory for
	// any cue.
	minConfidence = 0.75

	hostHeader = " HTTP/1.1\r\nHost: target\r\nX-Memory-Space: "
	recallPath = "GET /api/v1/memories/recall?max_results=10&threshold=" + threshold
)

// encoder makes the request of an operation for an item.
type encoder struct {
	idempotent bool
	wire       func(d *Driver, item uint64) []byte
}

// encoders is every operation there is.
var encoders = map[string]encoder{
	scenario.Store:           {false, (*Driver).store},
	scenario.Recall:          {true, (*Driver).recall},
	scenario.EmbeddingSearch: {true, (*Driver).embeddingSearch},
}

// encode makes the request of an operation for an item. Ids and embeddings of
// stores occur in no other item.
func (d *Driver) encode(op int, item mix.Item) load.Request {
	return load.Request{Wire: encoders[d.operations[op].Name].wire(d, uint64(item))}
}

// spaceOf is the memory space that an item belongs to.
func (d *Driver) spaceOf(item uint64) string { return d.spaces[item%uint64(len(d.spaces))] }

// store is a request that stores an item.
func (d *Driver) store(item uint64) []byte {
	body := d.memory(nil, item)
	b := make([]byte, 0, len(body)+256)
	b = append(b, "POST /api/v1/memories/remember"+hostHeader...)
	b = append(b, d.spaceOf(item)...)
	b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\n\r\n"...)
	return append(b, body...)
}

// memory appends an item as the JSON of a memory. Its id is the item's number in
// hexadecimal.
func (d *Driver) memory(b []byte, item uint64) []byte {
	if b == nil {
		b = make([]byte, 0, 256+11*d.dimension)
	}
	confidence := minConfidence + (1-minConfidence)*d.Random(mix.Item(item)).Float32()
	b = append(b, `{"id":"m-`...)
	b = strconv.AppendUint(b, item, 16)
	b = append(b, `","content":"`...)
	b = d.data.Content(b, item) // letters and spaces: nothing to escape
	b = append(b, `","confidence":`...)
	b = dataset.AppendFixed(b, min(confidence, 0.999999))
	b = append(b, `,"embedding":[`...)
	b = d.data.AppendVector(b, item, ",")
	return append(b, "]}"...)
}

// recall is a request that looks for words of a loaded memory.
func (d *Driver) recall(item uint64) []byte {
	rng := d.Random(mix.Item(item))
	node := rng.Uint64N(uint64(d.nodes))
	// Texts have ten words at least, so a cue may begin at one of the first seven.
	words := d.data.Words(nil, node, rng.IntN(7), cueWords)
	b := append([]byte(nil), recallPath+"&query="...)
	b = append(b, bytes.ReplaceAll(words, []byte(" "), []byte("%20"))...)
	return d.appendHead(b, node)
}

// embeddingSearch is a request that looks for an embedding's neighbours.
func (d *Driver) embeddingSearch(item uint64) []byte {
	b := make([]byte, 0, 256+12*d.dimension)
	b = append(b, recallPath+"&embedding=%5B"...)
	b = d.data.AppendVector(b, item, "%2C")
	return d.appendHead(append(b, "%5D"...), item)
}

// appendHead ends a request without a body.
func (d *Driver) appendHead(b []byte, item uint64) []byte {
	b = append(b, hostHeader...)
	b = append(b, d.spaceOf(item)...)
	return append(b, "\r\n\r\n"...)
}
