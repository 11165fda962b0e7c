package refstore

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseFault(t *testing.T) {
	for text, want := range map[string]Fault{
		"slowdown=8%":         {kind: faultSlowdown, share: 0.08},
		"slowdown=150%":       {kind: faultSlowdown, share: 1.5},
		"slow-queries=2%x1.3": {kind: faultSlowQueries, share: 0.02, factor: 1.3},
		"stall=100ms/5s":      {kind: faultStall, length: 100 * time.Millisecond, period: 5 * time.Second},
		"errors=0.5%":         {kind: faultErrors, share: 0.005},
		"crash-after=30s":     {kind: faultCrash, length: 30 * time.Second},
		"hang-after=1m30s":    {kind: faultHang, length: 90 * time.Second},
	} {
		got, err := ParseFault(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestParseFaultRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "is unknown; the faults are slowdown=8%, slow-queries=2%x1.3, stall=100ms/5s, errors=1%, crash-after=30s, hang-after=30s",
		"slow":                  `fault "slow" is unknown`,
		"Slowdown=8%":           "is unknown",
		" slowdown=8%":          "is unknown",
		"slowdown":              `"" is no percentage; write it like slowdown=8%`,
		"slowdown=8":            `"8" is no percentage`,
		"slowdown=%":            "is no percentage",
		"slowdown=-8%":          "is no percentage",
		"slowdown=1e1%":         "is no percentage",
		"slowdown=NaN%":         "is no percentage",
		"slowdown=0%":           "outside",
		"slowdown=1001%":        "outside 0.000001% to 1000%",
		"errors=101%":           "outside 0.000001% to 100%",
		"slow-queries=2%":       "lacks the x",
		"slow-queries=2x1.3":    "is no percentage",
		"slow-queries=2%x":      "is no factor",
		"slow-queries=2%x1":     "factor 1 is outside",
		"slow-queries=2%x1.3x2": "is no factor",
		"stall=100ms":           "lacks the /",
		"stall=5s/5s":           "does not fit",
		"stall=0s/5s":           "outside",
		"stall=100/5s":          "is no duration",
		"crash-after=":          "is no duration",
		"crash-after=-3s":       "is no duration",
		"hang-after=25h":        "outside",
	} {
		_, err := ParseFault(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}

func TestFaultHelpFormsParse(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(FaultHelp()), "\n")
	if len(lines) != len(faultKinds) {
		t.Fatalf("%d lines for %d faults", len(lines), len(faultKinds))
	}
	for _, line := range lines {
		form := strings.Fields(line)[0]
		f, err := ParseFault(form)
		if err != nil || f.String() != form && !strings.HasPrefix(form, "stall") {
			t.Errorf("%s: %v, %v", form, f, err)
		}
	}
}

func TestSameFaultTwice(t *testing.T) {
	_, err := Open("", parsed(t, "errors=1%", "stall=1ms/1s", "errors=2%"))
	if err == nil || !strings.Contains(err.Error(), "fault errors is given twice") {
		t.Errorf("error %v", err)
	}
}

func FuzzParseFault(f *testing.F) {
	for _, k := range faultKinds {
		f.Add(k.form)
	}
	f.Add("slow-queries=100%x99.5")
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := ParseFault(text)
		if err != nil {
			if fault != (Fault{}) {
				t.Errorf("%q: a fault beside an error", text)
			}
			return
		}
		again, err := ParseFault(fault.String())
		if err != nil || again.kind != fault.kind || again.length != fault.length || again.period != fault.period ||
			!close1e9(again.share, fault.share) || !close1e9(again.factor, fault.factor) {
			t.Errorf("%q is %+v, written %s, read %+v, %v", text, fault, fault, again, err)
		}
	})
}

func close1e9(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }

func TestStallLeft(t *testing.T) {
	f := parsed(t, "stall=100ms/5s")[0]
	for since, want := range map[time.Duration]time.Duration{
		0:                                     0,
		4899 * time.Millisecond:               0,
		4900 * time.Millisecond:               100 * time.Millisecond,
		4990 * time.Millisecond:               10 * time.Millisecond,
		5 * time.Second:                       0,
		14*time.Second + 950*time.Millisecond: 50 * time.Millisecond,
	} {
		if got := f.stallLeft(since); got != want {
			t.Errorf("%v after the start: %v left, want %v", since, got, want)
		}
	}
}

// Among any n requests there are floor or ceiling of n·share errors.
func TestErrorsAreSpreadEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		percent := rapid.IntRange(1, 100).Draw(t, "percent")
		m := &mischief{faults: map[string]Fault{faultErrors: {kind: faultErrors, share: float64(percent) / 100}}}
		var at []int
		for n := range 1000 {
			if m.unlucky() {
				at = append(at, n)
			}
		}
		if len(at) != 10*percent {
			t.Fatalf("%d errors in 1000 requests, want %d", len(at), 10*percent)
		}
		for i := 1; i < len(at); i++ {
			if gap := at[i] - at[i-1]; gap < 100/percent || gap > (99+percent)/percent {
				t.Errorf("%d requests between two errors of %d%%", gap, percent)
			}
		}
	})
}
