package chart

import (
	"math"
	"strconv"
)

// Ticks returns about n labelled places at round distances (1, 2 or 5 times a
// power of ten) within [low, high]; format words a value.
func Ticks(low, high float64, n int, format func(float64) string) []Tick {
	if !(high > low) || math.IsInf(high-low, 0) || n < 1 {
		return nil
	}
	step := roundStep((high - low) / float64(n))
	var out []Tick
	for i := math.Ceil(low/step - 1e-9); i*step <= high+1e-9*step; i++ {
		at := i*step + 0 // no −0
		out = append(out, Tick{At: at, Label: format(at)})
	}
	return out
}

// roundStep is the smallest of 1, 2 and 5 times a power of ten that is at least v.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// LogTicks returns places for an axis that shows log10 of values in [low, high],
// both above 0: at 1, 2 and 5 of each decade, at the decades alone when there are
// many, and at round values when low and high are close.
func LogTicks(low, high float64, format func(float64) string) []Tick {
	if !(low > 0) || !(high >= low) || math.IsInf(high, 0) {
		return nil
	}
	if high < 4*low { // 1, 2 and 5 may all lie outside
		out := Ticks(low, high, 6, format)
		for i := range out {
			out[i].At = math.Log10(out[i].At)
		}
		return out
	}
	steps := []float64{1, 2, 5}
	if math.Log10(high/low) > 3 {
		steps = steps[:1]
	}
	var out []Tick
	for power := math.Pow(10, math.Floor(math.Log10(low))); power <= high; power *= 10 {
		for _, m := range steps {
			if v := m * power; v >= low*(1-1e-9) && v <= high*(1+1e-9) {
				out = append(out, Tick{At: math.Log10(v), Label: format(v)})
			}
		}
	}
	return out
}

// Percentile places a share p in [0, 1) on the log-percentile axis of HdrHistogram's
// plots, on which each nine is as wide as the one before: −log10(1−p).
func Percentile(p float64) float64 { return -math.Log10(1 - p) }

// PercentileTicks are the ticks of a log-percentile axis up to Percentile value
// high, the least important last.
func PercentileTicks(high float64) []Tick {
	var out []Tick
	for _, p := range []float64{0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0} {
		if at := Percentile(p); at <= high+1e-9 {
			out = append(out, Tick{At: at, Label: strconv.FormatFloat(100*p, 'g', 7, 64) + "%"})
		}
	}
	return out
}
