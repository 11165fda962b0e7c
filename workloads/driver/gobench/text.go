package gobench

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/fivegate/fivegate/gate/result"
)

// WriteText writes base.txt and head.txt into a directory: the samples of a
// document of this suite in the Go benchmark format, which benchstat reads. They
// are what is judged, so sec/op of a duet is CPU time.
func (s *Suite) WriteText(dir string, doc *result.Document) error {
	for arm, name := range armNames {
		err := result.Replace(filepath.Join(dir, name+".txt"), func(w io.Writer) error { return s.writeArm(w, doc, arm) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Suite) writeArm(w io.Writer, doc *result.Document, arm int) error {
	subjects := make(map[string]*subject, len(s.subjects))
	for _, one := range s.subjects {
		subjects[one.label] = one
	}
	// No configuration lines: benchstat compares only what has the same ones.
	if _, err := fmt.Fprintf(w, "# %s is commit %s\n", armNames[arm], s.cfg.Commits[arm]); err != nil {
		return err
	}
	out := benchfmt.NewWriter(w)
	for i := range doc.Benchmarks {
		b := &doc.Benchmarks[i]
		one := subjects[b.Name]
		if b.State != result.BenchmarkMeasured || one == nil {
			continue
		}
		r := benchfmt.Result{
			Name:   benchfmt.Name(strings.TrimPrefix(printed(one.name, one.m.procs), "Benchmark")),
			Iters:  int(b.Iterations),
			Config: one.once[arm].config,
		}
		for j := range b.Blocks() * b.Rounds {
			r.Values = r.Values[:0]
			for k := range b.Measures {
				m := &b.Measures[k]
				column := [2][]float64{m.Base, m.Head}[arm]
				r.Values = append(r.Values, benchfmt.Value{Value: column[j], Unit: m.Unit})
			}
			if err := out.Write(&r); err != nil {
				return err
			}
		}
	}
	return nil
}
