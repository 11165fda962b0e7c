//go:build proof

package simulate

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/stats"
)

var (
	update = flag.Bool("update", false, "write docs/evidence/simulations.md")
	date   = flag.String("date", "", "date to write into it, as 2026-11-23")
)

const (
	checks     = 2000
	seed       = 20261123
	confidence = 0.95  // of the printed intervals
	certain    = 0.999 // of the intervals that a claim must lie outside of to fail
)

// TestProof simulates every row, checks its claim and, with -update, writes
// the tables.
func TestProof(t *testing.T) {
	var out strings.Builder
	tell := func(lines string) { // at once too: the whole takes long
		fmt.Fprint(&out, lines)
		t.Log(strings.TrimSuffix(lines, "\n"))
	}
	fmt.Fprintf(&out, introduction, *date, checks, seed)
	for _, table := range []struct {
		title, text string
		rows        []row
	}{
		{"Identical arms", "Every block is false. Claim: at most 1% on the ordinary machine, at most 2% (the nominal family error) elsewhere; no claim for the two rows with one layout whose luck is not as declared, which show what that costs.", under(0)},
		{"Arms 8% slower in all five metrics", "Claim: at least 95% blocked (90% with 8 blocks of 3 rounds); none with one layout of undeclared luck, nor with 3 rounds, where nothing is ever decided.", under(0.08)},
		{"Size of the effect", "The ordinary machine unless the row says otherwise. An effect of the threshold itself is blocked about half of the time per metric.", sizes()},
		{"Significance alone", "Identical arms, judged without the size guard: a block is any metric whose lower bound is over 0 at any look. Claim: 2%, except where luck is not as declared, where blocks depend on each other (drift, autocorrelation) and where bursts hit one arm only, which is a bias. The size guard is what makes those harmless in the first table.", unguarded()},
		{"Measured again until blocked", "Identical arms, measured up to five times more whatever the outcome, until they are blocked: the worst that measuring again can do. *Pooled* is what `gate check --prior` does: all blocks so far are judged together, and what earlier looks spent stays spent. *Each by itself* forgets the runs before. Claim: 2% over all six runs, however they ended. *Used* counts up to 6.", again()},
	} {
		fmt.Fprintf(&out, "\n## %s\n\n%s\n\n%s", table.title, table.text, tableHead)
		for i, r := range table.rows {
			tell(prove(t, r, seed+uint64(i)))
		}
	}
	fmt.Fprint(&out, greenIntroduction)
	for i, r := range untilGreen() {
		tell(proveGreen(t, r, seed+uint64(i)))
	}
	fmt.Fprint(&out, suiteIntroduction)
	for i, r := range suites() {
		tell(proveSuite(t, r, seed+uint64(i)))
	}
	fmt.Fprint(&out, tailIntroduction)
	for _, r := range tailRows() {
		tell(proveTail(t, r))
	}
	if !*update {
		return
	}
	path := filepath.Join("..", "..", "..", "docs", "evidence", "simulations.md")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

const introduction = `# What the decision rule does, by simulation

Written by ` + "`go test -tags proof -run TestProof -timeout 3h ./gate/stats/simulate -update -date %s`" + `.
%d checks a row, seed %d: the same command gives the same numbers (on another architecture, but for rounding).

A check is 28 blocks of 4 rounds of five gating metrics (round noise 1.4, 4.5, 1.4, 4 and 6%% for CPU per operation, throughput, P50, P90 and P99),
looked at after 10, 14, 19, 24 and 28 blocks; family error 2%%, of which a fifth is kept for measuring the pair again; threshold 5%%. The *ordinary machine* adds launch luck of 0.7%% a pair, eight layouts an arm with 2%%
between two of them, and makes one round in twenty noisier, five times. Half of the variance of luck is common to all metrics. Log ratios are drawn, not
requests: these tables prove the statistics and not the measuring.

Blocked, inconclusive and passed are shares of the checks (improvements count as passed); the interval is Clopper–Pearson, 95%%, of the share blocked; *used* is the mean
share of the planned blocks that were measured before the decision.
`

const tableHead = `| scenario | true effect | checks | blocked % | interval % | inconclusive % | passed % | used |
|---|---|---|---|---|---|---|---|
`

// prove runs a row, checks its claim and returns its line.
func prove(t *testing.T, r row, seed uint64) string {
	t.Helper()
	tally, err := Run(r.world, r.procedure, checks, seed)
	if err != nil {
		t.Fatalf("%s: %v", r.name, err)
	}
	low, high := stats.ClopperPearson(tally.Blocked, tally.Checks, certain)
	if low > r.most || high < r.least {
		t.Errorf("%s, %s: %d of %d blocked, claimed between %v and %v", r.name, r.effect, tally.Blocked, tally.Checks, r.least, r.most)
	}
	return line(r.name, r.effect, tally)
}

// line is a row's line of the table.
func line(name, effect string, tally Tally) string {
	low, high := stats.ClopperPearson(tally.Blocked, tally.Checks, confidence)
	share := func(n int64) float64 { return 100 * float64(n) / float64(tally.Checks) }
	return fmt.Sprintf("| %s | %s | %d | %.2f | %.2f–%.2f | %.1f | %.1f | %.2f |\n", name, effect, tally.Checks,
		share(tally.Blocked), 100*low, 100*high, share(tally.Inconclusive), share(tally.Passed+tally.Improved), tally.Used)
}

const greenIntroduction = `
## Measured again until passed

One metric is truly 10% slower, and the user measures again, up to five times, until the check passes. Claim: with pooled runs that ends in a pass no more often than one check does (their 99.9% intervals meet).

` + tableHead

// proveGreen runs a row once, pooled and each run by itself.
func proveGreen(t *testing.T, r row, seed uint64) string {
	t.Helper()
	once, pooled, apart := r.procedure, r.procedure, r.procedure
	pooled.Retries, apart.Retries, apart.Apart = 5, 5, true
	var lines string
	var highest float64 // share of passes that one check may have
	for _, c := range []struct {
		name      string
		procedure Procedure
	}{{"one check", once}, {"pooled", pooled}, {"each by itself", apart}} {
		tally, err := Run(r.world, c.procedure, checks, seed)
		if err != nil {
			t.Fatal(err)
		}
		low, high := stats.ClopperPearson(tally.Passed+tally.Improved, tally.Checks, certain)
		switch c.name {
		case "one check":
			highest = high
		case "pooled":
			if low > highest {
				t.Errorf("%s: measured again until passed, %d of %d pass; at most %v may", r.name, tally.Passed, tally.Checks, highest)
			}
		}
		lines += line(c.name+": "+r.name, r.effect, tally)
	}
	return lines
}

const suiteIntroduction = `
## Many benchmarks

A check of 200 or 600 benchmarks in duets of one round a block, round noise from 1 to 3% (at 15% the guard of size helps no more), each looked at after 7, 10, 14, 19, 24 and 28 blocks until it is decided, and all
judged together when the budget is over at the given number of blocks: Holm's step-down, each benchmark at its own look. *Blocked* is the share of the checks in which a benchmark that is no slower is found regressed; claim: 2%.
*Found* is the share of the slower benchmarks that are found; claim: 90% with 28 blocks.

| scenario | blocks at most | checks | blocked falsely % | interval % | found % | inconclusive % | used |
|---|---|---|---|---|---|---|---|
`

func proveSuite(t *testing.T, r suite, seed uint64) string {
	t.Helper()
	tally, err := RunSuite(r.world, r.rule, checks, seed)
	if err != nil {
		t.Fatalf("%s: %v", r.name, err)
	}
	low, _ := stats.ClopperPearson(tally.FalselyBlocked, tally.Checks, certain)
	if low > r.most {
		t.Errorf("%s, %d blocks: %d of %d falsely blocked, claimed at most %v", r.name, r.rule.Most, tally.FalselyBlocked, tally.Checks, r.most)
	}
	found := "–"
	if tally.Slower > 0 {
		found = fmt.Sprintf("%.1f", 100*float64(tally.Found)/float64(tally.Slower))
		if _, high := stats.ClopperPearson(tally.Found, tally.Slower, certain); high < r.least {
			t.Errorf("%s, %d blocks: %d of %d slower ones found, claimed at least %v", r.name, r.rule.Most, tally.Found, tally.Slower, r.least)
		}
	}
	low, high := stats.ClopperPearson(tally.FalselyBlocked, tally.Checks, confidence)
	n := float64(tally.Checks)
	return fmt.Sprintf("| %s | %d | %d | %.2f | %.2f–%.2f | %s | %.1f | %.2f |\n", r.name, r.rule.Most, tally.Checks,
		100*float64(tally.FalselyBlocked)/n, 100*low, 100*high, found, 100*float64(tally.Inconclusive)/n, tally.Used)
}

// tailRow is a line of the table of the de-noised tail.
type tailRow struct {
	name        string
	world       ProbeWorld
	most, least float64 // claims about the share with a lower bound over 0
}

func tailRows() []tailRow {
	with := func(change func(*ProbeWorld)) ProbeWorld {
		w := NoisyProbes()
		change(&w)
		return w
	}
	return []tailRow{
		{"identical", NoisyProbes(), tailLevel, 0},
		{"+10% in all operations", with(func(w *ProbeWorld) { w.All = 1.1 }), 1, 0.95},
		{"2% of the operations 1.3 times slower, costs spread by 10%", with(func(w *ProbeWorld) { w.Share, w.Factor, w.Spread = 0.02, 1.3, 0.1 }), 1, 0.8},
		{"2% of the operations 1.3 times slower, costs spread by 20%", with(func(w *ProbeWorld) { w.Share, w.Factor = 0.02, 1.3 }), 1, 0},
	}
}

const tailLevel = 0.02 / 5

const tailIntroduction = `
## The de-noised tail

600 operations replayed in 28 blocks of 4 rounds: noise of 8% a reading, 15% of the readings stalled by an exponential of three service times,
1% luck of a launch, 3% of an operation in a launch. One look at level 0.4% (2% over five metrics). Estimates and errors in percent. Slow operations are drawn at random, so that how far they
move the 99th percentile differs from check to check, the less the wider the costs of operations spread; the standard deviation there holds that, and the rule can only see what reaches the tail.

| scenario | checks | mean estimate | its standard deviation | mean standard error | lower bound over 0, % | interval % | blocked (and over 5%), % |
|---|---|---|---|---|---|---|---|
`

func proveTail(t *testing.T, r tailRow) string {
	t.Helper()
	tally, err := RunTail(r.world, tailLevel, math.Log(1.05), checks, seed)
	if err != nil {
		t.Fatalf("%s: %v", r.name, err)
	}
	low, high := stats.ClopperPearson(tally.Significant, tally.Checks, certain)
	if low > r.most || high < r.least {
		t.Errorf("%s: lower bound over 0 in %d of %d, claimed between %v and %v", r.name, tally.Significant, tally.Checks, r.least, r.most)
	}
	low, high = stats.ClopperPearson(tally.Significant, tally.Checks, confidence)
	n := float64(tally.Checks)
	return fmt.Sprintf("| %s | %d | %.2f | %.2f | %.2f | %.2f | %.2f–%.2f | %.2f |\n", r.name, tally.Checks, 100*math.Expm1(tally.Theta), 100*tally.SD, 100*tally.SE,
		100*float64(tally.Significant)/n, 100*low, 100*high, 100*float64(tally.Blocked)/n)
}
