package load

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// parsed is what a parser makes of a stream.
type parsed struct {
	status    int
	used      int
	done      bool
	atEOF     bool // complete if the stream ends here
	mustClose bool
	body      string
	err       error
}

// parseIn feeds a stream in pieces that end at the cuts.
func parseIn(stream string, cuts ...int) parsed {
	var p responseParser
	var c capture
	p.await(&Request{Wire: []byte("GET / HTTP/1.1\r\n\r\n"), Expect: &Expectation{Body: func([]byte) bool { return true }}}, &c)
	var result parsed
	from := 0
	for _, to := range append(cuts, len(stream)) {
		used, done, err := p.feed([]byte(stream[from:to]))
		result.used += used
		if done || err != nil {
			result.done, result.err = done, err
			break
		}
		from = to
	}
	if result.err == nil {
		result.status, result.mustClose, result.atEOF = p.status, p.mustClose, p.endOfStream()
		result.body = string(c.raw)
	}
	return result
}

func TestParserAccepts(t *testing.T) {
	tests := []struct {
		reason, stream, rest string // rest follows the response
		status               int
		mustClose            bool
		body                 string
	}{
		{"by length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "", 200, false, "ok"},
		{"what follows is left alone", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP", 200, false, "ok"},
		{"no reason phrase", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", 200, false, ""},
		{"empty reason phrase", "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", "", 404, false, ""},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\n", "x", 204, false, ""},
		{"not modified, whatever its length says", "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", "", 304, false, ""},
		{"odd spelling and space", "HTTP/1.1 200 OK\r\ncOnTent-lEngth: \t 1 \r\n\r\nx", "", 200, false, "x"},
		{"length said twice", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "", 200, false, "x"},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", "", 200, false, "0123456789"},
		{"chunk extensions and trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n01 ;a=\"b\"\r\nx\r\n0;z\r\nA: b\r\n\r\n", "", 200, false, "x"},
		{"asked to close", "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 0\r\n\r\n", "", 200, true, ""},
		{"close wins", "HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", "", 200, true, ""},
		{"old", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200, true, ""},
		{"old and kept alive", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", "", 200, false, ""},
		{"interim responses first", "HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\nHTTP/1.1 103 x\r\nA: b\r\n\r\nHTTP/1.1 201 x\r\nContent-Length: 0\r\n\r\n", "", 201, false, ""},
		{"a long line that does not matter", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 60_000) + "\r\nContent-Length: 0\r\n\r\n", "", 200, false, ""},
		{"a long reason", "HTTP/1.1 200 " + strings.Repeat("y", 2000) + "\r\nContent-Length: 0\r\n\r\n", "", 200, false, ""},
	}
	for _, test := range tests {
		got := parseIn(test.stream + test.rest)
		want := parsed{status: test.status, used: len(test.stream), done: true, atEOF: true, mustClose: test.mustClose, body: test.body}
		if got != want {
			t.Errorf("%s: got %+v, want %+v", test.reason, got, want)
		}
	}
}

func TestParserFramesByClosing(t *testing.T) {
	got := parseIn("HTTP/1.1 200 OK\r\n\r\nanything\r\n\r\n")
	if got.done || !got.atEOF || !got.mustClose || got.err != nil {
		t.Errorf("got %+v, want complete only when the stream ends", got)
	}
}

func TestParserRefuses(t *testing.T) {
	tests := []struct {
		stream string
		want   error
	}{
		{"HTTP/2 200 OK\r\n", errStatusLine},
		{"HTTP/1.2 200 OK\r\n", errStatusLine},
		{"http/1.1 200 OK\r\n", errStatusLine},
		{"HTTP/1.1 20 OK\r\n", errStatusLine},
		{"HTTP/1.1 2000\r\n", errStatusLine},
		{"HTTP/1.1 099 x\r\n", errStatusLine},
		{"HTTP/1.1 600 x\r\n", errStatusLine},
		{"HTTP/1.1\t200 x\r\n", errStatusLine},
		{"\r\nHTTP/1.1 200 x\r\n", errStatusLine},
		{"HTTP/1.1 200 OK\n", errLineEnd},
		{"HTTP/1.1 200 OK\r\nA: b\n", errLineEnd},
		{"HTTP/1.1 101 x\r\n\r\n", errUpgrade},
		{"HTTP/1.1 200 OK\r\nNonsense\r\n", errHeader},
		{"HTTP/1.1 200 OK\r\n: b\r\n", errHeader},
		{"HTTP/1.1 200 OK\r\nA : b\r\n", errHeader},
		{"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n", errHeader},
		{"HTTP/1.1 200 OK\r\nConnection: " + strings.Repeat("x", 600) + "\r\n", errHeader},
		{"HTTP/1.1 200 OK\r\nContent-Length: \r\n", errLength},
		{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", errLength},
		{"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n", errLength},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n", errLength},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n", errLength},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n", errLength},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n", errLength},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", errLength},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", errCoding},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", errCoding},
		{"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n", errCoding},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", errChunk},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", errChunk},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1 x\r\n", errChunk},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n", errChunk},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", errChunk},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("0", 600), errChunk},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\n", errLineEnd},
		{"HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 20_000), errHeadSize},
		{"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("b", 100_000), errHeadSize},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("A: b\r\n", 20_000), errHeadSize},
		{strings.Repeat("HTTP/1.1 100 x\r\n\r\n", 10_000), errHeadSize},
	}
	for _, test := range tests {
		if got := parseIn(test.stream); !errors.Is(got.err, test.want) || got.done {
			t.Errorf("%.60q: got %+v, want error %q", test.stream, got, test.want)
		}
	}
}

func TestParserCutsShort(t *testing.T) {
	for _, stream := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	} {
		for cut := range len(stream) {
			if got := parseIn(stream[:cut]); got.done || got.atEOF || got.err != nil {
				t.Errorf("%q: got %+v, want an incomplete response", stream[:cut], got)
			}
		}
	}
}

func TestParserIsReusable(t *testing.T) {
	var p responseParser
	for range 3 {
		p.reset()
		for _, piece := range []string{"HTTP/1.0 500 x\r\nTransf", "er: y\r\nConnection: clo", "se\r\nContent-Length: 1\r\n\r\n", "x"} {
			if _, _, err := p.feed([]byte(piece)); err != nil {
				t.Fatal(err)
			}
		}
		if p.state != atEnd || p.status != 500 || !p.mustClose {
			t.Fatalf("got %+v", p)
		}
		p.reset()
		if _, done, err := p.feed([]byte(plainOK)); !done || err != nil || p.status != 200 || p.mustClose {
			t.Fatalf("after another response: done %v, %v, %+v", done, err, p)
		}
	}
}

// The parser's memory is itself: but for a body that is wanted, nothing grows.
func TestParserIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(responseParser{}); size > 1024 {
		t.Errorf("a parser takes %d bytes", size)
	}
	stream := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
	var p responseParser
	if allocations := testing.AllocsPerRun(100, func() {
		p.reset()
		for i := range stream {
			p.feed(stream[i : i+1])
		}
	}); allocations != 0 {
		t.Errorf("%v allocations a response", allocations)
	}
}

func TestCutsDoNotMatter(t *testing.T) {
	parts := []string{
		"HTTP/1.1 200 OK\r\n", "HTTP/1.0 404 x\r\n", "HTTP/1.1 100 x\r\n\r\n", "HTTP/1.1 204\r\n",
		"Content-Length: 3\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n",
		"X: " + strings.Repeat("y", 600) + "\r\n", "Connection: " + strings.Repeat("y", 500) + "\r\n", "\r\n", "abc", "3\r\nabc\r\n", "0\r\n\r\n", "\n", "\r", ":", " ",
	}
	rapid.Check(t, func(t *rapid.T) {
		stream := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 12).Draw(t, "parts"), "")
		whole := parseIn(stream)
		cut1 := rapid.IntRange(0, len(stream)).Draw(t, "cut")
		cut2 := rapid.IntRange(cut1, len(stream)).Draw(t, "second cut")
		checkSame(t, stream, whole, parseIn(stream, cut1, cut2))
	})
}

type fataller interface{ Fatalf(string, ...any) }

// checkSame compares two ways of feeding a stream. How much was used beside an
// error depends on the pieces and means nothing.
func checkSame(t fataller, stream string, a, b parsed) {
	if a.err != nil && b.err != nil {
		a.used, b.used, a.err, b.err = 0, 0, nil, nil
	}
	if a != b {
		t.Fatalf("%q: in one piece %+v, in several %+v", stream, a, b)
	}
}

// Whatever a server sends: no panic, the same result however it is cut, and
// where the parser finds a complete response, the standard library agrees.
func FuzzResponseParser(f *testing.F) {
	for _, seed := range []string{
		plainOK,
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 100 Continue\r\n\r\n" + plainOK,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\nrest",
		"HTTP/1.1 200 OK\r\n\r\nuntil close",
		"HTTP/1.1 500 Oh\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
		"SSH-2.0-x\r\n",
	} {
		f.Add(seed, 7)
	}
	f.Fuzz(func(t *testing.T, stream string, cut int) {
		whole := parseIn(stream)
		if whole.used > len(stream) || whole.done && whole.err != nil {
			t.Fatalf("impossible: %+v", whole)
		}
		if cut >= 0 && cut <= len(stream) {
			checkSame(t, stream, whole, parseIn(stream, cut))
		}
		if whole.done {
			checkStandardLibrary(t, stream, whole)
		}
	})
}

// checkStandardLibrary compares with net/http, which accepts all that we do
// except for details of names and values that do not matter for framing.
func checkStandardLibrary(t *testing.T, stream string, got parsed) {
	in := strings.NewReader(stream)
	r := bufio.NewReaderSize(in, 1<<20)
	var response *http.Response
	for {
		var err error
		if response, err = http.ReadResponse(r, nil); err != nil {
			return // stricter than we are, on what we skip
		}
		if response.StatusCode >= 200 {
			break
		}
	}
	if response.StatusCode != got.status {
		t.Fatalf("%q: status %d, the standard library says %d", stream, got.status, response.StatusCode)
	}
	if response.StatusCode == 304 {
		return // the standard library expects a body where there is none
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return
	}
	if string(body) != got.body {
		t.Fatalf("%q: body %q, the standard library says %q", stream, got.body, body)
	}
	if used := len(stream) - in.Len() - r.Buffered(); used != got.used {
		t.Fatalf("%q: %d bytes used, the standard library %d", stream, got.used, used)
	}
}
