package report

import (
	"encoding/xml"
	"math"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/verdict"
)

func readJUnit(t tester, out string) (read junitSuites) {
	t.Helper()
	if err := xml.Unmarshal([]byte(out), &read); err != nil {
		t.Errorf("not XML: %v\n%s", err, out)
	}
	return read
}

// counts are the testcases of each kind.
func (s junitSuite) counts() (passed, skipped, failures, errors int) {
	for _, c := range s.Cases {
		switch {
		case c.Failure != nil:
			failures++
		case c.Error != nil:
			errors++
		case c.Skipped != nil:
			skipped++
		default:
			passed++
		}
	}
	return passed, skipped, failures, errors
}

func checkJUnit(t tester, out string) {
	t.Helper()
	read := readJUnit(t, out)
	s := read.Suite
	_, skipped, failures, errors := s.counts()
	if s.Tests != len(s.Cases) || s.Skipped != skipped || s.Failures != failures || s.Errors != errors {
		t.Errorf("the suite counts %d tests, %d skipped, %d failures and %d errors; there are %d, %d, %d and %d",
			s.Tests, s.Skipped, s.Failures, s.Errors, len(s.Cases), skipped, failures, errors)
	}
	if read.Tests != s.Tests || read.Failures != failures || read.Errors != errors {
		t.Errorf("the suites count otherwise than their only suite: %+v", read)
	}
	if len(s.Cases) == 0 || s.Cases[0].Name != "verdict" {
		t.Errorf("the first testcase is not the verdict: %+v", s.Cases)
	}
	for _, c := range s.Cases {
		if c.Class == "" {
			t.Errorf("testcase %q has no class", c.Name)
		}
		for _, said := range []*junitMessage{c.Skipped, c.Error, c.Failure} {
			if said != nil && c.Name != "verdict" && said.Message == "" {
				t.Errorf("testcase %q does not say why it is not passed", c.Name)
			}
		}
	}
}

// The colour of the suite is that of the verdict, whatever the metrics are.
func TestJUnitIsRedExactlyWhenTheVerdictBlocks(t *testing.T) {
	for _, f := range allVerdicts() {
		s := readJUnit(t, render(t, f, JUnit)).Suite
		_, skipped, failures, errors := s.counts()
		first := s.Cases[0]
		if red := failures+errors > 0; red != f.v.Blocks() || (first.Failure != nil || first.Error != nil) != red {
			t.Errorf("%s: %d failures and %d errors, and the verdict %+v, of a verdict that blocks: %v", f.name, failures, errors, first, f.v.Blocks())
		}
		if (first.Error != nil) != (f.v.Status.Known() == verdict.Invalid) {
			t.Errorf("%s: the verdict is an error: %v", f.name, first.Error != nil)
		}
		if f.v.Status == verdict.Inconclusive && skipped+failures == 0 {
			t.Errorf("%s: nothing shows that the check could not tell", f.name)
		}
		if (f.v.Status == verdict.Pass || f.v.Status == verdict.Improvement) && first.Skipped != nil {
			t.Errorf("%s: the verdict is skipped", f.name)
		}
	}
}

func TestJUnitHoldsWhatOneNeedsToRepeatIt(t *testing.T) {
	f := fixture{"regression", checkDocument(), regressionVerdict()}
	m := New(f.doc, f.v)
	s := readJUnit(t, render(t, f, JUnit)).Suite
	if s.Out != m.closing || s.Out == "" {
		t.Errorf("system-out is %q, want %q", s.Out, m.closing)
	}
	have := map[string]string{}
	for _, p := range s.Properties {
		have[p.Name] = p.Value
	}
	for _, fact := range m.source {
		if have[fact.label] != fact.text {
			t.Errorf("property %s is %q, want %q", fact.label, have[fact.label], fact.text)
		}
	}
	if got, want := s.Cases[1].Failure.Details, "base 312 µs, head 337 µs, change +7.9% [+6.1, +9.7], limit 5%, MDE 2.1%"; got != want {
		t.Errorf("the details are %q, want %q", got, want)
	}
}

func TestJUnitTimeIsLeftOutWhenUnknown(t *testing.T) {
	for _, c := range []struct {
		seconds float64
		want    string
	}{
		{213.4, ` time="213.400"`},
		{0, ` time="0.000"`},
		{math.NaN(), ""},
		{math.Inf(1), ""},
		{-1, ""},
		{1e300, ""},
	} {
		f := fixture{"time", checkDocument(), passVerdict()}
		f.doc.Provenance.DurationS = c.seconds
		out := render(t, f, JUnit)
		if got := strings.Count(out, " time="); c.want == "" && got != 0 || c.want != "" && (got != 2 || strings.Count(out, c.want) != 2) {
			t.Errorf("%g s: want%s on suites and suite\n%s", c.seconds, c.want, out)
		}
	}
}
