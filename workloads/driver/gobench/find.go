package gobench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/bench"
)

// The shares of the budget that finding benchmarks may use: in all, and one
// process, though that not less than the least.
const (
	findShare    = 4
	processShare = 10
	leastLimit   = 2 * time.Second
)

// Find runs each benchmark once in both arms, which shows what sub-benchmarks
// there are, and says what becomes of each. The budget is for all measuring, from
// now on.
func (s *Suite) Find(ctx context.Context, budget time.Duration) error {
	began := time.Now()
	limit := max(budget/processShare, leastLimit)
	order := slices.Clone(s.packages)
	slices.SortStableFunc(order, func(a, b *pkg) int { return rank(a) - rank(b) })
	var tops int
	for _, p := range order {
		tops += len(p.tops())
	}
	done := 0
	for _, p := range order {
		for _, top := range p.tops() {
			done++
			switch {
			case !s.filter.matches(top):
			case len(p.binaries[0]) == 0:
				s.list(p, top, unmeasured(p, top))
			case time.Since(began) > budget/findShare:
				s.list(p, top, result.Benchmark{State: result.BenchmarkLeftOut, Detail: fmt.Sprintf("the budget of %s does not reach it", budget)})
			default:
				s.cfg.Progress("looking for benchmarks", done, tops)
				if err := s.findBelow(ctx, p, top, limit); err != nil {
					return err
				}
			}
		}
	}
	if len(s.subjects) == 0 && len(s.Listed) == 0 {
		return fmt.Errorf("--bench %q chooses none of %d benchmarks", s.cfg.Bench, tops)
	}
	// Two processes in each of seven blocks, and as long as five for preparing;
	// four tenths of the time are for those that need more blocks.
	runs := time.Duration(max(len(s.subjects), 1) * (2*7 + 5))
	s.burn = min(max((budget-time.Since(began))*6/10/runs, leastBurn), mostBurn)
	return nil
}

// A process should work for so long: less, and its start-up disturbs; more, and
// blocks, which tell more than long runs do, get few.
const (
	leastBurn = 30 * time.Millisecond
	mostBurn  = 100 * time.Millisecond
)

// rank is lowest for what the change touches itself.
func rank(p *pkg) int {
	if p.ownChange {
		return 0
	}
	return 1
}

// tops are the top-level benchmarks of both arms, sorted.
func (p *pkg) tops() []string {
	names := slices.Concat(slices.Collect(maps.Keys(p.benchmarks[0])), slices.Collect(maps.Keys(p.benchmarks[1])))
	slices.Sort(names)
	return slices.Compact(names)
}

func (p *pkg) declares(arm int, top string) bool {
	_, ok := p.benchmarks[arm][top]
	return ok
}

// unmeasured is the state of a benchmark whose package was not built in both
// arms, or is the same in both.
func unmeasured(p *pkg, top string) result.Benchmark {
	switch {
	case p.broken[0] != "" && p.declares(0, top):
		return result.Benchmark{State: result.BenchmarkFailedBase, Detail: p.broken[0]}
	case p.broken[1] != "" && p.declares(1, top):
		return result.Benchmark{State: result.BenchmarkFailedHead, Detail: p.broken[1]}
	case !p.declares(0, top):
		return result.Benchmark{State: result.BenchmarkNew}
	case !p.declares(1, top):
		return result.Benchmark{State: result.BenchmarkRemoved}
	}
	return result.Benchmark{State: result.BenchmarkIdentical}
}

func (s *Suite) list(p *pkg, name string, b result.Benchmark) {
	b.Name = label(p.rel, name)
	s.Listed = append(s.Listed, b)
}

// findBelow runs a top-level benchmark once in each arm that has it, and sorts
// what it printed.
func (s *Suite) findBelow(ctx context.Context, p *pkg, top string, limit time.Duration) error {
	procs := s.anyCPUs()
	if len(s.cfg.CPU) > 0 {
		procs = s.cfg.CPU[0]
	}
	var fates [2]map[string]fate
	var ended [2]string // how the process ended, if badly
	for arm := range fates {
		if !p.declares(arm, top) {
			continue
		}
		exits, err := s.run(ctx, limit, s.shared(p, arm, exactly(top), procs))
		var output string
		switch {
		case errors.Is(err, errHangs):
			ended[arm] = fmt.Sprintf("it hangs: one iteration takes more than %s", limit)
		case err != nil:
			return err
		default:
			output = exits[0].Stdout
			if exits[0].Status != "" {
				ended[arm] = brief(exits[0].Status, exits[0].Stdout, exits[0].Stderr)
			}
		}
		fates[arm] = discovered(top, output, ended[arm], procs)
	}
	names := slices.Concat(slices.Collect(maps.Keys(fates[0])), slices.Collect(maps.Keys(fates[1])))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if !s.filter.matches(name) {
			continue
		}
		b := compareFates(name, fates, ended)
		if b.State != result.BenchmarkMeasured {
			s.list(p, name, b)
			continue
		}
		s.add(p, top, name, [2]line{fates[0][name].line, fates[1][name].line})
	}
	return nil
}

// compareFates is the state of a benchmark by what became of it in both arms; it
// is measured where it printed a result in both.
func compareFates(name string, fates [2]map[string]fate, ended [2]string) result.Benchmark {
	var f [2]fate
	var has [2]bool
	for arm := range f {
		f[arm], has[arm] = fates[arm][name]
		if !has[arm] && ended[arm] != "" {
			f[arm], has[arm] = fate{failed: "it was not reached: " + ended[arm]}, true
		}
	}
	switch {
	case f[0].failed != "":
		return result.Benchmark{State: result.BenchmarkFailedBase, Detail: f[0].failed}
	case f[1].failed != "" && !has[0]:
		return result.Benchmark{State: result.BenchmarkFailedHead, Detail: "it is new, and " + f[1].failed}
	case f[1].failed != "":
		return result.Benchmark{State: result.BenchmarkFailedHead, Detail: f[1].failed}
	case (f[0].skipped || !has[0]) && (f[1].skipped || !has[1]):
		return result.Benchmark{State: result.BenchmarkLeftOut, Detail: "it skips itself"}
	case !has[0]:
		return result.Benchmark{State: result.BenchmarkNew}
	case !has[1]:
		return result.Benchmark{State: result.BenchmarkRemoved}
	case f[0].skipped:
		return result.Benchmark{State: result.BenchmarkNew, Detail: "base skips it"}
	case f[1].skipped:
		return result.Benchmark{State: result.BenchmarkRemoved, Detail: "head skips it"}
	}
	return result.Benchmark{State: result.BenchmarkMeasured}
}

// add makes a subject of a benchmark for every number of CPUs asked for.
func (s *Suite) add(p *pkg, top, name string, once [2]line) {
	one := subject{
		suite: s, p: p, label: label(p.rel, name), name: name, once: once,
		parallel: p.benchmarks[0][top] || p.benchmarks[1][top],
	}
	if len(s.cfg.CPU) == 0 {
		s.subjects = append(s.subjects, &one)
	}
	for _, cpus := range s.cfg.CPU {
		at := one
		at.procs, at.label = cpus, printed(one.label, cpus)
		s.subjects = append(s.subjects, &at)
	}
}

// Subjects are those to be measured, the most important first.
func (s *Suite) Subjects() []bench.Subject {
	out := make([]bench.Subject, len(s.subjects))
	for i, one := range s.subjects {
		out[i] = one
	}
	return out
}
