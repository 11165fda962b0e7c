package refstore

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// summary describes the samples of one window.
type summary struct {
	Count uint64  `json:"count"`
	Sum   float64 `json:"sum"`
	Mean  float64 `json:"mean"`
	Min   float64 `json:"min"`
	Max   float64 `json:"max"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
}

type metricsResponse struct {
	Snapshot struct {
		Version     string             `json:"schema_version"`
		OneSecond   map[string]summary `json:"one_second"`
		TenSeconds  map[string]summary `json:"ten_seconds"`
		OneMinute   map[string]summary `json:"one_minute"`
		FiveMinutes map[string]summary `json:"five_minutes"`
	} `json:"snapshot"`
	Export struct {
		Exported uint64 `json:"exported"`
		Dropped  uint64 `json:"dropped"`
		Depth    uint64 `json:"queue_depth"`
	} `json:"export"`
}

// metricsJSON sums up the last second, ten seconds, minute and five minutes.
func (s *Server) metricsJSON(w http.ResponseWriter, _ *http.Request) error {
	now := time.Now()
	var body metricsResponse
	body.Snapshot.Version = "1.1.0"
	body.Snapshot.OneSecond = s.metrics.window(1, now)
	body.Snapshot.TenSeconds = s.metrics.window(10, now)
	body.Snapshot.OneMinute = s.metrics.window(60, now)
	body.Snapshot.FiveMinutes = s.metrics.window(windowSeconds, now)
	for _, m := range body.Snapshot.FiveMinutes {
		body.Export.Exported += m.Count
	}
	answer(w, http.StatusOK, &body)
	return nil
}

// window describes the series that have samples in the last length seconds.
func (m *metrics) window(length int64, now time.Time) map[string]summary {
	found := map[string]summary{}
	for _, n := range m.names {
		t, class := n.series.window(length, now)
		if t.count == 0 {
			continue
		}
		found[n.name] = summary{
			Count: t.count, Sum: t.sum, Mean: t.sum / float64(t.count), Min: t.min, Max: t.max,
			P50: quantile(0.5, t, &class), P90: quantile(0.9, t, &class), P99: quantile(0.99, t, &class),
		}
	}
	return found
}

// metricsText is the Prometheus form. Counters and summaries' sums and counts
// cover the life of the server, quantiles the last five minutes.
func (s *Server) metricsText(w http.ResponseWriter, _ *http.Request) error {
	now := time.Now()
	var b strings.Builder
	for _, n := range s.metrics.names {
		n.expose(&b, now)
	}
	b.WriteString("# HELP engram_memories Memories held, by space.\n# TYPE engram_memories gauge\n")
	var concepts strings.Builder
	for _, sp := range s.store.list() {
		memories, formed := sp.counts()
		fmt.Fprintf(&b, "engram_memories{memory_space=%q} %d\n", sp.id, memories)
		fmt.Fprintf(&concepts, "engram_concepts{memory_space=%q} %d\n", sp.id, formed)
	}
	b.WriteString("# HELP engram_concepts Concepts formed, by space.\n# TYPE engram_concepts gauge\n")
	b.WriteString(concepts.String())
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, _ = w.Write([]byte(b.String())) // the client has gone: nobody to tell
	return nil
}

// expose writes one series.
func (n *namedSeries) expose(b *strings.Builder, now time.Time) {
	name := "engram_" + n.name
	fmt.Fprintf(b, "# HELP %s %s\n", name, n.help)
	if !n.seconds {
		total := n.series.sum()
		fmt.Fprintf(b, "# TYPE %s counter\n%s %d\n", name, name, total.count)
		return
	}
	fmt.Fprintf(b, "# TYPE %s summary\n", name)
	if t, class := n.series.window(windowSeconds, now); t.count > 0 {
		for _, q := range [...]float64{0.5, 0.9, 0.99} {
			fmt.Fprintf(b, "%s{quantile=\"%v\"} %g\n", name, q, quantile(q, t, &class))
		}
	}
	total := n.series.sum()
	fmt.Fprintf(b, "%s_sum %g\n%s_count %d\n", name, total.sum, name, total.count)
}

// sum is the total over the life of the server.
func (s *series) sum() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}
