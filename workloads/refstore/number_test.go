package refstore

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

// ulps is the distance of two float32 in units of the last place.
func ulps(a, b float32) int64 {
	x, y := int64(int32(math.Float32bits(a))), int64(int32(math.Float32bits(b)))
	if x < 0 {
		x = math.MinInt32 - x
	}
	if y < 0 {
		y = math.MinInt32 - y
	}
	return max(x-y, y-x)
}

func TestParseFloatsReadsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Float32()).Draw(t, "floats")
		format := rapid.SampledFrom([]byte("efg")).Draw(t, "format")
		text := []byte("[")
		for i, x := range want {
			if i > 0 {
				text = append(text, " ,\n"...)
			}
			text = strconv.AppendFloat(text, float64(x), format, -1, 32)
		}
		got, err := parseFloats(append(text, " ]"...))
		if format == 'g' && err != nil {
			return // may write 1e+06, which is JSON, but never more than that
		}
		if err != nil || len(got) != len(want) {
			t.Fatalf("%s: %v, %v", text, got, err)
		}
		for i := range want {
			if ulps(got[i], want[i]) > 1 {
				t.Errorf("%v was read as %v", want[i], got[i])
			}
		}
	})
}

func TestParseFloatsRefuses(t *testing.T) {
	for _, text := range []string{
		"", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "1", "null", "[null]", `["1"]`, "[[1]]", "[1]x", "[1],",
		"[+1]", "[-]", "[.5]", "[5.]", "[01]", "[-01]", "[1e]", "[1e+]", "[0x1]", "[1_0]", "[NaN]", "[Infinity]", "[1e39]", "[-1e400]",
	} {
		if v, err := parseFloats([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, v)
		}
	}
}

func FuzzParseFloats(f *testing.F) {
	for _, text := range []string{"[]", "[0.036123,-0.5]", " [ 1e-3 , 2E+7,-0 ]\n", "[123456789012345678901234567890]", "[1e39]", "[1", "[0.1234567890123456789]", "[]0", "[null]"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseFloats(text)
		var want []*float32 // pointers, since encoding/json takes null for a zero
		reference := json.Unmarshal(text, &want)
		valid := reference == nil && want != nil && !slices.Contains(want, nil)
		if valid != (err == nil) {
			t.Fatalf("%q: %v, encoding/json says %v, %v", text, err, want, reference)
		}
		if err != nil {
			if got != nil {
				t.Errorf("%q: floats beside an error", text)
			}
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %d floats, want %d", text, len(got), len(want))
		}
		for i := range want {
			if ulps(got[i], *want[i]) > 1 {
				t.Errorf("%q: %v, want %v", text, got[i], *want[i])
			}
		}
	})
}

// benchmarkFloats is an embedding as the driver writes it.
func benchmarkFloats() []byte {
	text := []byte("[")
	for i := range 768 {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendFloat(text, math.Sin(float64(i))/28, 'f', 6, 64)
	}
	return append(text, ']')
}

func BenchmarkParseFloats(b *testing.B) {
	text := benchmarkFloats()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := parseFloats(text); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReflectedFloats is what parseFloats is instead of.
func BenchmarkReflectedFloats(b *testing.B) {
	text := benchmarkFloats()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		var v []float32
		if err := jsonv2.Unmarshal(text, &v); err != nil {
			b.Fatal(err)
		}
	}
}
