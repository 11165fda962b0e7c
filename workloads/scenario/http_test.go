package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/workloads/scenario/jsonpath"
)

func fixed(text string) Template { return Template{{Text: text, Value: -1}} }

func TestHTTPEveryKey(t *testing.T) {
	got, err := Parse("http_every_key.toml", readTestFile(t, "testdata/ok/http_every_key.toml"), testFolder)
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) Part { return Part{Text: s, Value: -1} }
	const id, article, user, colour, query, note, embedding = 0, 1, 2, 3, 4, 5, 6
	want := &HTTP{
		Values: []Value{
			{Name: "id", Type: Sequence, Start: 1000},
			{Name: "article", Type: Integer, Min: 0, Max: 9999, Zipf: 1.1},
			{Name: "user", Type: Integer, Min: 1, Max: 50},
			{Name: "colour", Type: Choice, Texts: []string{"red", `green, "so to speak"`}, Zipf: 1},
			{Name: "query", Type: Choice, Texts: []string{"red lamp", `50% "off"`, "блу"}},
			{Name: "note", Type: Words, Count: 3},
			{Name: "embedding", Type: Vector, Dimension: 4, Distribution: Clustered, Clusters: 3, StdDev: 0.1},
		},
		Setup: []Setup{{
			Request: Request{
				Method: "PUT", Path: Template{text("/articles/"), {Value: id}}, Encoding: Form,
				Headers: []Header{{"Content-Type", fixed("application/x-www-form-urlencoded")}},
				Body:    Template{text("colour="), {Value: colour}, text("&note="), {Value: note}},
				Expect:  Expect{Status: []int{200, 201}},
			},
			Count: 100, Connections: 2,
		}},
		Verify: &Request{Method: "GET", Path: fixed("/articles/count"), Expect: Expect{JSON: &jsonpath.Condition{Steps: []jsonpath.Step{{Name: "count", Index: -1}}, Want: "100"}}},
		Requests: []Request{
			{
				Name: "search", Method: "GET", Repeatable: true,
				Path:    Template{text("/search?q="), {Value: query}, text("&costs=$5&page[size]=10")},
				Headers: []Header{{"Accept-Encoding", fixed("gzip")}, {"X-User", Template{text("u-"), {Value: user}}}},
				Expect:  Expect{Status: []int{200}, Contains: "hits", JSON: &jsonpath.Condition{Steps: []jsonpath.Step{{Name: "hits", Index: -1}, {Index: 0}}}},
			},
			{
				Name: "order", Method: "POST", Repeatable: true, Path: fixed("/orders"), Encoding: JSON,
				Headers: []Header{{"Content-Type", fixed("application/json")}},
				Body: Template{
					text(`{"id": `),
					{Value: id},
					text(`, "article": `),
					{Value: article},
					text(`, "colour": "`),
					{Value: colour},
					text(`", "embedding": `),
					{Value: embedding},
					text(`, "price": "$`),
					{Value: id},
					text("\"}\n"),
				},
				Expect: Expect{Status: []int{201}},
			},
			{
				Name: "import", Method: "PUT", Path: fixed("/import"),
				Headers: []Header{{"Content-Type", fixed("application/octet-stream")}}, Body: fixed(`{"article": "${not a value}"}`),
			},
		},
	}
	if diff := cmp.Diff(want, got.HTTP); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]OperationWeight{{"search", 0.6}, {"order", 0.2}, {"import", 0.2}}, got.Operations); diff != "" || got.Probes != 50 {
		t.Errorf("%d probes, operations (-want +got):\n%s", got.Probes, diff)
	}
}

// Two scenarios with the same text and other files are not the same, and the text
// of each says of which files it speaks.
func TestFilesAreAccountedFor(t *testing.T) {
	text := readTestFile(t, "testdata/ok/http_every_key.toml")
	parse := func(queries string) *Scenario {
		folder := fstest.MapFS{"queries.txt": {Data: []byte(queries)}, "data/order.json": testFolder["data/order.json"]}
		s, err := Parse("s.toml", text, folder)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := parse("lamp\n"), parse("lump\n")
	if a.SHA256 == b.SHA256 || a.Text == b.Text {
		t.Error("another file makes no difference")
	}
	for _, s := range []*Scenario{a, b} {
		if sum := sha256.Sum256([]byte(s.Text)); s.SHA256 != hex.EncodeToString(sum[:]) {
			t.Error("the digest is not that of the text")
		}
	}
	const account = "# file \"queries.txt\": 5 bytes, sha256 "
	if !strings.HasPrefix(a.Text, string(text)) || strings.Count(a.Text, account) != 1 || strings.Count(a.Text, "# file \"data/order.json\"") != 1 {
		t.Errorf("the files are not in the text:\n%s", a.Text)
	}
}

func TestFilesNeedAFolder(t *testing.T) {
	_, err := Parse("s.toml", readTestFile(t, "testdata/ok/http_every_key.toml"), nil)
	var faults diag.Faults
	if !errors.As(err, &faults) || len(faults) != 2 || faults[0].Rule != "file" {
		t.Errorf("got %v, want a fault for each file", err)
	}
}

func TestDefaultsOfRequests(t *testing.T) {
	const head = "name = 'x'\n[arrival]\npattern = 'constant'\nrate = 1\n"
	for _, tt := range []struct {
		lines      string
		method     string
		encoding   Encoding
		repeatable bool
		headers    int
		reason     string
	}{
		{"", "GET", Plain, true, 0, "nothing is said"},
		{"method = 'HEAD'", "HEAD", Plain, true, 0, "HEAD changes nothing"},
		{"method = 'DELETE'", "DELETE", Plain, false, 0, "others may"},
		{"method = 'PUT'\nrepeatable = true", "PUT", Plain, true, 0, "unless it is said"},
		{"repeatable = false", "GET", Plain, false, 0, "even of GET"},
		{"body = 'x'", "POST", Plain, false, 0, "what has a body is posted"},
		{"body = ' {}'", "POST", JSON, false, 1, "a body that looks like JSON is, and says so"},
		{"body = '[1]'\nheaders = { content-type = 'text/plain' }", "POST", Plain, false, 1, "unless it says something else"},
		{"body = \"{}\\n{}\\n\"\nheaders = { Content-Type = 'application/x-ndjson' }", "POST", JSON, false, 1, "several values"},
		{"body = 'a=b'\nheaders = { Content-Type = 'application/x-www-form-urlencoded; charset=utf-8' }", "POST", Form, false, 1, "a form"},
		{"body_file = 'data/order.json'", "POST", JSON, false, 1, "a file that looks like JSON"},
	} {
		s, err := Parse("s.toml", []byte(head+"[[request]]\nname = 'x'\npath = '/'\n"+tt.lines), testFolder)
		if err != nil {
			t.Errorf("%s: %v", tt.reason, err)
			continue
		}
		if q := s.HTTP.Requests[0]; q.Method != tt.method || q.Encoding != tt.encoding || q.Repeatable != tt.repeatable || len(q.Headers) != tt.headers {
			t.Errorf("%s: %+v", tt.reason, q)
		}
		if want := map[bool]int{true: 600}[tt.repeatable]; s.Probes != want {
			t.Errorf("%s: %d probes, want %d", tt.reason, s.Probes, want)
		}
	}
}

func TestGet(t *testing.T) {
	for _, path := range []string{"/", "/health?x=1", "/$5/${id}", "/" + strings.Repeat("a", 500)} {
		s, err := Get(path, 12.5)
		if err != nil {
			if path == "/$5/${id}" { // braces must be written as %7B
				continue
			}
			t.Fatal(err)
		}
		q := s.HTTP.Requests[0]
		if text, ok := q.Path.Fixed(); !ok || text != path || q.Method != "GET" || s.Arrival.RatePerS != 12.5 || !cmp.Equal(q.Expect.Status, []int{200}) || s.Limits.ErrorRate != 0.01 {
			t.Errorf("%s: %+v", path, s)
		}
	}
	for _, path := range []string{"", "x", "/a b", "/\xff", "/\n", "/\""} {
		var faults diag.Faults
		if _, err := Get(path, 1); !errors.As(err, &faults) {
			t.Errorf("%q: %v, want faults", path, err)
		}
	}
}

func TestCutTemplate(t *testing.T) {
	for _, tt := range []struct {
		text            string
		literals, names []string
		at              []int
	}{
		{"", []string{""}, nil, nil},
		{"a", []string{"a"}, nil, nil},
		{"${a}", []string{"", ""}, []string{"a"}, []int{0}},
		{"x${a-1}y${b_2}", []string{"x", "y", ""}, []string{"a-1", "b_2"}, []int{1, 8}},
		{`{"a": {"b": $5}}`, []string{`{"a": {"b": $5}}`}, nil, nil},
		{"$${a}", []string{"${a}"}, nil, nil},
		{"$$${a}", []string{"$", ""}, []string{"a"}, []int{2}},
		{"$", []string{"$"}, nil, nil},
	} {
		literals, names, at, wrong := cutTemplate(tt.text)
		if diff := cmp.Diff([]any{tt.literals, tt.names, tt.at}, []any{literals, names, at}); diff != "" || wrong != nil {
			t.Errorf("%q: %v, (-want +got):\n%s", tt.text, wrong, diff)
		}
	}
}

func FuzzCutTemplate(f *testing.F) {
	for _, text := range []string{"", "$", "$$", "${a}", "$${a}", "$$${a}", "${", "${}", "a ${b} c ${d", `{"a": ${a}}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		literals, names, at, wrong := cutTemplate(text)
		if wrong != nil {
			if wrong.offset < 0 || wrong.offset >= len(text) || !strings.HasPrefix(text[wrong.offset:], "${") {
				t.Errorf("%q: %+v", text, wrong)
			}
			return
		}
		if len(literals) != len(names)+1 || len(at) != len(names) {
			t.Fatalf("%q: %q, %q, %v", text, literals, names, at)
		}
		var spelt strings.Builder
		for i, literal := range literals {
			spelt.WriteString(escapeTemplate(literal))
			if i < len(names) {
				spelt.WriteString("${" + names[i] + "}")
			}
		}
		literalsAgain, namesAgain, _, wrong := cutTemplate(spelt.String())
		if wrong != nil || !cmp.Equal(literals, literalsAgain) || !cmp.Equal(names, namesAgain) {
			t.Errorf("%q was read as %q, which is read as %q with %q", text, spelt.String(), literalsAgain, namesAgain)
		}
	})
}

// Whatever a value is, its encoding means that value and nothing else.
func TestEncodings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.String().Draw(t, "value")
		var got string
		if err := json.Unmarshal(append(JSON.Append([]byte{'"'}, []byte(value)), '"'), &got); err != nil || got != value {
			t.Errorf("JSON: %q, %v", got, err)
		}
		form := string(Form.Append(nil, []byte(value)))
		if got, err := url.QueryUnescape(form); err != nil || got != value {
			t.Errorf("form: %q, %v", got, err)
		}
		if got, err := url.PathUnescape(form); err != nil || got != value || strings.ContainsAny(form, "/?#& \r\n") {
			t.Errorf("path: %q, %v", form, err)
		}
		if got := string(Plain.Append([]byte("x"), []byte(value))); got != "x"+value {
			t.Errorf("plain: %q", got)
		}
	})
}
