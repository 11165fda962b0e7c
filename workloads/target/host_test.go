package target

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/runner"
)

// The first lines of a two-core virtual machine, Linux 6.18, shortened.
const (
	statFixture = "cpu  1000 20 300 90000 50 6 70 8 500 0\ncpu0 500 10 150 45000 25 3 35 4 250 0\nintr 1 2 3\n"
	psiFixture  = "some avg10=1.36 avg60=0.95 avg300=0.53 total=6964814\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=12\n"
)

func TestReadHost(t *testing.T) {
	root := t.TempDir()
	if _, err := readHost(root); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no /proc: %v", err)
	}
	write(t, root, "proc/stat", statFixture)
	want := Host{BusyS: 13.96, StealS: 0.08}
	if got, err := readHost(root); got != want || err != nil {
		t.Errorf("without PSI: %+v, %v; want %+v", got, err, want)
	}
	write(t, root, "proc/pressure/cpu", psiFixture, "proc/pressure/io", strings.Replace(psiFixture, "6964814", "5", 1),
		"proc/pressure/memory", strings.Replace(psiFixture, "6964814", "0", 1))
	want.PressureS, want.IOPressureS = 6.964814, 5e-6
	if got, err := readHost(root); got != want || err != nil {
		t.Errorf("with PSI: %+v, %v; want %+v", got, err, want)
	}
	write(t, root, "proc/pressure/io", "nothing\n")
	if _, err := readHost(root); err == nil || !strings.Contains(err.Error(), "pressure on io") {
		t.Errorf("bad PSI: %v", err)
	}
}

func FuzzHost(f *testing.F) {
	f.Add(statFixture)
	f.Add(psiFixture)
	f.Add("cpu  1 2 3 4 5 6 7 99999999999999999999")
	f.Fuzz(func(t *testing.T, text string) {
		if host, err := parseCPULine([]byte(text)); err == nil && (host.BusyS < 0 || host.StealS < 0) {
			t.Errorf("%+v", host)
		}
		if total, err := parsePressure([]byte(text)); err == nil && total < 0 {
			t.Errorf("%v", total)
		}
	})
}

func TestPartition(t *testing.T) {
	pairs := func(cpu int) []int { return []int{cpu &^ 1, cpu | 1} }   // 0+1, 2+3, …
	halves := func(cpu int) []int { return []int{cpu % 4, cpu%4 + 4} } // 0+4, 1+5, …
	none := func(int) []int { return nil }
	tests := []struct {
		name            string
		cpus            []int
		siblings        func(int) []int
		engine, targets []int
	}{
		{"none", nil, none, nil, nil},
		{"one", []int{5}, none, []int{5}, []int{5}},
		{"two cores", []int{0, 1}, none, []int{1}, []int{0}},
		{"one core of two threads", []int{0, 1}, pairs, []int{1}, []int{0}},
		{"hosted runner, two cores of two threads", []int{0, 1, 2, 3}, pairs, []int{3}, []int{0, 1}},
		{"four cores of two threads", []int{0, 1, 2, 3, 4, 5, 6, 7}, halves, []int{7}, []int{0, 1, 2, 4, 5, 6}},
		{"part of a machine, unsorted", []int{9, 4, 6}, none, []int{9}, []int{4, 6}},
		{"sibling not ours", []int{0, 2}, pairs, []int{2}, []int{0}},
	}
	for _, test := range tests {
		engine, targets := partition(test.cpus, test.siblings)
		if !slices.Equal(engine, test.engine) || !slices.Equal(targets, test.targets) {
			t.Errorf("%s: engine %v targets %v; want %v and %v", test.name, engine, targets, test.engine, test.targets)
		}
	}
	root := t.TempDir()
	write(t, root, "sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "0-1\n")
	if got := siblings(root, 1); !slices.Equal(got, []int{0, 1}) || siblings(root, 0) != nil {
		t.Errorf("siblings %v", got)
	}
}

func TestTune(t *testing.T) {
	root := t.TempDir()
	autogroup := filepath.Join(root, "proc/self/autogroup")
	write(t, root, "proc/self/autogroup", "/autogroup-8 nice 3\n", "proc/sys/kernel/sched_autogroup_enabled", "1\n",
		"sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n")
	tuning, err := tune(root)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(autogroup); string(text) != "-15" || err != nil {
		t.Errorf("autogroup %q, %v", text, err)
	}
	if lines := strings.Join(tuning.Lines, "\n"); lines != "clock source tsc\nraised the priority of this session: autogroup nice 3 → -15" {
		t.Errorf("lines %q", lines)
	}
	for range 2 {
		if err := tuning.Restore(); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(autogroup); string(text) != "3" || err != nil {
		t.Errorf("autogroup after Restore %q, %v", text, err)
	}

	// What was written above is not what the kernel would show: it has no niceness.
	if tuning, err = tune(root); err != nil || len(tuning.Lines) != 2 || !strings.Contains(tuning.Lines[1], "stays") {
		t.Errorf("bad autogroup: %+v, %v", tuning, err)
	}
	write(t, root, "proc/sys/kernel/sched_autogroup_enabled", "0\n")
	if tuning, err = tune(root); err != nil || len(tuning.Lines) != 1 {
		t.Errorf("autogroups off: %+v, %v", tuning, err)
	}
	write(t, root, "sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n")
	if _, err := tune(root); !errors.Is(err, runner.ErrSlowClock) {
		t.Errorf("slow clock: %v", err)
	}
	if tuning, err = tune(t.TempDir()); err != nil || len(tuning.Lines) != 0 || tuning.Restore() != nil {
		t.Errorf("nothing known: %+v, %v", tuning, err)
	}
}
