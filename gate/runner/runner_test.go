package runner

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// fixture reads a machine's files from a txtar archive.
func fixture(t testing.TB, name string) fs.FS {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	root := fstest.MapFS{}
	for _, file := range archive.Files {
		root[file.Name] = &fstest.MapFile{Data: file.Data}
	}
	return root
}

// describe writes all that is known about a machine.
func describe(m Machine, root fs.FS) string {
	var text strings.Builder
	fmt.Fprintf(&text, "class %s\ntier %d\n\n", m.Class(), m.Tier())
	fingerprint := m.Fingerprint()
	for _, name := range slices.Sorted(maps.Keys(fingerprint)) {
		fmt.Fprintf(&text, "%s: %s\n", name, fingerprint[name])
	}
	for _, f := range m.Doctor(root) {
		fmt.Fprintf(&text, "\n%s %s: %s\n", f.State, f.Name, f.Detail)
		if f.Fix != "" {
			fmt.Fprintf(&text, "    %s\n", f.Fix)
		}
	}
	return text.String()
}

func TestMachines(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 3 {
		t.Fatalf("fixtures %v, %v", names, err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			root := fixture(t, name)
			arch, _, _ := strings.Cut(filepath.Base(name), "-")
			m, err := detectLinux(Machine{OS: "linux", Arch: arch, Info: map[string]string{"image_os": "ubuntu24"}}, root)
			if err != nil {
				t.Fatal(err)
			}
			got, golden := describe(m, root), strings.TrimSuffix(name, ".txtar")+".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What changes from minute to minute on one machine leaves its class alone, and
// what makes another machine changes it.
func TestClassIsStable(t *testing.T) {
	root := fixture(t, "testdata/amd64-kvm.txtar").(fstest.MapFS)
	class := func(name, old, changed string) string {
		t.Helper()
		copied := maps.Clone(root)
		if name != "" {
			text := strings.ReplaceAll(string(root[name].Data), old, changed)
			if text == string(root[name].Data) {
				t.Fatalf("%s does not hold %q", name, old)
			}
			copied[name] = &fstest.MapFile{Data: []byte(text)}
		}
		m, err := detectLinux(Machine{OS: "linux", Arch: "amd64", Info: map[string]string{}}, copied)
		if err != nil {
			t.Fatal(err)
		}
		return m.Class()
	}
	want := class("", "", "")
	for _, same := range [][3]string{
		{"proc/cpuinfo", "2596.146", "3100.001"},
		{"proc/cpuinfo", "5192.29", "5000.00"},
		{"proc/cpuinfo", "0x1000065", "0x1000066"},
		{"proc/cpuinfo", "AMD EPYC", "AMD EPYC 9V74"},
		{"proc/meminfo", "24684084", "24100000"},
		{"proc/loadavg", "11.96", "0.00"},
		{"proc/sys/kernel/osrelease", "6.18.44", "6.18.45"},
		{"sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc", "kvm-clock"},
		{"sys/kernel/mm/transparent_hugepage/enabled", "always [madvise]", "[always] madvise"},
	} {
		if got := class(same[0], same[1], same[2]); got != want {
			t.Errorf("%s in %s changes the class from %s to %s", same[2], same[0], want, got)
		}
	}
	for _, other := range [][3]string{
		{"proc/cpuinfo", "model\t\t: 17", "model\t\t: 1"},
		{"proc/cpuinfo", " avx2 ", " "},
		{"proc/meminfo", "24684084", "16371476"},
		{"proc/sys/kernel/osrelease", "6.18", "6.8"},
		{"sys/devices/system/cpu/cpu0/cache/index3/size", "32768K", "16384K"},
		{"sys/devices/system/cpu/online", "0-1", "0"},
		{"sys/devices/system/clocksource/clocksource0/available_clocksource", "kvm-clock", ""},
		{"lib/x86_64-linux-gnu/libc.so.6", "version 2.36", "version 2.39"},
		{"sys/devices/system/node/node0/distance", "10", "10 20"},
	} {
		if got := class(other[0], other[1], other[2]); got == want {
			t.Errorf("%s in %s leaves the class", other[2], other[0])
		}
	}
}

func TestDetectHere(t *testing.T) {
	m, err := Detect(os.DirFS("/"), func(name string) string { return map[string]string{"RUNNER_NAME": "box"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	class := m.Class()
	if m.CPUs < 1 || m.Cores < 1 || m.Cores > m.CPUs || m.MemoryBytes <= 0 || m.Fingerprint()["runner_name"] != "box" ||
		!strings.HasPrefix(class, runtime.GOOS+"-"+runtime.GOARCH+"-") || !filepath.IsLocal(class) || strings.ContainsAny(class, "/ ") {
		t.Errorf("%s: %+v", class, m)
	}
	if len(m.Doctor(os.DirFS("/"))) < 4 {
		t.Error("the doctor found too little")
	}
}

func TestDetectWithoutProc(t *testing.T) {
	if _, err := detectLinux(Machine{Info: map[string]string{}}, fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "/proc/cpuinfo") {
		t.Errorf("error %v", err)
	}
}

func TestMemoryBand(t *testing.T) {
	for mib, want := range map[int64]int{
		0: 0, -1: 0, 500: 0, 1024: 1, 1990: 2, 3900: 4, 6800: 6, 7950: 8, 15990: 16, 15600: 16, 23500: 24, 32100: 32,
		64300: 64, 128_700: 128, 193_000: 192,
	} {
		if got := memoryBand(mib << 20); got != want {
			t.Errorf("%d MiB is in band %d, want %d", mib, got, want)
		}
	}
}

func TestTier(t *testing.T) {
	tests := []struct {
		cores, gib, nodes, want int
	}{
		{2, 16, 1, 0}, {8, 15, 1, 1}, {8, 8, 1, 0}, {16, 63, 1, 2}, {16, 32, 2, 1}, {16, 126, 2, 3}, {64, 250, 1, 2}, {8, 256, 2, 1},
	}
	for _, test := range tests {
		m := Machine{Cores: test.cores, MemoryBytes: int64(test.gib) << 30, Nodes: make([]Node, test.nodes)}
		if got := m.Tier(); got != test.want {
			t.Errorf("%+v: tier %d", test, got)
		}
	}
}

func TestParseCPUList(t *testing.T) {
	for text, want := range map[string][]int{
		"": nil, "0": {0}, "0-3,8,10-11\n": {0, 1, 2, 3, 8, 10, 11}, " 5 ": {5},
	} {
		if got, err := ParseCPUList(text); !slices.Equal(got, want) || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"x", "1,", "3-1", "1,1", "0-99999999", "-1", "1-", "5,3", "99999999999999999999"} {
		if got, err := ParseCPUList(text); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzParseCPUList(f *testing.F) {
	for _, text := range []string{"0-3,8", "", "1,", "0-99999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseCPUList(text)
		if err != nil && list != nil {
			t.Errorf("%q: a list beside an error", text)
		}
		if !slices.IsSorted(list) || len(list) > maxCPU {
			t.Errorf("%q: %d CPUs", text, len(list))
		}
	})
}

// FuzzMachine gives any text for the files that are parsed.
func FuzzMachine(f *testing.F) {
	root := fixture(f, "testdata/amd64-two-sockets.txtar").(fstest.MapFS)
	names := slices.Sorted(maps.Keys(root))
	f.Add("processor: 0\n", "proc/cpuinfo")
	f.Add("0::/../..", "proc/self/cgroup")
	f.Add("stable release version ", "lib64/libc.so.6")
	for _, name := range names[:12] {
		f.Add(string(root[name].Data), name)
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		copied := maps.Clone(root)
		copied[name] = &fstest.MapFile{Data: []byte(text)}
		m, err := detectLinux(Machine{OS: "linux", Arch: "amd64", Info: map[string]string{}}, copied)
		if err != nil {
			return
		}
		if class := m.Class(); !filepath.IsLocal(class) || filepath.Base(class) != class {
			t.Errorf("class %q", class)
		}
		m.Doctor(copied)
	})
}
