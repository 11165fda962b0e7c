package refstore

import "math"

// Parameters of spreading activation (Collins and Loftus, "A Spreading-Activation
// Theory of Semantic Processing", 1975; the fan effect after Anderson, "Retrieval
// of Propositional Information from Long-Term Memory", 1974). The figures are
// chosen: with them, an episode told right before or after a literal match comes
// back as associated, and a member of a large concept does so only when several
// matches agree on that concept.
const (
	decay        = 0.8 // what is left of an activation after one link
	hops         = 2   // links that activation travels
	spreadSeeds  = 10  // matches that activation starts from
	neighbourGap = 3600 * 1e9
)

// fan is the share that each of n links gets of an activation that leaves by all.
func fan(n int) float32 { return 1 / (1 + float32(math.Log(float64(max(n, 1))))) }

// spread lets the activation of the hits flow along the links of the space, and
// offers what it reaches to best. Links lead from an episode to its neighbours in
// time and to its concept, and from a concept to its members. The caller holds
// the space's lock.
func (s *space) spread(from []hit, threshold float32, best *ranking, work *scratch) {
	work.begin(len(s.episodes))
	concepts := make([]float32, len(s.index.concepts))
	for _, h := range from {
		work.add(h.index, h.score)
	}
	for _, h := range from[:min(len(from), spreadSeeds)] {
		s.spreadFrom(h, hops, work, concepts)
	}
	for c, level := range concepts {
		if level == 0 {
			continue
		}
		members := s.index.concepts[c].members
		share := level * decay * fan(len(members))
		for _, i := range members {
			work.add(i, share)
		}
	}
	for _, i := range work.touched {
		if level := min(work.level[i], 1); level >= threshold && !s.episodes[i].dead {
			best.offer(hit{index: i, score: level})
		}
	}
}

// spreadFrom activates the concept of an episode and its neighbours in time, and
// theirs in turn while hops are left.
func (s *space) spreadFrom(h hit, left int, work *scratch, concepts []float32) {
	if left == 0 {
		return
	}
	if left > 1 { // the concept's members are one link further
		concepts[s.index.of[h.index]] += h.score * decay
	}
	level := h.score * decay * fan(2)
	for _, i := range [2]uint32{h.index - 1, h.index + 1} { // −1 wraps past the end
		if int64(i) >= int64(len(s.episodes)) || s.gap(h.index, i) > neighbourGap {
			continue
		}
		work.add(i, level)
		s.spreadFrom(hit{index: i, score: level}, left-1, work, concepts)
	}
}

// gap is the time between two observations in nanoseconds.
func (s *space) gap(i, j uint32) int64 {
	d := s.episodes[i].observed - s.episodes[j].observed
	return max(d, -d)
}
