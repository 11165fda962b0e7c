package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/result"
)

// world is a clock that only fake subjects move, and what they were asked to do.
type world struct {
	now time.Time
	ran []string // "name b0 h3" for a duet of base's layout 0 and head's 3
}

func newWorld() *world { return &world{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

// fake is a subject whose rounds take cost, though it says that they take says.
type fake struct {
	*world
	name       string
	mode       result.Mode
	cost, says time.Duration
	prepare    error
	run        func(calls int, places []Place) ([]Sample, error) // nil: samples of sec/op
	calls      int
}

func (f *fake) Name() string { return f.name }

func (f *fake) Prepare(context.Context) (Method, error) {
	f.now = f.now.Add(f.cost)
	return Method{Mode: f.mode, Iterations: 10, Cost: f.says}, f.prepare
}

func (f *fake) Run(_ context.Context, places ...Place) ([]Sample, error) {
	f.now = f.now.Add(f.cost * time.Duration(len(places)) / 2)
	text := f.name
	for _, p := range places {
		text += fmt.Sprintf(" %c%d", "bh"[p.Arm], p.Layout)
	}
	f.ran = append(f.ran, text)
	f.calls++
	if f.run != nil {
		return f.run(f.calls, places)
	}
	return samplesOf(places), nil
}

func samplesOf(places []Place) []Sample {
	var out []Sample
	for _, p := range places {
		out = append(out, Sample{{Unit: "sec/op", Better: result.LowerIsBetter, Value: 1 + float64(p.Arm)}})
	}
	return out
}

// fakes are n duets of one second each.
func fakes(w *world, n int) []*fake {
	var out []*fake
	for i := range n {
		out = append(out, &fake{world: w, name: fmt.Sprintf("f%d", i), mode: result.ModeDuet, cost: time.Second, says: time.Second})
	}
	return out
}

func config(w *world, subjects []*fake, budget time.Duration, open func(*result.Document) map[string]bool) Config {
	hash := strings.Repeat("ab", 32)
	var layouts []result.Layout
	for i := range 4 {
		layouts = append(layouts, result.Layout{ID: i, Seed: uint64(i + 1), SHA256: hash})
	}
	cfg := Config{
		Arms: []result.Arm{{Name: "base", Layouts: layouts}, {Name: "head", Layouts: layouts}},
		Provenance: result.Provenance{
			Tool: result.Tool{Version: "v0", Go: "go1.26"}, StartedAt: w.now, Seed: 1, Command: []string{"gate"},
			Runner: result.Runner{Class: "test"},
		},
		Policy: result.Policy{Threshold: 0.05, PassBound: 0.1, MaxMDE: 0.12, Alpha: 0.02, LayoutSD: 0.02, OnInconclusive: "warn"},
		Seed:   1, Budget: budget, Open: open,
		now: func() time.Time { return w.now },
	}
	for _, s := range subjects {
		cfg.Subjects = append(cfg.Subjects, s)
	}
	return cfg
}

func noneOpen(*result.Document) map[string]bool { return nil }

func allOpen(doc *result.Document) map[string]bool {
	names := map[string]bool{}
	for _, b := range doc.Benchmarks {
		names[b.Name] = true
	}
	return names
}

// run checks what must hold however a check ends: a valid document, within the
// budget.
func run(t *testing.T, ctx context.Context, cfg Config) (*result.Document, error) {
	t.Helper()
	doc, err := Check(ctx, cfg)
	if err := doc.Validate(); err != nil {
		t.Errorf("the document is not valid: %v", err)
	}
	if spent := cfg.now().Sub(cfg.Provenance.StartedAt); spent > cfg.Budget {
		t.Errorf("spent %s of a budget of %s", spent, cfg.Budget)
	}
	return doc, err
}

// outcomes are the state of each benchmark and its blocks.
func outcomes(doc *result.Document) []string {
	var out []string
	for _, b := range doc.Benchmarks {
		out = append(out, fmt.Sprintf("%s %s %d", b.Name, b.State, b.Blocks()))
	}
	return out
}

func expect(t *testing.T, doc *result.Document, ended result.RunEnded, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, outcomes(doc)); diff != "" {
		t.Errorf("benchmarks (-want +got):\n%s", diff)
	}
	if doc.Outcome.Ended != ended {
		t.Errorf("ended %q (%s), want %q", doc.Outcome.Ended, doc.Outcome.Detail, ended)
	}
}

func TestOnlyOpenBenchmarksGetMoreBlocks(t *testing.T) {
	w := newWorld()
	cfg := config(w, fakes(w, 3), time.Hour, func(doc *result.Document) map[string]bool {
		if doc.Outcome.Ended != "" {
			t.Errorf("asked what is open when the check had ended: %+v", doc.Outcome)
		}
		return map[string]bool{"f1": doc.Benchmarks[1].Blocks() < 14, "f2": true}
	})
	cfg.Listed = []result.Benchmark{{Name: "new", State: result.BenchmarkNew}}
	doc, err := run(t, t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, doc, result.RunComplete, "f0 measured 7", "f1 measured 14", "f2 measured 28", "new new 0")
	if doc.Outcome.Blocks != 28 {
		t.Errorf("most blocks of any: %d", doc.Outcome.Blocks)
	}
	b := doc.Benchmarks[1]
	want := result.Measure{
		Unit: "sec/op", Better: result.LowerIsBetter,
		Base: slices.Repeat([]float64{1}, 14), Head: slices.Repeat([]float64{2}, 14),
	}
	if diff := cmp.Diff([]result.Measure{want}, b.Measures); diff != "" {
		t.Error(diff)
	}
}

func TestDecidedAtTheFirstLook(t *testing.T) {
	w := newWorld()
	doc, err := run(t, t.Context(), config(w, fakes(w, 2), time.Hour, noneOpen))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, doc, result.RunDecided, "f0 measured 7", "f1 measured 7")
}

func TestBudgetLeavesTheLastOut(t *testing.T) {
	w := newWorld()
	// Each needs 1 s to prepare and 7 s to the first look, of 36 s. A fifth is
	// prepared before it turns out that it does not fit, and so is the sixth.
	doc, err := run(t, t.Context(), config(w, fakes(w, 6), 40*time.Second, allOpen))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, doc, result.RunBudget, "f0 measured 9", "f1 measured 7", "f2 measured 7", "f3 measured 7", "f4 left-out 0", "f5 left-out 0")
}

func TestRoundsDearerThanSaid(t *testing.T) {
	w := newWorld()
	subjects := fakes(w, 4)
	for _, f := range subjects {
		f.cost = 2 * time.Second
	}
	doc, err := run(t, t.Context(), config(w, subjects, 50*time.Second, allOpen))
	if err != nil {
		t.Fatal(err)
	}
	if got := outcomes(doc)[3]; got != "f3 left-out 0" {
		t.Errorf("the least important: %s", got)
	}
	if b := doc.Benchmarks[0]; b.Blocks() < 7 || doc.Outcome.Ended != result.RunBudget {
		t.Errorf("the most important has %d blocks; ended %q", b.Blocks(), doc.Outcome.Ended)
	}
}

func TestCheapestOpenFirst(t *testing.T) {
	w := newWorld()
	subjects := fakes(w, 3)
	subjects[0].cost, subjects[0].says = 10*time.Second, 10*time.Second
	// 96 s for all to the first look, of 121 s: the dear one's next three blocks do
	// not fit into the rest, which goes to the cheap ones.
	doc, err := run(t, t.Context(), config(w, subjects, 125*time.Second, allOpen))
	if err != nil {
		t.Fatal(err)
	}
	cheap := doc.Benchmarks[1].Blocks() + doc.Benchmarks[2].Blocks()
	if dear := doc.Benchmarks[0].Blocks(); dear != 7 || cheap != 2*7+25 {
		t.Errorf("the dear one has %d blocks, the cheap ones %d", dear, cheap)
	}
}

func TestFailures(t *testing.T) {
	fails := func(arms ...int) func(int, []Place) ([]Sample, error) {
		return func(calls int, places []Place) ([]Sample, error) {
			for _, p := range places {
				if calls > 3 && slices.Contains(arms, p.Arm) {
					return nil, &Failure{Arm: p.Arm, Detail: "exit status 2"}
				}
			}
			return samplesOf(places), nil
		}
	}
	w := newWorld()
	subjects := fakes(w, 6)
	subjects[0].run = fails(1)
	subjects[1].run = fails(0)
	subjects[2].run = fails(1, 0)
	subjects[2].mode = result.ModeAlternating
	subjects[3].prepare = &Failure{Arm: 1, Detail: "panic: no"}
	subjects[4].prepare = &Failure{Arm: 1, Detail: "panic: no"}
	subjects[4].run = func(int, []Place) ([]Sample, error) { return nil, &Failure{Arm: 0, Detail: "base too"} }
	doc, err := run(t, t.Context(), config(w, subjects, time.Hour, noneOpen))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, doc, result.RunDecided, "f0 failed-head 0", "f1 failed-base 0", "f2 failed-base 0", "f3 failed-head 0", "f4 failed-base 0", "f5 measured 7")
	if got := doc.Benchmarks[4].Detail; got != "base too" {
		t.Errorf("detail %q", got)
	}
}

func TestInterrupted(t *testing.T) {
	w := newWorld()
	subjects := fakes(w, 2)
	ctx, cancel := context.WithCancelCause(t.Context())
	subjects[0].run = func(calls int, places []Place) ([]Sample, error) {
		if calls == 3 {
			cancel(errors.New("interrupted by signal"))
			return nil, ctx.Err()
		}
		return samplesOf(places), nil
	}
	doc, err := run(t, ctx, config(w, subjects, time.Hour, noneOpen))
	if !errors.Is(err, ErrInterrupted) {
		t.Errorf("error %v", err)
	}
	if doc.Outcome.Ended != result.RunInterrupted || doc.Outcome.Detail != "interrupted by signal" || doc.Benchmarks[0].Blocks() != 2 {
		t.Errorf("outcome %+v, %d blocks", doc.Outcome, doc.Benchmarks[0].Blocks())
	}
}

func TestEnvironmentFails(t *testing.T) {
	w := newWorld()
	subjects := fakes(w, 2)
	subjects[1].run = func(int, []Place) ([]Sample, error) { return nil, errors.New("no space left on device") }
	doc, err := run(t, t.Context(), config(w, subjects, time.Hour, noneOpen))
	if err == nil || doc.Outcome.Ended != result.RunFailed || doc.Outcome.Detail != "no space left on device" {
		t.Errorf("error %v, outcome %+v", err, doc.Outcome)
	}
}

func TestBudgetStopsWhatHangs(t *testing.T) {
	cfg := config(newWorld(), nil, 200*time.Millisecond, noneOpen)
	cfg.Subjects = []Subject{hanging{}}
	cfg.Provenance.StartedAt, cfg.now = time.Now().UTC(), nil
	doc, err := Check(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, doc, result.RunBudget, "hanging left-out 0")
}

// hanging is a subject that ends only with its context.
type hanging struct{}

func (hanging) Name() string { return "hanging" }

func (hanging) Prepare(context.Context) (Method, error) {
	return Method{Mode: result.ModeDuet, Iterations: 1}, nil
}

func (hanging) Run(ctx context.Context, _ ...Place) ([]Sample, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestNothingToMeasure(t *testing.T) {
	w := newWorld()
	cfg := config(w, nil, time.Hour, noneOpen)
	cfg.Listed = []result.Benchmark{{Name: "a", State: result.BenchmarkIdentical}}
	doc, err := run(t, t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, doc, result.RunIdentical, "a identical 0")
	cfg.Listed = append(cfg.Listed, result.Benchmark{Name: "b", State: result.BenchmarkFailedHead})
	doc, err = run(t, t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, doc, result.RunDecided, "a identical 0", "b failed-head 0")
}

func TestUnitsThatAreMissingLater(t *testing.T) {
	w := newWorld()
	subjects := fakes(w, 1)
	subjects[0].run = func(calls int, places []Place) ([]Sample, error) {
		samples := samplesOf(places)
		samples[0] = append(samples[0], Value{Unit: "hits", Value: 3})
		if calls < 4 {
			samples[1] = append(samples[1], Value{Unit: "hits", Value: 4})
		}
		return samples, nil
	}
	doc, err := run(t, t.Context(), config(w, subjects, time.Hour, noneOpen))
	if err != nil {
		t.Fatal(err)
	}
	b := doc.Benchmarks[0]
	if len(b.Measures) != 1 || b.Measures[0].Unit != "sec/op" || b.Detail != "hits is not reported by every run" {
		t.Errorf("measures %v, detail %q", b.Measures, b.Detail)
	}
}
