package refstore

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxCitations  = 5   // episodes shown per concept
	previewLength = 160 // bytes of a citation's content
)

// belief is a concept in the shape of a consolidated belief.
type belief struct {
	ID         string     `json:"id"`
	Strength   float32    `json:"strength"`
	Confidence confidence `json:"schema_confidence"`
	Last       time.Time  `json:"last_consolidated"`
	Citations  []citation `json:"citations,omitempty"`
	Stats      struct {
		Episodes   int     `json:"episode_count"`
		Confidence float32 `json:"average_source_confidence"`
		Freshness  float64 `json:"freshness_hours"`
	} `json:"stats"`
}

type citation struct {
	EpisodeID      string     `json:"episode_id"`
	ObservedAt     time.Time  `json:"observed_at"`
	StoredAt       time.Time  `json:"stored_at"`
	LastAccess     *time.Time `json:"last_access"`
	Confidence     float32    `json:"encoding_confidence"`
	Reinforcements int        `json:"reinforcement_count"`
	Preview        string     `json:"content_preview"`
}

type consolidationsResponse struct {
	GeneratedAt time.Time          `json:"generated_at"`
	Beliefs     []belief           `json:"beliefs"`
	Stats       consolidationStats `json:"stats"`
}

// consolidationStats keeps Engram's shape; only the number of patterns means
// something here, since concepts form without replay.
type consolidationStats struct {
	Replays      int        `json:"total_replays"`
	Successful   int        `json:"successful_consolidations"`
	Failed       int        `json:"failed_consolidations"`
	Speed        float32    `json:"average_replay_speed"`
	Patterns     int        `json:"total_patterns_extracted"`
	RippleRate   float32    `json:"avg_ripple_frequency"`
	RippleLength float32    `json:"avg_ripple_duration"`
	LastReplay   *time.Time `json:"last_replay_timestamp"`
}

// consolidations lists the concepts of a space, strongest first.
func (s *Server) consolidations(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	sp, err := s.chosenSpace(r, q.Get("space"), "")
	if err != nil {
		return err
	}
	limit, err := intParameter(q, "max_patterns", 256)
	if err != nil {
		return err
	}
	beliefs := sp.beliefs()
	slices.SortStableFunc(beliefs, func(a, b belief) int { return cmp.Compare(b.Strength, a.Strength) })
	s.answerBeliefs(w, beliefs[:min(limit, len(beliefs))])
	return nil
}

// consolidation shows one concept.
func (s *Server) consolidation(w http.ResponseWriter, r *http.Request) error {
	sp, err := s.chosenSpace(r, r.URL.Query().Get("space"), "")
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	for _, b := range sp.beliefs() {
		if b.ID == id {
			s.answerBeliefs(w, []belief{b})
			return nil
		}
	}
	return notFound("CONSOLIDATION_NOT_FOUND", fmt.Sprintf("concept %q is not in space %s", clip(id), sp.id))
}

func (s *Server) answerBeliefs(w http.ResponseWriter, beliefs []belief) {
	answer(w, http.StatusOK, &consolidationsResponse{
		GeneratedAt: time.Now().UTC(), Beliefs: beliefs, Stats: consolidationStats{Patterns: len(beliefs)},
	})
}

// beliefs describes all concepts that have members.
func (s *space) beliefs() []belief {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []belief
	for c := range s.index.concepts {
		if b, ok := s.belief(uint32(c)); ok {
			all = append(all, b)
		}
	}
	return all
}

// belief describes a concept: its strength is the share of the space's memories
// that it explains, its confidence the mean of theirs.
func (s *space) belief(c uint32) (belief, bool) {
	b := belief{ID: "concept_" + strconv.Itoa(int(c))}
	var last int64
	var total float32
	for _, i := range s.index.concepts[c].members {
		e := &s.episodes[i]
		if e.dead {
			continue
		}
		b.Stats.Episodes++
		total += e.confidence
		last = max(last, e.stored)
		if len(b.Citations) < maxCitations {
			b.Citations = append(b.Citations, cite(e))
		}
	}
	if b.Stats.Episodes == 0 {
		return b, false
	}
	b.Stats.Confidence = total / float32(b.Stats.Episodes)
	b.Stats.Freshness = max(0, time.Since(instant(last)).Hours())
	b.Strength = float32(b.Stats.Episodes) / float32(s.live)
	b.Confidence = confident(b.Stats.Confidence, "mean confidence of the episodes")
	b.Last = instant(last)
	return b, true
}

// cite describes an episode of a concept.
func cite(e *episode) citation {
	preview := e.content
	if len(preview) > previewLength {
		preview = strings.ToValidUTF8(preview[:previewLength], "")
	}
	return citation{EpisodeID: e.id, ObservedAt: instant(e.observed), StoredAt: instant(e.stored), Confidence: e.confidence, Preview: preview}
}
