package exec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// As valgrind 3.19 writes it.
const cachegrindFile = "desc: I1 cache:         32768 B, 64 B, 8-way associative\ncmd: ./a b\nevents: Ir\nfl=a.c\nfn=main\n3 12000000\nsummary: 18126884\n"

func TestParseCachegrind(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       float64
		err        string
	}{
		{"instructions alone", cachegrindFile, 18126884, ""},
		{"with caches", "events: Bc Ir I1mr\nsummary: 5 70 8\n", 70, ""},
		{"cut off", "events: Ir\nfl=a.c\n", 0, "line 3: the file ends without a summary"},
		{"empty", "", 0, "line 1: the file ends"},
		{"no instructions", "events: Dr\nsummary: 5\n", 0, "line 2: the summary has no count of Ir"},
		{"short summary", "events: Dr Ir\nsummary: 5\n", 0, "line 2: the summary has no count"},
		{"no number", "events: Ir\nsummary: many\n", 0, `line 2: "many" is no count`},
		{"too many", "events: Ir\nsummary: 18446744073709551615\n", 0, "is no count"},
		{"no text", "events: Ir\n" + strings.Repeat("x", 2<<20), 0, "line 2: bufio.Scanner: token too long"},
	} {
		got, err := parseCachegrind(strings.NewReader(test.text))
		if test.err == "" && (err != nil || got != test.want) || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: %v, %v; want %v, %q", test.name, got, err, test.want, test.err)
		}
	}
}

func TestCountedIn(t *testing.T) {
	dir := t.TempDir()
	if _, err := countedIn(dir); err == nil || !strings.Contains(err.Error(), "counted nothing") {
		t.Errorf("no file: %v", err)
	}
	for _, name := range []string{"1.out", "2.out"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(cachegrindFile), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := countedIn(dir); err != nil || got != 2*18126884 {
		t.Errorf("two processes: %v, %v", got, err)
	}
}

func FuzzCachegrind(f *testing.F) {
	f.Add(cachegrindFile)
	f.Add("events: Ir Dr\nsummary: 1")
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseCachegrind(strings.NewReader(text)); err == nil && n < 0 {
			t.Errorf("%q: %v", text, n)
		}
	})
}
