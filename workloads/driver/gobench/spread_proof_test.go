//go:build proof

package gobench

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/bench"
)

var (
	update = flag.Bool("update", false, "write docs/evidence/go-benchmarks.md")
	date   = flag.String("date", "", "date to write into it, as 2026-11-23")
	pairs  = flag.Int("pairs", 48, "pairs of processes for each figure")
)

// arrangements are ways to run a pair; the first two are what gate chooses from.
var arrangements = []struct {
	name   string
	change func(s *subject, m method) method
}{
	{"duet", func(_ *subject, m method) method { return m }},
	{"in turn", func(s *subject, m method) method {
		m.mode, m.procs, m.cpus = result.ModeAlternating, s.wanted(), nil
		return m
	}},
	{"in turn, one CPU", func(s *subject, m method) method {
		m.mode, m.procs, m.cpus = result.ModeAlternating, 1, []int{s.suite.CPU}
		return m
	}},
	{"duet, GOMAXPROCS of all CPUs", func(s *subject, m method) method { m.procs = s.wanted(); return m }},
}

// TestProofSpread measures how much pairs of one benchmark spread in each
// arrangement, on identical binaries, and as what a planted slow-down of 8% is
// seen. Claim: for each benchmark that is measured as a duet, pairs spread no more
// in a duet than in turn, and the slow-down is seen as 6 to 10%.
func TestProofSpread(t *testing.T) {
	repository := plant(t)
	var out strings.Builder
	fmt.Fprintf(&out, introduction, *date, *pairs)
	same := openSuite(t, repository, "base", "base", Config{Layouts: 8, Anyway: true}, time.Hour)
	slower := openSuite(t, repository, "base", "slower", Config{Layouts: 8}, time.Hour)
	for i, s := range same.subjects {
		prepare(t, s)
		if s.m.mode != result.ModeDuet {
			a := arrangements[1]
			x := measureSpread(t, s, a.change, 0)
			prepare(t, slower.subjects[i])
			y := measureSpread(t, slower.subjects[i], a.change, 8)
			fmt.Fprintf(&out, row, s.name, a.name, 100*x.spread, x.cost.Seconds()*1000, 100*x.inTenSeconds(), 100*(math.Exp(y.median)-1), 100*y.spread)
			continue
		}
		prepare(t, slower.subjects[i])
		var duet spread
		for j, a := range arrangements {
			x, y := measureSpread(t, s, a.change, 0), measureSpread(t, slower.subjects[i], a.change, 8)
			fmt.Fprintf(&out, row, s.name, a.name, 100*x.spread, x.cost.Seconds()*1000, 100*x.inTenSeconds(), 100*(math.Exp(y.median)-1), 100*y.spread)
			if j == 0 {
				duet = x
				if math.IsNaN(x.spread) {
					t.Fatalf("%s: no duet", s.name)
				}
				if effect := math.Exp(y.median) - 1; effect < 0.06 || effect > 0.10 {
					t.Errorf("%s: 8%% is seen as %.1f%%", s.name, 100*effect)
				}
			} else if j == 1 && duet.spread > x.spread {
				t.Errorf("%s: pairs spread %.1f%% in a duet and %.1f%% in turn", s.name, 100*duet.spread, 100*x.spread)
			}
		}
	}
	t.Log(out.String())
	if *update {
		if err := os.WriteFile(filepath.Join("..", "..", "..", "docs", "evidence", "go-benchmarks.md"), []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const introduction = `# How pairs of Go benchmarks spread

Written by ` + "`go test -tags proof -run TestProofSpread -timeout 2h ./workloads/driver/gobench -update -date %s`" + `.
%d pairs a figure. *Spread* is 1.4826·MAD of ln(head/base) of identical binaries, the same bytes in both arms; *a pair* is what both processes take, start-up included; *10 s* is
spread/√n for the n pairs that ten seconds hold. *+8%%* is the median of pairs of which head does 8%% more work, over eight layouts of each arm, and the spread of these pairs, which contains the luck of layouts.

| benchmark | arrangement | spread %% | a pair ms | 10 s %% | +8%% seen as %% | its spread %% |
|---|---|---|---|---|---|---|
`

const row = "| %s | %s | %.1f | %.0f | %.2f | %.1f | %.1f |\n"

// spread is what the pairs of one benchmark show.
type spread struct {
	median, spread float64 // of log ratios
	cost           time.Duration
}

func (s spread) inTenSeconds() float64 { return s.spread / math.Sqrt(10/s.cost.Seconds()) }

// measureSpread runs pairs of the first layout, or of so many layouts in turn.
func measureSpread(t *testing.T, s *subject, change func(*subject, method) method, layouts int) spread {
	t.Helper()
	chosen := s.m
	s.m = change(s, s.m)
	defer func() { s.m = chosen }()
	var logs []float64
	began := time.Now()
	for i := range *pairs {
		places := []bench.Place{{Arm: 0}, {Arm: 1}}
		if layouts > 0 {
			places[0].Layout, places[1].Layout = i%layouts, (i+i/layouts+1)%layouts
		}
		if i%4 == 1 || i%4 == 2 {
			slices.Reverse(places)
		}
		groups := [][]bench.Place{places}
		if s.m.mode == result.ModeAlternating {
			groups = [][]bench.Place{places[:1], places[1:]}
		}
		var times [2]float64
		for _, group := range groups {
			samples, err := s.Run(t.Context(), group...)
			if err != nil { // shown in the table, and no figure
				t.Logf("%s: %v", s.name, err)
				return spread{math.NaN(), math.NaN(), 0}
			}
			for j, place := range group {
				times[place.Arm] = samples[j][slices.IndexFunc(samples[j], func(v bench.Value) bool { return v.Unit == unitTime })].Value
			}
		}
		logs = append(logs, math.Log(times[1]/times[0]))
	}
	took := time.Since(began)
	m := median(logs)
	var far []float64
	for _, x := range logs {
		far = append(far, math.Abs(x-m))
	}
	return spread{m, 1.4826 * median(far), took / time.Duration(*pairs)}
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

func prepare(t *testing.T, s *subject) {
	t.Helper()
	if _, err := s.Prepare(t.Context()); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
}

// plant makes a repository with the tags base and slower.
func plant(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, commit := range [][2]string{{"base", "0"}, {"slower", "8"}} {
		commitFiles(t, dir, commit[0], map[string]string{
			"go.mod":        "module example.com/kinds\n\ngo 1.25\n",
			"extra.go":      "package kinds\n\nfunc more(n int) int { return n + n*" + commit[1] + "/100 }\n",
			"kinds_test.go": kinds,
		})
	}
	return dir
}

// kinds are benchmarks of several sorts, each of which does what more says.
const kinds = `package kinds

import (
	"encoding/json"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	sink int
	out  any
)

func numbers(n int) []int {
	r, x := make([]int, n), uint32(1)
	for i := range r {
		x = x*1664525 + 1013904223
		r[i] = int(x >> 8)
	}
	return r
}

func BenchmarkArithmetic(b *testing.B) {
	n := more(1000)
	for b.Loop() {
		for i := range n {
			sink = sink*31 + i
		}
	}
}

func BenchmarkAllocation(b *testing.B) {
	n := more(100)
	for b.Loop() {
		for range n {
			out = make([]byte, 1024)
		}
	}
}

func BenchmarkMap(b *testing.B) {
	n, keys := more(100), numbers(100)
	for b.Loop() {
		for range n {
			m := map[int]int{}
			for _, k := range keys {
				m[k%50]++
			}
			sink += len(m)
		}
	}
}

func BenchmarkSort(b *testing.B) {
	n, from := more(100), numbers(64)
	for b.Loop() {
		for range n {
			slices.Sort(slices.Clone(from))
		}
	}
}

func BenchmarkChecksum(b *testing.B) {
	data := make([]byte, more(100_000))
	for b.Loop() {
		sink += int(crc32.ChecksumIEEE(data))
	}
}

func BenchmarkStrings(b *testing.B) {
	n := more(100)
	for b.Loop() {
		for range n {
			var s strings.Builder
			for i := range 50 {
				s.WriteString(strconv.Itoa(i * 7919))
			}
			sink += s.Len()
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	n, from := more(100), numbers(20)
	for b.Loop() {
		for range n {
			text, _ := json.Marshal(from)
			var back []int
			_ = json.Unmarshal(text, &back)
			sink += len(back)
		}
	}
}

func BenchmarkMemory(b *testing.B) { // follows one cycle through 8 MB
	next, random := make([]int, 1<<20), numbers(1<<20)
	for i := range next {
		next[i] = i
	}
	for i := len(next) - 1; i > 0; i-- { // Sattolo's algorithm
		j := random[i] % i
		next[i], next[j] = next[j], next[i]
	}
	n, at := more(1000), 0
	for b.Loop() {
		for range n {
			at = next[at]
		}
	}
	sink += at
}

func BenchmarkParallel(b *testing.B) {
	n := more(300)
	var mutex sync.Mutex
	b.RunParallel(func(pb *testing.PB) {
		own := 0
		for pb.Next() {
			for i := range n {
				own = own*31 + i
			}
			mutex.Lock()
			sink += own
			mutex.Unlock()
		}
	})
}

func BenchmarkSleep(b *testing.B) {
	pause := time.Duration(more(1000)) * time.Microsecond
	for b.Loop() {
		time.Sleep(pause)
	}
}
`
