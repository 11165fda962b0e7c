//go:build proof

package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/stats"
)

// manyRow is the outcome of one check of 200 benchmarks.
type manyRow struct {
	Case     string // "identical" or "+8%"
	Seed     int
	Verdict  string
	Blamed   string // what is judged slower, divided by spaces
	Seconds  float64
	Recorded string
}

const (
	manyTable   = "../../docs/evidence/many-benchmarks.csv"
	manyPage    = "../../docs/evidence/many-benchmarks.md"
	manyRuns    = 20
	manyPlanted = "p2.BenchmarkF10"
)

var manyCases = []string{"identical", "+8%"}

// TestProofManyBenchmarks runs real checks of 200 generated benchmarks: identical
// ones, and with one of them 8% slower. Claim: at most 1 in 20 identical checks
// blocks; the slower one is found and named in at least 18 of 20. Checks that the
// table holds already are not run again. It takes some four hours.
func TestProofManyBenchmarks(t *testing.T) {
	rows := readManyTable(t)
	gate, repo := buildGate(t), manyRepository(t)
	for k := range manyRuns {
		for i, name := range manyCases {
			seed := 1000*(i+1) + k
			if slices.ContainsFunc(rows, func(r manyRow) bool { return r.Case == name && r.Seed == seed }) {
				continue
			}
			row := runManyCheck(t, gate, repo, manyRow{Case: name, Seed: seed})
			t.Logf("%s, seed %d: %s %s, %.0f s", name, seed, row.Verdict, row.Blamed, row.Seconds)
			rows = append(rows, row)
			writeMany(t, rows)
		}
	}
	if n := blocked(rows, "identical", ""); n > manyRuns/20 {
		t.Errorf("%d of %d identical checks blocked", n, manyRuns)
	}
	if n := blocked(rows, "+8%", manyPlanted); n < manyRuns*18/20 {
		t.Errorf("the slower benchmark was found in %d of %d checks", n, manyRuns)
	}
}

// blocked counts the checks of a case that blocked and blamed the benchmark.
func blocked(rows []manyRow, name, blamed string) (n int) {
	for _, r := range rows {
		if r.Case == name && r.Verdict == "regression" && strings.Contains(r.Blamed, blamed) {
			n++
		}
	}
	return n
}

func runManyCheck(t *testing.T, gate, repo string, row manyRow) manyRow {
	t.Helper()
	head := map[string]string{"identical": "same", "+8%": "slower"}[row.Case]
	out := filepath.Join(t.TempDir(), "out")
	cmd := exec.CommandContext(t.Context(), gate, "check", "--base", "base", "--head", head, "--measure-anyway", "--seed", strconv.Itoa(row.Seed), "--out", out)
	cmd.Dir = repo
	cmd.Env = append(os.Environ(), "GATE_CACHE=off") // every seed has layouts of its own
	began := time.Now()
	text, err := cmd.CombinedOutput()
	row.Seconds, row.Recorded = time.Since(began).Seconds(), began.UTC().Format("2006-01-02 15:04")
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v\n%s", err, text)
	}
	data, err := os.ReadFile(filepath.Join(out, "verdict.json"))
	if err != nil {
		t.Fatalf("no verdict: %v\n%s", err, text)
	}
	var v struct {
		Verdict string
		Metrics []struct{ Name, Decision string }
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	row.Verdict = v.Verdict
	for _, m := range v.Metrics {
		if m.Decision == "regression" {
			row.Blamed = strings.TrimSpace(row.Blamed + " " + strings.Fields(m.Name)[0])
		}
	}
	return row
}

// manyRepository makes a module of 200 benchmarks in four packages, from a fixed
// seed, with the tags base, same and slower.
func manyRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	commit := func(tag string) {
		t.Helper()
		command(t, dir, "git", "add", ".")
		command(t, dir, "git", "-c", "user.name=proof", "-c", "user.email=proof@example.invalid", "commit", "--quiet", "--allow-empty", "-m", tag)
		command(t, dir, "git", "tag", tag)
	}
	command(t, dir, "git", "init", "--quiet")
	write("go.mod", "module example.com/many\n\ngo 1.25\n")
	for p := range 4 {
		code, tests := manyPackage(p, "")
		write(fmt.Sprintf("p%d/p.go", p), code)
		write(fmt.Sprintf("p%d/p_test.go", p), tests)
	}
	commit("base")
	commit("same")
	code, _ := manyPackage(2, "F10")
	write("p2/p.go", code)
	commit("slower")
	return dir
}

// manyPackage is a package with 50 functions of five sorts, and its benchmarks.
// The slower one does 8% more.
func manyPackage(p int, slower string) (code, tests string) {
	rng := rand.New(rand.NewPCG(uint64(p), 200))
	var c, b strings.Builder
	fmt.Fprintf(&c, "package p%d\n\nimport (\n\t\"hash/fnv\"\n\t\"slices\"\n\t\"strconv\"\n\t\"strings\"\n)\n\n", p)
	fmt.Fprint(&c, "func numbers(n int) []int {\n\tr, x := make([]int, n), uint32(1)\n\tfor i := range r {\n\t\tx = x*1664525 + 1013904223\n\t\tr[i] = int(x >> 8)\n\t}\n\treturn r\n}\n")
	fmt.Fprintf(&b, "package p%d\n\nimport \"testing\"\n\nvar sink int\n", p)
	sorts := []string{
		"s := %[1]d\n\tfor i := range n {\n\t\ts = s*31 + i ^ s>>3\n\t}\n\treturn s",
		"r := numbers(n)\n\tslices.Sort(r)\n\treturn r[n/2] + %[1]d",
		"m := map[int]int{}\n\tfor i := range n {\n\t\tm[i*%[1]d%%211] += i\n\t}\n\treturn len(m)",
		"var b strings.Builder\n\tfor i := range n {\n\t\tb.WriteString(strconv.Itoa(i * %[1]d))\n\t}\n\treturn b.Len()",
		"h := fnv.New64a()\n\tfor i := range n {\n\t\th.Write([]byte{byte(i), byte(n), %[1]d})\n\t}\n\treturn int(h.Sum64())",
	}
	for i := range 50 {
		name, more := fmt.Sprintf("F%02d", i), ""
		if name == slower {
			more = "n += n * 8 / 100\n\t"
		}
		fmt.Fprintf(&c, "\nfunc %s(n int) int {\n\t%s%s\n}\n", name, more, fmt.Sprintf(sorts[i%len(sorts)], 1+rng.IntN(99)))
		fmt.Fprintf(&b, "\nfunc Benchmark%s(b *testing.B) {\n\tfor b.Loop() {\n\t\tsink += %s(%d)\n\t}\n}\n", name, name, 100+rng.IntN(2000))
	}
	return c.String(), b.String()
}

var manyHeader = []string{"case", "seed", "verdict", "blamed", "seconds", "recorded"}

func readManyTable(t *testing.T) (rows []manyRow) {
	t.Helper()
	data, err := os.ReadFile(manyTable)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil || len(records) == 0 || !slices.Equal(records[0], manyHeader) {
		t.Fatalf("%s is not this test's table; delete it to begin anew (%v)", manyTable, err)
	}
	for _, r := range records[1:] {
		seed, err1 := strconv.Atoi(r[1])
		seconds, err2 := strconv.ParseFloat(r[4], 64)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatalf("%s: %v", manyTable, err)
		}
		rows = append(rows, manyRow{r[0], seed, r[2], r[3], seconds, r[5]})
	}
	return rows
}

// writeMany writes the table, and the page for people.
func writeMany(t *testing.T, rows []manyRow) {
	t.Helper()
	var table bytes.Buffer
	w := csv.NewWriter(&table)
	_ = w.Write(manyHeader)
	for _, r := range rows {
		_ = w.Write([]string{r.Case, strconv.Itoa(r.Seed), r.Verdict, r.Blamed, fmt.Sprintf("%.0f", r.Seconds), r.Recorded})
	}
	w.Flush()
	var page strings.Builder
	fmt.Fprintf(&page, "# Checks of 200 benchmarks\n\nReal checks with a budget of five minutes: 200 generated benchmarks in four packages, %s 8%% slower in one case, built in eight\nlayouts an arm, other ones for every check.\n\n", manyPlanted)
	fmt.Fprintf(&page, "Command: `go test -tags proof -run TestProofManyBenchmarks -timeout 8h ./cmd/gate`. Machine: %s/%s, %d cores, shared and virtual.\nDates are in UTC. Intervals are Clopper–Pearson, 95%%.\n\n| case | checks | blocked | interval | blamed %s |\n|---|---|---|---|---|\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), manyPlanted)
	for _, name := range manyCases {
		n := len(slices.DeleteFunc(slices.Clone(rows), func(r manyRow) bool { return r.Case != name }))
		k := blocked(rows, name, "")
		low, high := stats.ClopperPearson(int64(k), int64(n), 0.95)
		fmt.Fprintf(&page, "| %s | %d | %d | %.0f–%.0f%% | %d |\n", name, n, k, 100*low, 100*high, blocked(rows, name, manyPlanted))
	}
	fmt.Fprint(&page, "\n| recorded | case | seed | verdict | blamed | s |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&page, "| %s | %s | %d | %s | %s | %.0f |\n", r.Recorded, r.Case, r.Seed, r.Verdict, r.Blamed, r.Seconds)
	}
	err := errors.Join(w.Error(), os.MkdirAll(filepath.Dir(manyTable), 0o777), os.WriteFile(manyTable, table.Bytes(), 0o666), os.WriteFile(manyPage, []byte(page.String()), 0o666))
	if err != nil {
		t.Fatal(err)
	}
}
