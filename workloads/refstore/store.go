package refstore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	defaultSpace     = "default"
	defaultDimension = 768
)

// store is the set of memory spaces, and where they are kept.
type store struct {
	files *files // nil: nothing is kept

	mu        sync.RWMutex
	spaces    map[string]*space
	dimension int  // of every embedding
	fixed     bool // an embedding has been stored: the dimension stays
}

// newStore is a store with the default space and nothing in it.
func newStore(now time.Time) *store {
	s := &store{spaces: map[string]*space{}, dimension: defaultDimension}
	s.spaces[defaultSpace] = newSpace(defaultSpace, now, s.dimension)
	return s
}

// checkSpaceID says what is wrong with the name of a space: 3 to 64 of a-z, 0-9,
// "-" and "_".
func checkSpaceID(id string) error {
	if len(id) < 3 || len(id) > 64 {
		return fmt.Errorf("memory space %q has %d bytes, want 3 to 64", clip(id), len(id))
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Errorf("memory space %q has a %q: only a-z, 0-9, - and _ are allowed", id, c)
		}
	}
	return nil
}

// clip shortens outside text for a message.
func clip(text string) string {
	if len(text) > 80 {
		return strings.ToValidUTF8(text[:80], "") + "…"
	}
	return text
}

// space finds a space, or creates it.
func (s *store) space(id string, now time.Time) (*space, error) {
	s.mu.RLock()
	sp := s.spaces[id]
	s.mu.RUnlock()
	if sp != nil {
		return sp, nil
	}
	if err := checkSpaceID(id); err != nil {
		return nil, invalidInput(err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sp := s.spaces[id]; sp != nil {
		return sp, nil
	}
	if s.files != nil {
		if err := s.files.appendSpace(id, now); err != nil {
			return nil, err
		}
	}
	sp = newSpace(id, now, s.dimension)
	s.spaces[id] = sp
	return sp, nil
}

// list is all spaces, by id.
func (s *store) list() []*space {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*space, 0, len(s.spaces))
	for _, sp := range s.spaces {
		all = append(all, sp)
	}
	slices.SortFunc(all, func(a, b *space) int { return cmp.Compare(a.id, b.id) })
	return all
}

// expected is the dimension that an embedding has to have; fixed is false while
// the first one may still choose it.
func (s *store) expected() (dimension int, fixed bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.dimension, s.fixed
}

// adopt makes n the dimension, if none is fixed yet, and reports whether an
// embedding of n dimensions may be stored.
func (s *store) adopt(n int) error {
	if d, fixed := s.expected(); fixed {
		return wrongDimension(n, d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fixed {
		if n < 1 || n > maxDimension {
			return invalidInput(fmt.Sprintf("embedding has %d dimensions, want 1 to %d", n, maxDimension))
		}
		s.dimension, s.fixed = n, true
		for _, sp := range s.spaces {
			sp.resize(n)
		}
	}
	return wrongDimension(n, s.dimension)
}

// wrongDimension is the answer to an embedding of n dimensions, or nil if it fits.
func wrongDimension(n, want int) error {
	if n == want {
		return nil
	}
	return invalidInput(fmt.Sprintf("embedding has %d dimensions, want %d", n, want))
}

// resize gives an empty space another dimension.
func (s *space) resize(dimension int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vectors.dimension = dimension
	s.index.centroids.dimension = dimension
}

// remember stores an episode in a space; see space.store.
func (s *store) remember(sp *space, e episode, v []float32) (outcome, error) {
	if err := s.adopt(len(v)); err != nil {
		return outcome{}, err
	}
	return sp.store(e, v, func(kept episode, replaces []string) error {
		if s.files == nil {
			return nil
		}
		return s.files.appendEpisode(sp.id, kept, v, replaces)
	})
}
