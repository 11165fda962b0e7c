// Package history keeps what was measured over weeks and years, and says where it
// changed.
//
// A series is the values of one metric under one scenario on one runner class. The
// runs of a class and scenario stand in one file, a line each, in JSON:
//
//	history/<runner class>/<scenario>.jsonl
//
// Lines are only ever added, so that two clones that both add merge without loss
// (.gitattributes: *.jsonl merge=union); a reader sorts them and drops what stands
// twice. Analyse finds where each series changed, by how much, between which
// commits, and what of it is a regression that nobody has explained.
//
// The package is pure: files come as io.Reader or fs.FS, and the only clock is that
// of the runs.
package history

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// Schema names the version of the lines.
const Schema = "fivegate/history/v1"

// Run is one measurement of one commit: a line of a series file.
type Run struct {
	Schema   string           `json:"schema"`
	Class    string           `json:"class"`
	Scenario string           `json:"scenario"`
	At       time.Time        `json:"at"` // UTC
	Commit   string           `json:"commit"`
	Release  string           `json:"release,omitempty"` // name of the release that the commit is
	Tool     string           `json:"tool"`              // version of gate
	Result   string           `json:"result"`            // sha256 of the result document, hex
	Values   map[string]Value `json:"values"`            // by metric; of benchmarks "name unit"
}

// Value is one metric of a run.
type Value struct {
	Value  float64       `json:"value"`
	Spread float64       `json:"spread,omitzero"` // standard deviation of the samples behind it; 0 when it is not known
	Unit   string        `json:"unit"`
	Better result.Better `json:"better"`
}

// key is what tells runs apart. One document gives one run.
func (r *Run) key() string { return r.Result + " " + r.Commit }

// FromDocument takes a run out of a result document: the absolute values of an arm
// ("" is head, or the only one). Only values that may be quoted are taken; where
// base and head share the machine, these are those of the slices that each had for
// itself.
//
// A measurement that is broken, or that does not say what was measured, is refused.
func FromDocument(doc *result.Document, arm, release string) (Run, error) {
	v := verdict.Judge(doc)
	if v.Status.Known() == verdict.Invalid {
		return Run{}, fmt.Errorf("the measurement is invalid and tells nothing: %s", v.Reason)
	}
	which := len(doc.Arms) - 1
	if arm != "" {
		which = slices.IndexFunc(doc.Arms, func(a result.Arm) bool { return a.Name == arm })
	}
	if which < 0 {
		return Run{}, fmt.Errorf("the document has no arm %q; it has %s", arm, armNames(doc))
	}
	p := doc.Provenance
	r := Run{
		Schema: Schema, Class: p.Runner.Class, Scenario: p.Scenario.Name, At: p.StartedAt.UTC().Truncate(time.Second),
		Commit: doc.Arms[which].Commit, Release: release, Tool: p.Tool.Version, Values: map[string]Value{},
	}
	if r.Commit == "" {
		return Run{}, fmt.Errorf("%s has no commit: what was measured is not known to a history", doc.Arms[which].Name)
	}
	if r.Tool == "" {
		r.Tool = "unknown"
	}
	hash := sha256.New()
	if err := doc.Write(hash); err != nil {
		return Run{}, err
	}
	r.Result = hex.EncodeToString(hash.Sum(nil))
	for _, m := range v.Metrics {
		// What is solo already stands under the metric's own name.
		if !m.HasValues || m.Benchmark != "" || strings.HasSuffix(m.Name, ".solo") {
			continue
		}
		value := m.Head
		if which == 0 && len(doc.Arms) > 1 {
			value = m.Base
		}
		r.Values[m.Name] = Value{Value: value, Unit: string(m.Unit), Better: direction(m.Unit)}
	}
	for i := range doc.Benchmarks {
		r.addBenchmark(&doc.Benchmarks[i], which == 0 && len(doc.Arms) > 1)
	}
	if len(r.Values) == 0 {
		return Run{}, fmt.Errorf("the document holds no absolute value of %s: check with solo slices, or benchmarks that were measured", doc.Arms[which].Name)
	}
	return r, r.fault()
}

func (r *Run) addBenchmark(b *result.Benchmark, base bool) {
	if b.State != result.BenchmarkMeasured {
		return
	}
	for _, m := range b.Measures {
		samples := m.Head
		if base {
			samples = m.Base
		}
		if m.Better == "" || len(samples) == 0 {
			continue // of what has no direction nothing can be worse
		}
		middle, spread := describe(samples)
		r.Values[b.Name+" "+m.Unit] = Value{Value: middle, Spread: spread, Unit: m.Unit, Better: m.Better}
	}
}

// describe is the median of samples and the standard deviation that their deviations
// from it tell.
func describe(samples []float64) (middle, spread float64) {
	middle = median(samples)
	off := make([]float64, len(samples))
	for i, s := range samples {
		off[i] = math.Abs(s - middle)
	}
	return middle, 1.4826 * median(off)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func direction(u verdict.Unit) result.Better {
	switch u {
	case verdict.UnitPerCPUS, verdict.UnitPerS:
		return result.HigherIsBetter
	case verdict.UnitSeconds, verdict.UnitFraction, verdict.UnitBytes:
	}
	return result.LowerIsBetter
}

func armNames(doc *result.Document) string {
	var names []string
	for _, a := range doc.Arms {
		names = append(names, a.Name)
	}
	return strings.Join(names, ", ")
}

// Bounds of what a line may hold.
const (
	maxName    = 300
	maxMetrics = 20_000
)

// fault says what is wrong with a run, or nothing.
func (r *Run) fault() error {
	if r.Schema != Schema {
		return fmt.Errorf("schema is %q, need %q: read the file with the version of gate that wrote it", brief(r.Schema), Schema)
	}
	for _, name := range []struct{ key, value string }{{"class", r.Class}, {"scenario", r.Scenario}, {"tool", r.Tool}} {
		if err := nameFault(name.value); err != nil {
			return fmt.Errorf("%s %w", name.key, err)
		}
	}
	if r.At.IsZero() || r.At.Year() < 1970 || r.At.Year() > 9999 {
		return fmt.Errorf("at is no time that a run can have had")
	}
	if err := commitFault(r.Commit); err != nil {
		return err
	}
	if len(r.Result) != sha256.Size*2 || strings.Trim(r.Result, "0123456789abcdef") != "" {
		return fmt.Errorf("result is %q, need the sha256 of the document: 64 lower-case hexadecimal digits", brief(r.Result))
	}
	if r.Release != "" {
		if err := nameFault(r.Release); err != nil {
			return fmt.Errorf("release %w", err)
		}
	}
	if len(r.Values) == 0 || len(r.Values) > maxMetrics {
		return fmt.Errorf("values are %d, need 1 to %d", len(r.Values), maxMetrics)
	}
	for metric, v := range r.Values {
		if err := nameFault(metric); err != nil {
			return fmt.Errorf("the name of a metric %w", err)
		}
		if math.IsNaN(v.Value) || math.IsInf(v.Value, 0) || math.IsNaN(v.Spread) || v.Spread < 0 || math.IsInf(v.Spread, 0) {
			return fmt.Errorf("%s is %v ± %v, need finite numbers and a spread of 0 or more", brief(metric), v.Value, v.Spread)
		}
		if v.Better != result.LowerIsBetter && v.Better != result.HigherIsBetter {
			return fmt.Errorf("%s: better is %q, need %q or %q", brief(metric), brief(string(v.Better)), result.LowerIsBetter, result.HigherIsBetter)
		}
		if len(v.Unit) > 40 {
			return fmt.Errorf("%s: the unit has %d bytes, at most 40", brief(metric), len(v.Unit))
		}
	}
	return nil
}

func nameFault(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("is empty")
	case len(s) > maxName:
		return fmt.Errorf("has %d bytes, at most %d", len(s), maxName)
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }):
		return fmt.Errorf("is %q, with characters that do not show", brief(s))
	}
	return nil
}

// commitFault says what is wrong with the name of a commit. It is git's as a rule;
// what other tools measured may have one of another system.
func commitFault(s string) error {
	if s == "" || len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("commit is %q, need a commit's name: 1 to 64 characters of ASCII without spaces", brief(s))
	}
	return nil
}

// brief cuts a text for a message.
func brief(s string) string {
	if len(s) > 60 {
		return s[:57] + "…"
	}
	return s
}

// Path is the file of a class and scenario below the history's directory. Names that
// could lead out of it are refused.
func Path(class, scenario string) (string, error) {
	if strings.Contains(class, "/") {
		return "", fmt.Errorf("the runner class %q has a slash, and would be two directories", brief(class))
	}
	path := class + "/" + scenario + ".jsonl"
	for part := range strings.SplitSeq(path, "/") {
		odd := func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-+@ ,=()", r))
		}
		if part == "" || strings.HasPrefix(part, ".") || strings.ContainsFunc(part, odd) {
			return "", fmt.Errorf("%q cannot be a file of the history: only letters, digits and ._-+@,=() may stand between slashes, and no dot first", brief(path))
		}
	}
	return path, nil
}
