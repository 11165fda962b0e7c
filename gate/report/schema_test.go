package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// toValidate are documents in a machine format: of all fixtures, and those of
// real verdicts that the tests of the command have committed.
func toValidate(t *testing.T, ext string) map[string]string {
	t.Helper()
	documents := map[string]string{}
	for _, f := range append(fixtures(), difficult()...) {
		documents[f.name] = render(t, f, machineFormats[ext].write)
	}
	committed, err := filepath.Glob("../../cmd/gate/testdata/report/*." + ext)
	if err != nil || len(committed) == 0 {
		t.Errorf("the command has no reports in %s: %v", ext, err)
	}
	for _, path := range committed {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		documents[path] = string(text)
	}
	return documents
}

// spoiled are documents that a validator must refuse, by what is wrong with
// them: that of a regression, with one text replaced.
func spoiled(t *testing.T, ext string, faults map[string][2]string) map[string]string {
	t.Helper()
	good := render(t, fixture{"regression", checkDocument(), regressionVerdict()}, machineFormats[ext].write)
	documents := map[string]string{}
	for what, change := range faults {
		documents[what] = strings.Replace(good, change[0], change[1], 1)
		if documents[what] == good {
			t.Fatalf("%s: there is no %q to replace", what, change[0])
		}
	}
	return documents
}

func TestJUnitAgainstTheSchemaOfJenkins(t *testing.T) {
	for name, answer := range askPython(t, "junit", toValidate(t, "junit.xml")) {
		if answer.Fault != "" {
			t.Errorf("%s: %s", name, answer.Fault)
		}
	}
	for what, answer := range askPython(t, "junit", spoiled(t, "junit.xml", map[string][2]string{
		"a testcase without a name": {` name="verdict"`, ""},
		"an unknown element":        {"<failure ", "<oops/><failure "},
		"a count that is missing":   {` errors="0" skipped`, " skipped"},
		"a time that is none":       {`time="213.400"`, `time="soon"`},
		"text outside a testcase":   {"<properties>", "text<properties>"},
		"no XML":                    {"</testsuites>", ""},
	})) {
		if answer.Fault == "" {
			t.Errorf("%s is valid", what)
		}
	}
}

func TestOpenMetricsAgainstTheParserOfPrometheus(t *testing.T) {
	for name, answer := range askPython(t, "openmetrics", toValidate(t, "metrics.txt")) {
		if answer.Fault != "" {
			t.Errorf("%s: %s", name, answer.Fault)
		}
	}
	for what, answer := range askPython(t, "openmetrics", spoiled(t, "metrics.txt", map[string][2]string{
		"no end":                      {"# EOF\n", ""},
		"a unit that is not the name": {"# UNIT fivegate_effect_ratio ratio", "# UNIT fivegate_effect_ratio seconds"},
		"a state without its label":   {`fivegate_verdict="pass"`, `verdict="pass"`},
		"a state that is neither":     {`fivegate_verdict="regression"} 1`, `fivegate_verdict="regression"} 2`},
		"a label that does not end":   {`bound="low"`, `bound="low`},
		"a family in two places":      {"# TYPE fivegate_exit_code gauge", "# TYPE fivegate_verdict gauge"},
	})) {
		if answer.Fault == "" {
			t.Errorf("%s is valid", what)
		}
	}
}

// What another reads from the samples is what was to be written, escapes
// included.
func TestOpenMetricsAsAnotherReadsIt(t *testing.T) {
	f := hostile()
	f.doc.Provenance.Scenario.Name = `a "quoted" back\slash \n ü`
	s := New(f.doc, f.v).summary
	var want, got [][]any
	for _, m := range s.Metrics {
		for bound, v := range map[string]*float64{"low": m.Low, "estimate": m.Effect, "high": m.High} {
			if v != nil {
				want = append(want, []any{"fivegate_effect_ratio", map[string]any{"scenario": s.Measured.Scenario, "metric": m.Name, "bound": bound}, *v})
			}
		}
	}
	for _, sample := range askPython(t, "openmetrics", map[string]string{"it": render(t, f, OpenMetrics)})["it"].Samples {
		if sample[0] == "fivegate_effect_ratio" {
			got = append(got, sample)
		}
	}
	sorted := cmp.Transformer("set", func(samples [][]any) map[string]any {
		set := map[string]any{}
		for _, sample := range samples {
			labels := sample[1].(map[string]any)
			set[labels["metric"].(string)+labels["bound"].(string)] = sample
		}
		return set
	})
	if diff := cmp.Diff(want, got, sorted); diff != "" || len(got) == 0 {
		t.Errorf("%d samples (-want +got):\n%s", len(got), diff)
	}
}

func TestSARIFAgainstTheSchemaOfTheStandard(t *testing.T) {
	text, err := sarifJSONSchema()
	need(t, err)
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(sarifSchema, parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(sarifSchema)
	if err != nil {
		t.Fatal(err)
	}
	validate := func(text string) error {
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			return err
		}
		return schema.Validate(instance)
	}
	for name, text := range toValidate(t, "sarif") {
		if err := validate(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for what, text := range spoiled(t, "sarif", map[string][2]string{
		"another version":                  {`"version": "2.1.0"`, `"version": "2.2.0"`},
		"an unknown level":                 {`"level": "error"`, `"level": "fatal"`},
		"an unknown property":              {`"invocations"`, `"invocation"`},
		"a line of none":                   {`"startLine": 1`, `"startLine": 0`},
		"a uri that is none":               {`"uri": "gate.toml"`, `"uri": "%%"`},
		"a time that is none":              {`"startTimeUtc": "2026-11-02T08:30:00Z"`, `"startTimeUtc": "soon"`},
		"an invocation without its ending": {`"executionSuccessful": true,`, ""},
		"no JSON":                          {`"runs": [`, `"runs": `},
	}) {
		if validate(text) == nil {
			t.Errorf("%s is valid", what)
		}
	}
}
