//go:build proof

package main

import (
	"bytes"
	"encoding/csv"
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

	"github.com/fivegate/fivegate/gate/calibration"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
	"github.com/fivegate/fivegate/gate/verdict"
)

// The real checks that a calibration is held against: identical pairs, and
// slow-downs of which most and of which only some are caught.
var foretoldCases = []struct {
	effect float64
	checks int
}{{0, 12}, {0.05, 6}, {0.08, 6}}

const (
	foretoldTable = "../../docs/evidence/calibration.csv"
	foretoldFile  = "../../docs/evidence/calibration.json"
	foretoldPage  = "../../docs/evidence/calibration.md"
)

// TestProofCalibration calibrates this machine for ten minutes, then runs real checks
// of the reference store and holds what was foretold against what they said. Both
// are kept, so that it can be interrupted and goes on where it was; delete
// docs/evidence/calibration.* to begin anew. It takes about an hour and a half.
func TestProofCalibration(t *testing.T) {
	gate, repo := buildGate(t), plantedRepository(t)
	for _, c := range foretoldCases {
		plantBranch(t, repo, c.effect)
	}
	foretold := calibrateOnce(t, gate, repo)
	rows := readForetold(t)
	for _, row := range pendingForetold(rows) {
		checkForetold(t, gate, repo, &row)
		t.Logf("%+.0f%%, seed %s: %s after %s blocks", 100*number(t, row[0]), row[1], row[2], row[3])
		rows = append(rows, row)
		writeForetold(t, foretold, rows)
	}
	writeForetold(t, foretold, rows)
	for _, c := range foretoldCases {
		if o := outcomeOf(foretold, rows, c.effect); !o.agrees {
			t.Errorf("%+.0f%%: %d of %d checks blocked (%.2f to %.2f), foretold were %.3f (%.3f to %.3f)",
				100*c.effect, o.blocked, o.checks, o.low, o.high, o.share.Value, o.share.Low, o.share.High)
		}
	}
}

func plantedBranch(effect float64) string { return fmt.Sprintf("foretold%.0f", 1000*effect) }

// plantBranch commits a slow-down as the store's default; none is a comment.
func plantBranch(t *testing.T, repo string, effect float64) {
	t.Helper()
	command(t, repo, "git", "checkout", "--quiet", "-B", plantedBranch(effect), "origin/HEAD")
	file := filepath.Join(repo, "cmd/gate/refstore.go")
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := append(slices.Clone(source), "\n// A change that changes nothing.\n"...)
	if effect > 0 {
		changed = bytes.Replace(source, []byte(`"fault", nil,`), fmt.Appendf(nil, `"fault", []string{"slowdown=%.0f%%"},`, 100*effect), 1)
	}
	if bytes.Equal(changed, source) {
		t.Fatalf("%s: the default of --fault was not found", file)
	}
	if err := os.WriteFile(file, changed, 0o666); err != nil {
		t.Fatal(err)
	}
	command(t, repo, "git", "commit", "--quiet", "-am", "change the store: "+plantedBranch(effect))
}

// calibrateOnce calibrates, or takes the calibration that was kept.
func calibrateOnce(t *testing.T, gate, repo string) *calibration.Calibration {
	t.Helper()
	if c, err := readCalibration(foretoldFile); err == nil {
		return c
	}
	out, err := filepath.Abs(foretoldFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(command(t, repo, gate, "calibrate", "--for", "10m", "--ref", "origin/HEAD", "--out", out))
	c, err := readCalibration(foretoldFile)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pendingForetold are the checks without a row, shuffled.
func pendingForetold(rows [][]string) (todo [][]string) {
	for i, c := range foretoldCases {
		for k := range c.checks {
			effect, seed := strconv.FormatFloat(c.effect, 'g', -1, 64), strconv.Itoa(20_000+1000*i+k)
			if !slices.ContainsFunc(rows, func(r []string) bool { return r[0] == effect && r[1] == seed }) {
				todo = append(todo, []string{effect, seed, "", "", ""})
			}
		}
	}
	rng := rand.New(rand.NewPCG(6, 6))
	rng.Shuffle(len(todo), func(i, j int) { todo[i], todo[j] = todo[j], todo[i] })
	return todo
}

// checkForetold runs one check as a user would, by the calibration that was made.
func checkForetold(t *testing.T, gate, repo string, row *[]string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	head := plantedBranch(number(t, (*row)[0]))
	cmd := exec.CommandContext(t.Context(), gate, "check", "--base", "origin/HEAD", "--head", head, "--seed", (*row)[1], "--measure-anyway", "--out", out)
	cmd.Dir = repo
	text, err := cmd.CombinedOutput()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatalf("%v\n%s", err, text)
	}
	doc, err := result.ReadFile(filepath.Join(out, "result.json"))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if doc.Plan.Calibration == nil && doc.Outcome.Ended != result.RunFailed {
		t.Errorf("the check did not use the calibration:\n%s", text)
	}
	v := verdict.Judge(doc)
	(*row)[2], (*row)[3], (*row)[4] = string(v.Status), strconv.Itoa(v.Look.Blocks), v.Reason
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func readForetold(t *testing.T) [][]string {
	t.Helper()
	data, err := os.ReadFile(foretoldTable)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil || len(rows) == 0 || len(rows[0]) != 5 {
		t.Fatalf("%s is not this test's table; delete it to begin anew (%v)", foretoldTable, err)
	}
	return rows[1:]
}

// foretoldOutcome is one row of the page.
type foretoldOutcome struct {
	checks, blocked, invalid int
	low, high                float64
	share                    result.Share
	agrees                   bool // the intervals of what was foretold and of what came have something in common
}

// outcomeOf counts the checks of one size. One that is invalid has not measured
// anything and does not count.
func outcomeOf(c *calibration.Calibration, rows [][]string, effect float64) (o foretoldOutcome) {
	for _, r := range c.Outcomes {
		if r.Effect == effect {
			o.share = r.Blocked
		}
	}
	name := strconv.FormatFloat(effect, 'g', -1, 64)
	for _, r := range rows {
		switch {
		case r[0] != name:
		case r[2] == string(verdict.Invalid):
			o.invalid++
		default:
			o.checks++
			if r[2] == string(verdict.Regression) {
				o.blocked++
			}
		}
	}
	o.low, o.high = stats.ClopperPearson(int64(o.blocked), int64(o.checks), 0.95)
	o.agrees = o.checks > 0 && o.low <= o.share.High && o.share.Low <= o.high
	return o
}

func writeForetold(t *testing.T, c *calibration.Calibration, rows [][]string) {
	t.Helper()
	var table bytes.Buffer
	w := csv.NewWriter(&table)
	_ = w.WriteAll(append([][]string{{"effect", "seed", "verdict", "blocks", "reason"}}, rows...))
	var b strings.Builder
	fmt.Fprintf(&b, "# What a calibration foretells, and what checks then say\n\n")
	fmt.Fprintf(&b, "`gate calibrate --for 10m` on the reference store (two times eight layouts, %d blocks), then real checks with a budget of five\n", c.Blocks)
	fmt.Fprintf(&b, "minutes: two commits of this repository, a seed (and so layouts) of its own for every check. 0%% changes a comment, the others\n")
	fmt.Fprintf(&b, "make `--fault slowdown=…` the store's default. A row agrees when the two 95%% intervals have something in common.\n\n")
	fmt.Fprintf(&b, "Command: `go test -tags proof -run TestProofCalibration -timeout 4h ./cmd/gate` (part of `make proof`).\n")
	fmt.Fprintf(&b, "Machine: %s/%s, %d cores, shared and virtual; calibrated %s.\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), c.MeasuredAt.Format(time.DateOnly))
	fmt.Fprintf(&b, "> %s\n\n", calibration.Sentence(c.Plan()))
	fmt.Fprintf(&b, "| slow-down | foretold to be blocked | 95%% interval | checks | blocked | 95%% interval | invalid | agrees |\n|---|---|---|---|---|---|---|---|\n")
	for _, k := range foretoldCases {
		o := outcomeOf(c, rows, k.effect)
		fmt.Fprintf(&b, "| %.0f%% | %.1f%% | %.1f–%.1f%% | %d of %d | %d | %.0f–%.0f%% | %d | %v |\n", 100*k.effect, 100*o.share.Value, 100*o.share.Low, 100*o.share.High,
			o.checks, k.checks, o.blocked, 100*o.low, 100*o.high, o.invalid, map[bool]string{true: "yes", false: "no"}[o.agrees])
	}
	markdownTable(&b, "Where the noise of a round comes from (standard deviations)", []string{"metric", "layouts", "launches", "rounds", "within rounds"}, c.VarianceTable())
	markdownTable(&b, "Metrics", []string{"metric", "role", "identical pairs blocked", "MDE of a full check", "minutes to see 5%"}, c.MetricTable())
	markdownTable(&b, "Every check", []string{"slow-down", "seed", "verdict", "blocks", "reason"}, rows)
	if err := errors.Join(os.WriteFile(foretoldTable, table.Bytes(), 0o666), os.WriteFile(foretoldPage, []byte(b.String()), 0o666)); err != nil {
		t.Fatal(err)
	}
}

func markdownTable(b *strings.Builder, title string, header []string, rows [][]string) {
	fmt.Fprintf(b, "\n## %s\n\n| %s |\n|%s\n", title, strings.Join(header, " | "), strings.Repeat("---|", len(header)))
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
}

// TestProofSelftest runs the self-test on the reference store and on a web server.
func TestProofSelftest(t *testing.T) {
	gate := buildGate(t)
	cmd := exec.CommandContext(t.Context(), gate, "selftest", "--refstore")
	cmd.Dir = t.TempDir()
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("the reference store: %v", err)
	}
	t.Logf("the reference store:\n%s", text)
	f := newWebFixture(t, webTarget(""))
	// The program itself in the place of this test, since it starts itself as a server.
	if err := errors.Join(os.Remove(f.path), os.Symlink(gate, f.path)); err != nil {
		t.Fatal(err)
	}
	r := f.start("selftest")
	r.ends(verdict.ExitPass, "the gate can be trusted here")
	t.Logf("a web server:\n%s", r.out.text.String())
}
