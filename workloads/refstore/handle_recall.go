package refstore

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// cue is what a recall looks for.
type cue struct {
	space     *space
	text      string
	vector    []float32
	limit     int
	threshold float32
	spreading bool
}

// parseCue reads the query parameters that the two recalls share.
func (s *Server) parseCue(r *http.Request, q url.Values) (cue, error) {
	sp, err := s.chosenSpace(r, q.Get("space"), "")
	if err != nil {
		return cue{}, err
	}
	c := cue{space: sp, text: q.Get("query")}
	if c.limit, err = intParameter(q, "max_results", 10); err != nil {
		return cue{}, err
	}
	if c.threshold, err = floatParameter(q, "threshold", 0.5); err != nil {
		return cue{}, err
	}
	switch mode := q.Get("mode"); mode {
	case "", "hybrid", "spreading":
		c.spreading = true
	case "similarity":
	default:
		return cue{}, invalidInput(fmt.Sprintf("mode is %q, want similarity, spreading or hybrid", clip(mode)))
	}
	if c.text != "" {
		return c, nil
	}
	if !q.Has("embedding") {
		return cue{}, invalidInput("neither query nor embedding is given")
	}
	if c.vector, err = parseFloats([]byte(q.Get("embedding"))); err != nil {
		return cue{}, invalidInput("embedding: " + err.Error())
	}
	if d, fixed := s.store.expected(); fixed {
		return c, wrongDimension(len(c.vector), d)
	}
	return c, nil
}

// intParameter reads a count; what is no count is rejected as Engram's framework
// does.
func intParameter(q url.Values, name string, fallback int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, &rejection{http.StatusBadRequest, fmt.Sprintf("failed to deserialize query string: %s: invalid digit found in %q", name, clip(text))}
	}
	return int(n), nil
}

// floatParameter reads a finite number.
func floatParameter(q url.Values, name string, fallback float32) (float32, error) {
	text := q.Get(name)
	if text == "" {
		return fallback, nil
	}
	v, err := strconv.ParseFloat(text, 32)
	if err != nil || v != v {
		return 0, &rejection{http.StatusBadRequest, fmt.Sprintf("failed to deserialize query string: %s: invalid float %q", name, clip(text))}
	}
	return float32(v), nil
}

// find does the recall.
func (s *Server) find(c cue) ([]memory, error) {
	started := time.Now()
	var found []memory
	var err error
	if c.text != "" {
		found = c.space.recallText(c.text, c.limit, c.threshold, c.spreading)
	} else if found, err = c.space.recallVector(c.vector, c.limit, c.threshold); err != nil {
		return nil, invalidInput(err.Error())
	}
	now := time.Now()
	s.metrics.recalled.add(now.Sub(started).Seconds(), now)
	return found, nil
}

// recall finds memories by text or by embedding.
func (s *Server) recall(w http.ResponseWriter, r *http.Request) error {
	started := time.Now()
	q := r.URL.Query()
	c, err := s.parseCue(r, q)
	if err != nil {
		return err
	}
	found, err := s.find(c)
	if err != nil {
		return err
	}
	var body recallResponse
	for _, m := range found {
		if m.score > vividScore {
			body.Memories.Vivid = append(body.Memories.Vivid, m.recalled(c))
		} else {
			body.Memories.Associated = append(body.Memories.Associated, m.recalled(c))
		}
	}
	body.Confidence = confident(0.8, "share of the cue that was recognised")
	body.Analysis = c.analysis()
	if q.Get("include_metadata") == "true" {
		n, _ := c.space.counts()
		body.Metadata = &recallMetadata{Searched: n, Hops: hops, Millis: time.Since(started).Milliseconds(), Load: "Normal"}
	}
	body.SystemMessage = strconv.Itoa(len(found)) + " memories recalled from space " + c.space.id
	answer(w, http.StatusOK, &body)
	return nil
}

// analysis says what was done.
func (c *cue) analysis() queryAnalysis {
	if c.text == "" {
		return queryAnalysis{Intent: "find similar memories", Strategy: "similarity", Load: "Low"}
	}
	a := queryAnalysis{Intent: "find memories about: " + c.text, Strategy: "hybrid", Load: "Low"}
	if !c.spreading {
		a.Strategy = "similarity"
	}
	if len(c.text) > 100 {
		a.Load = "Medium"
	}
	return a
}

// recalled is a memory in the shape of a recall.
func (m *memory) recalled(c cue) recalled {
	explanation := "its embedding is close to the cue"
	if c.text != "" {
		explanation = "its content, or what that brings to mind, matches the cue"
	}
	return recalled{
		ID: m.id, Content: m.content, Confidence: confident(m.score, "activation by the cue"),
		Activation: m.score, Similarity: m.score, ObservedAt: instant(m.observed),
		MemoryType: "Episodic", Explanation: explanation,
	}
}

// search finds memories by text, strictly.
func (s *Server) search(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	text := q.Get("query")
	if text == "" {
		return invalidInput("query is missing")
	}
	sp, err := s.chosenSpace(r, q.Get("space"), "")
	if err != nil {
		return err
	}
	limit, err := intParameter(q, "limit", 10)
	if err != nil {
		limit = 10 // as in Engram
	}
	found, err := s.find(cue{space: sp, text: text, limit: limit, threshold: 0.7})
	if err != nil {
		return err
	}
	body := searchResponse{Total: len(found)}
	for _, m := range found {
		body.Memories = append(body.Memories, m.plain("episodic"))
	}
	answer(w, http.StatusOK, &body)
	return nil
}

// plain is a memory in the shape of a list.
func (m *memory) plain(kind string) plainMemory {
	return plainMemory{ID: m.id, Content: m.content, Confidence: m.confidence, Timestamp: instant(m.observed), MemoryType: kind}
}

// probabilistic is a recall that says how sure it is.
func (s *Server) probabilistic(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	q.Del("mode") // ignored, as in Engram
	c, err := s.parseCue(r, q)
	if err != nil {
		return err
	}
	found, err := s.find(c)
	if err != nil {
		return err
	}
	body := probabilisticResponse{Message: strconv.Itoa(len(found)) + " memories recalled from space " + c.space.id}
	lower, upper, total := float32(1), float32(0), float32(0)
	for _, m := range found {
		body.Memories = append(body.Memories, m.recalled(c))
		lower, upper, total = min(lower, m.score), max(upper, m.score), total+m.score
	}
	if len(found) > 0 {
		body.Interval = interval{Lower: lower, Upper: upper, Point: total / float32(len(found)), Width: upper - lower}
	}
	if q.Get("include_evidence") == "true" {
		body.Evidence = &[]evidence{{Source: c.evidence(), Strength: body.Interval.Point, Description: "mean score of the memories recalled"}}
	}
	if q.Get("include_uncertainty") == "true" {
		body.Uncertainty = &[]uncertainty{{Source: "measurement_error", Impact: body.Interval.Width, Explanation: "spread of the scores"}}
	}
	answer(w, http.StatusOK, &body)
	return nil
}

// evidence names what a recall rests on.
func (c *cue) evidence() string {
	if c.text == "" {
		return "vector_similarity"
	}
	return "direct_match"
}
