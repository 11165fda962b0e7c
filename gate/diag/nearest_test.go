package diag

import (
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	metrics := []string{"cpu_per_op", "throughput", "latency.p50", "latency.p90", "latency.p99", "error_rate"}
	for _, tt := range []struct {
		word, want, reason string
	}{
		{"thruput", "throughput", "three letters left out"},
		{"latency.p95", "latency.p90", "the first of equals"},
		{"latency_p99", "latency.p99", "one letter"},
		{"eror_rate", "error_rate", "one left out"},
		{"CPU_PER_OP", "cpu_per_op", "letter case does not count"},
		{"cpu_pre_op", "cpu_per_op", "a swap is one edit"},
		{"latency", "latency.p50", "a part, the first of equals"},
		{"error_rate_percent", "error_rate", "more than it"},
		{"rss", "", "nothing is near"},
		{"", "", "nothing is near nothing"},
	} {
		if got := nearest(tt.word, metrics); got != tt.want {
			t.Errorf("nearest(%q) = %q, want %q: %s", tt.word, got, tt.want, tt.reason)
		}
	}
	if got := nearest("x", nil); got != "" {
		t.Errorf("nearest of none is %q", got)
	}
}

func TestSuggest(t *testing.T) {
	for _, tt := range []struct {
		word    string
		allowed []string
		want    string
	}{
		{"x", nil, "nothing is allowed here"},
		{"x", []string{"name"}, `allowed is "name"`},
		{"x", []string{"rate", "name"}, `allowed are "name", "rate"`},
		{"rat", []string{"rate", "name"}, `did you mean "rate"? Allowed are "name", "rate"`},
		{"Rate", []string{"rate", "name"}, `did you mean "rate"? Upper and lower case differ; allowed are "name", "rate"`},
	} {
		if got := Suggest(tt.word, tt.allowed); got != tt.want {
			t.Errorf("Suggest(%q, %q) = %q, want %q", tt.word, tt.allowed, got, tt.want)
		}
	}
}

// editDistanceByDefinition is the recurrence as it stands in the literature,
// slow and obvious.
func editDistanceByDefinition(a, b []rune) int {
	if len(a) == 0 || len(b) == 0 {
		return len(a) + len(b)
	}
	m, n := len(a)-1, len(b)-1
	change := 1
	if a[m] == b[n] {
		change = 0
	}
	d := min(
		editDistanceByDefinition(a[:m], b)+1,
		editDistanceByDefinition(a, b[:n])+1,
		editDistanceByDefinition(a[:m], b[:n])+change,
	)
	if m > 0 && n > 0 && a[m] == b[n-1] && a[m-1] == b[n] {
		d = min(d, editDistanceByDefinition(a[:m-1], b[:n-1])+1)
	}
	return d
}

func TestEditDistanceIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.SampledFrom([]rune("abc名")), 0, 6, -1)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		if got, want := editDistance(a, b), editDistanceByDefinition([]rune(a), []rune(b)); got != want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", a, b, got, want)
		}
	})
}
