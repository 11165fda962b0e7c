package refstore

import (
	"fmt"
	"net/http"
	"time"
)

// completeRequest asks for what is missing of an episode.
type completeRequest struct {
	Partial *struct {
		Fields    map[string]string `json:"known_fields"`
		Embedding []*float32        `json:"partial_embedding"`
		Strength  *float32          `json:"cue_strength"`
	} `json:"partial_episode"`
	Config struct {
		Threshold  *float32 `json:"ca1_threshold"`
		Hypotheses *int     `json:"num_hypotheses"`
	} `json:"config"`
	MemorySpace string `json:"memory_space_id"`
}

type completeResponse struct {
	Episode       completedEpisode       `json:"completed_episode"`
	Confidence    confidence             `json:"completion_confidence"`
	Sources       map[string]attribution `json:"source_attribution"`
	Alternatives  []alternative          `json:"alternative_hypotheses,omitempty"`
	Metacognitive confidence             `json:"metacognitive_confidence"`
	Stats         reconstruction         `json:"reconstruction_stats"`
}

type completedEpisode struct {
	ID         string    `json:"id"`
	When       time.Time `json:"when"`
	What       string    `json:"what"`
	Where      *string   `json:"where_location"`
	Who        []string  `json:"who"`
	Confidence float32   `json:"encoding_confidence"`
}

type attribution struct {
	Source     string  `json:"source"`
	Confidence float32 `json:"confidence"`
}

type alternative struct {
	Episode    completedEpisode `json:"episode"`
	Confidence float32          `json:"confidence"`
}

type reconstruction struct {
	Iterations   int      `json:"ca3_iterations"`
	Converged    bool     `json:"convergence_achieved"`
	Sources      []string `json:"pattern_sources"`
	Plausibility float32  `json:"plausibility_score"`
}

// complete finds the memories that agree best with the known part of a pattern.
func (s *Server) complete(w http.ResponseWriter, r *http.Request) error {
	var q completeRequest
	if err := decode(w, r, &q); err != nil {
		return err
	}
	if q.Partial == nil || q.Partial.Fields == nil {
		return missing("partial_episode.known_fields")
	}
	if c := orElse(q.Partial.Strength, 0.7); c < 0 || c > 1 {
		return unprocessable(fmt.Sprintf("cue_strength is %v, want 0 to 1", c))
	}
	known, err := s.knownPart(q.Partial.Embedding)
	if err != nil {
		return err
	}
	sp, err := s.chosenSpace(r, "", q.MemorySpace)
	if err != nil {
		return err
	}
	hypotheses := 3
	if q.Config.Hypotheses != nil {
		hypotheses = max(0, *q.Config.Hypotheses)
	}
	found, err := sp.recallVector(known, 1+min(hypotheses, 10), 0)
	if err != nil {
		return unprocessable(err.Error())
	}
	if threshold := orElse(q.Config.Threshold, 0.7); len(found) == 0 || found[0].score < threshold {
		return unprocessable(fmt.Sprintf("no memory agrees with the pattern by the ca1_threshold of %v", threshold))
	}
	answer(w, http.StatusOK, completion(found))
	return nil
}

// knownPart is a partial embedding with zeros for what is unknown: a third of the
// dimensions has to be known.
func (s *Server) knownPart(partial []*float32) ([]float32, error) {
	want, _ := s.store.expected()
	if len(partial) != 0 && len(partial) != want {
		return nil, unprocessable(fmt.Sprintf("partial_embedding has %d dimensions, want %d", len(partial), want))
	}
	v, known := make([]float32, len(partial)), 0
	for i, x := range partial {
		if x != nil {
			v[i] = *x
			known++
		}
	}
	if known < want/3 || known == 0 {
		return nil, unprocessable(fmt.Sprintf("partial_embedding has %d known dimensions, want at least %d", known, max(1, want/3)))
	}
	return v, nil
}

// completion is the answer: the best memory, and the others as alternatives.
func completion(found []memory) *completeResponse {
	best := found[0]
	body := &completeResponse{
		Episode:       best.completed(),
		Confidence:    confident(best.score, "agreement with the known part of the pattern"),
		Sources:       map[string]attribution{"what": {Source: "recalled", Confidence: best.score}},
		Metacognitive: confident(best.score, "agreement with the known part of the pattern"),
		Stats:         reconstruction{Converged: true, Sources: []string{best.id}, Plausibility: best.score},
	}
	for _, m := range found[1:] {
		body.Alternatives = append(body.Alternatives, alternative{Episode: m.completed(), Confidence: m.score})
	}
	return body
}

// completed is a memory in the shape of a completed episode.
func (m *memory) completed() completedEpisode {
	return completedEpisode{ID: m.id, When: instant(m.observed), What: m.content, Confidence: m.confidence}
}
