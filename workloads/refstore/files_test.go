package refstore

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func open(t testing.TB, dir string, faults ...string) *Server {
	t.Helper()
	s, err := Open(dir, parsed(t, faults...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parsed(t testing.TB, texts ...string) []Fault {
	t.Helper()
	var faults []Fault
	for _, text := range texts {
		f, err := ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		faults = append(faults, f)
	}
	return faults
}

// keep stores n memories in each of two spaces, among them one that replaces
// another.
func keep(t testing.TB, s *Server, n int) {
	t.Helper()
	for _, name := range []string{"default", "second"} {
		sp, err := s.store.space(name, time.Unix(7, 9).UTC())
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			v := make([]float32, 80)
			v[i%80], v[(i+1)%80] = 1, 0.5*float32(i/80)
			e := episode{id: fmt.Sprint(name, i), content: fmt.Sprintf("text %d of %s", i, name), confidence: 0.5, observed: int64(i), stored: int64(i + 1)}
			if _, err := s.store.remember(sp, e, v); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.store.remember(sp, episode{id: name + "0", content: "told again", confidence: 0.9}, make([]float32, 80)); err != nil {
			t.Fatal(err)
		}
	}
}

// held is all that a server holds, by space.
func held(s *Server) map[string][]plainMemory {
	all := map[string][]plainMemory{}
	for _, sp := range s.store.list() {
		all[sp.id], _ = sp.list(0, 10_000, true)
	}
	return all
}

func closed(t testing.TB, s *Server) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestStateSurvives(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	keep(t, s, 150)
	want := held(s)
	abandoned := copyDirectory(t, dir) // as a crash leaves it: a log and no snapshot
	closed(t, s)

	for name, dir := range map[string]string{"graceful stop": dir, "crash": abandoned} {
		s := open(t, dir)
		if diff := cmp.Diff(want, held(s)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if created := s.store.spaces["second"].created; !created.Equal(time.Unix(7, 9)) {
			t.Errorf("%s: created at %v", name, created)
		}
		if found, err := s.store.spaces["second"].recallVector(basis(80, 3), 1, 0.5); err != nil || len(found) != 1 || found[0].id != "second3" {
			t.Errorf("%s: recalled %v, %v", name, found, err)
		}
		if found := s.store.spaces["second"].recallText("told again", 1, 0.5, true); len(found) != 1 || found[0].id != "second0" {
			t.Errorf("%s: recalled %v", name, found)
		}
		closed(t, s)
	}
}

// basis is a unit vector along one dimension.
func basis(n, at int) []float32 {
	v := make([]float32, n)
	v[at] = 1
	return v
}

func copyDirectory(t testing.TB, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestStopWithoutChangesKeepsTheGeneration(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	keep(t, s, 5)
	closed(t, s)
	closed(t, open(t, dir))
	want := []string{"embeddings-1.f32", "episodes-1.bin", "lock", "manifest.json", "wal-1.log"}
	if diff := cmp.Diff(want, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	s = open(t, dir)
	if _, err := s.store.space("another", time.Now()); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	want = []string{"embeddings-2.f32", "episodes-2.bin", "lock", "manifest.json"}
	if diff := cmp.Diff(want, names(t, dir)); diff != "" {
		t.Errorf("files after a change (-want +got):\n%s", diff)
	}
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestTornLogIsRecovered(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	keep(t, s, 5)
	log, err := os.ReadFile(filepath.Join(dir, "wal-0.log"))
	if err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	for _, cut := range []int{len(log) - 1, len(log) - 300, recordHeader - 1, 1} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "wal-0.log"), log[:cut])
		s := open(t, dir)
		if s.TornBytes() == 0 {
			t.Errorf("cut at %d: nothing reported as torn", cut)
		}
		sp, err := s.store.space("default", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.store.remember(sp, episode{id: "after", content: "after the crash"}, basis(80, 79)); err != nil {
			t.Errorf("cut at %d: store: %v", cut, err)
		}
		closed(t, s)
		s = open(t, dir)
		if _, ok := s.store.spaces["default"].get("after"); !ok || s.TornBytes() != 0 {
			t.Errorf("cut at %d: what was stored after the recovery is gone", cut)
		}
		closed(t, s)
	}
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestDamageIsAClearError(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	keep(t, s, 5)
	log := copyDirectory(t, dir)
	closed(t, s)
	flip := func(name string, at int) func(string) {
		return func(dir string) {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			b[at] ^= 0x10
			write(t, filepath.Join(dir, name), b)
		}
	}
	replace := func(name, old, new string) func(string) {
		return func(dir string) {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, name), bytes.Replace(b, []byte(old), []byte(new), 1))
		}
	}
	remove := func(name string) func(string) {
		return func(dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name   string
		from   string
		damage func(dir string)
		want   string
	}{
		{"embeddings", dir, flip("embeddings-1.f32", 100), "embeddings-1.f32 is damaged: its checksum"},
		{"episodes", dir, flip("episodes-1.bin", 30), "episodes-1.bin is damaged: its checksum"},
		{"short embeddings", dir, func(d string) { write(t, filepath.Join(d, "embeddings-1.f32"), nil) }, "has 0 bytes, want"},
		{"no episodes", dir, remove("episodes-1.bin"), "no such file"},
		{"no manifest", dir, remove("manifest.json"), "has embeddings-1.f32 but no manifest.json"},
		{"manifest is no JSON", dir, flip("manifest.json", 0), "manifest.json: "},
		{"manifest of another format", dir, replace("manifest.json", "store/v1", "store/v9"), `format is "fivegate/refstore/v9"`},
		{"manifest with another count", dir, replace("manifest.json", `"episodes": 5`, `"episodes": 6`), "embeddings have"},
		{"middle of the log", log, flip("wal-0.log", 30), "damaged record at byte"},
		{"length in the log", log, flip("wal-0.log", 3), "it claims"},
	} {
		broken := copyDirectory(t, c.from)
		c.damage(broken)
		s, err := Open(broken, nil)
		if err == nil {
			closed(t, s)
			t.Errorf("%s: opened", c.name)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), broken) {
			t.Errorf("%s: error %q, want one with %q and the path", c.name, err, c.want)
		}
	}
}

func TestOneServerPerDirectory(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := Open(dir, nil); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("second server: error %v", err)
	}
	closed(t, s)
	closed(t, open(t, dir))
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir)
	g := fast(b)
	sp := s.store.spaces["default"]
	for i := range uint64(10_000) {
		if _, err := s.store.remember(sp, episode{id: fmt.Sprint(i), content: string(g.Content(nil, i)), confidence: 0.9}, g.Vector(nil, i)); err != nil {
			b.Fatal(err)
		}
	}
	closed(b, s)
	for b.Loop() {
		closed(b, open(b, dir))
	}
}
