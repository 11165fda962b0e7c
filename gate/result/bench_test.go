package result_test

import (
	"bytes"
	"io"
	"runtime"
	"sync"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

// largeDocument is a check of 10,094 slices: of each open one three operations
// of 350 samples, and 600 probes a round.
var largeDocument = sync.OnceValue(func() []byte {
	d := resulttest.Check(resulttest.Options{
		Seed: 1, Blocks: 28, Rounds: 90, Probes: 600, RatePerS: 1050,
		RoundSD: 0.015, LaunchSD: 0.01, LayoutSD: 0.015, CommonSD: 0.1,
	})
	var b bytes.Buffer
	if err := d.Write(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
})

func BenchmarkRead(b *testing.B) {
	text := largeDocument()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := result.Read(bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	d := readLarge(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	d := readLarge(b)
	b.SetBytes(int64(len(largeDocument())))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQuantile(b *testing.B) {
	h := readLarge(b).Slices[0].Operations[0].Response
	for b.Loop() {
		runtime.KeepAlive(h.Quantile(0.5))
	}
}

func BenchmarkRecord(b *testing.B) {
	r, ns := result.NewRecorder(), int64(1)
	b.ReportAllocs()
	for b.Loop() {
		ns = ns*6364136223846793005 + 1442695040888963407
		r.Record(ns >> 40 & 0xfffff)
	}
}

func readLarge(b *testing.B) *result.Document {
	b.Helper()
	d, err := result.Read(bytes.NewReader(largeDocument()))
	if err != nil {
		b.Fatal(err)
	}
	return d
}
