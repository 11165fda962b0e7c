package report

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// The grammar of the standard's text format, so far as it is used here.
var (
	metadataLine = regexp.MustCompile(`^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*)$`)
	sampleLine   = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:\\[\\"n]|[^\\"\n])*",?)*\}) (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$`)
)

func checkOpenMetrics(t tester, out string) {
	t.Helper()
	body, ended := strings.CutSuffix(out, "# EOF\n")
	if !ended {
		t.Errorf("it does not end with # EOF: %q", out[max(0, len(out)-80):])
	}
	family, kind, sampled := "", "", true
	families, samples := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if m := metadataLine.FindStringSubmatch(line); m != nil {
			switch {
			case m[1] == "TYPE" && (families[m[2]] || !sampled):
				t.Errorf("family %s is there twice, or the one before has no sample", m[2])
			case m[1] == "TYPE":
				family, kind, sampled = m[2], m[3], false
				families[family] = true
			case m[2] != family || sampled:
				t.Errorf("metadata out of place: %q", line)
			case m[1] == "UNIT" && !strings.HasSuffix(family, "_"+m[3]):
				t.Errorf("the name does not end in its unit: %q", line)
			}
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("neither metadata nor a sample: %q", line)
			continue
		}
		want := family
		if kind == "info" {
			want += "_info"
		}
		if m[1] != want {
			t.Errorf("sample of %s in family %s", m[1], family)
		}
		if samples[m[1]+m[2]] {
			t.Errorf("there twice: %s", line)
		}
		samples[m[1]+m[2]], sampled = true, true
		if kind == "stateset" && (!strings.Contains(m[2], family+`="`) || m[3] != "0" && m[3] != "1") {
			t.Errorf("not a state: %s", line)
		}
	}
	if !sampled {
		t.Errorf("family %s has no sample", family)
	}
}

// samplesOf are the samples of the named family, without its name.
func samplesOf(out, name string) (samples []string) {
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), name+"{"); ok {
			samples = append(samples, "{"+rest)
		}
	}
	return samples
}

func TestOpenMetricsStates(t *testing.T) {
	for _, f := range allVerdicts() {
		out := render(t, f, OpenMetrics)
		on := 0
		for _, sample := range samplesOf(out, "fivegate_verdict") {
			if strings.HasSuffix(sample, "} 1") {
				on++
				if !strings.Contains(sample, `fivegate_verdict="`+string(f.v.Status.Known())+`"`) {
					t.Errorf("%s: %s", f.name, sample)
				}
			}
		}
		blocks := " 0"
		if f.v.Blocks() {
			blocks = " 1"
		}
		if got := strings.Join(samplesOf(out, "fivegate_blocks_merge"), ""); on != 1 || !strings.HasSuffix(got, blocks) {
			t.Errorf("%s: %d verdicts, and blocks_merge%s", f.name, on, got)
		}
	}
}

func TestOpenMetricsNumbers(t *testing.T) {
	out := render(t, fixture{"regression", checkDocument(), regressionVerdict()}, OpenMetrics)
	for _, want := range []string{
		`fivegate_effect_ratio{scenario="ci/fast_regression_check",metric="cpu_per_op",bound="low"} 0.061`,
		`fivegate_effect_ratio{scenario="ci/fast_regression_check",metric="cpu_per_op",bound="estimate"} 0.079`,
		`fivegate_effect_ratio{scenario="ci/fast_regression_check",metric="cpu_per_op",bound="high"} 0.097`,
		`fivegate_limit_ratio{scenario="ci/fast_regression_check",metric="cpu_per_op"} 0.05`,
		`fivegate_value_seconds{scenario="ci/fast_regression_check",metric="cpu_per_op",arm="base"} 0.0003124`,
		`fivegate_value_bytes{scenario="ci/fast_regression_check",metric="rss",arm="base"} 5.24288e+07`,
		`fivegate_value_ratio{scenario="ci/fast_regression_check",metric="error_rate",arm="head"} 0.0003`,
		`fivegate_value_operations_per_cpu_second{scenario="ci/fast_regression_check",metric="throughput",arm="base"} 3214`,
		`fivegate_decision{scenario="ci/fast_regression_check",metric="cpu_per_op",fivegate_decision="regression"} 1`,
		`fivegate_started_timestamp_seconds{scenario="ci/fast_regression_check"} 1.7936082e+09`,
		`fivegate_engine_lag_p99_seconds{scenario="ci/fast_regression_check"} 8.47e-05`,
	} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("missing: %s\n%s", want, out)
		}
	}
}

func TestOpenMetricsLeavesOutWhatIsMissing(t *testing.T) {
	m := compare("latency.p50", math.NaN(), math.Inf(1), math.NaN(), math.NaN(), verdict.Open)
	m.Limit = math.Inf(-1)
	f := fixture{"nan", checkDocument(), verdict.Verdict{Status: verdict.Inconclusive, Metrics: []verdict.Metric{m}}}
	f.doc.Plan.RatePerS, f.doc.Provenance.DurationS = math.NaN(), math.Inf(1)
	f.doc.Provenance.StartedAt = result.Provenance{}.StartedAt
	f.doc.Slices = nil
	out := render(t, f, OpenMetrics)
	checkOpenMetrics(t, out)
	for _, absent := range []string{"NaN", "Inf", "_effect_", "_limit_", "_mde_", "_value_", "_duration_", "_started_", "_offered_", "_lag_"} {
		if strings.Contains(out, absent) {
			t.Errorf("%s is there:\n%s", absent, out)
		}
	}
}

// Every unit that a metric may have has a name here, or its values would be lost.
func TestOpenMetricsKnowsTheUnits(t *testing.T) {
	for _, f := range append(fixtures(), judged()...) {
		for _, m := range f.v.Metrics {
			known := m.Unit == "" || m.Benchmark != "" // the unit is a label
			for _, base := range baseUnits {
				known = known || base.unit == m.Unit
			}
			if !known {
				t.Errorf("%s: %s counts in %s, which has no name", f.name, m.Name, m.Unit)
			}
		}
	}
}

func TestLabelSet(t *testing.T) {
	got := labelSet([]fact{{"a", `back\slash "quoted"`}, {"b", "two\nlines"}, {"c", ""}})
	if want := `{a="back\\slash \"quoted\"",b="two\nlines",c=""}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
