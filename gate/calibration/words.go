package calibration

import (
	"fmt"
	"math"
	"strconv"

	"github.com/fivegate/fivegate/gate/result"
)

// Sentence says what checks on this runner can be trusted with, in the words of
// every report: how often identical builds are blocked, and how often the
// smallest slow-down of at least 8% is caught.
func Sentence(c *result.Calibration) string {
	text := "on this runner identical builds are blocked " + times(c.FalseAlarms, 1000)
	for _, p := range c.Power {
		if p.Effect >= 0.08-1e-9 {
			return text + fmt.Sprintf("; a slow-down of %s is caught in %s", percent(p.Effect), ofHundred(p.Blocked))
		}
	}
	return text
}

// times words a small share: "3 times in 1,000 (0 to 9)".
func times(s result.Share, of float64) string {
	n := strconv.FormatFloat(round1(of*s.Value), 'f', -1, 64)
	word := "times"
	if n == "1" {
		word = "time"
	}
	return fmt.Sprintf("%s %s in 1,000 (%.0f to %.0f)", n, word, math.Floor(of*s.Low), math.Ceil(of*s.High))
}

// ofHundred words a large share: "99 of 100 (96 to 100)".
func ofHundred(s result.Share) string {
	return fmt.Sprintf("%.0f of 100 (%.0f to %.0f)", 100*s.Value, math.Floor(100*s.Low), math.Ceil(100*s.High))
}

func round1(v float64) float64 { return math.Round(10*v) / 10 }

// percent writes a fraction: "8%", "1.3%".
func percent(v float64) string {
	return strconv.FormatFloat(round1(100*v), 'f', -1, 64) + "%"
}

// seconds writes a time: "5m" or "90s".
func seconds(s float64) string {
	if s >= 60 && math.Mod(s, 60) == 0 {
		return fmt.Sprintf("%.0fm", s/60)
	}
	return fmt.Sprintf("%.0fs", s)
}
