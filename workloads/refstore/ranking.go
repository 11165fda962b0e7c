package refstore

// hit is an episode (or a concept) and its score.
type hit struct {
	index uint32
	score float32
}

// ranking keeps the best k of the hits offered to it: highest score first, ties
// by lowest index, so that the answer does not depend on the order of offers.
// Insertion into a sorted array beats a heap for the ten or so that are asked for.
type ranking struct {
	hits []hit
	k    int
}

// newRanking keeps the best k; k of zero keeps none.
func newRanking(k int) ranking { return ranking{hits: make([]hit, 0, k), k: k} }

// floor is the score that a hit has to beat once k have been found, and below
// every score before.
func (r *ranking) floor() float32 {
	if len(r.hits) < r.k {
		return -2
	}
	if r.k == 0 {
		return 2
	}
	return r.hits[r.k-1].score
}

// offer adds a hit if it is among the best k so far.
func (r *ranking) offer(h hit) {
	if len(r.hits) == r.k {
		if r.k == 0 || !better(h, r.hits[r.k-1]) {
			return
		}
		r.hits = r.hits[:r.k-1]
	}
	r.hits = append(r.hits, h)
	for i := len(r.hits) - 1; i > 0 && better(h, r.hits[i-1]); i-- {
		r.hits[i], r.hits[i-1] = r.hits[i-1], h
	}
}

// better says whether a ranks before b.
func better(a, b hit) bool {
	return a.score > b.score || a.score == b.score && a.index < b.index
}
