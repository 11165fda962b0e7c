package refstore

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// call sends a request to a server without a network. Headers are pairs.
func call(t *testing.T, s *Server, method, target, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header()
}

// at follows a path into decoded JSON: "memories.vivid.0.id".
func at(t *testing.T, text, path string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	for step := range strings.SplitSeq(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			v = node[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(node) {
				return nil
			}
			v = node[i]
		default:
			return nil
		}
	}
	return v
}

// three stores three memories of three dimensions.
func three(t *testing.T) *Server {
	t.Helper()
	s := open(t, "")
	for _, body := range []string{
		`{"id":"sun","content":"the sun is warm","embedding":[1,0,0],"confidence":0.9,"timestamp":"2025-11-21T19:00:00Z"}`,
		`{"id":"rain","content":"the rain is wet","embedding":[0,1,0],"confidence":0.8,"timestamp":"2025-11-21T19:00:01Z"}`,
		`{"id":"moon","content":"a cold moon","embedding":[0.8,0,0.6],"confidence":0.9,"timestamp":"2025-11-25T19:00:00Z"}`,
	} {
		if code, text, _ := call(t, s, "POST", "/api/v1/memories/remember", body); code != 201 {
			t.Fatalf("%d %s", code, text)
		}
	}
	return s
}

func TestRequests(t *testing.T) {
	s := three(t)
	cue := url.QueryEscape("[1,0,0]")
	for _, c := range []struct {
		method, target, body string
		code                 int
		path                 string // of a value in the answer, "" for plain text
		want                 any
	}{
		{"GET", "/health", "", 200, "service", "engram"},
		{"GET", "/health", "", 200, "status", "healthy"},
		{"GET", "/api/v1/system/health", "", 200, "spaces.0.memories", 3.0},
		{"GET", "/api/v1/system/health", "", 200, "checks.0.status", "healthy"},
		{"GET", "/api/v1/system/health?space=X", "", 422, "error.code", "MEMORY_VALIDATION_ERROR"},

		{"GET", "/api/v1/memories/recall?threshold=0.1&embedding=" + cue, "", 200, "memories.vivid.0.id", "sun"},
		{"GET", "/api/v1/memories/recall?threshold=0.1&embedding=" + cue, "", 200, "memories.vivid.1.id", "moon"},
		{"GET", "/api/v1/memories/recall?threshold=0.1&embedding=" + cue, "", 200, "memories.vivid.1.similarity_score", 0.8},
		{"GET", "/api/v1/memories/recall?threshold=0.1&embedding=" + cue, "", 200, "memories.vivid.0.retrieval_path", nil},
		{"GET", "/api/v1/memories/recall?threshold=0.1&embedding=" + cue, "", 200, "memories.reconstructed", []any{}},
		{"GET", "/api/v1/memories/recall?threshold=-1&embedding=" + cue, "", 200, "memories.associated.0.id", "rain"},
		{"GET", "/api/v1/memories/recall?max_results=1&embedding=" + cue, "", 200, "memories.vivid.1", nil},
		{"GET", "/api/v1/memories/recall?query=rain+is&mode=similarity", "", 200, "memories.vivid.0.similarity_score", 1.0},
		{"GET", "/api/v1/memories/recall?query=rain+is&mode=similarity", "", 200, "memories.associated", []any{}},
		{"GET", "/api/v1/memories/recall?query=rain+is&threshold=0.4", "", 200, "memories.vivid.1.id", "sun"},
		{"GET", "/api/v1/memories/recall?query=rain+is&include_metadata=true", "", 200, "metadata.total_memories_searched", 3.0},
		{"GET", "/api/v1/memories/recall?query=rain+is", "", 200, "metadata", nil},
		{"GET", "/api/v1/memories/recall?query=rain+is", "", 200, "recall_confidence.value", 0.8},
		{"GET", "/api/v1/memories/recall?query=rain&embedding=nonsense", "", 200, "memories.reconstructed", []any{}},
		{"GET", "/api/v1/memories/recall", "", 400, "error.code", "INVALID_MEMORY_INPUT"},
		{"GET", "/api/v1/memories/recall?embedding=[1,0", "", 400, "error.message", "embedding: want a JSON array of numbers"},
		{"GET", "/api/v1/memories/recall?embedding=[1]", "", 400, "error.message", "embedding has 1 dimensions, want 3"},
		{"GET", "/api/v1/memories/recall?query=a&mode=psychic", "", 400, "error.code", "INVALID_MEMORY_INPUT"},
		{"GET", "/api/v1/memories/recall?query=a&max_results=x", "", 400, "", `failed to deserialize query string: max_results: invalid digit found in "x"`},
		{"GET", "/api/v1/memories/recall?query=a&threshold=NaN", "", 400, "", `failed to deserialize query string: threshold: invalid float "NaN"`},
		{"POST", "/api/v1/memories/recall", "{}", 405, "", "Method Not Allowed"},

		{"GET", "/api/v1/memories/search?query=rain+is&limit=x", "", 200, "memories.0.memory_type", "episodic"},
		{"GET", "/api/v1/memories/search?query=rain+is", "", 200, "total", 1.0},
		{"GET", "/api/v1/memories/search", "", 400, "error.code", "INVALID_MEMORY_INPUT"},

		{"GET", "/api/v1/query/probabilistic?include_evidence=true&mode=any&embedding=" + cue, "", 200, "evidence_chain.0.source_type", "vector_similarity"},
		{"GET", "/api/v1/query/probabilistic?embedding=" + cue, "", 200, "evidence_chain", nil},
		{"GET", "/api/v1/query/probabilistic?embedding=" + cue, "", 200, "confidence_interval.upper", 1.0},
		{"GET", "/api/v1/query/probabilistic?include_uncertainty=true&query=rain+is", "", 200, "uncertainty_sources.0.source_type", "measurement_error"},

		{"GET", "/api/v1/memories/sun", "", 200, "content", "the sun is warm"},
		{"GET", "/api/v1/memories/sun", "", 200, "timestamp", "2025-11-21T19:00:00Z"},
		{"GET", "/api/v1/memories/mars", "", 404, "error.code", "MEMORY_NOT_FOUND"},
		{"DELETE", "/api/v1/memories/sun", "", 200, "status", "not_supported"},
		{"GET", "/api/v1/memories", "", 200, "tier_counts.total", 3.0},
		{"GET", "/api/v1/memories?offset=1&limit=1", "", 200, "memories.0.id", "rain"},
		{"GET", "/api/v1/memories?offset=1&limit=1", "", 200, "pagination.returned", 1.0},
		{"GET", "/api/v1/memories?include_embeddings=true&offset=2", "", 200, "memories.0.embedding.2", 0.6},
		{"GET", "/api/v1/memories?tier=WARM", "", 200, "count", 0.0},
		{"GET", "/api/v1/memories?tier=tepid", "", 400, "error.code", "BAD_REQUEST"},

		{"POST", "/api/v1/complete", `{"partial_episode":{"known_fields":{},"partial_embedding":[1,null,null]},"config":{"ca1_threshold":0.5}}`, 200, "completed_episode.id", "sun"},
		{"POST", "/api/v1/complete", `{"partial_episode":{"known_fields":{},"partial_embedding":[1,null,null]},"config":{"ca1_threshold":0.5}}`, 200, "alternative_hypotheses.0.episode.id", "moon"},
		{"POST", "/api/v1/complete", `{"partial_episode":{"known_fields":{},"partial_embedding":[null,null,-1]}}`, 422, "error.code", "MEMORY_VALIDATION_ERROR"},
		{"POST", "/api/v1/complete", `{"partial_episode":{"known_fields":{},"partial_embedding":[]}}`, 422, "error.code", "MEMORY_VALIDATION_ERROR"},
		{"POST", "/api/v1/complete", `{"partial_episode":{"known_fields":{},"partial_embedding":[1]}}`, 422, "error.message", "partial_embedding has 1 dimensions, want 3"},
		{"POST", "/api/v1/complete", `{"partial_episode":{"known_fields":{},"cue_strength":2}}`, 422, "error.code", "MEMORY_VALIDATION_ERROR"},
		{"POST", "/api/v1/complete", `{}`, 422, "", "failed to deserialize the JSON body: missing field `partial_episode.known_fields`"},

		{"GET", "/api/v1/consolidations", "", 200, "beliefs.0.stats.episode_count", 3.0},
		{"GET", "/api/v1/consolidations", "", 200, "beliefs.0.citations.0.content_preview", "the sun is warm"},
		{"GET", "/api/v1/consolidations?max_patterns=0", "", 200, "beliefs", []any{}},
		{"GET", "/api/v1/consolidations/concept_0", "", 200, "beliefs.0.strength", 1.0},
		{"GET", "/api/v1/consolidations/concept_9", "", 404, "error.code", "CONSOLIDATION_NOT_FOUND"},

		{"GET", "/nothing", "", 404, "", "404 page not found"},
	} {
		code, text, _ := call(t, s, c.method, c.target, c.body)
		if code != c.code {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.target, code, c.code, text)
			continue
		}
		if c.path == "" {
			if got := strings.TrimSpace(text); got != c.want {
				t.Errorf("%s %s: %q, want %q", c.method, c.target, got, c.want)
			}
			continue
		}
		if diff := cmp.Diff(c.want, at(t, text, c.path)); diff != "" {
			t.Errorf("%s %s: %s (-want +got):\n%s\n%s", c.method, c.target, c.path, diff, text)
		}
	}
}

func TestStoreRequests(t *testing.T) {
	long := strings.Repeat("x", maxContent+1)
	for _, c := range []struct {
		name, path, body string
		code             int
		member           string
		want             any
	}{
		{"defaults", "memories/remember", `{"content":"a"}`, 201, "storage_confidence.value", 0.7},
		{"state", "memories/remember", `{"content":"a"}`, 201, "consolidation_state", "Recent"},
		{"link", "memories/remember", `{"content":"a"}`, 201, "links.consolidation", "/api/v1/consolidations"},
		{"id", "memories/remember", `{"content":"a","id":"mine"}`, 201, "memory_id", "mine"},
		{"category", "memories/remember", `{"content":"a","confidence":0.71}`, 201, "storage_confidence.category", "High"},
		{"clamped", "memories/remember", `{"content":"a","confidence":7}`, 201, "storage_confidence.value", 1.0},
		{"reasoning", "memories/remember", `{"content":"a","confidence_reasoning":"seen"}`, 201, "storage_confidence.reasoning", "seen"},
		{"unknown fields", "memories/remember", `{"content":"a","tags":["x"],"auto_link":true,"new":1}`, 201, "auto_links", []any{}},
		{"time", "memories/remember", `{"content":"a","timestamp":"2025-11-21T19:00:00+01:00"}`, 201, "observed_at", "2025-11-21T18:00:00Z"},
		{"minimal path", "memories", `{"content":"a","id":"b","embedding":[1,2]}`, 201, "memory_id", "b"},
		{"episode", "episodes/remember", `{"what":"a","when":"2025-11-21T19:00:00Z","importance":0.4}`, 201, "storage_confidence.value", 0.4},
		{"blank", "memories/remember", `{"content":" \n"}`, 400, "error.code", "INVALID_MEMORY_INPUT"},
		{"too long", "memories/remember", `{"content":"` + long + `"}`, 400, "error.message", "content has 100001 bytes, want at most 100000"},
		{"empty embedding", "memories/remember", `{"content":"a","embedding":[]}`, 400, "error.code", "INVALID_MEMORY_INPUT"},
		{"bad space", "memories/remember", `{"content":"a","memory_space_id":"No"}`, 400, "error.code", "INVALID_MEMORY_INPUT"},
		{"missing content", "memories/remember", `{}`, 422, "", "missing field `content`"},
		{"missing when", "episodes/remember", `{"what":"a"}`, 422, "", "missing field `when`"},
		{"missing what", "episodes/remember", `{"when":"2025-11-21T19:00:00Z"}`, 422, "", "missing field `what`"},
		{"wrong type", "memories/remember", `{"content":7}`, 422, "", "failed to deserialize"},
		{"wrong embedding", "memories/remember", `{"content":"a","embedding":["x"]}`, 422, "", "want a JSON array of numbers"},
		{"malformed", "memories/remember", `{"content":"a"`, 400, "", "failed to parse"},
		{"malformed number", "memories/remember", `{"content":"a","embedding":[01]}`, 400, "", "failed to parse"},
		{"too large", "memories/remember", `{"content":"` + strings.Repeat("x", maxBody) + `"}`, 413, "", "larger than 2097152 bytes"},
	} {
		s := open(t, "")
		code, text, header := call(t, s, "POST", "/api/v1/"+c.path, c.body)
		if code != c.code {
			t.Errorf("%s: %d, want %d: %.300s", c.name, code, c.code, text)
			continue
		}
		if c.member == "" {
			if !strings.Contains(text, c.want.(string)) || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s: %q, want plain text with %q", c.name, text, c.want)
			}
			continue
		}
		if diff := cmp.Diff(c.want, at(t, text, c.member)); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s\n%s", c.name, c.member, diff, text)
		}
	}
	if code, _, _ := call(t, open(t, ""), "POST", "/api/v1/memories/remember", `{"content":"a"}`, "Content-Type", "text/plain"); code != 415 {
		t.Errorf("text/plain: %d, want 415", code)
	}
}

func TestWrongDimension(t *testing.T) {
	s := open(t, "")
	if code, text, _ := call(t, s, "POST", "/api/v1/memories/remember", `{"content":"without an embedding: 768"}`); code != 201 {
		t.Fatalf("%d %s", code, text)
	}
	code, text, _ := call(t, s, "POST", "/api/v1/memories/remember", `{"content":"a","embedding":[1,2,3]}`)
	if code != 400 || at(t, text, "error.message") != "embedding has 3 dimensions, want 768" {
		t.Errorf("%d %s", code, text)
	}
}

func TestDroppedDuplicateIsAnswered201(t *testing.T) {
	s := three(t)
	code, text, _ := call(t, s, "POST", "/api/v1/memories/remember", `{"id":"again","content":"sun","embedding":[1,0.01,0],"confidence":0.5}`)
	if code != 201 || at(t, text, "memory_id") != "sun" {
		t.Errorf("%d %s", code, text)
	}
	if v := at(t, text, "storage_confidence.value").(float64); v < 0.449 || v > 0.451 {
		t.Errorf("storage confidence %v, want 0.45", v)
	}
}

func TestSpacePrecedence(t *testing.T) {
	s := open(t, "")
	for _, c := range []struct {
		target, body, header, want string
	}{
		{"/api/v1/memories/remember?space=by_query", `{"id":"1","content":"a","memory_space_id":"by_body"}`, "by_header", "by_header"},
		{"/api/v1/memories/remember?space=by_query", `{"id":"2","content":"a","memory_space_id":"by_body"}`, "", "by_query"},
		{"/api/v1/memories/remember", `{"id":"3","content":"a","memory_space_id":" by_body "}`, "", "by_body"},
		{"/api/v1/memories/remember", `{"id":"4","content":"a"}`, "", "default"},
	} {
		var headers []string
		if c.header != "" {
			headers = []string{"X-Memory-Space", c.header}
		}
		if code, text, _ := call(t, s, "POST", c.target, c.body, headers...); code != 201 {
			t.Fatalf("%d %s", code, text)
		}
		if code, _, _ := call(t, s, "GET", "/api/v1/memories/"+c.body[7:8], "", "X-Memory-Space", c.want); code != 200 {
			t.Errorf("%s is not in space %s", c.body, c.want)
		}
	}
	call(t, s, "GET", "/api/v1/memories/recall?query=x&space=by_reading", "")
	code, text, _ := call(t, s, "POST", "/api/v1/spaces", `{"id":"by_post"}`)
	if code != 201 || at(t, text, "id") != "by_post" {
		t.Errorf("%d %s", code, text)
	}
	var got []any
	_, text, _ = call(t, s, "GET", "/api/v1/spaces", "")
	for i := range 7 {
		got = append(got, at(t, text, fmt.Sprintf("spaces.%d.id", i)))
	}
	if diff := cmp.Diff([]any{"by_body", "by_header", "by_post", "by_query", "by_reading", "default", nil}, got); diff != "" {
		t.Errorf("spaces (-want +got):\n%s", diff)
	}
	if code, _, _ := call(t, s, "POST", "/api/v1/spaces", `{"id":"x"}`); code != 400 {
		t.Errorf("bad id: %d", code)
	}
}

func TestAnswersCarryTheHeaders(t *testing.T) {
	_, _, h := call(t, open(t, ""), "GET", "/health", "")
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "X-XSS-Protection": "1; mode=block",
		"Access-Control-Allow-Origin": "*", "Content-Type": "application/json",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func BenchmarkRecallRequest(b *testing.B) {
	s := open(b, "")
	g := fast(b)
	for i := range uint64(2000) {
		if _, err := s.store.remember(s.store.spaces[defaultSpace], episode{id: fmt.Sprint(i), content: string(g.Content(nil, i)), confidence: 0.9}, g.Vector(nil, i)); err != nil {
			b.Fatal(err)
		}
	}
	for i := 0; b.Loop(); i++ {
		r := httptest.NewRequest("GET", "/api/v1/memories/recall?threshold=0.2&query="+url.QueryEscape(string(g.Words(nil, uint64(i%2000), 2, 4))), nil)
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
}
