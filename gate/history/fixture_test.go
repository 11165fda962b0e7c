package history

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

var start = time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC)

// daily makes runs, one a day, of the metric "m" with the given values.
func daily(values []float64) []Run {
	runs := make([]Run, len(values))
	for i, v := range values {
		hash := sha256.Sum256([]byte(fmt.Sprint(i)))
		name := hex.EncodeToString(hash[:])
		runs[i] = Run{
			Schema: Schema, Class: "lab", Scenario: "ci/fast", At: start.AddDate(0, 0, i), Commit: name[:40], Tool: "1.0", Result: name,
			Values: map[string]Value{"m": {Value: v, Unit: "s", Better: result.LowerIsBetter}},
		}
	}
	return runs
}

// noisy draws n values around a level that depends on the day.
func noisy(seed uint64, n int, sd float64, level func(day int) float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 9))
	values := make([]float64, n)
	for i := range values {
		values[i] = level(i) * (1 + sd*rng.NormFloat64())
	}
	return values
}

func flat(int) float64 { return 100 }

func stepAt(at int, by float64) func(int) float64 {
	return func(day int) float64 {
		if day >= at {
			return 100 * (1 + by)
		}
		return 100
	}
}

var quarter = Options{Threshold: 0.05, Window: 90 * 24 * time.Hour}

func analyse(t interface {
	Helper()
	Fatal(...any)
}, runs []Run, o Options, explanations ...Explanation,
) *Trend {
	t.Helper()
	trend, err := Analyse([][]Run{runs}, explanations, o)
	if err != nil {
		t.Fatal(err)
	}
	return trend
}
