package mix

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/fivegate/fivegate/workloads/load"
)

// three operations, of which the first changes what it is sent to.
var three = []Operation{{Weight: 0.35}, {Weight: 0.35, Repeatable: true}, {Weight: 0.30, Repeatable: true}}

// spelt is a mix whose requests say what they are of.
func spelt(seed uint64, operations []Operation, probes int) *Mix {
	m := New(seed, operations, func(op int, item Item) load.Request {
		return load.Request{Wire: fmt.Appendf(nil, "%d of %d", op, item)}
	})
	m.UseProbes(probes)
	return m
}

func equal(a, b load.Request) bool {
	return a.Operation == b.Operation && a.Probe == b.Probe && string(a.Wire) == string(b.Wire)
}

func TestRoundIsPure(t *testing.T) {
	a, b := spelt(42, three, 60), spelt(42, three, 60)
	b.Round(7, 33) // must leave no trace
	for _, round := range []uint64{0, 1, 1 << 35} {
		if !slices.EqualFunc(a.Round(round, 100), b.Round(round, 100), equal) {
			t.Errorf("round %d differs between two mixes", round)
		}
	}
	if slices.EqualFunc(a.Round(0, 100), a.Round(1, 100), equal) || slices.EqualFunc(a.Round(0, 100), spelt(43, three, 60).Round(0, 100), equal) {
		t.Error("another round, or another seed, gives the same requests")
	}
}

func TestRoundHasTheExactMix(t *testing.T) {
	m := spelt(42, three, 60)
	for n, want := range map[int][3]int{1000: {350, 350, 300}, 100: {35, 35, 30}, 10: {4, 3, 3}, 1: {1, 0, 0}, 0: {}} {
		var got [3]int
		for _, r := range m.Round(3, n) {
			got[r.Operation]++
		}
		if got != want {
			t.Errorf("%d requests are %v, want %v", n, got, want)
		}
	}
}

func TestRoundsRepeatTheProbes(t *testing.T) {
	m := spelt(42, three, 60)
	wires := map[int32]string{}
	for round := range uint64(3) {
		for _, n := range []int{50, 1000} { // fewer, and more, than the probe set has
			seen := map[int32]bool{}
			surplus := 0
			for _, r := range m.Round(round, n) {
				if r.Probe < 0 {
					surplus += min(int(r.Operation), 1) // all but the first operation
					continue
				}
				if seen[r.Probe] {
					t.Errorf("probe %d twice in round %d", r.Probe, round)
				}
				seen[r.Probe] = true
				if m.Probes()[r.Probe] != int32(r.Operation) {
					t.Errorf("probe %d is sent as operation %d", r.Probe, r.Operation)
				}
				if w, ok := wires[r.Probe]; ok && w != string(r.Wire) {
					t.Errorf("probe %d differs between rounds", r.Probe)
				}
				wires[r.Probe] = string(r.Wire)
			}
			if want := max(0, 350*n/1000-32) + max(0, 300*n/1000-28); surplus != want {
				t.Errorf("%d surplus requests in a round of %d, want %d", surplus, n, want)
			}
		}
	}
	if len(wires) != 60 {
		t.Errorf("%d of 60 probes were sent", len(wires))
	}
}

func TestUseProbes(t *testing.T) {
	m := spelt(42, three, 60)
	count := func(op int32) (n int) {
		for _, probe := range m.Probes() {
			if probe == op {
				n++
			}
		}
		return n
	}
	if count(0) != 0 || count(1) != 32 || count(2) != 28 { // 60 × .35/.65 = 32.3
		t.Errorf("probes %v, want 32 of the second operation and 28 of the third", m.Probes())
	}
	m.UseProbes(0)
	for _, r := range m.Round(0, 100) {
		if r.Probe != -1 {
			t.Fatalf("probe %d of none", r.Probe)
		}
	}
	if n := len(spelt(42, three[:1], 60).Probes()); n != 0 {
		t.Errorf("%d probes where nothing can be repeated", n)
	}
}

// No two requests are of the same item, and no two items have the same serial
// number.
func TestItemsAreUnique(t *testing.T) {
	items, serials := map[Item]bool{}, map[uint64]bool{}
	m := New(1, three, func(_ int, item Item) load.Request {
		if items[item] || serials[item.Serial()] || item < 1<<59 || item.Serial() >= 1<<53 {
			t.Errorf("item %d, serial number %d", item, item.Serial())
		}
		items[item], serials[item.Serial()] = true, true
		return load.Request{}
	})
	m.UseProbes(50)
	for _, round := range []uint64{0, 1, 2, 1 << 20} {
		m.Round(round, 500)
	}
	if len(items) < 4*500-4*50 {
		t.Errorf("%d items", len(items))
	}
}

func TestApportion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Float64Range(0, 5), 1, 6).Draw(t, "weights")
		n := rapid.IntRange(0, 5000).Draw(t, "n")
		counts := apportion(weights, n)
		var sum float64
		for _, w := range weights {
			sum += w
		}
		total := 0
		for i, c := range counts {
			total += c
			if sum == 0 {
				continue
			}
			if share := float64(n) * weights[i] / sum; float64(c) < share-1 || float64(c) > share+1 {
				t.Errorf("%d of %v, which is no neighbour of it", c, share)
			}
			if weights[i] == 0 && c > 0 {
				t.Errorf("%d of an operation without weight", c)
			}
		}
		if sum > 0 && total != n {
			t.Errorf("%v add up to %d, want %d", counts, total, n)
		}
	})
}
