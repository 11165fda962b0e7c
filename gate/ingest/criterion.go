package ingest

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
)

// Criterion keeps a directory for each benchmark, and in it the directory new for
// the last run.
const (
	criterionSample = "new/sample.json"
	criterionNames  = "new/benchmark.json"
)

// CriterionFile says whether a file below target/criterion is read, by its path with
// slashes.
func CriterionFile(name string) bool {
	return strings.HasSuffix("/"+name, "/"+criterionSample) || strings.HasSuffix("/"+name, "/"+criterionNames)
}

func isCriterion(f *file) bool {
	return slices.ContainsFunc(f.Files, func(in Input) bool { return CriterionFile(in.Name) })
}

// readCriterion reads what Criterion keeps of the last run of each benchmark: the
// time of every sample and its iterations. Samples are parts of one run.
func readCriterion(f *file, s *Side) {
	if len(f.Files) == 0 {
		f.fault(0, "format", "is one file; give the directory target/criterion, or a copy of it")
		return
	}
	files := map[string]Input{}
	var dirs []string
	for _, in := range f.Files {
		files[in.Name] = in
		if strings.HasSuffix("/"+in.Name, "/"+criterionSample) {
			dirs = append(dirs, path.Dir(in.Name))
		}
	}
	slices.Sort(dirs)
	for _, dir := range dirs {
		names, found := files[path.Join(dir, "benchmark.json")]
		if !found {
			f.fault(0, "missing", "has %s/sample.json and no benchmark.json beside it: copy the whole directory target/criterion", dir)
			continue
		}
		part, done := f.part(names)
		name := ""
		if part.sound() {
			name = part.json().member("full_id").str()
		}
		done()
		part, done = f.part(files[path.Join(dir, "sample.json")])
		if part.sound() && name != "" {
			s.criterionSamples(part.json(), name)
		}
		done()
	}
}

func (s *Side) criterionSamples(root *node, name string) {
	times, iterations := root.member("times").elements(), root.member("iters").elements()
	if len(times) != len(iterations) {
		root.fault("count", "has %d times and %d counts of iterations, need as many of each", len(times), len(iterations))
		return
	}
	for i := range times {
		s.criterionSample(times[i], iterations[i], 1e-9, name)
	}
}

// criterionSample adds a sample: how long so many iterations took together.
func (s *Side) criterionSample(took, iterations *node, second float64, name string) {
	t, ok1 := took.measured()
	n, ok2 := iterations.measured()
	if ok2 && n < 1 {
		iterations.fault("number", "is %s, need at least one iteration", iterations.text)
		ok2 = false
	}
	if ok1 && ok2 {
		s.unit("sec/op", result.LowerIsBetter)
		s.add(Record{Name: name, Process: s.processes, Values: []Value{{"sec/op", t * second / n}}})
	}
}

func isCriterionMessages(f *file) bool {
	return f.starts("{") && bytes.Contains(f.data, []byte(`"benchmark-complete"`))
}

// readCriterionMessages reads the messages of cargo criterion.
func readCriterionMessages(f *file, s *Side) {
	seen := map[string]bool{}
	for n := range f.jsonLines() {
		if n.member("reason").str() != "benchmark-complete" {
			continue
		}
		name := n.member("id").str()
		if seen[name] {
			n.fault("duplicate", "is benchmark %q for the second time", name)
		}
		seen[name] = true
		unit := n.member("unit")
		second, known := googleSeconds[unit.str()]
		if !known {
			if unit != nil {
				unit.fault("unit", "is %q, need one of ns, us, ms and s", unit.text)
			}
			return
		}
		times, iterations := n.member("measured_values").elements(), n.member("iteration_count").elements()
		if len(times) != len(iterations) {
			n.fault("count", "has %d values and %d counts of iterations, need as many of each", len(times), len(iterations))
			return
		}
		for i := range times {
			s.criterionSample(times[i], iterations[i], second, name)
		}
	}
}
