package result_test

import (
	"encoding/base64"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"pgregory.net/rapid"
)

func TestProbesKeepLatencies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rounds, n := rapid.IntRange(1, 4).Draw(t, "rounds"), rapid.IntRange(1, 8).Draw(t, "probes")
		p := result.NewProbes(rounds, n)
		want := make([]int64, rounds*n)
		for i := range want {
			want[i] = rapid.Int64Range(0, 4_292_000_000).Draw(t, "ns")
			p.Set(i/n, i%n, want[i])
		}
		for i, ns := range want {
			got := p.At(i/n, i%n)
			if math.Abs(got-float64(ns)) > 0.00017*float64(ns) {
				t.Errorf("probe %d of round %d is %v, want %d", i%n, i/n, got, ns)
			}
		}
	})
}

func TestProbesAtTheEnds(t *testing.T) {
	p := result.NewProbes(1, 1)
	if p.At(0, 0) != 0 {
		t.Error("a new probe is measured")
	}
	for _, c := range []struct {
		ns   int64
		want float64
	}{{-1, 0}, {0, 0}, {1, 1}, {2, 2}, {4096, 4096}, {math.MaxInt64, math.Exp2(65534.0 / 2048)}} {
		p.Set(0, 0, c.ns)
		if got := p.At(0, 0); got != c.want {
			t.Errorf("%d ns is %v, want %v", c.ns, got, c.want)
		}
	}
}

func TestProbesText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := result.ProbeMatrix(rapid.SliceOf(rapid.Uint16()).Draw(t, "steps"))
		text, err := m.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got result.ProbeMatrix
		if err := got.UnmarshalText(text); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, m) {
			t.Errorf("read %v, want %v", got, m)
		}
	})
}

func TestProbesTextIsStrict(t *testing.T) {
	good := deflated([]byte{1, 2, 3, 4})
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "decompress"},
		{"not base64", "?", "not base64"},
		{"not zlib", base64.StdEncoding.EncodeToString([]byte("not zlib")), "decompress"},
		{"cut", base64.StdEncoding.EncodeToString(good[:len(good)-1]), "decompress"},
		{"after the stream", base64.StdEncoding.EncodeToString(append(good, 0)), "1 bytes follow"},
		{"half a latency", base64.StdEncoding.EncodeToString(deflated([]byte{1, 2, 3})), "within a latency"},
		{"bomb", base64.StdEncoding.EncodeToString(deflated(make([]byte, 10<<20))), "hold more than"},
	} {
		m := result.ProbeMatrix{7}
		err := m.UnmarshalText([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		if !slices.Equal(m, result.ProbeMatrix{7}) {
			t.Errorf("%s: changed beside an error", c.name)
		}
	}
}

func FuzzProbes(f *testing.F) {
	for _, m := range []result.ProbeMatrix{{}, {0}, {1, 65535, 0, 12345}} {
		text, err := m.MarshalText()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		var m, again result.ProbeMatrix
		if err := m.UnmarshalText([]byte(text)); err != nil {
			if m != nil {
				t.Fatalf("%v beside error %v", m, err)
			}
			return
		}
		encoded, err := m.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalText(encoded); err != nil || !slices.Equal(again, m) {
			t.Fatalf("own encoding is read as %v, want %v (error %v)", again, m, err)
		}
	})
}
