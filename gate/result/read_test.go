package result_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/google/go-cmp/cmp"
)

// smallCheck is a check with something of everything.
func smallCheck() *result.Document {
	return resulttest.Check(resulttest.Options{
		Seed: 7, Blocks: 2, Rounds: 2, Probes: 8, RatePerS: 30, ErrorRate: 0.1, RoundSD: 0.02, LayoutSD: 0.02,
	})
}

func written(t testing.TB, d *result.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := d.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// documents compares documents by what their histograms hold.
var documents = cmp.Comparer(func(a, b *result.Histogram) bool {
	at, aErr := a.MarshalText()
	bt, bErr := b.MarshalText()
	return aErr == nil && bErr == nil && bytes.Equal(at, bt) && a.Total() == b.Total() && (a == nil) == (b == nil)
})

func TestReadGivesBackWhatWasWritten(t *testing.T) {
	d := smallCheck()
	d.Slices[3].Conditions = map[string]string{"threads": "32", "a/b~c": "\"\n"}
	text := written(t, d)
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(text), "byte by byte": iotest.OneByteReader(bytes.NewReader(text)),
	} {
		got, err := result.Read(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(d, got, documents); diff != "" {
			t.Errorf("%s: (-written +read)\n%s", name, diff)
		}
		if !bytes.Equal(written(t, got), text) {
			t.Errorf("%s: written again, the document differs", name)
		}
	}
}

func TestReadAnyLayoutOfJSON(t *testing.T) {
	var indented bytes.Buffer
	if err := json.Indent(&indented, written(t, smallCheck()), "\t", "  "); err != nil {
		t.Fatal(err)
	}
	escaped := strings.Replace(indented.String(), `"schema"`, `"sch\u0065ma"`, 1)
	if _, err := result.Read(strings.NewReader(escaped)); err != nil {
		t.Error(err)
	}
}

// TestReadIsStrict replaces one piece of the text of a valid document.
func TestReadIsStrict(t *testing.T) {
	text := string(written(t, smallCheck()))
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown member", `"outcome":{`, `"outcome":{"colour":1,`, "/outcome/colour: unknown member"},
		{"unknown member at the top", `"kind":`, `"kinds":"check","kind":`, "/kinds: unknown member"},
		{"unknown member, deep in", `"cpu_s":`, `"CPU_s":1,"cpu_s":`, "/slices/0/CPU_s: unknown member"},
		{"missing member", `"phase":"open",`, ``, "/slices/0: lacks phase"},
		{"missing members", `"kind":"check",`, ``, "/: lacks kind"},
		{"twice", `"due":30`, `"due":30,"due":30`, "/slices/0/due"},
		{"null", `"sent":30`, `"sent":null`, "/slices/0/sent: is null"},
		{"null in an array", `"looks":[1,2]`, `"looks":[null,2]`, "/plan/looks/0: is null"},
		{"null in an object", `"cores":"2"`, `"cores":null`, "/provenance/runner/fingerprint/cores: is null"},
		{"null object", `"outcome":{"ended":"complete","blocks":2}`, `"outcome":null`, "/outcome: is null"},
		{"null element", `"slices":[`, `"slices":[null,`, "/slices/0: is null, need an object"},
		{"array for object", `"outcome":{"ended":"complete","blocks":2}`, `"outcome":[]`, "/outcome: is an array, need an object"},
		{"string for number", `"sent":30`, `"sent":"30"`, "/slices/0/sent: is a string"},
		{"number for string", `"mode":"duet"`, `"mode":1`, "/plan/mode: is a number, need a string"},
		{"fraction for count", `"sent":30`, `"sent":30.5`, "/slices/0/sent: is a number 30.5, need a whole number"},
		{"count too large", `"sent":30`, `"sent":9223372036854775808`, "/slices/0/sent"},
		{"number too large", `"open_s":1`, `"open_s":1e999`, "/plan/open_s"},
		{"not a number", `"open_s":1`, `"open_s":NaN`, "/plan/open_s: not JSON"},
		{"seed without quotes", `"seed":"7"`, `"seed":7`, "/provenance/seed: is a number, need a whole number of 0 or more, in a string"},
		{"negative seed", `"seed":"7"`, `"seed":"-7"`, "/provenance/seed"},
		{"time", `"started_at":"2026-`, `"started_at":"26-`, "/provenance/started_at"},
		{"histogram of another kind", `"response":"`, `"response":1,"x":"`, "/slices/0/operations/0/response: is a number, need a string of base64"},
		{"histogram not base64", `"response":"`, `"response":"*`, "/slices/0/operations/0/response: is not base64"},
		{"histogram with escapes", `"response":"H`, `"response":"\u0048`, "/slices/0/operations/0/response: is not base64"},
		{"histogram damaged", `"response":"HISTF`, `"response":"HISTG`, "/slices/0/operations/0/response: "},
		{"probes damaged", `"packed":"eA`, `"packed":"AA`, "/launches/0/probes/packed: decompress"},
		{"other version", `fivegate/result/v1`, `fivegate/result/v2`, `/schema: is "fivegate/result/v2"`},
		{"not UTF-8", `"synthetic"`, "\"\xff\"", "/provenance/"},
		{"two documents", "}\n", "}{}\n", "/: not JSON"},
		{"deep", `"conditions":`, strings.Repeat("[", 20_000), ""},
		{"invalid", `"sent":30`, `"sent":31`, "/slices/0/sent: is 31, more than the 30 that were due"},
	} {
		changed := strings.Replace(text, c.old, c.new, 1)
		if c.name == "deep" {
			changed = strings.Replace(text, `"operations":[{`, `"operations":`+c.new, 1)
		} else if changed == text {
			t.Errorf("%s: the document has no %s", c.name, c.old)
			continue
		}
		d, err := result.Read(strings.NewReader(changed))
		if d != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestReadRefusesACutDocument(t *testing.T) {
	text := written(t, smallCheck())
	for _, n := range []int{0, 1, 10, len(text) / 3, len(text) / 2, len(text) - 100, len(text) - 2} {
		if d, err := result.Read(bytes.NewReader(text[:n])); d != nil || err == nil || !strings.Contains(err.Error(), "not JSON") {
			t.Errorf("%d of %d bytes: error %v", n, len(text), err)
		}
	}
}

func TestReadNamesTheFirstDamagedHistogram(t *testing.T) {
	text := strings.ReplaceAll(string(written(t, smallCheck())), `"response":"HISTF`, `"response":"HISTG`)
	for range 20 {
		if _, err := result.Read(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), "/slices/0/operations/0/response: ") {
			t.Fatalf("error %v", err)
		}
	}
}

// endless is a JSON string that does not end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

func TestReadIsLimited(t *testing.T) {
	_, err := result.Read(io.MultiReader(strings.NewReader(`{"schema":"`), endless{}))
	if err == nil || !strings.Contains(err.Error(), "larger than 64 MB") {
		t.Errorf("error %v", err)
	}
}

// TestReadStopsAtTheFirstEmptyObject: three bytes of text must not become a
// slice of hundreds.
func TestReadStopsAtTheFirstEmptyObject(t *testing.T) {
	for where, text := range map[string]string{"/slices/0": `{"slices":[{},{`, "/launches/0/events/0": `{"launches":[{"events":[{},{`} {
		_, err := result.Read(strings.NewReader(text))
		if err == nil || !strings.HasPrefix(err.Error(), where+": lacks ") {
			t.Errorf("%s: error %v", where, err)
		}
	}
}

func TestReadReportsReadErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	r := io.MultiReader(bytes.NewReader(written(t, smallCheck())[:1000]), iotest.ErrReader(broken))
	if _, err := result.Read(r); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "result.json")
	if _, err := result.ReadFile(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: error %v", err)
	}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := result.ReadFile(path); err == nil || !strings.HasPrefix(err.Error(), path+": /: lacks schema, kind,") {
		t.Errorf("empty document: error %v", err)
	}
	if err := smallCheck().WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if _, err := result.ReadFile(path); err != nil {
		t.Error(err)
	}
}

// FuzzRead needs -fuzzminimizetime=5x: values are unpacked concurrently, so that
// the same input covers other code each time and looks interesting, and the
// default would spend a minute on making each of them smaller.
func FuzzRead(f *testing.F) {
	text := written(f, resulttest.Check(resulttest.Options{Blocks: 1, Rounds: 1, Probes: 2, RatePerS: 3}))
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add(bytes.Replace(text, []byte(`"sent":3`), []byte(`"sent":-3`), 1))
	f.Add([]byte(`{"schema":"fivegate/result/v1"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := result.Read(bytes.NewReader(text))
		if err != nil {
			if d != nil {
				t.Fatalf("a document beside error %v", err)
			}
			return
		}
		again := written(t, d)
		reread, err := result.Read(bytes.NewReader(again))
		if err != nil {
			t.Fatalf("own writing: %v", err)
		}
		if !bytes.Equal(written(t, reread), again) {
			t.Fatal("writing is not stable")
		}
	})
}
