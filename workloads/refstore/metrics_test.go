package refstore

import (
	"strings"
	"testing"
	"time"
)

func TestMetrics(t *testing.T) {
	s := three(t)
	call(t, s, "GET", "/api/v1/memories/recall?query=sun", "")
	call(t, s, "GET", "/api/v1/memories/recall", "")
	_, text, _ := call(t, s, "GET", "/metrics", "")
	for path, want := range map[string]any{
		"snapshot.five_minutes.memories_created_total.sum":     3.0,
		"snapshot.one_minute.store_duration_seconds.count":     3.0,
		"snapshot.five_minutes.recall_duration_seconds.count":  1.0,
		"snapshot.five_minutes.request_errors_total.sum":       1.0,
		"snapshot.five_minutes.content_dedup_skip_total.count": nil,
		"export.dropped": 0.0,
	} {
		if got := at(t, text, path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	_, text, h := call(t, s, "GET", "/metrics/prometheus", "")
	for _, line := range []string{
		"# TYPE engram_memories_created_total counter", "engram_memories_created_total 3", "engram_store_duration_seconds_count 3",
		`engram_memories{memory_space="default"} 3`, `engram_concepts{memory_space="default"} 1`, "engram_content_dedup_skip_total 0",
	} {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
	if got := h.Get("Content-Type"); got != "text/plain; version=0.0.4" {
		t.Errorf("content type %q", got)
	}
}

func TestWindowsForget(t *testing.T) {
	var s series
	now := time.Unix(1_000_000, 0)
	for age, value := range []float64{1, 2, 4} {
		s.add(value, now.Add(-time.Duration(age*50)*time.Second))
	}
	for length, want := range map[int64]float64{1: 1, 51: 3, 300: 7} {
		if got, _ := s.window(length, now); got.sum != want {
			t.Errorf("last %d s: sum %v, want %v", length, got.sum, want)
		}
	}
	if got, _ := s.window(300, now.Add(time.Hour)); got.count != 0 {
		t.Errorf("an hour later: %+v", got)
	}
	if got := s.sum(); got.sum != 7 {
		t.Errorf("in total %v", got.sum)
	}
}

func TestQuantiles(t *testing.T) {
	var s series
	now := time.Unix(1_000_000, 0)
	for i := range 1000 {
		s.add(float64(i+1)*1e-5, now)
	}
	got, class := s.window(1, now)
	for q, want := range map[float64]float64{0: 1e-5, 0.5: 5e-3, 0.9: 9e-3, 0.99: 9.9e-3, 1: 1e-2} {
		if v := quantile(q, got, &class); v < want*0.9 || v > want*1.1 {
			t.Errorf("quantile %v is %v, want about %v", q, v, want)
		}
	}
}
