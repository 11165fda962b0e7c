package report

import (
	"strings"

	"github.com/fivegate/fivegate/gate/safetext"
)

// Longest texts that are shown, in characters. Chosen: a sentence of the verdict
// and a metric's name stay far below them; what is longer was not written by
// gate, and only the JSON of the document itself keeps it whole.
const (
	maxWord     = 12 // a decision, a unit
	maxName     = 64
	maxSentence = 400

	maxBenchmark = 200 // packages, sub-benchmarks and their parameters make long names
	maxMeasure   = maxBenchmark + maxName
)

// clean makes one printable line of s, of at most limit characters.
func clean(s string, limit int) string { return safetext.Line(s, limit) }

// sentence ends s with a full stop when it has no end yet.
func sentence(s string) string {
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?") {
		return s
	}
	return s + "."
}
