package result_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
)

// run is a check of one pair, the n-th of a day.
func run(n int, blocks int) *result.Document {
	d := resulttest.Check(resulttest.Options{Seed: 5, Blocks: blocks, Rounds: 2, Layouts: 3, Probes: -1, RatePerS: 60})
	d.Provenance.StartedAt = d.Provenance.StartedAt.Add(time.Duration(n) * time.Hour)
	return d
}

func earlier(t *testing.T, docs ...*result.Document) (out []result.Earlier) {
	t.Helper()
	for _, d := range docs {
		e, err := result.NewEarlier(d, "inconclusive")
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func pooled(t *testing.T, doc *result.Document, docs ...*result.Document) *result.Document {
	t.Helper()
	out, err := result.Pool(doc, earlier(t, docs...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Validate(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPoolPutsEarlierBlocksFirst(t *testing.T) {
	first, second := run(0, 9), run(1, 8)
	first.Outcome = result.Outcome{Ended: result.RunInterrupted, Blocks: 7, Detail: "a signal"}
	before, err := result.NewEarlier(second, "")
	if err != nil {
		t.Fatal(err)
	}
	got := pooled(t, second, first)

	if got.Plan.Blocks != 7+8 || got.Outcome.Blocks != 15 || got.PriorBlocks() != 7 {
		t.Errorf("%d blocks planned, %d measured, %d of them before; want 15, 15 and 7", got.Plan.Blocks, got.Outcome.Blocks, got.PriorBlocks())
	}
	if diff := cmp.Diff([]int{7 + 4, 7 + 6, 7 + 8}, got.Plan.Looks); diff != "" {
		t.Error("looks", diff)
	}
	perBlock := map[int]int{}
	for i, l := range got.Launches {
		perBlock[l.Block]++
		if l.ID != i {
			t.Errorf("launch %d has the id %d", i, l.ID)
		}
	}
	for b := range 15 {
		if perBlock[b] != 2 {
			t.Errorf("block %d has %d launches", b, perBlock[b])
		}
	}
	if want := 2 * (7 + 8); len(got.Launches) != want {
		t.Errorf("%d launches, want %d: those of complete blocks", len(got.Launches), want)
	}
	if d := first.Provenance.DurationS + second.Provenance.DurationS; got.Provenance.DurationS != d {
		t.Errorf("duration %v, want %v of both", got.Provenance.DurationS, d)
	}
	if len(got.Arms[0].Layouts) != 3 {
		t.Errorf("%d layouts of base, want the 3 that both runs share", len(got.Arms[0].Layouts))
	}
	p := got.Prior[0]
	if p.Blocks != 7 || p.Ended != result.RunInterrupted || p.Verdict != "inconclusive" || !p.StartedAt.Equal(first.Provenance.StartedAt) {
		t.Errorf("prior %+v", p)
	}
	if diff := cmp.Diff([]int{5, 7, 9}, p.Looks); diff != "" {
		t.Error("looks of the earlier run", diff)
	}
	after, err := result.NewEarlier(second, "")
	if err != nil || !cmp.Equal(before, after, cmp.AllowUnexported(result.Earlier{}), cmp.Comparer(func(a, b *result.Document) bool { return a == b })) {
		t.Error("pooling changed the document that it was given")
	}
}

func TestPooledDocumentIsReadBack(t *testing.T) {
	got := pooled(t, run(1, 8), run(0, 8))
	var text bytes.Buffer
	if err := got.Write(&text); err != nil {
		t.Fatal(err)
	}
	want := text.String()
	back, err := result.Read(&text)
	if err != nil {
		t.Fatal(err)
	}
	text.Reset()
	if err := back.Write(&text); err != nil || text.String() != want {
		t.Errorf("read back, the document is another one: %v", err)
	}
}

func TestPoolCountsEachRunOnce(t *testing.T) {
	first, second, third := run(0, 8), run(1, 8), run(2, 8)
	two := pooled(t, second, first)
	if got := pooled(t, third, first, two, first); got.Outcome.Blocks != 24 || len(got.Prior) != 2 {
		t.Errorf("%d blocks of %d earlier runs, want 24 of 2", got.Outcome.Blocks, len(got.Prior))
	}
	chain := pooled(t, third, two)
	if chain.Outcome.Blocks != 24 || len(chain.Prior) != 2 || chain.Prior[0].Blocks != 8 || chain.Prior[1].Blocks != 8 {
		t.Errorf("a chain of three: %+v", chain.Prior)
	}
	other := pooled(t, run(3, 8), first)
	if _, err := result.Pool(third, earlier(t, two, other)...); err == nil || !strings.Contains(err.Error(), "count double") {
		t.Errorf("two documents that share a run: %v", err)
	}
	cut := pooled(t, func() *result.Document {
		d := run(4, 8)
		d.Outcome = result.Outcome{Ended: result.RunInterrupted}
		return d
	}(), first)
	if got := pooled(t, run(5, 8), cut); len(got.Prior) != 1 || got.Outcome.Blocks != 16 {
		t.Errorf("a run that was cut off in its first block hands on what it was pooled with: %+v", got.Prior)
	}
}

func TestPoolRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*result.Document)
		want   string
		other  bool
	}{
		"another head": {func(d *result.Document) {
			d.Arms[1].Commit = strings.Repeat("ab", 20)
			d.Arms[1].Layouts[0].SHA256 = strings.Repeat("ab", 32)
		}, "head is commit abababababab", true},
		"another base, other bytes": {func(d *result.Document) {
			d.Arms[0].Commit = strings.Repeat("cd", 20)
			d.Arms[0].Layouts[0].SHA256 = strings.Repeat("cd", 32)
		}, "base is commit cdcdcdcdcdcd", true},
		"another class":     {func(d *result.Document) { d.Provenance.Runner.Class = "linux-arm64" }, "/provenance/runner/class", true},
		"another scenario":  {func(d *result.Document) { d.Provenance.Scenario = result.Scenario{} }, "/provenance/scenario/sha256", true},
		"another policy":    {func(d *result.Document) { d.Plan.Policy.Threshold = 0.1 }, "/plan/policy", true},
		"other metrics":     {func(d *result.Document) { d.Plan.Metrics = d.Plan.Metrics[:2] }, "/plan/metrics", true},
		"another mode":      {func(d *result.Document) { d.Plan.Mode = result.ModeAlternating }, "/plan/mode", true},
		"another gate":      {func(d *result.Document) { d.Provenance.Tool.Version = "v9" }, "/provenance/tool", true},
		"a run of one arm":  {func(d *result.Document) { d.Kind = result.KindRun }, "/kind", true},
		"no complete block": {func(d *result.Document) { d.Outcome.Blocks = 0 }, "no complete block", false},
		"benchmarks":        {func(d *result.Document) { d.Benchmarks = []result.Benchmark{{}} }, "benchmarks", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := run(0, 8)
			c.change(d)
			_, err := result.Pool(run(1, 8), earlier(t, d)...)
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, result.ErrOtherPair) != c.other {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
}

// The looks of earlier runs must not get lost in a merge.
func TestMergeRefusesPooledDocuments(t *testing.T) {
	if _, err := result.Merge(pooled(t, run(1, 8), run(0, 8)), run(2, 8)); err == nil || !strings.Contains(err.Error(), "pooled") {
		t.Errorf("%v; want one that says what is pooled", err)
	}
}

// A base that was rebased and is the same bytes is the same pair.
func TestPoolKnowsAnArmByItsBytes(t *testing.T) {
	d := run(0, 8)
	d.Arms[0].Commit = strings.Repeat("cd", 20)
	pooled(t, run(1, 8), d)
}

func TestValidatePrior(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*result.Document)
		want   string
	}{
		"a hash that is none":      {func(d *result.Document) { d.Prior[0].SHA256 = "x" }, "/prior/0/sha256"},
		"no time":                  {func(d *result.Document) { d.Prior[0].StartedAt = time.Time{} }, "/prior/0/started_at"},
		"looks that descend":       {func(d *result.Document) { d.Prior[0].Looks = []int{8, 7} }, "/prior/0/looks/1"},
		"more blocks than planned": {func(d *result.Document) { d.Prior[0].Looks = []int{4} }, "/prior/0/blocks"},
		"more blocks than there are": {func(d *result.Document) {
			d.Prior[0].Looks, d.Prior[0].Blocks = []int{40}, 40
		}, "/prior: has 40 blocks"},
		"fewer blocks, so that a look is over": {func(d *result.Document) { d.Plan.Looks[0] = 8 }, "/plan/looks/0"},
		"an ending without a measurement":      {func(d *result.Document) { d.Prior[0].Ended = result.RunIdentical }, "/prior/0/ended"},
		"no verdict":                           {func(d *result.Document) { d.Prior[0].Verdict = "" }, "/prior/0/verdict"},
		"the same run twice":                   {func(d *result.Document) { d.Prior = append(d.Prior, d.Prior[0]) }, "/prior/1/sha256"},
		"longer than the document":             {func(d *result.Document) { d.Prior[0].DurationS = 1e6 }, "/prior: took"},
		"another kind":                         {func(d *result.Document) { d.Kind = result.KindCompare }, "/prior"},
	} {
		t.Run(name, func(t *testing.T) {
			d := pooled(t, run(1, 8), run(0, 8))
			c.change(d)
			if err := d.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want a fault at %s", err, c.want)
			}
		})
	}
}
