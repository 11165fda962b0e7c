package gobench

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/bench"
	"github.com/fivegate/fivegate/workloads/target"
)

// openSuite opens and finds the benchmarks of two commits.
func openSuite(t *testing.T, repository, base, head string, cfg Config, budget time.Duration) *Suite {
	t.Helper()
	ctx := context.Background() // the session outlives the test's own context by its clean-up
	repo, err := target.OpenRepository(ctx, repository)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Session, err = target.NewSession(ctx, repo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cfg.Session.Close(); err != nil {
			t.Error(err)
		}
	})
	cfg.Refs, cfg.Dir, cfg.Seed, cfg.CPUs = [2]string{base, head}, ".", 1, target.CPUs()
	for arm, ref := range cfg.Refs {
		if cfg.Commits[arm], err = repo.Resolve(ctx, ref); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(ctx, cfg)
	if err == nil {
		err = s.Find(ctx, budget)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// commitFiles writes files into a repository, made if need be, and commits them
// under a tag.
func commitFiles(t *testing.T, dir, tag string, files map[string]string) {
	t.Helper()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=test", "-c", "user.email=test@example.invalid"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	git("add", ".")
	git("commit", "-q", "-m", tag)
	git("tag", tag)
}

// sorts are benchmarks whose way of being measured does not depend on how busy
// the machine is, and one that hangs in head.
const sorts = `package m

import (
	"testing"
	"time"
)

var sink int

func BenchmarkSleep(b *testing.B) {
	for b.Loop() {
		time.Sleep(2 * time.Millisecond)
	}
}

func BenchmarkParallel(b *testing.B) {
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
		}
	})
}

func BenchmarkOwnTime(b *testing.B) {
	for b.Loop() {
		sink++
	}
	b.ReportMetric(3, "p99-ns")
}

func BenchmarkSpeed(b *testing.B) {
	b.SetBytes(1 << 20)
	for b.Loop() {
		for i := range 100_000 {
			sink += i ^ sink
		}
	}
}

func BenchmarkZHangs(b *testing.B) {
	if version > 1 {
		time.Sleep(time.Hour)
	}
}
`

func TestSuite(t *testing.T) {
	t.Setenv("GATE_CACHE", "off")
	dir := t.TempDir()
	for _, version := range []string{"1", "2"} {
		commitFiles(t, dir, "v"+version, map[string]string{
			"go.mod":      "module example.com/m\n\ngo 1.25\n",
			"m.go":        "package m\n\nconst version = " + version + "\n",
			"m_test.go":   sorts,
			"v/v.go":      "package v\n\nconst V int = " + map[string]string{"1": "1", "2": `"two"`}[version] + "\n",
			"v/v_test.go": "package v\n\nimport \"testing\"\n\nfunc BenchmarkV(b *testing.B) {}\n",
		})
	}
	s := openSuite(t, dir, "v1", "v2", Config{Layouts: 1}, 40*time.Second)
	got := map[string]string{}
	for _, b := range s.Listed {
		got[b.Name] = string(b.State) + " " + b.Detail
	}
	for _, x := range s.subjects {
		method, err := x.Prepare(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", x.label, err)
		}
		if method.Iterations < 1 || method.Cost <= 0 {
			t.Errorf("%s: %+v", x.label, method)
		}
		got[x.label] = "measured " + string(method.Mode)
		if x.label == "BenchmarkSpeed" { // which may be either
			got[x.label] = "measured"
		}
	}
	want := map[string]string{
		"BenchmarkSleep": "measured alternating", "BenchmarkParallel": "measured alternating", "BenchmarkOwnTime": "measured alternating",
		"BenchmarkSpeed":  "measured",
		"BenchmarkZHangs": "failed-head it hangs: one iteration takes more than 4s",
		"v.BenchmarkV":    "failed-head it does not build: " + got["v.BenchmarkV"][len("failed-head it does not build: "):],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(got["v.BenchmarkV"], `v/v.go:3`) {
		t.Errorf("the compiler's message has no place: %s", got["v.BenchmarkV"])
	}
	measureAndWrite(t, s)
}

// measureAndWrite runs a round of each subject by hand and writes the samples.
func measureAndWrite(t *testing.T, s *Suite) {
	t.Helper()
	var doc result.Document
	for _, x := range s.subjects {
		b := result.Benchmark{Name: x.label, State: result.BenchmarkMeasured, Iterations: x.m.iterations, Rounds: 1, BaseLayouts: []int{0}, HeadLayouts: []int{0}}
		var columns [2]bench.Sample
		for arm := range columns {
			samples, err := x.Run(t.Context(), bench.Place{Arm: arm})
			if err != nil {
				t.Fatalf("%s: %v", x.label, err)
			}
			columns[arm] = samples[0]
		}
		for i, v := range columns[0] {
			if v.Unit == unitSpeed {
				t.Errorf("%s: the speed is the time again, and is not left away", x.label)
			}
			b.Measures = append(b.Measures, result.Measure{Unit: v.Unit, Base: []float64{v.Value}, Head: []float64{columns[1][i].Value}})
		}
		doc.Benchmarks = append(doc.Benchmarks, b)
	}
	out := t.TempDir()
	if err := s.WriteText(out, &doc); err != nil {
		t.Fatal(err)
	}
	for arm, name := range armNames {
		text, err := os.ReadFile(filepath.Join(out, name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		lines, err := parse(string(text))
		if err != nil || len(lines) != len(s.subjects) || !strings.Contains(string(text), s.cfg.Commits[arm]) {
			t.Fatalf("%s: %d results of %d, %v:\n%s", name, len(lines), len(s.subjects), err, text)
		}
		for i, l := range lines {
			m := doc.Benchmarks[i].Measures[0]
			if got, _ := l.value(unitTime); m.Unit != unitTime || got != [2][]float64{m.Base, m.Head}[arm][0] {
				t.Errorf("%s: %s has %v sec/op, the document %+v", name, l.name, got, m)
			}
		}
	}
}
