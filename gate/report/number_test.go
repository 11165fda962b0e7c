package report

import (
	"testing"

	"github.com/fivegate/fivegate/gate/verdict"
)

func TestFormatPair(t *testing.T) {
	for _, c := range []struct {
		why        string
		unit       verdict.Unit
		base, head float64
		wantBase   string
		wantHead   string
	}{
		{"the larger value chooses the unit of both", verdict.UnitSeconds, 0.000912, 0.00105, "0.91 ms", "1.05 ms"},
		{"three digits", verdict.UnitSeconds, 312.44e-6, 337.1e-6, "312 µs", "337 µs"},
		{"rounding up does not add a digit", verdict.UnitSeconds, 0.009996, 0.09997, "10.0 ms", "100 ms"},
		{"seconds", verdict.UnitSeconds, 1.5, 12.25, "1.50 s", "12.2 s"},
		{"below the smallest unit", verdict.UnitSeconds, 0, 2e-10, "0.00 ns", "0.20 ns"},
		{"throughput", verdict.UnitPerCPUS, 3214.4, 99.951, "3214/cpu-s", "100/cpu-s"},
		{"bytes count in powers of two", verdict.UnitBytes, 50 << 20, 3 << 29, "0.05 GiB", "1.50 GiB"},
		{"error rates are percentages", verdict.UnitFraction, 0, 0.0123, "0.00%", "1.23%"},
		{"a broken measurement's figures stay short", verdict.UnitSeconds, 0, 1e300, "0.00 s", "1e+300 s"},
		{"operations per second", verdict.UnitPerS, 800, 2210, "800/s", "2210/s"},
		{"a unit that is not known keeps its name", "furlong", 800, 2210, "800 furlong", "2210 furlong"},
	} {
		base, head := formatPair(c.unit, c.base, c.head)
		if base != c.wantBase || head != c.wantHead {
			t.Errorf("%s: got %q and %q, want %q and %q", c.why, base, head, c.wantBase, c.wantHead)
		}
	}
}

func TestEffect(t *testing.T) {
	m := verdict.Metric{HasEffect: true, Effect: 0.0786, Low: 0.0612, High: 0.0971}
	if got, want := newEffect(m).String(), "+7.9% [+6.1, +9.7]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	m = verdict.Metric{HasEffect: true, Effect: -0.0004, Low: -0.021, High: 0}
	if got, want := newEffect(m).String(), "0.0% [-2.1, 0.0]"; got != want {
		t.Errorf("an effect that rounds to nothing has no sign: got %q, want %q", got, want)
	}
	m = verdict.Metric{Unit: verdict.UnitFraction, HasEffect: true, Effect: 0.0042, Low: 0.001, High: 0.0075}
	if got, want := newEffect(m).String(), "+0.42 pp [+0.10, +0.75]"; got != want {
		t.Errorf("a difference of rates counts in percentage points: got %q, want %q", got, want)
	}
	if got := newEffect(verdict.Metric{Effect: 0.3}).String(); got != absent {
		t.Errorf("no effect is shown as %q", got)
	}
}

func TestDirectionIsSaidOnlyOfWhatIsOne(t *testing.T) {
	for _, c := range []struct {
		name      string
		unit      verdict.Unit
		low, high float64
		want      string
	}{
		{"cpu_per_op", verdict.UnitSeconds, 0.01, 0.05, "more CPU"},
		{"cpu_per_op", verdict.UnitSeconds, -0.01, 0.05, ""},
		{"throughput", verdict.UnitPerCPUS, 0.01, 0.05, "less throughput"},
		{"throughput", verdict.UnitPerCPUS, -0.05, -0.01, "more throughput"},
		{"latency.p99", verdict.UnitSeconds, -0.05, -0.01, "faster"},
		{"rss", verdict.UnitBytes, 0.01, 0.05, "more memory"},
		{"error_rate", verdict.UnitFraction, 0.01, 0.05, "more errors"},
	} {
		m := verdict.Metric{Name: c.name, Unit: c.unit, HasEffect: true, Low: c.low, High: c.high}
		if got := direction(m); got != c.want {
			t.Errorf("%s [%g, %g]: got %q, want %q", c.name, c.low, c.high, got, c.want)
		}
	}
}

func TestElapsedAndGrouped(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0s", 2.34: "2.3s", 213.4: "3m33s", 7200: "2h0m0s", 1e12: absent} {
		if got := elapsed(seconds); got != want {
			t.Errorf("%g s: got %q, want %q", seconds, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}
