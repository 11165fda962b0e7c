package artifact_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/fivegate/fivegate/gate/github/artifact"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/verdict"
)

var origin = artifact.Origin{Repository: "o/r", HeadSHA: strings.Repeat("a", 40), RunID: 55, RunAttempt: 1}

// small is a document that a check could have written, as few bytes as that takes.
func small() *result.Document {
	return resulttest.Check(resulttest.Options{Seed: 3, Blocks: 2, Rounds: 1, Layouts: 1, Probes: -1, RatePerS: 10})
}

// smallText is its text; cases are many.
var smallText = sync.OnceValue(func() string {
	var b bytes.Buffer
	if err := small().Write(&b); err != nil {
		panic(err)
	}
	return b.String()
})

func encode(t testing.TB, doc *result.Document) string {
	t.Helper()
	var b bytes.Buffer
	if err := doc.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func manifest(t testing.TB) string {
	t.Helper()
	text, err := artifact.EncodeManifest(origin, 7)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// entry is a file of an archive; change alters its header.
type entry struct {
	name, text string
	change     func(*zip.FileHeader)
}

func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.change != nil {
			e.change(h)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.text)); err != nil && !strings.HasSuffix(e.name, "/") {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mode(m fs.FileMode) func(*zip.FileHeader) {
	return func(h *zip.FileHeader) { h.SetMode(m) }
}

func TestReadOfAnHonestArtifact(t *testing.T) {
	doc := encode(t, resulttest.Check(resulttest.Options{
		Seed: 3, Blocks: 8, Rounds: 3, Layouts: 2, Probes: 120, RatePerS: 60,
		Effects: map[string]float64{"cpu_per_op": 0.2, "throughput": 0.2, "latency.p50": 0.2, "latency.p90": 0.2, "latency.p99": 0.2},
	}))
	b, err := artifact.Read(pack(
		t, entry{name: "report.md", text: "# forged"}, entry{name: "verdict.json", text: "{"}, entry{name: "result.json", text: doc},
		entry{name: "confirm-x64.json", text: doc}, entry{name: artifact.ManifestName, text: manifest(t)},
	), origin)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Documents) != 2 || b.Documents[0].Name != "confirm-x64.json" || b.Documents[1].Name != "result.json" || b.Manifest.Pull != 7 {
		t.Errorf("%d documents, pull request %d", len(b.Documents), b.Manifest.Pull)
	}
	if v := verdict.Judge(b.Documents[1].Result); v.Status != verdict.Regression {
		t.Errorf("%s: %s", v.Status, v.Reason)
	}
}

// hostile is an artifact that must be refused, and a part of why.
type hostile struct {
	name string
	make func(t testing.TB) []byte
	want string
}

// with is an artifact that is honest but for one more entry.
func with(e entry) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		return pack(t, entry{name: artifact.ManifestName, text: manifest(t)}, entry{name: "result.json", text: smallText()}, e)
	}
}

// instead is an artifact whose manifest has a text replaced.
func instead(old, new string) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		text := strings.Replace(manifest(t), old, new, 1)
		if text == manifest(t) {
			t.Fatalf("no %q in %s", old, text)
		}
		return pack(t, entry{name: artifact.ManifestName, text: text}, entry{name: "result.json", text: smallText()})
	}
}

// document is an artifact whose document is changed before it is written.
func document(change func(*result.Document)) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		doc := small()
		change(doc)
		return pack(t, entry{name: artifact.ManifestName, text: manifest(t)}, entry{name: "result.json", text: encode(t, doc)})
	}
}

// written is an artifact whose document has a text replaced after it was written.
func written(old, new string) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		honest := smallText()
		text := strings.Replace(honest, old, new, 1)
		if text == honest {
			t.Fatalf("no %q in the document", old)
		}
		return pack(t, entry{name: artifact.ManifestName, text: manifest(t)}, entry{name: "result.json", text: text})
	}
}

// patched is an honest archive with bytes replaced.
func patched(change func([]byte) []byte) func(testing.TB) []byte {
	return func(t testing.TB) []byte { return change(with(entry{name: "report.md", text: "x"})(t)) }
}

func hostileArtifacts() []hostile {
	many := func(n int) func(testing.TB) []byte {
		return func(t testing.TB) []byte {
			entries := []entry{{name: artifact.ManifestName, text: manifest(t)}}
			for i := range n {
				entries = append(entries, entry{name: fmt.Sprintf("result-%d.json", i), text: "{}"})
			}
			return pack(t, entries...)
		}
	}
	return []hostile{
		// The archive.
		{"empty", func(testing.TB) []byte { return nil }, "not a ZIP archive"},
		{"text", func(testing.TB) []byte { return []byte(strings.Repeat("PK", 100)) }, "not a ZIP archive"},
		{"cut", patched(func(b []byte) []byte { return b[:len(b)-30] }), "not a ZIP archive"},
		{"no files", func(t testing.TB) []byte { return pack(t) }, "gate-run.json is missing"},
		{"too large", func(testing.TB) []byte { return make([]byte, artifact.MaxArchive+1) }, "more than 16 MiB"},
		{"twenty-one files", many(20), "the archive has 21 files"},
		{"10,000 files", many(10_000), "more than 20 files"},
		{"wrong checksum", func(t testing.TB) []byte {
			b := with(entry{name: "report.md"})(t)
			at := bytes.Index(b, []byte("PK\x01\x02"))
			b[at+16] ^= 1
			return b
		}, "checksum"},
		{"directory cut from its files", func(t testing.TB) []byte {
			b := with(entry{name: "report.md", text: "x"})(t)
			return b[bytes.Index(b, []byte("PK\x01\x02")):]
		}, ""},
		// Names.
		{"dot dot", with(entry{name: "../result.json"}), "the path leaves the archive"},
		{"dot dot inside", with(entry{name: "a/../../result.json"}), "the path leaves the archive"},
		{"absolute path", with(entry{name: "/etc/passwd"}), "the path is absolute"},
		{"absolute path of Windows", with(entry{name: "C:result.json"}), "the path is absolute"},
		{"backslash", with(entry{name: `..\result.json`}), "backslash"},
		{"directory", with(entry{name: "sub/"}), "directories are not allowed"},
		{"in a directory", with(entry{name: "sub/result.json"}), "directories are not allowed"},
		{"name twice", with(entry{name: "result.json", text: "{}"}), "result.json is in the archive twice"},
		{"manifest twice", with(entry{name: artifact.ManifestName, text: "{}"}), "twice"},
		{"name in other case", with(entry{name: "RESULT.json"}), "not one of"},
		{"empty name", with(entry{name: ""}), "not one of"},
		{"NUL in the name", with(entry{name: "result-a.json\x00.exe"}), "characters that do not show"},
		{"line break in the name", with(entry{name: "result-a.json\n::set-output name=x::y"}), "characters that do not show"},
		{"workflow command as name", with(entry{name: "::error::x.json"}), "the path is absolute"},
		{"escape in the name", with(entry{name: "result-\x1b[31m.json"}), "characters that do not show"},
		{"bidi in the name", with(entry{name: "result-\u202enosj.json"}), "characters that do not show"},
		{"look-alike name", with(entry{name: "rеsult.json"}), "not one of"}, // a Cyrillic letter
		{"not UTF-8", with(entry{name: "result-\xff.json"}), "characters that do not show"},
		{"executable", with(entry{name: "gate.exe"}), "not one of"},
		{"hidden", with(entry{name: ".gitconfig"}), "not one of"},
		{"very long name", with(entry{name: "result-" + strings.Repeat("a", 5000) + ".json"}), "not one of"},
		// Kinds and sizes.
		{"symlink", with(entry{name: "result-a.json", text: "/etc/passwd", change: mode(fs.ModeSymlink | 0o777)}), "is a link"},
		{"device", with(entry{name: "result-a.json", change: mode(fs.ModeDevice | 0o666)}), "device"},
		{"named pipe", with(entry{name: "result-a.json", change: mode(fs.ModeNamedPipe | 0o666)}), "device"},
		{"directory by its mode", with(entry{name: "result-a.json", change: mode(fs.ModeDir | 0o777)}), "directory"},
		{"encrypted", patched(func(b []byte) []byte {
			for at := bytes.Index(b, []byte("PK\x01\x02")); ; {
				b[at+8] |= 1
				next := bytes.Index(b[at+4:], []byte("PK\x01\x02"))
				if next < 0 {
					return b
				}
				at += 4 + next
			}
		}), "is encrypted"},
		{"unknown method", patched(func(b []byte) []byte {
			b[bytes.Index(b, []byte("PK\x01\x02"))+10] = 99
			return b
		}), "method 99"},
		{"zip bomb", with(entry{name: "result-a.json", text: strings.Repeat("0", 4<<20)}), "more than 50 times"},
		{"bomb in what is passed over", with(entry{name: "report.md", text: strings.Repeat("0", 4<<20)}), "more than 50 times"},
		{"large file", with(entry{name: "result-a.json", text: strings.Repeat("0", 9<<20), change: func(h *zip.FileHeader) { h.Method = zip.Store }}), "more than 8 MiB"},
		{"size in the header too small", func(t testing.TB) []byte {
			b := with(entry{name: "report.md"})(t)
			i := bytes.Index(b, []byte("PK\x01\x02")) // the manifest's
			b[i+24]--
			return b
		}, ""},
		// The manifest.
		{"no manifest", func(t testing.TB) []byte { return pack(t, entry{name: "result.json", text: smallText()}) }, "gate-run.json is missing"},
		{"manifest only", func(t testing.TB) []byte { return pack(t, entry{name: artifact.ManifestName, text: manifest(t)}) }, "no result document"},
		{"wrong commit", instead(strings.Repeat("a", 40), strings.Repeat("b", 40)), "head_sha"},
		{"commit in other case", instead(strings.Repeat("a", 40), strings.Repeat("A", 40)), "head_sha"},
		{"wrong run", instead(`"run_id":55`, `"run_id":56`), "run_id"},
		{"wrong attempt", instead(`"run_attempt":1`, `"run_attempt":2`), "run_attempt"},
		{"wrong repository", instead("o/r", "x/r"), "repository"},
		{"other schema", instead("run/v1", "run/v2"), "schema"},
		{"run as text", instead(`"run_id":55`, `"run_id":"55"`), "not a manifest"},
		{"run as fraction", instead(`"run_id":55`, `"run_id":55.0000001`), "not a manifest"},
		{"huge run", instead(`"run_id":55`, `"run_id":5500000000000000000000000`), "not a manifest"},
		{"unknown member", instead(`"schema"`, `"verdict":"pass","schema"`), "not a manifest"},
		{"member twice", instead(`"run_id":55`, `"run_id":55,"run_id":55`), "not a manifest"},
		{"negative pull request", instead(`"pull_request":7`, `"pull_request":-7`), "pull_request is -7"},
		{"commands in the repository", instead("o/r", `o/r\n::set-env name=PATH::/tmp\u202e`), "repository"},
		{"deep manifest", func(t testing.TB) []byte {
			return pack(t, entry{name: artifact.ManifestName, text: strings.Repeat("[", 100_000)}, entry{name: "report.md"})
		}, ""},
		// The document.
		{"not JSON", with(entry{name: "result-a.json", text: "pass"}), "result-a.json"},
		{"forged verdict", written(`"kind":"check"`, `"verdict":"pass","kind":"check"`), "unknown member"},
		{"NaN", written(`"duration_s":`, `"duration_s":NaN,"x":`), "not JSON"},
		{"infinity", written(`"open_s":1,`, `"open_s":1e999,`), "/plan/open_s"},
		{"null", written(`"open_s":1,`, `"open_s":null,`), "/plan/open_s"},
		{"document cut", func(t testing.TB) []byte {
			text := smallText()
			return pack(t, entry{name: artifact.ManifestName, text: manifest(t)}, entry{name: "result.json", text: text[:len(text)/2]})
		}, "not JSON"},
		{"second document behind the first", func(t testing.TB) []byte {
			text := smallText()
			return pack(t, entry{name: artifact.ManifestName, text: manifest(t)}, entry{name: "result.json", text: text + text})
		}, "result.json"},
		{"negative CPU time", document(func(d *result.Document) { d.Slices[0].CPUS = -1 }), "cpu_s"},
		{"CPU time beyond any machine", document(func(d *result.Document) { d.Slices[0].CPUS = 1e9 }), "cpu_s"},
		{"slice longer than the measurement", document(func(d *result.Document) { d.Slices[0].DurationS = 1e6 }), "duration_s"},
		{"more answers than requests", document(func(d *result.Document) { d.Slices[0].Operations[0].Completed = 1 << 40 }), "/slices/0"},
		{"impossible rate", document(func(d *result.Document) { d.Plan.RatePerS = 1e12 }), "rate_per_s"},
		{"more memory than any machine", document(func(d *result.Document) { d.Slices[0].RSSBytes = 1 << 60 }), "rss_bytes"},
		{"latency longer than the measurement", document(func(d *result.Document) {
			r := result.NewRecorder()
			for range d.Slices[0].Operations[0].Completed {
				r.Record(4e12)
			}
			d.Slices[0].Operations[0].Response = r.Histogram()
		}), "longer than the whole measurement"},
		{"lag longer than the measurement", document(func(d *result.Document) { d.Slices[0].Engine.LagMaxNS = 1 << 62 }), "longer than the whole measurement"},
		{"a run instead of a check", document(func(d *result.Document) {
			d.Kind, d.Arms, d.Launches, d.Slices = result.KindRun, d.Arms[:1], nil, nil
			d.Outcome = result.Outcome{Ended: result.RunFailed}
		}), "judged by checks"},
		{"arms in turn", document(func(d *result.Document) {
			d.Arms[0].Name, d.Arms[1].Name = "head", "base"
			for i := range d.Launches {
				d.Launches[i].Arm = map[string]string{"head": "base", "base": "head"}[d.Launches[i].Arm]
			}
		}), "the arms are base and head"},
		{"endless blocks", document(func(d *result.Document) {
			d.Plan.Blocks, d.Plan.Looks, d.Outcome.Ended = 1<<30, []int{1 << 30}, result.RunBudget
		}), "/plan/blocks"},
		{"endless rounds", document(func(d *result.Document) {
			d.Plan.Rounds = 1 << 40
			for i := range d.Launches {
				d.Launches[i].Probes = nil
			}
		}), "/plan/rounds"},
		{"endless looks", document(func(d *result.Document) {
			d.Plan.Blocks, d.Plan.Looks, d.Outcome.Ended = 2000, nil, result.RunBudget
			for look := range 2000 {
				d.Plan.Looks = append(d.Plan.Looks, look+1)
			}
		}), "/plan/looks"},
		{"bidi in the runner class", document(func(d *result.Document) { d.Provenance.Runner.Class = "safe\u202egnp.exe" }), "characters that do not show"},
		{"control character in a ref", document(func(d *result.Document) { d.Arms[1].Ref = "topic\x1b]8;;https://evil.example\x07" }), "characters that do not show"},
		{"line break in the scenario's name", document(func(d *result.Document) { d.Provenance.Scenario.Name = "a\n::error::b" }), "characters that do not show"},
		{"zero width in a fingerprint", document(func(d *result.Document) { d.Provenance.Runner.Fingerprint["cpu_model"] = "a\u200bb" }), "characters that do not show"},
		{"long name", document(func(d *result.Document) { d.Provenance.Runner.Class = strings.Repeat("x", 201) }), "longer than 200"},
		{"delimiter of an output in a name", document(func(d *result.Document) {
			d.Provenance.Scenario.Name = "x\n_GitHubActionsFileCommandDelimeter_\nverdict=pass"
		}), "characters that do not show"},
		{"endless detail", document(func(d *result.Document) { d.Outcome.Detail = strings.Repeat("x", 70_000) }), "/outcome/detail"},
		{"endless detail of an earlier run", document(func(d *result.Document) {
			after(d, func(p *result.Prior) { p.Detail = strings.Repeat("x", 70_000) })
		}), "/prior/0/detail"},
		{"bidi in the verdict of an earlier run", document(func(d *result.Document) {
			after(d, func(p *result.Prior) { p.Verdict = "ssap\u202e" })
		}), "characters that do not show"},
		{"endless looks of an earlier run", document(func(d *result.Document) {
			after(d, func(p *result.Prior) {
				p.Ended, p.Looks = result.RunBudget, nil
				for look := range 2000 {
					p.Looks = append(p.Looks, look+1)
				}
			})
		}), "/prior/0/looks"},
		{"endless names", document(func(d *result.Document) {
			for i := range 300 {
				d.Plan.Operations = append(d.Plan.Operations, fmt.Sprint("op", i))
			}
		}), "/plan/operations"},
		{"conditions without end", document(func(d *result.Document) {
			d.Slices[0].Conditions = map[string]string{}
			for i := range 300 {
				d.Slices[0].Conditions[fmt.Sprint(i)] = "x"
			}
		}), "conditions"},
		{"bidi in a kind of error", document(func(d *result.Document) {
			o := &d.Slices[0].Operations[0]
			o.Errors = map[string]int64{"time\u2066out": 0}
		}), "characters that do not show"},
	}
}

// after makes the first block of a document that of an earlier run.
func after(d *result.Document, change func(*result.Prior)) {
	p := result.Prior{
		SHA256: strings.Repeat("a", 64), StartedAt: d.Provenance.StartedAt, Looks: []int{1}, Blocks: 1,
		Ended: result.RunComplete, Verdict: "pass",
	}
	change(&p)
	d.Prior = []result.Prior{p}
	d.Plan.Looks = []int{d.Plan.Blocks}
}

func TestHostileArtifactsAreRefused(t *testing.T) {
	cases := hostileArtifacts()
	if len(cases) < 60 {
		t.Errorf("%d cases, want 60 or more", len(cases))
	}
	names := map[string]bool{}
	for _, c := range cases {
		if names[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		names[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			b, err := artifact.Read(c.make(t), origin)
			if err == nil || b != nil {
				t.Fatalf("accepted: %+v", b)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("refused since %q, want %q", err, c.want)
			}
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == '\u202e' }) || len(err.Error()) > 2000 {
				t.Errorf("the reason is not one harmless line: %q", err)
			}
		})
	}
}

// Texts that are printable pass, whatever they would be to Markdown or a shell:
// whoever shows them escapes them (gate/github/page).
func TestPrintableTextsPass(t *testing.T) {
	doc := small()
	doc.Provenance.Runner.Class = "<!-- gate:v1 --> [x](https://evil.example) @everyone ::error::"
	if _, err := artifact.Read(pack(t, entry{name: artifact.ManifestName, text: manifest(t)}, entry{name: "result.json", text: encode(t, doc)}), origin); err != nil {
		t.Error(err)
	}
}

// Whatever the bytes are, reading ends, in bounded memory, with a bundle of this
// run or with a harmless refusal; and what was read can be judged.
func FuzzRead(f *testing.F) {
	f.Add(pack(f, entry{name: artifact.ManifestName, text: manifest(f)}, entry{name: "result.json", text: smallText()}))
	for _, c := range hostileArtifacts() {
		if archive := c.make(f); len(archive) < 1<<20 {
			f.Add(archive)
		}
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		b, err := artifact.Read(archive, origin)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Errorf("the reason is not one line: %q", err)
			}
			return
		}
		if b.Manifest.Origin != origin {
			t.Errorf("a bundle of another run: %+v", b.Manifest)
		}
		for _, d := range b.Documents {
			verdict.Judge(d.Result)
		}
	})
}

// Fuzzing the text of the document itself reaches deeper than fuzzing archives.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(smallText()))
	f.Fuzz(func(t *testing.T, text []byte) {
		archive := pack(t, entry{name: artifact.ManifestName, text: manifest(t)}, entry{name: "result.json", text: string(text), change: func(h *zip.FileHeader) { h.Method = zip.Store }})
		b, err := artifact.Read(archive, origin)
		if err != nil {
			return
		}
		verdict.Judge(b.Documents[0].Result)
	})
}
