package waiver_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/gate/waiver"
)

// durable is a whole waiver; tests change one line of it.
const durable = `[waivers.durable-writes]
metric   = "latency.p99"
ceiling  = "12%"
reason   = "writes are synced now"
owner    = "@storage"
expires  = "2027-01-31"
`

func parse(t *testing.T, text string) waiver.Set {
	t.Helper()
	set, faults := waiver.Parse("gate-waivers.toml", []byte(text))
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	return set
}

func TestParse(t *testing.T) {
	got := parse(t, durable+"[waivers.slow-store]\nbenchmark = \"BenchmarkStore\"\nceiling = \"8%\"\nreason = \"r\"\nowner = \"o\"\n"+
		"expires = \"2026-12-01\"\nscenario = \"ci/fast\"\nrunner = \"arm64\"\n")
	want := waiver.Set{
		{
			Name: "durable-writes", Metric: "latency.p99", Ceiling: 0.12, Reason: "writes are synced now", Owner: "@storage",
			Expires: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), At: waiver.Place{File: "gate-waivers.toml", Line: 1, Column: 10},
		},
		{
			Name: "slow-store", Benchmark: "BenchmarkStore", Ceiling: 0.08, Reason: "r", Owner: "o", Scenario: "ci/fast", Runner: "arm64",
			Expires: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), At: waiver.Place{File: "gate-waivers.toml", Line: 7, Column: 10},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseOfNothing(t *testing.T) {
	for _, text := range []string{"", "# none\n", "[waivers]\n"} {
		if set := parse(t, text); len(set) != 0 {
			t.Errorf("%q gives %d waivers", text, len(set))
		}
	}
}

func TestParseFaults(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"no metric", `metric   = "latency.p99"`, ``, `gate-waivers.toml:1:10: the waiver names nothing: add metric`},
		{"both", `metric   =`, "benchmark = \"B\"\nmetric =", `:2:1: the waiver names a metric and a benchmark`},
		{"blank metric", `"latency.p99"`, `" "`, `:2:12: metric is blank`},
		{"no ceiling", `ceiling  = "12%"`, ``, `missing key "ceiling"`},
		{"bare ceiling", `"12%"`, `12`, `:3:12: waivers.durable-writes.ceiling must be a percentage`},
		{"ceiling of nothing", `"12%"`, `"0%"`, `ceiling is "0%"`},
		{"ceiling without end", `"12%"`, `"500%"`, `ceiling is "500%"`},
		{"no reason", `reason   = "writes are synced now"`, ``, `missing key "reason"`},
		{"blank reason", `"writes are synced now"`, `""`, `:4:12: reason is blank`},
		{"no owner", `owner    = "@storage"`, ``, `missing key "owner"`},
		{"no date", `expires  = "2027-01-31"`, ``, `missing key "expires"`},
		{"never", `"2027-01-31"`, `"never"`, `:6:12: expires is "never": not a day`},
		{"no such day", `"2027-01-31"`, `"2027-02-30"`, `not a day`},
		{"bare date", `"2027-01-31"`, `2027-01-31`, `:6:12: waivers.durable-writes.expires must be text`},
		{"misspelt", `owner `, `onwer `, `unknown key "onwer" in [waivers.durable-writes]: did you mean "owner"?`},
		{"misspelt table", `[waivers.`, `[waiver.`, `unknown key "waiver"`},
		{"no table", `[waivers.durable-writes]`, "[waivers]", `waivers.metric must be a table`},
		{"not TOML", `ceiling  =`, `ceiling`, `gate-waivers.toml:3:`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(durable, c.old, c.new, 1)
			if text == durable {
				t.Fatal("the case changes nothing")
			}
			_, faults := waiver.Parse("gate-waivers.toml", []byte(text))
			if err := faults.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(durable))
	f.Add([]byte("[waivers.a]\nbenchmark = 1\nexpires = 2027-01-01\n"))
	f.Add([]byte("waivers = { a = { metric = \"x\" } }"))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, faults := waiver.Parse("f", text)
		for _, w := range set {
			whole := w.Ceiling >= 0.001 && w.Ceiling <= 1 && w.Reason != "" && w.Owner != "" && (w.Metric == "") != (w.Benchmark == "") && !w.Expires.IsZero()
			if len(faults) == 0 && !whole {
				t.Errorf("no fault, but a waiver that is not whole: %+v", w)
			}
		}
	})
}

// regressed is a verdict of which two metrics regressed and one is open or not.
func regressed(open bool) verdict.Verdict {
	third := verdict.Clear
	if open {
		third = verdict.Open
	}
	return verdict.Verdict{
		Status: verdict.Regression, Reason: "head is worse", Final: true,
		Metrics: []verdict.Metric{
			{Name: "latency.p99", Gating: true, HasEffect: true, Effect: 0.10, Decision: verdict.Worse},
			{Name: "cpu_per_op", Gating: true, HasEffect: true, Effect: 0.07, Decision: verdict.Worse},
			{Name: "error_rate", Gating: true, HasEffect: true, Decision: third},
			{Name: "rss", HasEffect: true, Effect: 0.5, Decision: verdict.Watching},
		},
	}
}

var (
	target = waiver.Target{Scenario: "ci/fast", Runner: []string{"linux-arm64-x", "arm64"}, Metrics: []string{"latency.p99", "cpu_per_op", "error_rate"}}
	during = time.Date(2027, 1, 31, 23, 59, 0, 0, time.UTC)
	after  = time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
)

const cpu = "[waivers.cpu]\nmetric = \"cpu_per_op\"\nceiling = \"7%\"\nreason = \"r\"\nowner = \"o\"\nexpires = \"2027-01-31\"\n"

func TestApply(t *testing.T) {
	for _, c := range []struct {
		name, text string
		now        time.Time
		open       bool
		status     verdict.Status
		states     string
		reason     string
	}{
		{"none", "", during, false, verdict.Regression, "", "head is worse"},
		{"one of two", durable, during, false, verdict.Regression, "in use", "head is worse than base in cpu_per_op; accepted: latency.p99 (waiver durable-writes, until 2027-01-31)"},
		{"both", durable + cpu, during, false, verdict.Pass, "in use, in use", "no gating metric regressed beyond what is accepted: latency.p99"},
		{"both, one still open", durable + cpu, during, true, verdict.Inconclusive, "in use, in use", "nothing is shown for error_rate"},
		{"expired", durable + cpu, after, false, verdict.Regression, "expired, expired", "head is worse"},
		{"exceeded", durable + strings.Replace(cpu, "7%", "6.9%", 1), during, false, verdict.Regression, "in use, exceeded", "head is worse than base in cpu_per_op"},
		{"elsewhere", durable + cpu + "runner = \"x64\"\n", during, false, verdict.Regression, "in use", "head is worse than base in cpu_per_op"},
		{"here", durable + cpu + "runner = \"arm64\"\nscenario = \"ci/fast\"\n", during, false, verdict.Pass, "in use, in use", "accepted"},
		{"other scenario", durable + cpu + "scenario = \"ci/slow\"\n", during, false, verdict.Regression, "in use", "cpu_per_op"},
		{"watched metrics need none", strings.Replace(cpu, "cpu_per_op", "rss", 1), during, false, verdict.Regression, "", "head is worse"},
		{"not needed", strings.Replace(cpu, "cpu_per_op", "error_rate", 1), during, false, verdict.Regression, "not needed", "head is worse"},
		{"the benchmark that the scenario is", strings.Replace(cpu, `metric = "cpu_per_op"`, `benchmark = "ci/fast"`, 1), during, false, verdict.Regression, "exceeded, in use, not needed", "in latency.p99; accepted: cpu_per_op"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, uses := parse(t, c.text).Apply(c.now, target, regressed(c.open))
			var states []string
			for _, u := range uses {
				states = append(states, string(u.State))
			}
			if got := strings.Join(states, ", "); v.Status != c.status || got != c.states {
				t.Errorf("%s with waivers %q, want %s with %q", v.Status, got, c.status, c.states)
			}
			if !strings.Contains(v.Reason, c.reason) {
				t.Errorf("reason %q, want %q", v.Reason, c.reason)
			}
		})
	}
}

// A waiver makes nothing of a verdict that is not a regression: an invalid
// measurement stays invalid.
func TestApplyExcusesRegressionsOnly(t *testing.T) {
	for _, status := range []verdict.Status{verdict.Pass, verdict.Improvement, verdict.Inconclusive, verdict.Invalid, ""} {
		v := regressed(false)
		v.Status = status
		if got, _ := parse(t, durable+cpu).Apply(during, target, v); got.Status != status {
			t.Errorf("%q became %q", status, got.Status)
		}
	}
}

func TestBenchmarkByMetricName(t *testing.T) {
	set := parse(t, strings.Replace(cpu, `metric = "cpu_per_op"`, `benchmark = "store.Put-8"`, 1))
	for name, want := range map[string]verdict.Status{
		"latency.p50/store.Put-8": verdict.Pass,
		"store.Put-8 sec/op":      verdict.Pass,
		"store.Put-8x sec/op":     verdict.Regression,
	} {
		v := verdict.Verdict{Status: verdict.Regression, Metrics: []verdict.Metric{{Name: name, Gating: true, Effect: 0.06, Decision: verdict.Worse}}}
		if got, _ := set.Apply(during, waiver.Target{}, v); got.Status != want {
			t.Errorf("%s: %s, %s; want %s", name, got.Status, got.Reason, want)
		}
	}
}

func TestNamesNothing(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"all right", durable + cpu, ""},
		{"unknown metric", strings.Replace(cpu, "cpu_per_op", "cpu_per_opp", 1), `gate-waivers.toml:1:10: waiver "cpu" names nothing: there is no gating metric "cpu_per_opp": did you mean "cpu_per_op"?`},
		{"unknown scenario", cpu + "scenario = \"ci/fats\"\n", `there is no scenario "ci/fats": did you mean "ci/fast"?`},
		{"another scenario", cpu + "scenario = \"suite/soak\"\n", ""},
		{"another runner class", cpu + "runner = \"numa\"\n", ""},
		{"a metric that was not declared this time", strings.Replace(cpu, "cpu_per_op", "throughput", 1), ""},
		{"unknown benchmark", strings.Replace(cpu, `metric = "cpu_per_op"`, `benchmark = "BenchmarkGone"`, 1), `no benchmark "BenchmarkGone" was measured`},
		{"benchmark elsewhere", strings.Replace(cpu, `metric = "cpu_per_op"`, `benchmark = "BenchmarkGone"`, 1) + "runner = \"numa\"\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults := parse(t, c.text).NamesNothing([]waiver.Target{target}, []string{"suite/soak"})
			if got := faults.Error(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	if faults := parse(t, strings.Replace(cpu, "cpu_per_op", "gone", 1)).NamesNothing([]waiver.Target{{}}, nil); len(faults) > 0 {
		t.Errorf("nothing was declared to be measured, and yet: %v", faults)
	}
}
