package refstore

import (
	"fmt"
	"sync"
	"time"
)

// Figures of Engram's store; the sources are named in the reference on its API.
const (
	duplicateCosine  = 0.95    // from here on two embeddings are the same memory
	duplicateFactor  = 0.9     // of the stored confidence of a dropped duplicate
	pressureCapacity = 100_000 // memories at which the stored confidence is halved
	vividScore       = 0.7     // above it a memory is vivid, else associated
	maxVectorHits    = 100
	maxTextHits      = 75
)

// episode is one memory as it was told.
type episode struct {
	id, content string
	confidence  float32
	observed    int64 // Unix time in ns
	stored      int64 // Unix time in ns
	dead        bool  // replaced by a later one
}

// space is a memory space: episodes, concepts and words of one tenant. Nothing in
// it refers to another space.
type space struct {
	id      string
	created time.Time

	mu       sync.RWMutex
	episodes []episode
	vectors  matrix
	byID     map[string]uint32
	live     int
	index    conceptIndex
	words    wordIndex
}

func newSpace(id string, created time.Time, dimension int) *space {
	return &space{
		id: id, created: created, byID: map[string]uint32{}, words: newWordIndex(),
		vectors: matrix{dimension: dimension},
		index:   conceptIndex{centroids: matrix{dimension: dimension}},
	}
}

// outcome says what became of a store.
type outcome struct {
	id         string // of the memory that is kept
	confidence float32
	dropped    bool // a duplicate was there already, at least as confident
	replaced   bool // a duplicate, or a memory of the same id, made way
}

// store adds an episode unless it is a duplicate. persist is called under the
// lock, before anything changes, with the episode as it is kept and the ids that make way; its error leaves the
// space as it was.
func (s *space) store(e episode, v []float32, persist func(kept episode, replaces []string) error) (outcome, error) {
	u := unit(v)
	s.mu.RLock()
	twin, seen := s.duplicate(u), len(s.episodes)
	s.mu.RUnlock()

	s.mu.Lock()
	defer s.mu.Unlock()
	twin = s.recheck(twin, seen, u)
	e.confidence *= 1 - 0.5*min(1, float32(s.live)/pressureCapacity)
	if twin.score > 0 && e.confidence <= s.episodes[twin.index].confidence && s.episodes[twin.index].id != e.id {
		return outcome{id: s.episodes[twin.index].id, confidence: e.confidence * duplicateFactor, dropped: true}, nil
	}
	replaces := s.replacedBy(e.id, twin)
	if err := persist(e, replaces); err != nil {
		return outcome{}, err
	}
	s.insert(e, v, u, replaces)
	return outcome{id: e.id, confidence: e.confidence, replaced: len(replaces) > 0}, nil
}

// duplicate is the episode that the unit vector u repeats; score 0 if none. A zero
// vector has no direction and repeats nothing.
func (s *space) duplicate(u []float32) hit {
	best := newRanking(1)
	s.index.search(u, duplicateCosine, &s.vectors, &best)
	if len(best.hits) == 0 {
		return hit{}
	}
	return best.hits[0]
}

// recheck brings a duplicate found under the read lock up to date: what was stored
// since has not been compared, and what was found may have been replaced.
func (s *space) recheck(twin hit, seen int, u []float32) hit {
	if twin.score > 0 && s.episodes[twin.index].dead {
		return s.duplicate(u)
	}
	for i := seen; i < len(s.episodes); i++ {
		if c := s.vectors.cosine(uint32(i), u); c >= duplicateCosine && c > twin.score && !s.episodes[i].dead {
			twin = hit{index: uint32(i), score: c}
		}
	}
	return twin
}

// replacedBy lists the ids that an episode makes obsolete.
func (s *space) replacedBy(id string, twin hit) []string {
	var ids []string
	if _, used := s.byID[id]; used {
		ids = append(ids, id)
	}
	if twin.score > 0 && s.episodes[twin.index].id != id {
		ids = append(ids, s.episodes[twin.index].id)
	}
	return ids
}

// insert adds an episode whose fate is decided. v is its embedding and u the same
// at length 1; both are copied.
func (s *space) insert(e episode, v, u []float32, replaces []string) {
	for _, id := range replaces {
		s.forget(id)
	}
	s.append(e, v)
	s.index.add(u, &s.vectors)
}

// append adds an episode without a concept.
func (s *space) append(e episode, v []float32) {
	s.byID[e.id] = uint32(len(s.episodes))
	s.episodes = append(s.episodes, e)
	s.vectors.add(v)
	s.words.add(e.content)
	s.live++
}

// forget marks an episode as replaced. Text search and spreading skip it, until
// the next snapshot leaves it out.
func (s *space) forget(id string) {
	if i, ok := s.byID[id]; ok {
		s.episodes[i].dead = true
		s.index.leave(i, &s.vectors)
		delete(s.byID, id)
		s.live--
	}
}

// memory is a found episode: a copy that outlives the lock.
type memory struct {
	episode
	score float32
}

// recallVector finds the k episodes most similar to an embedding.
func (s *space) recallVector(v []float32, k int, threshold float32) ([]memory, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.episodes) == 0 {
		return nil, nil
	}
	if len(v) != s.vectors.dimension {
		return nil, fmt.Errorf("embedding has %d dimensions, want %d", len(v), s.vectors.dimension)
	}
	best := newRanking(min(k, maxVectorHits))
	s.index.search(unit(v), threshold, &s.vectors, &best)
	return s.memories(best.hits), nil
}

// scratches are reused, since one is as long as the largest space.
var scratches = sync.Pool{New: func() any { return new(scratch) }}

// recallText finds the k episodes that match a text best; with spreading, also
// what these bring to mind.
func (s *space) recallText(query string, k int, threshold float32, spreading bool) []memory {
	work := scratches.Get().(*scratch)
	defer scratches.Put(work)
	s.mu.RLock()
	defer s.mu.RUnlock()
	k = min(k, maxTextHits)
	best := newRanking(max(k, spreadSeeds))
	s.words.search(query, threshold, s.text, &best, work)
	if spreading && len(best.hits) > 0 {
		found := newRanking(k)
		s.spread(best.hits, threshold, &found, work)
		best = found
	}
	return s.memories(best.hits[:min(k, len(best.hits))])
}

// text is the content of an episode, and whether it is still there.
func (s *space) text(i uint32) (string, bool) { return s.episodes[i].content, !s.episodes[i].dead }

// memories copies what was found.
func (s *space) memories(hits []hit) []memory {
	found := make([]memory, len(hits))
	for n, h := range hits {
		found[n] = memory{episode: s.episodes[h.index], score: min(h.score, 1)}
	}
	return found
}

// get finds an episode by its id.
func (s *space) get(id string) (memory, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	i, ok := s.byID[id]
	if !ok {
		return memory{}, false
	}
	return memory{episode: s.episodes[i], score: s.episodes[i].confidence}, true
}

// counts are the numbers of memories and of concepts.
func (s *space) counts() (memories, concepts int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.live, len(s.index.concepts)
}
