package result_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/fivegate/fivegate/gate/result"
	"pgregory.net/rapid"
)

// fataler is a testing.TB or a *rapid.T.
type fataler interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func textOf(t fataler, h *result.Histogram) string {
	text, err := h.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestHistogramIsReadByHdrHistogram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := latencies(t, "samples")
		theirs, err := hdr.Decode([]byte(textOf(t, record(samples).Histogram())))
		if err != nil {
			t.Fatal(err)
		}
		want := hdr.New(1, maxLatency, 3)
		for _, ns := range samples {
			if err := want.RecordValue(ns); err != nil {
				t.Fatal(err)
			}
		}
		if !theirs.Equals(want) || theirs.TotalCount() != int64(len(samples)) {
			t.Errorf("read as %d samples %v, want %d", theirs.TotalCount(), theirs.Distribution(), len(samples))
		}
	})
}

func TestHdrHistogramIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := latencies(t, "samples")
		theirs := hdr.New(1, maxLatency, 3)
		for _, ns := range samples {
			if err := theirs.RecordValue(ns); err != nil {
				t.Fatal(err)
			}
		}
		text, err := theirs.Encode(hdr.V2CompressedEncodingCookieBase)
		if err != nil {
			t.Fatal(err)
		}
		var ours result.Histogram
		if err := ours.UnmarshalText(text); err != nil {
			t.Fatal(err)
		}
		if textOf(t, &ours) != textOf(t, record(samples).Histogram()) {
			t.Errorf("read as %d samples, want %d, or in other buckets", ours.Total(), len(samples))
		}
	})
}

func TestHistogramCountsOfAnySize(t *testing.T) {
	for shift := range 41 {
		theirs := hdr.New(1, maxLatency, 3)
		if err := theirs.RecordValues(1000, 1<<shift); err != nil {
			t.Fatal(err)
		}
		text, err := theirs.Encode(hdr.V2CompressedEncodingCookieBase)
		if err != nil {
			t.Fatal(err)
		}
		var ours result.Histogram
		if err := ours.UnmarshalText(text); err != nil {
			t.Fatal(err)
		}
		back, err := hdr.Decode([]byte(textOf(t, &ours)))
		if err != nil {
			t.Fatal(err)
		}
		if ours.Total() != 1<<shift || !back.Equals(theirs) {
			t.Errorf("2^%d samples are read as %d", shift, ours.Total())
		}
	}
}

// histogramText encodes a histogram by hand, so that it can be wrong.
type histogramText struct {
	cookie, inner  uint32
	digits         uint32
	lowest         uint64
	highest        uint64
	counters       []byte
	length         int // added to the length of the counters
	envelopeLength int // added to the length of the compressed part
	after          string
}

func goodHistogramText() histogramText {
	return histogramText{cookie: 0x1c849314, inner: 0x1c849313, digits: 3, lowest: 1, highest: maxLatency, counters: []byte{1, 2}}
}

func (h histogramText) encode() string {
	raw := binary.BigEndian.AppendUint32(nil, h.inner)
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(h.counters)+h.length))
	raw = binary.BigEndian.AppendUint32(raw, 0)
	raw = binary.BigEndian.AppendUint32(raw, h.digits)
	raw = binary.BigEndian.AppendUint64(raw, h.lowest)
	raw = binary.BigEndian.AppendUint64(raw, h.highest)
	raw = binary.BigEndian.AppendUint64(raw, math.Float64bits(1))
	packed := append(deflated(append(raw, h.counters...)), h.after...)
	out := binary.BigEndian.AppendUint32(nil, h.cookie)
	out = binary.BigEndian.AppendUint32(out, uint32(len(packed)+h.envelopeLength))
	return base64.StdEncoding.EncodeToString(append(out, packed...))
}

func deflated(raw []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write(raw)
	z.Close()
	return b.Bytes()
}

// Counters in zig-zag LEB128.
var (
	zerosOverflow = []byte{0xff, 0x9f, 0x04, 2} // 33,792 empty buckets, then one sample: one bucket too many
	minCounter    = bytes.Repeat([]byte{0xff}, 9)
	tooMany       = []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 2} // 2^48 samples, and one
)

func TestHistogramTextIsStrict(t *testing.T) {
	good := goodHistogramText()
	with := func(change func(*histogramText)) string {
		text := good
		change(&text)
		return text.encode()
	}
	var h result.Histogram
	if err := h.UnmarshalText([]byte(good.encode())); err != nil || h.Total() != 1 {
		t.Fatalf("good text: total %d, error %v", h.Total(), err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "fewer than its envelope"},
		{"not base64", "!!!!", "not base64"},
		{"stray bits", strings.TrimRight(base64.StdEncoding.EncodeToString([]byte{1}), "A=") + "R==", "not base64"},
		{"cookie", with(func(h *histogramText) { h.cookie = 0x1c849301 }), "not HdrHistogram's V2 compressed"},
		{"inner cookie", with(func(h *histogramText) { h.inner = 0x1c849301 }), "not HdrHistogram's V2 encoding"},
		{"envelope too long", with(func(h *histogramText) { h.envelopeLength = -1 }), "announces"},
		{"envelope too short", with(func(h *histogramText) { h.envelopeLength = 1 }), "announces"},
		{"counters too long", with(func(h *histogramText) { h.length = -1 }), "announces"},
		{"counters too short", with(func(h *histogramText) { h.length = 1 }), "announces"},
		{"digits", with(func(h *histogramText) { h.digits = 2 }), "need 3 digits"},
		{"lowest", with(func(h *histogramText) { h.lowest = 1000 }), "need 3 digits"},
		{"highest", with(func(h *histogramText) { h.highest = 1 << 50 }), "need 3 digits"},
		{"after the stream", with(func(h *histogramText) { h.after = "x" }), "1 bytes follow"},
		{"cut counter", with(func(h *histogramText) { h.counters = []byte{0x80} }), "ends within"},
		{"bucket too many", with(func(h *histogramText) { h.counters = zerosOverflow }), "33792 buckets"},
		{"run without end", with(func(h *histogramText) { h.counters = minCounter }), "33792 buckets"},
		{"samples", with(func(h *histogramText) { h.counters = tooMany }), "samples"},
		{"bomb", with(func(h *histogramText) { h.counters = make([]byte, 10<<20) }), "hold more than"},
		{"flat bomb", with(func(h *histogramText) { h.counters = bytes.Repeat([]byte{2}, 30_000) }), "hold more than"},
	} {
		var h result.Histogram
		err := h.UnmarshalText([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		if h.Total() != 0 {
			t.Errorf("%s: %d samples beside an error", c.name, h.Total())
		}
	}
}

func TestHistogramTextIsCanonical(t *testing.T) {
	want := textOf(t, record([]int64{5}).Histogram())
	for name, counters := range map[string][]byte{
		"usual":           {9, 2},
		"zeros":           {0, 0, 0, 0, 0, 2},
		"runs":            {1, 3, 3, 2},
		"mixed":           {0, 1, 0, 3, 2},
		"empty after":     {9, 2, 0},
		"run after":       {9, 2, 5},
		"longer counters": {0x89, 0, 0x82, 0x80, 0},
	} {
		text := goodHistogramText()
		text.counters = counters
		var h result.Histogram
		if err := h.UnmarshalText([]byte(text.encode())); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if textOf(t, &h) != want || h.Quantile(0.5) != 5 {
			t.Errorf("%s: %d samples with median %v, want one of 5 in the usual form", name, h.Total(), h.Quantile(0.5))
		}
	}
}

func FuzzHistogram(f *testing.F) {
	f.Add(goodHistogramText().encode())
	f.Add(textOf(f, record([]int64{1, 2, 2, 1000, 1_000_000, maxLatency}).Histogram()))
	f.Add(textOf(f, nil))
	for _, counters := range [][]byte{zerosOverflow, minCounter, tooMany} {
		text := goodHistogramText()
		text.counters = counters
		f.Add(text.encode())
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkHistogramText(t, text)
		// Compressed data seldom survive a change: feed the counters directly, too.
		direct := goodHistogramText()
		direct.counters = []byte(text)
		checkHistogramText(t, direct.encode())
	})
}

func checkHistogramText(t *testing.T, text string) {
	var h, again result.Histogram
	if err := h.UnmarshalText([]byte(text)); err != nil {
		if h.Total() != 0 || !math.IsNaN(h.Mean()) {
			t.Fatalf("%d samples beside error %v", h.Total(), err)
		}
		return
	}
	encoded := textOf(t, &h)
	if err := again.UnmarshalText([]byte(encoded)); err != nil {
		t.Fatalf("own encoding: %v", err)
	}
	if textOf(t, &again) != encoded || again.Total() != h.Total() {
		t.Fatal("encoding is not stable")
	}
	if h.Total() == 0 {
		return
	}
	var quantiles []float64
	for q := range 11 {
		quantiles = append(quantiles, h.Quantile(float64(q)/10))
	}
	if !slices.IsSorted(quantiles) || !(quantiles[0] >= 0) || !(quantiles[10] <= maxLatency) {
		t.Fatal(fmt.Sprint("quantiles ", quantiles))
	}
	if mean := h.Mean(); !(mean >= 0 && mean <= maxLatency) {
		t.Fatalf("mean %v", mean)
	}
	if doubled := result.MergeHistograms(&h, &again); doubled.Total() != 2*h.Total() {
		t.Fatalf("merged with itself: %d samples, want %d", doubled.Total(), 2*h.Total())
	}
}
