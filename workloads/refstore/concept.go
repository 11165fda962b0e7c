package refstore

import (
	"math"
	"slices"
)

// Parameters of the concept index.
const (
	// minSplit is the least number of members above which a concept splits: with
	// fewer, comparing with them is cheaper than with more centroids. Above 4,096
	// episodes the limit is their square root, so concepts number one to two times
	// that.
	minSplit = 64
	// splitPasses is the number of passes of Lloyd's algorithm in a split. Two
	// well-separated halves settle in two; chosen twice that.
	splitPasses = 4
	// minProbes is the least number of concepts that a search may look into, where
	// it needs that many; an eighth of all concepts, if that is more.
	minProbes = 12
	// probeMargin is how much farther from the cue than the nearest concept, in
	// squared distance, a concept may be that a search still looks into. On clusters
	// the second nearest is twice as far; without clusters all are equally far. 0.3
	// finds more than 0.99 of the ten nearest among 200 clusters; 0 finds less where a
	// cluster has been split in two.
	probeMargin = 0.3
)

// concept is what a group of similar episodes have in common.
type concept struct {
	members []uint32
	sum     []float32 // of the members' unit vectors
	lowest  float32   // cosine of the centroid with its farthest member
	limit   int       // members before a split is tried
}

// conceptIndex is the set of concepts of a space: an inverted file over its
// episodes (Jégou, Douze and Schmid, "Product Quantization for Nearest Neighbor
// Search", 2011, section IV, without the quantisation of the members).
type conceptIndex struct {
	centroids matrix // unit vectors, one per concept
	concepts  []concept
	of        []uint32 // concept of each episode
}

// nearest is the concept whose centroid is most similar to the unit vector q.
// There has to be one.
func (x *conceptIndex) nearest(q []float32) hit {
	best := hit{score: -2}
	for c := range x.concepts {
		if s := x.centroids.cosine(uint32(c), q); s > best.score {
			best = hit{index: uint32(c), score: s}
		}
	}
	return best
}

// add assigns the newest episode, whose unit vector is u, to a concept, and
// splits that concept when it has grown past its share.
func (x *conceptIndex) add(u []float32, episodes *matrix) {
	if len(x.concepts) == 0 {
		x.open()
	}
	c := x.nearest(u).index
	i := uint32(len(x.of))
	x.of = append(x.of, c)
	x.join(c, i, u)
	k := &x.concepts[c]
	if limit := max(k.limit, int(math.Sqrt(float64(len(x.of))))); len(k.members) > limit {
		x.split(c, episodes)
	}
}

// open appends a concept without members.
func (x *conceptIndex) open() uint32 {
	x.centroids.add(make([]float32, x.centroids.dimension))
	x.concepts = append(x.concepts, concept{sum: make([]float32, x.centroids.dimension), lowest: 1, limit: minSplit})
	return uint32(len(x.concepts) - 1)
}

// join adds member i, whose unit vector is u, and moves the centroid.
func (x *conceptIndex) join(c, i uint32, u []float32) {
	k := &x.concepts[c]
	k.members = append(k.members, i)
	axpy(1, u, k.sum)
	x.settle(c)
	k.lowest = min(k.lowest, x.centroids.cosine(c, u))
}

// leave removes a member.
func (x *conceptIndex) leave(i uint32, episodes *matrix) {
	c := x.of[i]
	k := &x.concepts[c]
	k.members = slices.DeleteFunc(k.members, func(m uint32) bool { return m == i })
	axpy(-episodes.inverse[i], episodes.row(i), k.sum)
	x.settle(c)
	x.measure(c, episodes)
}

// settle recomputes the centroid from the sum.
func (x *conceptIndex) settle(c uint32) {
	row, sum := x.centroids.row(c), x.concepts[c].sum
	clear(row)
	axpy(inverseLength(sum), sum, row)
	x.centroids.inverse[c] = inverseLength(row)
}

// split divides concept c into two by Lloyd's algorithm with two centres. Members
// that cannot be told apart stay together, and the concept may then grow further
// before it is tried again.
func (x *conceptIndex) split(c uint32, episodes *matrix) {
	members := x.concepts[c].members
	first := farthest(members, x.centroids.row(c), episodes)
	second := farthest(members, unit(episodes.row(first)), episodes)
	centres := [2][]float32{unit(episodes.row(first)), unit(episodes.row(second))}
	side := make([]bool, len(members))
	for range splitPasses {
		centres = recentre(members, side, centres, episodes)
	}
	ones := 0
	for _, s := range side {
		if s {
			ones++
		}
	}
	if ones == 0 || ones == len(members) {
		x.concepts[c].limit = 2 * len(members)
		return
	}
	x.divide(c, x.open(), side, episodes)
}

// farthest is the member least similar to the unit vector q.
func farthest(members []uint32, q []float32, episodes *matrix) uint32 {
	worst := hit{score: 2}
	for _, i := range members {
		if s := episodes.cosine(i, q); s < worst.score {
			worst = hit{index: i, score: s}
		}
	}
	return worst.index
}

// recentre assigns each member to the nearer of two centres, and returns the
// means of the two sides. A side without members keeps its centre.
func recentre(members []uint32, side []bool, centres [2][]float32, episodes *matrix) [2][]float32 {
	var sums [2][]float32
	for n := range sums {
		sums[n] = make([]float32, episodes.dimension)
	}
	for n, i := range members {
		side[n] = episodes.cosine(i, centres[1]) > episodes.cosine(i, centres[0])
		to := sums[0]
		if side[n] {
			to = sums[1]
		}
		axpy(episodes.inverse[i], episodes.row(i), to)
	}
	for n := range sums {
		if inverseLength(sums[n]) > 0 {
			centres[n] = unit(sums[n])
		}
	}
	return centres
}

// divide moves the members of c whose side is true to the concept d, which is
// empty, and makes both centroids and radii anew.
func (x *conceptIndex) divide(c, d uint32, side []bool, episodes *matrix) {
	members := x.concepts[c].members
	x.concepts[c] = concept{sum: x.concepts[c].sum, lowest: 1, limit: minSplit}
	clear(x.concepts[c].sum)
	for n, i := range members {
		to := c
		if side[n] {
			to = d
		}
		k := &x.concepts[to]
		k.members = append(k.members, i)
		axpy(episodes.inverse[i], episodes.row(i), k.sum)
		x.of[i] = to
	}
	for _, to := range [2]uint32{c, d} {
		x.settle(to)
		x.measure(to, episodes)
	}
}

// measure recomputes how far the members of c reach.
func (x *conceptIndex) measure(c uint32, episodes *matrix) {
	k := &x.concepts[c]
	k.lowest = 1
	for _, i := range k.members {
		k.lowest = min(k.lowest, episodes.cosine(i, x.centroids.row(c)))
	}
}

// reach is an upper bound of the cosine between a cue and any member of concept
// c, when the cue's cosine with the centroid is s: the cosine of the angle to the
// centroid less the angle to the farthest member (the triangle inequality holds
// for angles). It is a bound as of the last measure; centroids move a little
// between two.
func (x *conceptIndex) reach(c uint32, s float32) float32 {
	l := x.concepts[c].lowest
	if s >= l {
		return 1
	}
	s64, l64 := float64(s), float64(max(l, -1))
	return float32(s64*l64 + math.Sqrt(max(0, (1-s64*s64)*(1-l64*l64))))
}

// search offers to best the episodes similar to the unit vector q with at least
// the threshold. It looks into the nearest
// concept and those about as near (the pruning rule of Chen et al., "SPANN", 2021,
// section 3.3), except into further ones that cannot hold anything better than was found.
func (x *conceptIndex) search(q []float32, threshold float32, episodes *matrix, best *ranking) {
	probes := newRanking(min(len(x.concepts), max(minProbes, len(x.concepts)/8)))
	for c := range x.concepts {
		probes.offer(hit{index: uint32(c), score: x.centroids.cosine(uint32(c), q)})
	}
	for n, p := range probes.hits {
		if n > 0 && 1-p.score > (1+probeMargin)*(1-probes.hits[0].score) {
			return // so are all that follow
		}
		if n == 0 || x.reach(p.index, p.score) >= max(threshold, best.floor()) {
			x.scan(p.index, q, threshold, episodes, best)
		}
	}
}

// scan offers to best the members of concept c.
func (x *conceptIndex) scan(c uint32, q []float32, threshold float32, episodes *matrix, best *ranking) {
	for _, i := range x.concepts[c].members {
		if s := episodes.cosine(i, q); s >= threshold && s >= best.floor() {
			best.offer(hit{index: i, score: s})
		}
	}
}
