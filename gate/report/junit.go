package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/fivegate/fivegate/gate/verdict"
)

// JUnit writes the verdict as JUnit XML, for the test viewers of CI servers, in
// the dialect of the schema that Jenkins checks (junit-10.xsd of its xUnit
// plugin): one suite with a testcase named verdict and one for each gating
// metric.
//
// A viewer knows green, red and skipped. The suite is red exactly when the
// verdict blocks the merge: the testcase verdict is then a failure or, when the
// measurement is invalid, an error. It is skipped when the check could not tell
// and the policy lets that pass. The error is that of w.
func JUnit(w io.Writer, m Model) error {
	text, err := xml.MarshalIndent(newJUnit(m), "", "  ")
	if err != nil {
		return fmt.Errorf("encode JUnit XML: %w", err)
	}
	_, err = io.WriteString(w, xml.Header+string(text)+"\n")
	return err
}

type junitSuites struct {
	XMLName  xml.Name   `xml:"testsuites"`
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Time     string     `xml:"time,attr,omitempty"`
	Suite    junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr,omitempty"`
	Timestamp  string          `xml:"timestamp,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	Out        string          `xml:"system-out"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

// junitCase has passed when it has none of the three.
type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Skipped *junitMessage `xml:"skipped"`
	Error   *junitMessage `xml:"error"`
	Failure *junitMessage `xml:"failure"`
}

type junitMessage struct {
	Type    string `xml:"type,attr,omitempty"` // none for skipped, where older schemas know no type
	Message string `xml:"message,attr"`
	Details string `xml:",chardata"`
}

func newJUnit(m Model) junitSuites {
	measured := m.summary.Measured
	s := junitSuite{
		Name: join("fivegate", measured.Kind, measured.Scenario),
		Time: junitTime(measured.DurationS),
		// The oldest schemas of the format know no time zone; it is UTC.
		Timestamp:  strings.TrimSuffix(measured.StartedAt, "Z"),
		Properties: junitProperties(m),
		Cases:      junitCases(m),
		Out:        m.closing,
	}
	for _, c := range s.Cases {
		s.Tests++
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	return junitSuites{Name: "fivegate", Tests: s.Tests, Failures: s.Failures, Errors: s.Errors, Time: s.Time, Suite: s}
}

// junitTime is a number of seconds, or empty when it is not known.
func junitTime(seconds *float64) string {
	if seconds == nil || *seconds < 0 || *seconds >= huge {
		return ""
	}
	return strconv.FormatFloat(*seconds, 'f', 3, 64)
}

func junitProperties(m Model) []junitProperty {
	properties := []junitProperty{
		{"verdict", string(m.status)},
		{"exit code", strconv.Itoa(m.summary.ExitCode)},
		{"runner class", m.summary.Measured.RunnerClass},
	}
	for _, f := range m.source {
		properties = append(properties, junitProperty{f.label, f.text})
	}
	return properties
}

func junitCases(m Model) []junitCase {
	cases := []junitCase{junitVerdict(m)}
	for _, r := range m.gating() {
		cases = append(cases, junitMetric(m, r))
	}
	if m.suite != nil {
		cases = append(cases, m.suite.junitCases(m.summary.BlocksMerge)...)
	}
	for i := range cases {
		// Viewers group by class; some hide a testcase that has none.
		cases[i].Class = cmp.Or(m.summary.Measured.Scenario, "fivegate")
	}
	return cases
}

func junitVerdict(m Model) junitCase {
	c := junitCase{Name: "verdict"}
	said := &junitMessage{Type: string(m.status), Message: m.headline, Details: join(sentence(m.closing), sentence(m.next))}
	switch {
	case m.status == verdict.Invalid:
		c.Error = said
	case m.summary.BlocksMerge:
		c.Failure = said
	case m.status == verdict.Inconclusive:
		said.Type = ""
		c.Skipped = said
	}
	return c
}

// junitMetric is red for a metric that is a cause of a verdict that blocks, and
// skipped for one that nothing is known of.
func junitMetric(m Model, r row) junitCase {
	c := junitCase{Name: r.name}
	said := &junitMessage{Type: string(r.decision), Message: r.said(), Details: r.details()}
	blocks := m.summary.BlocksMerge
	switch {
	case r.decision == verdict.Clear, r.decision == verdict.Better:
	case blocks && r.decision == verdict.Missing:
		c.Error = said
	case blocks && r.decision == verdict.Worse,
		blocks && r.decision == verdict.Open && m.status == verdict.Inconclusive:
		c.Failure = said
	default:
		said.Type = ""
		c.Skipped = said
	}
	return c
}

// gating are the gating metrics, each once and with a name. Of a metric that is
// missing, a verdict has two rows, what was measured and why it is missing: the
// last one holds the decision.
func (m Model) gating() (rows []row) {
	if m.suite != nil {
		return m.rows // their names differ, and there may be thousands
	}
	for _, r := range m.rows {
		r.name = cmp.Or(r.name, "unnamed")
		same := func(other row) bool { return other.name == r.name }
		switch i := slices.IndexFunc(rows, same); {
		case !r.numbers.Gating:
		case i >= 0:
			rows[i] = r
		default:
			rows = append(rows, r)
		}
	}
	return rows
}

// said is why the metric was decided so, in one line that is never empty.
func (r row) said() string {
	if r.reason != "" {
		return r.reason
	}
	return join(string(r.decision), r.effect.String())
}

// details are the numbers of a metric, worded: what there is none of is left out.
func (r row) details() string {
	var parts []string
	for _, f := range []fact{
		{"base", r.base},
		{"head", r.head},
		{"change", r.effect.String()},
		{"limit", r.limit},
		{"MDE", r.mde},
	} {
		if f.text != "" && f.text != absent {
			parts = append(parts, f.label+" "+f.text)
		}
	}
	return strings.Join(parts, ", ")
}
