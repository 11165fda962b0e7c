package calibration

import (
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fivegate/fivegate/gate/result"
)

// maxSize is the most bytes that a calibration may have; one has about ten
// thousand.
const maxSize = 1 << 20

// Write writes the calibration as indented JSON. The same calibration gives the
// same bytes.
func (c *Calibration) Write(w io.Writer) error {
	if err := json.MarshalWrite(w, c, json.Deterministic(true), jsontext.WithIndent("  ")); err != nil {
		return fmt.Errorf("write calibration: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// Read reads a calibration to the end of r, strictly: members that are unknown,
// numbers that no calibration can have and more than a megabyte are errors, which
// say where as a JSON pointer (RFC 6901).
func Read(r io.Reader) (*Calibration, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("larger than %d bytes: this is no calibration", maxSize)
	}
	c := new(Calibration)
	if err := json.Unmarshal(text, c, json.RejectUnknownMembers(true)); err != nil {
		return nil, readError(err)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, nil
}

func readError(err error) error {
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntactic):
		return fmt.Errorf("%s: not JSON at byte %d: %w; the calibration is cut or damaged", orRoot(string(syntactic.JSONPointer)), syntactic.ByteOffset, syntactic.Err)
	case errors.As(err, &semantic):
		return fmt.Errorf("%s: cannot be read as %s: %w; calibrate again with this version of gate", orRoot(string(semantic.JSONPointer)), kindOf(semantic.GoType), semantic.Err)
	}
	return fmt.Errorf("read calibration: %w", err)
}

func orRoot(pointer string) string {
	if pointer == "" {
		return "/"
	}
	return pointer
}

func kindOf(t reflect.Type) string {
	if t == nil {
		return "a part of a calibration"
	}
	return t.Kind().String()
}

// fault is the first thing that is wrong, and where.
type fault struct{ err error }

func (f *fault) that(wrong bool, path, format string, args ...any) {
	if f.err == nil && wrong {
		f.err = fmt.Errorf("%s: %s; calibrate again", path, fmt.Sprintf(format, args...))
	}
}

// share demands fractions in order.
func (f *fault) share(path string, s result.Share) {
	f.that(!(0 <= s.Low && s.Low <= s.Value && s.Value <= s.High && s.High <= 1), path, "is %v within %v to %v, need fractions in order", s.Value, s.Low, s.High)
}

// amounts demands finite numbers of 0 or more.
func (f *fault) amounts(path string, values ...float64) {
	for _, v := range values {
		f.that(!(v >= 0) || math.IsInf(v, 0), path, "has %v, need finite numbers of 0 or more", v)
	}
}

// leastEffect is the smallest slow-down that a calibration may speak of.
const leastEffect = 0.001

// check refuses what Analyse cannot have written.
func (c *Calibration) check() error {
	var f fault
	f.that(c.Schema != Schema, "/schema", "is %q, need %q", c.Schema, Schema)
	f.that(c.MeasuredAt.IsZero(), "/measured_at", "is missing")
	f.that(c.Key.RunnerClass == "", "/key/runner_class", "is empty: numbers hold for one class only")
	f.that(c.Key.Target == "", "/key/target", "is empty")
	f.that(len(c.Key.Metrics) == 0, "/key/metrics", "are none")
	f.amounts("/key/budget_s", c.Key.BudgetS)
	f.amounts("/duration_s", c.DurationS)
	f.amounts("/layout_sd", c.LayoutSD)
	f.that(c.LayoutSD > 1, "/layout_sd", "is %v, need a fraction", c.LayoutSD)
	f.that(c.Blocks < 1 || c.Drawn.Checks < 1 || c.Check.Blocks < 1, "/blocks", "are %d, and %d checks of %d", c.Blocks, c.Drawn.Checks, c.Check.Blocks)
	f.amounts("/check", c.Check.BlockS, c.Check.PrepareS)
	f.amounts("/drawn", c.Drawn.Blocks, c.Drawn.NoiseF)
	f.that(len(c.Outcomes) == 0 || c.Outcomes[0].Effect != 0, "/outcomes", "must begin with the identical pair")
	last := -1.0
	for i, r := range c.Outcomes {
		at := fmt.Sprintf("/outcomes/%d", i)
		f.that(!(r.Effect > last && r.Effect <= 1) || i > 0 && r.Effect < leastEffect, at+"/effect", "is %v after %v, need ascending fractions", r.Effect, last)
		last = r.Effect
		f.share(at+"/blocked", r.Blocked)
		f.amounts(at, r.Inconclusive, r.Blocks, r.Apart.Low, r.Apart.High)
		f.that(r.Apart.Blocked < 0 || r.Apart.Blocked > r.Apart.Checks, at+"/apart", "has %d of %d", r.Apart.Blocked, r.Apart.Checks)
	}
	for i, m := range c.Metrics {
		at := fmt.Sprintf("/metrics/%d", i)
		f.that(m.Name == "", at+"/name", "is empty")
		f.share(at+"/false_alarms", m.FalseAlarms)
		f.amounts(at, m.MDE, m.MinutesFor5, float64(m.BlocksFor5), m.Noise.Layout, m.Noise.Launch, m.Noise.Round, m.Noise.Within)
		for j, d := range m.Disturbances {
			f.amounts(fmt.Sprintf("%s/disturbances/%d", at, j), d.QuietSD, d.LoudSD)
		}
	}
	f.demotions(c)
	return f.err
}

// demotions must be of metrics that gate, and leave some: by a file that demotes
// all, nothing would be judged.
func (f *fault) demotions(c *Calibration) {
	for i, d := range c.Demoted {
		m := c.metric(d.Metric)
		f.that(m == nil || d.Reason == "", fmt.Sprintf("/demoted/%d", i), "is %q because %q, need a metric of the calibration and a reason", d.Metric, d.Reason)
	}
	f.that(len(c.Demoted) > 0 && len(c.Demoted) >= len(c.Metrics), "/demoted", "is every metric")
}
