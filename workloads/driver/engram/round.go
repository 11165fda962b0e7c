package engram

import (
	"math/rand/v2"

	"github.com/fivegate/fivegate/workloads/load"
)

// Streams of items. The dataset's own items are 0 to Nodes−1; what is made later
// has a bit that none of them has, so that nothing is stored twice.
const (
	probeStream = 1 << 60 // plus the number of the probe
	roundStream = 1 << 61 // plus round × maxRound + position
	orderStream = 1 << 62 // plus the round: the order of operations and probes

	maxRound = 1 << 24 // requests of a round
)

// Round makes the n requests of a round: a pure function of the scenario, the
// round and n, so both arms of a check, and a repetition of it, get the same
// bytes. The mix of operations is exact, in random order. Operations that may be
// repeated take the probes in an order of the round, each probe once at most; what
// is asked for beyond the probe set is made for the round and has Probe −1, as
// have all stores. Ids and embeddings of stores occur in no other round and
// position. n beyond 16,777,216 would break that, and is cut to it.
func (d *Driver) Round(round uint64, n int) []load.Request {
	n = min(n, maxRound)
	rng := d.generator(orderStream + round)
	order := d.order(rng, n)
	queues := d.queues(rng)
	requests := make([]load.Request, len(order))
	for i, op := range order {
		r := &requests[i]
		r.Operation, r.Probe = op, -1
		if queue := queues[op]; len(queue) > 0 {
			r.Probe, queues[op] = queue[0], queue[1:]
			r.Wire = d.wires[r.Probe]
			continue
		}
		r.Wire = d.encode(int(op), roundStream+round*maxRound+uint64(i))
	}
	return requests
}

// order is the operation at each position.
func (d *Driver) order(rng *rand.Rand, n int) []uint8 {
	weights := make([]float64, len(d.operations))
	for i, o := range d.operations {
		weights[i] = o.Weight
	}
	order := make([]uint8, 0, n)
	for op, count := range apportion(weights, n) {
		for range count {
			order = append(order, uint8(op))
		}
	}
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// queues is each operation's probes in the order of a round.
func (d *Driver) queues(rng *rand.Rand) [][]int32 {
	queues := make([][]int32, len(d.byOp))
	for op, probes := range d.byOp {
		queues[op] = append(queues[op], probes...)
		rng.Shuffle(len(queues[op]), func(i, j int) { queues[op][i], queues[op][j] = queues[op][j], queues[op][i] })
	}
	return queues
}
