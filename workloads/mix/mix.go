// Package mix decides what is sent: the operation at each position of a round, by
// weight, and the probes, which are the same requests in every round.
//
// It is a pure function of the seed, the round and its length, so both arms of a
// check, and a repetition of it, get the same bytes. What a request of an
// operation looks like is the driver's part: it gives New a function that makes
// the request of an item, which is a number that no other request has.
//
//	m := mix.New(seed, []mix.Operation{{Weight: 0.3}, {Weight: 0.7, Repeatable: true}}, encode)
//	m.UseProbes(600)
//	requests := m.Round(0, 1000) // 300 of the first operation, 700 of the second
package mix

import (
	"math/rand/v2"

	"github.com/fivegate/fivegate/workloads/load"
)

// Operation is one kind of request.
type Operation struct {
	Weight     float64 // its share of the requests, relative to the others'
	Repeatable bool    // it may be sent again without changing anything
}

// Item is the number of something that is made for a measurement. Numbers below
// 1<<60 are the driver's own: its dataset.
type Item uint64

// Items that are made here have a bit that no others have, so that nothing is
// made twice.
const (
	probeStream = 1 << 60 // plus the number of the probe
	roundStream = 1 << 61 // plus round × maxRound + position
	orderStream = 1 << 62 // plus the round: the order of operations and probes

	maxRound = 1 << 24 // requests of a round
)

// Serial is a smaller number than the item itself and still no other item's:
// probes count from 0, requests of rounds from 16,777,216. It is below 2^53, which
// every reader of JSON takes, in the first 500 million rounds.
func (i Item) Serial() uint64 {
	if i >= roundStream {
		return uint64(i) - roundStream + maxRound
	}
	return uint64(i) &^ probeStream
}

// Mix makes the requests of rounds. After UseProbes it does not change, so that
// goroutines may share it.
type Mix struct {
	seed       uint64
	operations []Operation
	encode     func(operation int, item Item) load.Request
	probes     []int32        // operation of each probe
	requests   []load.Request // request of each probe
	byOp       [][]int32      // by operation: its probes
}

// New makes a mix without probes. encode makes the request of an operation for an
// item, without Operation and Probe, which are filled in here; it is a pure
// function.
func New(seed uint64, operations []Operation, encode func(operation int, item Item) load.Request) *Mix {
	m := &Mix{seed: seed, operations: operations, encode: encode}
	m.UseProbes(0)
	return m
}

// Random is a random stream of its own for each item.
func (m *Mix) Random(item Item) *rand.Rand { return rand.New(rand.NewPCG(m.seed, uint64(item))) }

// UseProbes makes a probe set of n requests, split by weight over the operations
// that may be repeated; none if there is no such operation. It may be called
// again before the first measured round.
func (m *Mix) UseProbes(n int) {
	m.probes, m.requests = nil, nil
	weights := make([]float64, len(m.operations))
	for i, o := range m.operations {
		if o.Repeatable {
			weights[i] = o.Weight
		}
	}
	m.byOp = make([][]int32, len(m.operations))
	for op, count := range apportion(weights, n) {
		for range count {
			probe := int32(len(m.probes))
			m.byOp[op] = append(m.byOp[op], probe)
			m.probes = append(m.probes, int32(op))
			m.requests = append(m.requests, m.request(op, probe, probeStream|Item(probe)))
		}
	}
}

// Probes is the operation of each probe; its length is the size of the probe set.
func (m *Mix) Probes() []int32 { return m.probes }

// Round makes the n requests of a round. The mix of operations is exact, in random
// order. Operations that may be repeated take the probes in an order of the round,
// each probe once at most; what is asked for beyond the probe set is made for the
// round and has Probe −1, as have all other operations. n beyond 16,777,216 would
// make items that other rounds have, and is cut to it.
func (m *Mix) Round(round uint64, n int) []load.Request {
	n = min(n, maxRound)
	rng := m.Random(orderStream + Item(round))
	order := m.order(rng, n)
	queues := m.queues(rng)
	requests := make([]load.Request, len(order))
	for i, op := range order {
		if queue := queues[op]; len(queue) > 0 {
			requests[i], queues[op] = m.requests[queue[0]], queue[1:]
			continue
		}
		requests[i] = m.request(op, -1, roundStream+Item(round)*maxRound+Item(i))
	}
	return requests
}

func (m *Mix) request(op int, probe int32, item Item) load.Request {
	r := m.encode(op, item)
	r.Operation, r.Probe = uint8(op), probe
	return r
}

// order is the operation at each position.
func (m *Mix) order(rng *rand.Rand, n int) []int {
	weights := make([]float64, len(m.operations))
	for i, o := range m.operations {
		weights[i] = o.Weight
	}
	order := make([]int, 0, n)
	for op, count := range apportion(weights, n) {
		for range count {
			order = append(order, op)
		}
	}
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// queues is each operation's probes in the order of a round.
func (m *Mix) queues(rng *rand.Rand) [][]int32 {
	queues := make([][]int32, len(m.byOp))
	for op, probes := range m.byOp {
		queues[op] = append(queues[op], probes...)
		rng.Shuffle(len(queues[op]), func(i, j int) { queues[op][i], queues[op][j] = queues[op][j], queues[op][i] })
	}
	return queues
}

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
