package ingest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/result"
)

// Options are what a document needs beside the samples.
type Options struct {
	At      time.Time // of the comparison, UTC
	Tool    result.Tool
	Command []string
	Old     string // how the user named the sides
	New     string
	Policy  result.Policy
}

// sessionSD is the standard deviation of the logarithm of the ratio between two
// sessions of one build on one machine: clock speed, neighbours and temperature
// drift between them. Chosen: measuring base once and then head once errs by 10 to
// 20% on a noisy shared machine and by a few per cent on a quiet one, and what is
// compared here is mostly CPU-bound.
const sessionSD = 0.03

// apart is the policy for two sides that were measured at different times: what
// their sessions differ by is added to the luck of the build, which likewise is in
// no sample.
func apart(p result.Policy) result.Policy {
	p.LayoutSD = math.Hypot(p.LayoutSD, sessionSD)
	return p
}

// Comparison are two sides put beside each other.
type Comparison struct {
	Old, New *Side
	Document *result.Document

	vary map[string]bool // keys that tell benchmarks of one side apart
}

// machineKeys are the facts in which two machines differ; numbers of one do not
// hold on the other.
var machineKeys = []string{"class", "cpu", "cpus", "os", "arch"}

// Compare pairs the benchmarks of both sides by their names and by what else tells
// them apart within a side, and makes the document that verdict.Judge judges.
//
// In it, arm base is old and head is new, each of one layout, since nothing is known
// of more. BaseLayouts and HeadLayouts of a benchmark have an entry for each of
// its processes, and its samples are in the order of the processes, as many of each.
// Samples that are parts of one run, and samples of processes that have unlike
// numbers of them, are represented by the median of their process.
//
// What the files say of the machines is in the runner's fingerprint as "base cpu",
// "head cpu" and the like.
//
// Sides of different formats, and sides without a common benchmark, are errors, as
// is a benchmark whose units are different ones. They are diag.Faults.
func Compare(old, new *Side, o Options) (*Comparison, error) {
	c := &Comparison{Old: old, New: new, vary: map[string]bool{}}
	if old.Format != new.Format {
		return nil, fault("format", "%s is of the format %s and %s of %s: they cannot be compared", o.Old, old.Format, o.New, new.Format)
	}
	c.findVarying()
	base, head := c.collect(old), c.collect(new)
	doc := newDocument(old, new, o)
	c.Document = doc
	var faults diag.Faults
	common := 0
	for _, name := range union(base.order, head.order) {
		b, f := c.pair(name, base.of[name], head.of[name])
		faults = append(faults, f...)
		doc.Benchmarks = append(doc.Benchmarks, b)
		if b.State == result.BenchmarkMeasured || b.State == result.BenchmarkFailedHead || b.State == result.BenchmarkFailedBase {
			common++
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if common == 0 {
		return nil, fault("common", "%s and %s have no benchmark in common: %s has %s; %s has %s", o.Old, o.New, o.Old, few(base.order), o.New, few(head.order))
	}
	if err := doc.Validate(); err != nil {
		return nil, fmt.Errorf("the comparison makes no valid document: %w", err)
	}
	return c, nil
}

func fault(rule, format string, args ...any) error {
	return diag.Faults{{Rule: rule, Message: fmt.Sprintf(format, args...)}}
}

// newDocument is the document without its benchmarks.
func newDocument(old, new *Side, o Options) *result.Document {
	doc := &result.Document{
		Schema: result.Schema,
		Kind:   result.KindCompare,
		Provenance: result.Provenance{
			Tool: o.Tool, StartedAt: o.At, Command: o.Command,
			Scenario: result.Scenario{Name: Describe(old.Format)},
			Runner:   result.Runner{Class: "not stated", Fingerprint: map[string]string{}},
		},
		Plan: result.Plan{Mode: result.ModeSeparate, Metrics: []string{}, Looks: []int{}, Operations: []string{}, Policy: apart(o.Policy)},
		Arms: []result.Arm{
			{Name: "base", Ref: o.Old, Layouts: []result.Layout{{}}},
			{Name: "head", Ref: o.New, Layouts: []result.Layout{{}}},
		},
		Launches: []result.Launch{}, Slices: []result.Slice{},
		Outcome: result.Outcome{Ended: result.RunComplete, Detail: strings.Join(union(old.Notes, new.Notes), "; ")},
	}
	runner := &doc.Provenance.Runner
	var class []string
	for arm, side := range []*Side{old, new} {
		for key, values := range side.Machine {
			runner.Fingerprint[doc.Arms[arm].Name+" "+key] = strings.Join(values, " and ")
		}
	}
	for _, key := range machineKeys {
		b, h := runner.Fingerprint["base "+key], runner.Fingerprint["head "+key]
		switch {
		case b != h:
			runner.Class = "two machines"
			return doc
		case b != "":
			class = append(class, b)
		}
	}
	if len(class) > 0 {
		runner.Class = strings.Join(class, ", ")
	}
	return doc
}

// findVarying finds the keys that have more than one value in a side. The others say
// something of the whole side, and do not keep its benchmarks from being paired.
// The processor never tells benchmarks apart.
func (c *Comparison) findVarying() {
	for _, side := range []*Side{c.Old, c.New} {
		seen := map[string]map[string]int{}
		for _, r := range side.Records {
			for _, s := range r.Config {
				if seen[s.Key] == nil {
					seen[s.Key] = map[string]int{}
				}
				seen[s.Key][s.Value]++
			}
		}
		for key, values := range seen {
			total := 0
			for _, n := range values {
				total += n
			}
			if len(values) > 1 || total < len(side.Records) {
				c.vary[key] = true
			}
		}
	}
	delete(c.vary, "cpu")
}

// Constant are the keys of one or both sides that have one value in each, and not
// the same in both.
func (c *Comparison) Constant() (keys []string) {
	values := [2]map[string]string{{}, {}}
	for i, side := range []*Side{c.Old, c.New} {
		for _, r := range side.Records {
			for _, s := range r.Config {
				values[i][s.Key] = s.Value
			}
		}
	}
	for i := range values {
		for key := range values[i] {
			if !c.vary[key] && key != "cpu" && values[0][key] != values[1][key] && !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// NameOf is the name of a record's benchmark in the document.
func (c *Comparison) NameOf(r *Record) string {
	name := named(r.Name)
	var extra []string
	for _, s := range r.Config {
		switch {
		case !c.vary[s.Key]:
		case s.Key == "pkg":
			name = s.Value + "." + name
		default:
			extra = append(extra, s.Key+":"+s.Value)
		}
	}
	slices.Sort(extra)
	return strings.Join(append([]string{name}, extra...), " ")
}

// named is a name or unit, or what stands for none: func Benchmark has none in Go.
func named(text string) string {
	if text == "" {
		return "(no name)"
	}
	return text
}

// union are all names, those of the first list first.
func union(a, b []string) []string {
	out := slices.Clone(a)
	in := make(map[string]bool, len(a))
	for _, name := range a {
		in[name] = true
	}
	for _, name := range b {
		if !in[name] {
			out = append(out, name)
		}
	}
	return out
}

// few names the first benchmarks of a side.
func few(names []string) string {
	const most = 3
	if len(names) == 0 {
		return "none"
	}
	text := fmt.Sprintf("%.60q", names[:min(most, len(names))])
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}

// benchmarks are those of one side, by name.
type benchmarks struct {
	order []string
	of    map[string]*benchmark
}

// benchmark is one of one side.
type benchmark struct {
	units    []string
	samples  map[string]map[int][]float64 // unit → process → values
	failed   string
	isFailed bool
}

func (b *benchmarks) get(name string) *benchmark {
	if b.of[name] == nil {
		b.of[name] = &benchmark{samples: map[string]map[int][]float64{}}
		b.order = append(b.order, name)
	}
	return b.of[name]
}

// collect groups the records of a side.
func (c *Comparison) collect(side *Side) benchmarks {
	out := benchmarks{of: map[string]*benchmark{}}
	for i := range side.Records {
		r := &side.Records[i]
		b := out.get(c.NameOf(r))
		for _, v := range r.Values {
			unit := named(v.Unit)
			if b.samples[unit] == nil {
				b.samples[unit] = map[int][]float64{}
				b.units = append(b.units, unit)
			}
			b.samples[unit][r.Process] = append(b.samples[unit][r.Process], v.Amount)
		}
	}
	for _, f := range side.Failed {
		b := out.get(named(f.Name))
		b.failed, b.isFailed = f.Detail, true
	}
	return out
}

// pair makes the document's benchmark of both sides'.
func (c *Comparison) pair(name string, base, head *benchmark) (result.Benchmark, diag.Faults) {
	b := result.Benchmark{Name: name}
	switch {
	case base != nil && base.isFailed:
		b.State, b.Detail = result.BenchmarkFailedBase, base.failed
	case head != nil && head.isFailed:
		b.State, b.Detail = result.BenchmarkFailedHead, head.failed
	case base == nil:
		b.State = result.BenchmarkNew
	case head == nil:
		b.State = result.BenchmarkRemoved
	default:
		return c.measured(b, base, head)
	}
	return b, nil
}

func (c *Comparison) measured(b result.Benchmark, base, head *benchmark) (result.Benchmark, diag.Faults) {
	b.State, b.Mode = result.BenchmarkMeasured, result.ModeSeparate
	var processes [2]int
	for _, side := range []*benchmark{base, head} {
		for _, unit := range side.units {
			if base.samples[unit] == nil || head.samples[unit] == nil || slices.ContainsFunc(b.Measures, func(m result.Measure) bool { return m.Unit == unit }) {
				continue
			}
			m := result.Measure{Unit: unit}
			if !c.New.Watched[b.Name] {
				m.Better = c.better(unit)
			}
			m.Base, processes[0] = c.samples(base.samples[unit])
			m.Head, processes[1] = c.samples(head.samples[unit])
			b.Measures = append(b.Measures, m)
		}
	}
	if len(b.Measures) == 0 {
		return b, diag.Faults{{Rule: "unit", Message: fmt.Sprintf("%q is measured in %s in one side and in %s in the other: they cannot be compared",
			b.Name, strings.Join(base.units, ", "), strings.Join(head.units, ", "))}}
	}
	b.BaseLayouts, b.HeadLayouts = make([]int, processes[0]), make([]int, processes[1])
	if c.New.Parts {
		b.Detail = fmt.Sprintf("values of one run count as one sample: %s in base, %s in head", parts(base.samples), parts(head.samples))
	}
	return b, nil
}

// parts says how much was measured in how many runs.
func parts(samples map[string]map[int][]float64) string {
	most, runs := 0, 0
	for _, of := range samples {
		n := 0
		for _, values := range of {
			n += len(values)
		}
		most, runs = max(most, n), max(runs, len(of))
	}
	if runs == 1 {
		return fmt.Sprintf("%d of 1 run", most)
	}
	return fmt.Sprintf("%d of %d runs", most, runs)
}

// better is the direction of a unit; when the sides do not agree, it is not known.
func (c *Comparison) better(unit string) result.Better {
	if c.Old.Units[unit].Better != c.New.Units[unit].Better {
		return ""
	}
	return c.New.Units[unit].Better
}

// samples are those of all processes in order, as many of each, and the number of
// processes.
func (c *Comparison) samples(of map[int][]float64) (out []float64, processes int) {
	order := make([]int, 0, len(of))
	each := -1
	for process, values := range of {
		order = append(order, process)
		if each >= 0 && each != len(values) {
			each = 0
		} else if each < 0 {
			each = len(values)
		}
	}
	slices.Sort(order)
	for _, process := range order {
		if c.New.Parts || each == 0 {
			out = append(out, median(of[process]))
		} else {
			out = append(out, of[process]...)
		}
	}
	return out, len(order)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
