package load

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func is(want string) func([]byte) bool { return func(b []byte) bool { return string(b) == want } }

// compress returns text in gzip, in as many members.
func compress(text string, members int) string {
	var b bytes.Buffer
	for range members {
		w := gzip.NewWriter(&b)
		io.WriteString(w, text)
		w.Close()
	}
	return b.String()
}

func TestExpectations(t *testing.T) {
	long := strings.Repeat("x", DefaultMaxBody)
	reply := func(code int, coding, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if coding != "" {
				w.Header()["Content-Encoding"] = []string{coding}
			}
			w.WriteHeader(code)
			io.WriteString(w, body)
		}
	}
	tests := []struct {
		reason string
		reply  http.HandlerFunc
		expect *Expectation
		want   string // the kind of error; "" when it is right
	}{
		{"any 2xx by default", reply(201, "", "x"), nil, ""},
		{"not 2xx", reply(404, "", "x"), nil, "status"},
		{"a redirect is a status, not followed", reply(302, "", "x"), nil, "status"},
		{"a redirect that is expected", reply(302, "", "x"), &Expectation{Status: []int{301, 302}}, ""},
		{"2xx, but not the right one", reply(200, "", "x"), &Expectation{Status: []int{201}}, "status"},
		{"a failure that is expected", reply(404, "", "gone"), &Expectation{Status: []int{404}, Body: is("gone")}, ""},
		{"the right body", reply(200, "", "hello"), &Expectation{Body: is("hello")}, ""},
		{"a wrong body", reply(200, "", "hullo"), &Expectation{Body: is("hello")}, "body"},
		{"a wrong status counts as that", reply(500, "", "hullo"), &Expectation{Body: is("hello")}, "status"},
		{"no body", reply(204, "", ""), &Expectation{Body: is("")}, ""},
		{"as long as is kept", reply(200, "", long), &Expectation{Body: is(long)}, ""},
		{"longer", reply(200, "", long+"x"), &Expectation{Body: func([]byte) bool { return true }}, "body"},
		{"longer by far, not looked at", reply(200, "", strings.Repeat(long, 5)), nil, ""},
		{"longer than asked for", reply(200, "", "hello"), &Expectation{Body: is("hello"), MaxBody: 4}, "body"},
		{"not coded, and says so", reply(200, "identity", "hello"), &Expectation{Body: is("hello")}, ""},
		{"gzip", reply(200, "gzip", compress("hello", 1)), &Expectation{Body: is("hello")}, ""},
		{"gzip by its old name, in two members", reply(200, "X-GZIP", compress("hello", 2)), &Expectation{Body: is("hellohello")}, ""},
		{"gzip of a wrong body", reply(200, "gzip", compress("hullo", 1)), &Expectation{Body: is("hello")}, "body"},
		{"gzip, not looked at", reply(200, "gzip", "broken"), nil, ""},
		{"broken gzip", reply(200, "gzip", "hello"), &Expectation{Body: is("hello")}, "body"},
		{"half a gzip", reply(200, "gzip", compress("hello", 1)[:20]), &Expectation{Body: is("hello")}, "body"},
		{"gzip as long as is kept", reply(200, "gzip", compress(long, 1)), &Expectation{Body: is(long)}, ""},
		{"a gzip bomb", reply(200, "gzip", compress(long, 64)), &Expectation{Body: func([]byte) bool { return true }}, "body"},
		{"another coding", reply(200, "br", "hello"), &Expectation{Body: is("hello")}, "body"},
		{"several codings", reply(200, "gzip, gzip", compress("hello", 1)), &Expectation{Body: is("hello")}, "body"},
		{"in chunks", func(w http.ResponseWriter, _ *http.Request) {
			for _, part := range []string{"he", "l", "lo"} {
				io.WriteString(w, part)
				w.(http.Flusher).Flush()
			}
		}, &Expectation{Body: is("hello")}, ""},
	}
	eachProtocol(t, func(t *testing.T, config Config) {
		var now atomic.Pointer[http.HandlerFunc]
		address := web(t, config, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*now.Load())(w, r) }))
		engine, lanes := start(t, config, address)
		for _, test := range tests {
			now.Store(&test.reply)
			requests := sequence(8) // two for each connection: the first must leave nothing behind
			for i := range requests {
				requests[i].Expect = test.expect
			}
			lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(0, 8)}, Requests: requests})
			got := errorsOf(lane)
			if completed, _ := outcome(lane); test.want == "" && completed != 8 || test.want != "" && got[test.want] != 8 {
				t.Errorf("%s: %d completed, errors %v; want %q", test.reason, completed, got, test.want)
			}
			if lane.Reopened > 0 {
				t.Errorf("%s: %d connections were reopened", test.reason, lane.Reopened)
			}
		}
	})
}

func TestHeadHasNoBody(t *testing.T) {
	eachProtocol(t, func(t *testing.T, config Config) {
		engine, lanes := start(t, config, web(t, config, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "hello")
		})))
		requests := sequence(20)
		for i := range requests {
			if i%2 == 0 {
				requests[i] = Request{Probe: -1, Wire: []byte("HEAD / HTTP/1.1\r\nHost: target\r\n\r\n"), Expect: &Expectation{Body: is("")}}
			} else {
				requests[i].Expect = &Expectation{Body: is("hello")}
			}
		}
		lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, 20)}, Requests: requests})
		if completed, _ := outcome(lane); completed != 20 {
			t.Errorf("%d completed, errors %v; want all 20", completed, errorsOf(lane))
		}
	})
}

// What a server is asked is what the scenario says, whichever protocol carries it.
func TestRequestsArriveAsWritten(t *testing.T) {
	const wire = "POST /a%20b?c=d HTTP/1.1\r\nHost: example.org\r\nX-Twice: 1\r\nX-Twice: 2\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"
	const bare = "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"
	eachProtocol(t, func(t *testing.T, config Config) {
		engine, lanes := start(t, config, web(t, config, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			switch {
			case err != nil || r.Host != "example.org" || r.UserAgent() != "" || r.Header.Get("Accept-Encoding") != "":
				w.WriteHeader(400)
			case r.Method == "GET" && r.RequestURI == "/" && len(body) == 0:
			case r.Method == "POST" && r.RequestURI == "/a%20b?c=d" && string(body) == "hello" && strings.Join(r.Header["X-Twice"], ",") == "1,2":
			default:
				w.WriteHeader(500)
			}
		})))
		requests := []Request{{Probe: -1, Wire: []byte(wire)}, {Probe: -1, Wire: []byte(bare)}, {Probe: -1, Wire: []byte(wire)}}
		lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{{0, 0, 1e6}}, Requests: requests})
		if completed, _ := outcome(lane); completed != 3 {
			t.Errorf("%d completed, errors %v; want all 3", completed, errorsOf(lane))
		}
	})
}

func TestABombTakesNoMemory(t *testing.T) {
	var c capture
	const most = 1 << 16
	bomb := []byte(compress(strings.Repeat("x", 1<<20), 256))
	c.begin(len(bomb))
	c.add(bomb)
	c.takeCoding([]byte("gzip"), false)
	c.content(most) // buffers find their size
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 10 {
		if _, ok := c.content(most); ok {
			t.Error("a bomb was decoded")
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes for ten bombs", grown)
	}
	if cap(c.decoded) > 4*most {
		t.Errorf("a buffer of %d for at most %d bytes", cap(c.decoded), most)
	}
}

func TestCaptureKeepsWhatItIsGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c capture
		for range rapid.IntRange(1, 3).Draw(t, "responses") {
			parts := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 4000), 0, 5).Draw(t, "parts")
			whole := bytes.Join(parts, nil)
			most := rapid.IntRange(0, 20_000).Draw(t, "most")
			c.begin(most)
			if rapid.Bool().Draw(t, "gzip") {
				c.takeCoding([]byte("gzip"), false)
				parts = [][]byte{[]byte(compress(string(whole), 1))}
			}
			for _, part := range parts {
				c.add(part)
			}
			got, ok := c.content(most)
			if ok != (len(whole) <= most) || ok && !bytes.Equal(got, whole) {
				t.Fatalf("%d bytes of %d at most: got %d, %v", len(whole), most, len(got), ok)
			}
		}
	})
}

// Whatever a server says is gzip: no panic, never more than asked for, and what
// is decoded is what the standard library decodes.
func FuzzCapture(f *testing.F) {
	for _, seed := range []string{"", "hello", compress("hello", 1), compress("hello", 3), compress(strings.Repeat("x", 9000), 1), compress("hello", 1) + "rest", compress("hello", 1)[:15]} {
		f.Add([]byte(seed), "gzip", 100)
		f.Add([]byte(seed), "", 10_000)
		f.Add([]byte(seed), "br", 10)
	}
	f.Fuzz(func(t *testing.T, raw []byte, header string, most int) {
		if most < 0 || most > 1<<20 {
			return
		}
		var c capture
		c.begin(most)
		c.takeCoding([]byte(header), false)
		c.add(raw)
		got, ok := c.content(most)
		if ok && len(got) > most {
			t.Fatalf("%d bytes of at most %d", len(got), most)
		}
		want := raw
		switch {
		case c.coding == gzipped && len(raw) > 0:
			r, err := gzip.NewReader(bytes.NewReader(raw))
			if err == nil {
				want, err = io.ReadAll(io.LimitReader(r, int64(most)+1))
			}
			if err != nil && ok {
				t.Fatalf("%q was decoded to %q, the standard library says %v", raw, got, err)
			}
		case c.coding == unknown && ok:
			t.Fatalf("a body in coding %q was decoded", header)
		}
		if ok && !bytes.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}
