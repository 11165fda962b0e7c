package refstore

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// embedding is a vector in JSON, with a parser of its own: 768 numbers take it 15
// µs, and reflection 200 (BenchmarkParseFloats, BenchmarkReflectedFloats; AMD EPYC).
type embedding []float32

// UnmarshalJSONFrom reads an array of numbers, or null.
func (e *embedding) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	if raw.Kind() == 'n' {
		*e = nil
		return nil
	}
	*e, err = parseFloats(raw)
	return err
}

var errNotFloats = errors.New("want a JSON array of numbers")

// parseFloats reads a JSON array of numbers as float32 values. Numbers of up to 15
// digits, and all that a driver sends, go through exact float64 arithmetic; they
// differ from the nearest float32 by at most the last bit in the rare case of a
// double rounding. Others go through strconv.
func parseFloats(text []byte) ([]float32, error) {
	i := skipSpace(text, 0)
	if i >= len(text) || text[i] != '[' {
		return nil, errNotFloats
	}
	i = skipSpace(text, i+1)
	values := make([]float32, 0, min(len(text)/2, defaultDimension))
	if i < len(text) && text[i] == ']' {
		return atEnd(values, text, i+1)
	}
	for {
		v, next, err := parseNumber(text, i)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
		i = skipSpace(text, next)
		if i >= len(text) {
			return nil, errNotFloats
		}
		switch text[i] {
		case ',':
			i = skipSpace(text, i+1)
		case ']':
			return atEnd(values, text, i+1)
		default:
			return nil, errNotFloats
		}
	}
}

// atEnd returns the values if only white space follows.
func atEnd(values []float32, text []byte, i int) ([]float32, error) {
	if skipSpace(text, i) != len(text) {
		return nil, errNotFloats
	}
	return values, nil
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

// pow10 holds the powers of ten that are exact in a float64.
var pow10 = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// parseNumber reads the JSON number at text[i:] and returns where it ends.
func parseNumber(text []byte, i int) (value float32, end int, err error) {
	start, negative := i, false
	if i < len(text) && text[i] == '-' {
		negative = true
		i++
	}
	whole := i
	var mantissa uint64
	i, mantissa = digits(text, i, 0)
	count := i - whole
	if count == 0 || count > 1 && text[whole] == '0' {
		return 0, 0, errNotFloats
	}
	decimals := 0
	if i < len(text) && text[i] == '.' {
		point := i + 1
		i, mantissa = digits(text, point, mantissa)
		decimals = i - point
		if decimals == 0 {
			return 0, 0, errNotFloats
		}
		count += decimals
	}
	if count > 15 || i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		return parseLong(text, start, i)
	}
	v := float64(mantissa) / pow10[decimals]
	if negative {
		v = -v
	}
	return float32(v), i, nil
}

// digits reads decimal digits onto n, which overflows when there are too many.
func digits(text []byte, i int, n uint64) (int, uint64) {
	for i < len(text) && text[i]-'0' <= 9 {
		n = n*10 + uint64(text[i]-'0')
		i++
	}
	return i, n
}

// parseLong reads a number with an exponent or many digits. i is where its
// exponent would begin.
func parseLong(text []byte, start, i int) (float32, int, error) {
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		first := i
		if i, _ = digits(text, i, 0); i == first {
			return 0, 0, errNotFloats
		}
	}
	v, err := strconv.ParseFloat(string(text[start:i]), 32)
	if err != nil || math.IsInf(v, 0) {
		return 0, 0, fmt.Errorf("number %s does not fit a 32-bit float", clip(string(text[start:i])))
	}
	return float32(v), i, nil
}
