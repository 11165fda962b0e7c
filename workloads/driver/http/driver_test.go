package httpdriver

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/scenario"
)

const head = `name = "test"
seed = 42
[arrival]
pattern = "constant"
rate = 100
`

// shop is a scenario with values everywhere.
const shop = head + `
[values]
id = { type = "sequence", start = 100 }
article = { type = "integer", max = 500, distribution = "zipf", exponent = 1.1 }
colour = { type = "choice", of = ["red", "g\"reen\n", "блу & co"] }
note = { type = "words", count = 12 }
embedding = { type = "vector", dimension = 3 }

[[setup]]
method = "PUT"
path = "/articles/${id}"
body = '{"id": ${id}, "colour": "${colour}"}'
count = 50
connections = 4

[verify]
path = "/articles"
expect.body_json = "$.count = 50"

[[request]]
name = "search"
path = "/search?q=${colour}&like=${embedding}"
headers = { X-Article = "a-${article}" }
weight = 3
expect.body_contains = "hits"

[[request]]
name = "order"
path = "/orders"
body = '{"id": ${id}, "again": "${id}", "colour": "${colour}", "note": "${note}", "embedding": ${embedding}}'
expect.status = [200, 201]

[probes]
count = 20
`

func parse(t testing.TB, text string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse("s.toml", []byte(text), fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func driver(t testing.TB, text string, o Options) *Driver {
	t.Helper()
	d, err := New(parse(t, text), o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// readBack reads a wire as a server does.
func readBack(t interface {
	Helper()
	Fatalf(string, ...any)
}, wire []byte,
) (*http.Request, string) {
	t.Helper()
	b := bufio.NewReader(bytes.NewReader(wire))
	r, err := http.ReadRequest(b)
	if err != nil {
		t.Fatalf("%q: %v", wire, err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || b.Buffered() != 0 {
		t.Fatalf("%q: %v, %d bytes too many", wire, err, b.Buffered())
	}
	return r, string(body)
}

func TestNewRefuses(t *testing.T) {
	engram, err := scenario.Load("ci/fast_regression_check")
	if err != nil {
		t.Fatal(err)
	}
	large := parse(t, head+"[values.v]\ntype = 'vector'\ndimension = 8000\n[[request]]\nname = 'x'\npath = '/'\nbody = '[${v}]'")
	for want, s := range map[string]*scenario.Scenario{"no [[request]]": engram, `request "x" has`: large} {
		if _, err := New(s, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestRoundIsPure(t *testing.T) {
	a, b := driver(t, shop, Options{}), driver(t, shop, Options{})
	b.Round(7, 33) // must leave no trace
	same := func(x, y load.Request) bool {
		return x.Operation == y.Operation && x.Probe == y.Probe && bytes.Equal(x.Wire, y.Wire)
	}
	for _, round := range []uint64{0, 1, 1 << 30} {
		if !slices.EqualFunc(a.Round(round, 100), b.Round(round, 100), same) {
			t.Errorf("round %d differs between two drivers", round)
		}
	}
	other := driver(t, strings.Replace(shop, "seed = 42", "seed = 43", 1), Options{})
	if slices.EqualFunc(a.Round(0, 100), other.Round(0, 100), same) {
		t.Error("two seeds give the same round")
	}
}

func TestRequests(t *testing.T) {
	d := driver(t, shop, Options{})
	if !slices.Equal(d.Operations(), []string{"search", "order"}) || len(d.Probes()) != 20 {
		t.Fatalf("operations %q, %d probes", d.Operations(), len(d.Probes()))
	}
	colours := []string{"red", "g\"reen\n", "блу & co"}
	ids := map[int]bool{}
	for round := range uint64(3) {
		for _, w := range d.Round(round, 100) {
			r, body := readBack(t, w.Wire)
			if r.Host != "localhost" || r.Close {
				t.Errorf("host %q, close %v", r.Host, r.Close)
			}
			if d.Operations()[w.Operation] == "search" {
				checkSearch(t, r, w, colours)
				continue
			}
			var order struct {
				ID           int
				Again        string
				Colour, Note string
				Embedding    []float64
			}
			if err := json.Unmarshal([]byte(body), &order); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if order.ID < 150 || ids[order.ID] || order.Again != strconv.Itoa(order.ID) {
				t.Errorf("id %d is one of setup's or was there before, or is %s the second time", order.ID, order.Again)
			}
			ids[order.ID] = true
			if !slices.Contains(colours, order.Colour) || len(strings.Fields(order.Note)) != 12 || len(order.Embedding) != 3 {
				t.Errorf("order %s", body)
			}
			if r.Method != "POST" || r.URL.Path != "/orders" || r.Header.Get("Content-Type") != "application/json" || w.Probe >= 0 || !slices.Equal(w.Expect.Status, []int{200, 201}) {
				t.Errorf("%s %s, %+v", r.Method, r.URL, w.Expect)
			}
		}
	}
	if len(ids) != 75 {
		t.Errorf("%d orders, want a quarter of 300", len(ids))
	}
}

func checkSearch(t *testing.T, r *http.Request, w load.Request, colours []string) {
	t.Helper()
	article, err := strconv.Atoi(strings.TrimPrefix(r.Header.Get("X-Article"), "a-"))
	if err != nil || article < 1 || article > 500 {
		t.Errorf("article %q", r.Header.Get("X-Article"))
	}
	q := r.URL.Query()
	if r.Method != "GET" || r.URL.Path != "/search" || len(q) != 2 || !slices.Contains(colours, q.Get("q")) || strings.Count(q.Get("like"), ",") != 2 {
		t.Errorf("%s %s", r.Method, r.URL)
	}
	if w.Expect == nil || w.Expect.Body == nil || !w.Expect.Body([]byte(`{"hits":[]}`)) || w.Expect.Body([]byte(`{}`)) {
		t.Errorf("expected is %+v", w.Expect)
	}
}

// A request in which nothing changes is made once.
func TestFixedRequests(t *testing.T) {
	d := driver(t, head+"[[request]]\nname = 'get'\npath = '/'\nheaders = { host = 'shop', Accept = '*/*' }", Options{Host: "other"})
	round := d.Round(0, 2)
	const want = "GET / HTTP/1.1\r\nhost: shop\r\nAccept: */*\r\n\r\n"
	if string(round[0].Wire) != want || &round[0].Wire[0] != &round[1].Wire[0] || round[0].Expect != nil {
		t.Errorf("%q, want %q, once", round[0].Wire, want)
	}
	named := driver(t, head+"[[request]]\nname = 'put'\nmethod = 'PUT'\npath = '/'", Options{Host: "shop:81"})
	if got := string(named.Round(0, 1)[0].Wire); got != "PUT / HTTP/1.1\r\nHost: shop:81\r\nContent-Length: 0\r\n\r\n" {
		t.Errorf("%q", got)
	}
}

// Whatever the values are, an encoded request reads back as the one intended.
func TestRequestsKeepTheirShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		printable := rapid.StringMatching(`[ -~]{0,20}`).Draw(t, "header")
		q := &scenario.Request{
			Method:   rapid.SampledFrom([]string{"GET", "POST", "DELETE"}).Draw(t, "method"),
			Path:     scenario.Template{{Text: "/a/", Value: -1}, {Value: 0}, {Text: "?b=", Value: -1}, {Value: 0}, {Text: "&c=d", Value: -1}},
			Headers:  []scenario.Header{{Name: "X-Text", Value: scenario.Template{{Value: 1}}}},
			Body:     scenario.Template{{Text: `{"a":"`, Value: -1}, {Value: 0}, {Text: `","b":1}`, Value: -1}},
			Encoding: scenario.JSON,
		}
		d := &Driver{options: Options{Host: "localhost"}, values: []generate{
			func(dst []byte, _ *rand.Rand, _ uint64) []byte { return append(dst, text...) },
			func(dst []byte, _ *rand.Rand, _ uint64) []byte { return append(dst, printable...) },
		}}
		e := d.newEncoder(q)
		r, body := readBack(t, e.build(&drawn{values: d.values}))
		if r.Method != q.Method || r.URL.Path != "/a/"+text || r.URL.Query().Get("b") != text || r.URL.Query().Get("c") != "d" || len(r.Header) != 2 {
			t.Fatalf("%s %q with %q", r.Method, r.URL, r.Header)
		}
		if got := r.Header.Get("X-Text"); got != strings.Trim(printable, " ") {
			t.Fatalf("header %q of %q", got, printable)
		}
		var sent struct {
			A string
			B int
		}
		if err := json.Unmarshal([]byte(body), &sent); err != nil || sent.A != text || sent.B != 1 {
			t.Fatalf("body %q of %q: %v", body, text, err)
		}
	})
}

func TestPick(t *testing.T) {
	const n, draws = 10, 200_000
	for _, exponent := range []float64{0, 0.5, 1, 2} {
		pick, rng := newPick(n, exponent), rand.New(rand.NewPCG(1, 2))
		var counts [n]float64
		for range draws {
			counts[pick(rng)]++
		}
		sum := 0.0
		for k := range n {
			sum += math.Pow(float64(k+1), -exponent)
		}
		for k, got := range counts {
			share := math.Pow(float64(k+1), -exponent) / sum
			if sd := math.Sqrt(draws * share * (1 - share)); math.Abs(got-draws*share) > 5*sd {
				t.Errorf("exponent %v: %v of rank %d, want %.0f ± %.0f", exponent, got, k+1, draws*share, sd)
			}
		}
	}
}

func ExampleDriver_Round() {
	s, err := scenario.Get("/health", 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := New(s, Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", d.Round(0, 1)[0].Wire)
	// Output: "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
}

// BenchmarkRound makes a round of a scenario with values everywhere.
func BenchmarkRound(b *testing.B) {
	d := driver(b, shop, Options{})
	for i := uint64(0); b.Loop(); i++ {
		d.Round(i, 1000)
	}
}
