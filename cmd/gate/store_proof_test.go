//go:build proof

package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
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

// storeCase is a change to the reference store, and what checks of it must say.
type storeCase struct {
	name   string
	fault  string // planted in head as the default of --fault; "" is a change of a comment
	checks int
	claim  string
	holds  func(rows []storeRow) bool
}

var storeCases = []storeCase{
	{"identical", "", 12, "no regression, at most 1 inconclusive", func(r []storeRow) bool {
		return count(r, "regression") == 0 && count(r, "inconclusive") <= 1 && count(r, "invalid") == 0
	}},
	{"+8%", "slowdown=8%", 12, "at least 11 regressions", func(r []storeRow) bool { return count(r, "regression") >= 11 }},
	{"+20%", "slowdown=20%", 3, "3 regressions, ended early", func(r []storeRow) bool {
		return count(r, "regression") == len(r) && !slices.ContainsFunc(r, func(s storeRow) bool { return s.Blocks >= s.Planned })
	}},
	{"+3%", "slowdown=3%", 4, "at most 1 regression", func(r []storeRow) bool { return count(r, "regression") <= 1 }},
}

// storeRow is the outcome of one check. Effects are in percent.
type storeRow struct {
	Case     string
	Seed     int
	Verdict  string
	Blocks   int
	Planned  int
	Seconds  float64
	Effects  map[string]float64
	Reason   string
	Recorded string
}

var storeMetrics = []string{"cpu_per_op", "throughput", "latency.p50", "latency.p90", "latency.p99", "cpu_per_op.solo", "latency.p50.solo"}

const (
	storeTable = "../../docs/evidence/refstore-checks.csv"
	storePage  = "../../docs/evidence/refstore-checks.md"
)

// TestStoreChecks runs real checks of the reference store, built from real
// commits, and records each outcome in docs/evidence. Checks that the table
// holds already are not run again; delete the table to begin anew. It takes
// about two hours.
func TestStoreChecks(t *testing.T) {
	rows := readStoreTable(t)
	gate := buildGate(t)
	repo := plantedRepository(t)
	todo := pendingChecks(rows)
	for i, row := range todo {
		t.Logf("check %d of %d: %s, seed %d", i+1, len(todo), row.Case, row.Seed)
		runStoreCheck(t, gate, repo, &row)
		t.Logf("  %s after %d of %d blocks, %.0f s: %s", row.Verdict, row.Blocks, row.Planned, row.Seconds, row.Reason)
		rows = append(rows, row)
		writeStoreTable(t, rows)
		writeStorePage(t, rows)
	}
	for _, c := range storeCases {
		if mine := ofCase(rows, c.name); !c.holds(mine) {
			t.Errorf("%s: want %s; got %s", c.name, c.claim, tally(mine))
		}
	}
}

func ofCase(rows []storeRow, name string) []storeRow {
	return slices.DeleteFunc(slices.Clone(rows), func(r storeRow) bool { return r.Case != name })
}

func count(rows []storeRow, verdict string) (n int) {
	for _, r := range rows {
		if r.Verdict == verdict {
			n++
		}
	}
	return n
}

func tally(rows []storeRow) string {
	var parts []string
	for _, v := range []string{"pass", "improvement", "regression", "inconclusive", "invalid"} {
		if n := count(rows, v); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(parts, ", ")
}

// pendingChecks are the checks that have no row yet, shuffled, so that a drift
// of the machine does not fall on one case.
func pendingChecks(rows []storeRow) (todo []storeRow) {
	for i, c := range storeCases {
		for k := range c.checks {
			seed := 1000*(i+1) + k
			if !slices.ContainsFunc(rows, func(r storeRow) bool { return r.Case == c.name && r.Seed == seed }) {
				todo = append(todo, storeRow{Case: c.name, Seed: seed})
			}
		}
	}
	rng := rand.New(rand.NewPCG(5, 5))
	rng.Shuffle(len(todo), func(i, j int) { todo[i], todo[j] = todo[j], todo[i] })
	return todo
}

func buildGate(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate")
	command(t, ".", "go", "build", "-o", path, ".")
	return path
}

// plantedRepository clones this repository and commits each case's change on a
// branch of its own.
func plantedRepository(t *testing.T) string {
	t.Helper()
	top := strings.TrimSpace(command(t, ".", "git", "rev-parse", "--show-toplevel"))
	dir := filepath.Join(t.TempDir(), "store")
	command(t, ".", "git", "clone", "--quiet", "--no-hardlinks", top, dir)
	command(t, dir, "git", "config", "user.name", "proof")
	command(t, dir, "git", "config", "user.email", "proof@example.invalid")
	for i, c := range storeCases {
		command(t, dir, "git", "checkout", "--quiet", "-B", branch(i), "origin/HEAD")
		file := filepath.Join(dir, "cmd/gate/refstore.go")
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		changed := append(source, "\n// A change that changes nothing.\n"...)
		if c.fault != "" {
			changed = bytes.Replace(source, []byte(`"fault", nil,`), fmt.Appendf(nil, `"fault", []string{%q},`, c.fault), 1)
		}
		if bytes.Equal(changed, source) {
			t.Fatalf("%s: the default of --fault was not found", file)
		}
		if err := os.WriteFile(file, changed, 0o666); err != nil {
			t.Fatal(err)
		}
		command(t, dir, "git", "commit", "--quiet", "-am", "change the store: "+c.name)
	}
	return dir
}

func branch(i int) string { return "case" + strconv.Itoa(i) }

// runStoreCheck runs one check as a user would and fills the row.
func runStoreCheck(t *testing.T, gate, repo string, row *storeRow) {
	t.Helper()
	i := slices.IndexFunc(storeCases, func(c storeCase) bool { return c.name == row.Case })
	out := filepath.Join(t.TempDir(), "out")
	cmd := exec.CommandContext(t.Context(), gate, "check", "--base", "origin/HEAD", "--head", branch(i),
		"--seed", strconv.Itoa(row.Seed), "--measure-anyway", "--out", out)
	cmd.Dir = repo
	began := time.Now()
	text, err := cmd.CombinedOutput()
	row.Seconds = time.Since(began).Seconds()
	row.Recorded = began.UTC().Format("2006-01-02 15:04")
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v\n%s", err, text)
	}
	data, err := os.ReadFile(filepath.Join(out, "verdict.json"))
	if err != nil {
		t.Fatalf("no verdict: %v\n%s", err, text)
	}
	var v struct {
		Verdict, Reason string
		Metrics         []struct {
			Name   string
			Effect float64
		}
		Look struct{ Blocks int }
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	row.Verdict, row.Reason, row.Blocks = v.Verdict, v.Reason, v.Look.Blocks
	row.Planned = plannedBlocks(t, filepath.Join(out, "result.json"))
	row.Effects = map[string]float64{}
	for _, m := range v.Metrics {
		row.Effects[m.Name] = 100 * m.Effect
	}
}

func plannedBlocks(t *testing.T, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var d struct{ Plan struct{ Blocks int } }
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	return d.Plan.Blocks
}

func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func storeHeader() []string {
	return append([]string{"case", "seed", "verdict", "blocks", "planned", "seconds", "recorded"}, append(storeMetrics, "reason")...)
}

func writeStoreTable(t *testing.T, rows []storeRow) {
	t.Helper()
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	_ = w.Write(storeHeader())
	for _, r := range rows {
		rec := []string{r.Case, strconv.Itoa(r.Seed), r.Verdict, strconv.Itoa(r.Blocks), strconv.Itoa(r.Planned), fmt.Sprintf("%.0f", r.Seconds), r.Recorded}
		for _, m := range storeMetrics {
			rec = append(rec, fmt.Sprintf("%.2f", r.Effects[m]))
		}
		_ = w.Write(append(rec, r.Reason))
	}
	w.Flush()
	if err := errors.Join(w.Error(), os.MkdirAll(filepath.Dir(storeTable), 0o777), os.WriteFile(storeTable, buf.Bytes(), 0o666)); err != nil {
		t.Fatal(err)
	}
}

func readStoreTable(t *testing.T) (rows []storeRow) {
	t.Helper()
	data, err := os.ReadFile(storeTable)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	recs, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil || len(recs) == 0 || !slices.Equal(recs[0], storeHeader()) {
		t.Fatalf("%s is not this test's table; delete it to begin anew (%v)", storeTable, err)
	}
	number := func(s string) float64 {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatalf("%s: %v", storeTable, err)
		}
		return f
	}
	for _, rec := range recs[1:] {
		r := storeRow{
			Case: rec[0], Seed: int(number(rec[1])), Verdict: rec[2], Blocks: int(number(rec[3])), Planned: int(number(rec[4])),
			Seconds: number(rec[5]), Recorded: rec[6], Effects: map[string]float64{}, Reason: rec[len(rec)-1],
		}
		for i, m := range storeMetrics {
			r.Effects[m] = number(rec[7+i])
		}
		rows = append(rows, r)
	}
	return rows
}

// writeStorePage renders the table for people.
func writeStorePage(t *testing.T, rows []storeRow) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "# Checks of the reference store\n\n")
	fmt.Fprintf(&b, "Real checks with `ci/fast_regression_check` and a budget of five minutes: two commits of this repository, built in\n")
	fmt.Fprintf(&b, "eight layouts each, with a seed (and so layouts) of its own for every check. `identical` changes a comment; the\n")
	fmt.Fprintf(&b, "others make `--fault slowdown=…` the store's default, which costs that share of the whole request's CPU.\n\n")
	fmt.Fprintf(&b, "Command: `go test -tags proof -run TestStoreChecks -timeout 4h ./cmd/gate` (part of `make proof`).\n")
	fmt.Fprintf(&b, "Machine: %s/%s, %d cores, shared and virtual. Dates are in UTC. Intervals are Clopper–Pearson, 95%%.\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	fmt.Fprintf(&b, "| case | checks | outcome | blocked | interval | claim | holds | median time | blocks used |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range storeCases {
		mine := ofCase(rows, c.name)
		if len(mine) == 0 {
			continue
		}
		k := count(mine, "regression")
		low, high := stats.ClopperPearson(int64(k), int64(len(mine)), 0.95)
		holds := "yes"
		switch {
		case len(mine) < c.checks:
			holds = fmt.Sprintf("%d of %d checks run", len(mine), c.checks)
		case !c.holds(mine):
			holds = "no"
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %d | %.0f–%.0f%% | %s | %s | %.0f s | %.0f%% |\n", c.name, len(mine), tally(mine), k, 100*low, 100*high, c.claim, holds,
			middle(mine, func(r storeRow) float64 { return r.Seconds }),
			100*middle(mine, func(r storeRow) float64 { return float64(r.Blocks) / float64(max(r.Planned, 1)) }))
	}
	writeAttenuation(&b, rows)
	fmt.Fprintf(&b, "\n## Every check\n\nEffects in percent, + is worse.\n\n| recorded | case | seed | verdict | blocks | s |")
	for _, m := range storeMetrics {
		fmt.Fprintf(&b, " %s |", m)
	}
	fmt.Fprintf(&b, "\n|---|---|---|---|---|---|%s\n", strings.Repeat("---|", len(storeMetrics)))
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %d | %s | %d/%d | %.0f |", r.Recorded, r.Case, r.Seed, r.Verdict, r.Blocks, r.Planned, r.Seconds)
		for _, m := range storeMetrics {
			fmt.Fprintf(&b, " %+.1f |", r.Effects[m])
		}
		fmt.Fprintln(&b)
	}
	if err := os.WriteFile(storePage, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}

// writeAttenuation gives κ, the duet's effect over that of the solo slices, from
// the planted checks' mean log effects (docs/statistics.md).
func writeAttenuation(b *strings.Builder, rows []storeRow) {
	fmt.Fprintf(b, "\n## Attenuation κ\n\nMean effect in the duet over mean effect in solo slices of the same checks, and over the planted one.\n\n")
	fmt.Fprintf(b, "| metric | case | duet | solo | κ = duet/solo | duet/planted |\n|---|---|---|---|---|---|\n")
	for _, metric := range []string{"cpu_per_op", "latency.p50"} {
		for _, c := range storeCases {
			mine := slices.DeleteFunc(ofCase(rows, c.name), func(r storeRow) bool { return r.Effects[metric+".solo"] == 0 })
			var planted float64
			if _, err := fmt.Sscanf(c.fault, "slowdown=%f%%", &planted); err != nil || len(mine) == 0 {
				continue
			}
			duet, solo := meanLog(mine, metric), meanLog(mine, metric+".solo")
			fmt.Fprintf(b, "| %s | %s | %+.1f%% | %+.1f%% | %.2f | %.2f |\n", metric, c.name,
				100*math.Expm1(duet), 100*math.Expm1(solo), duet/solo, duet/math.Log1p(planted/100))
		}
	}
}

func meanLog(rows []storeRow, metric string) float64 {
	sum := 0.0
	for _, r := range rows {
		sum += math.Log1p(r.Effects[metric] / 100)
	}
	return sum / float64(len(rows))
}

func middle(rows []storeRow, value func(storeRow) float64) float64 {
	v := make([]float64, len(rows))
	for i, r := range rows {
		v[i] = value(r)
	}
	slices.Sort(v)
	return v[len(v)/2]
}
