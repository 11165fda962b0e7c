package diag

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a duration with units, such as 30s, 5m or 1h30m. The
// error says what is allowed and does not repeat the text.
func ParseDuration(s string, allowed Range[time.Duration]) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errors.New("not a duration; write numbers with units, such as 30s, 5m or 1h30m")
	}
	if !allowed.contains(d) {
		return 0, errors.New(limits(allowed, formatDuration))
	}
	return d, nil
}

// percentage is a decimal number and a percent sign.
var percentage = regexp.MustCompile(`^([+-]?[0-9]+(?:\.[0-9]+)?) ?%$`)

// ParsePercent reads a percentage, such as 5% or 2.5%, and returns the
// fraction, 0.05 or 0.025. allowed is in fractions. The error says what is
// allowed and does not repeat the text.
func ParsePercent(s string, allowed Range[float64]) (float64, error) {
	m := percentage.FindStringSubmatch(s)
	if m == nil {
		return 0, errors.New("not a percentage; write a number and a percent sign, such as 5%")
	}
	x, err := strconv.ParseFloat(m[1], 64)
	if err != nil || !allowed.contains(x/100) {
		return 0, errors.New(limits(allowed, formatPercent))
	}
	return x / 100, nil
}

// limits words a range.
func limits[T int64 | float64 | time.Duration](r Range[T], format func(T) string) string {
	words := fmt.Sprintf("allowed is %s to %s", format(r.Min), format(r.Max))
	if r.Unit != "" {
		words += " " + r.Unit
	}
	return words
}

// formatNumber avoids exponents, which people do not write in such files.
func formatNumber(x float64) string {
	if math.Abs(x) < 1e15 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// formatPercent rounds to 12 digits, to hide that 0.07 × 100 is not 7.
func formatPercent(x float64) string {
	return strconv.FormatFloat(x*100, 'g', 12, 64) + "%"
}

// formatDuration drops the zero units that time.Duration prints: 5m, not 5m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
