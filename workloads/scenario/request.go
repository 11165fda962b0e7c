package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/workloads/scenario/jsonpath"
)

const maxBodyBytes = 1 << 20 // of a body from a file

// readRequest reads the keys that [[request]], [[setup]] and [verify] share.
func (r *httpReader) readRequest(t *diag.Table) Request {
	var q Request
	t.Require("path", `add a line such as path = "/"`)
	q.Path = r.readPath(t)
	q.Headers = r.readHeaders(t.Table("headers"))
	hasBody := r.readBody(t, &q)
	q.Method = readMethod(t, hasBody)
	q.Expect = readExpect(t.Table("expect"))
	if e := q.Expect; q.Method == "HEAD" && (e.Contains != "" || e.JSON != nil) {
		t.Fault(t.Position("expect"), "value", "the answer to HEAD has no body in which to look for something: use GET, or expect a status only")
	}
	return q
}

var methodPattern = regexp.MustCompile(`^[A-Z][A-Z-]{0,19}$`)

func readMethod(t *diag.Table, hasBody bool) string {
	x, ok := t.Text("method")
	switch {
	case !ok && hasBody:
		return "POST"
	case !ok:
		return "GET"
	case x.Value == "CONNECT":
		t.Fault(x.At(-1), "value", "CONNECT opens a tunnel, through which no request can be measured")
	case !methodPattern.MatchString(x.Value):
		t.Fault(x.At(-1), "value", "method %q is none: methods are written in capital letters, such as GET or POST", x.Value)
	}
	return x.Value
}

// template reads a template whose literal text must fit; false, with the fault
// noted, when it does not.
func (r *httpReader) template(t *diag.Table, x diag.Text, fault func(literal string) string) (Template, bool) {
	literals, names, at, wrong := cutTemplate(x.Value)
	if wrong != nil {
		t.Fault(x.At(wrong.offset), "template", "%s", wrong.message)
		return nil, false
	}
	var parts Template
	good := true
	for i, literal := range literals {
		if why := fault(literal); why != "" {
			t.Fault(x.At(-1), "value", "%s", why)
			return nil, false
		}
		if literal != "" {
			parts = append(parts, Part{Text: literal, Value: -1})
		}
		if i == len(names) {
			break
		}
		value, known := r.index[names[i]]
		if !known {
			t.Fault(x.At(at[i]), "template", "there is no value %q: %s", names[i], r.suggest(names[i]))
			good = false
			continue
		}
		parts = append(parts, Part{Value: value})
	}
	return parts, good
}

// suggest is what to do about a value that there is not.
func (r *httpReader) suggest(name string) string {
	if len(r.values) == 0 {
		return fmt.Sprintf(`add a table [values.%s] with type = "sequence", say, or write $${ for the characters themselves`, name)
	}
	var names []string
	for _, v := range r.values {
		names = append(names, v.Name)
	}
	return diag.Suggest(name, names)
}

func anyText(string) string { return "" }

func (r *httpReader) readPath(t *diag.Table) Template {
	x, ok := t.Text("path")
	if !ok {
		return nil
	}
	if !strings.HasPrefix(x.Value, "/") {
		t.Fault(x.At(-1), "value", "path %q must begin with a slash, such as \"/search?q=x\": host and port are the target's", x.Value)
		return nil
	}
	path, _ := r.template(t, x, pathFault)
	return path
}

// pathFault says why a text cannot stand in the target of a request (RFC 3986,
// section 3.3 and 3.4; square brackets are common in queries).
func pathFault(literal string) string {
	for i := 0; i < len(literal); i++ {
		c := literal[i]
		switch {
		case isUnreserved(c) || strings.IndexByte("/?:@!$&'()*+,;=[]", c) >= 0:
		case c == '%' && i+2 < len(literal) && isHex(literal[i+1]) && isHex(literal[i+2]):
		case c == '%':
			return `a percent sign in a path begins two hexadecimal digits: write %25 for the sign itself`
		case c == '#':
			return "what follows # is never sent to a server: leave it out, or write %23"
		default:
			return fmt.Sprintf("%q cannot stand in a path as it is: write %s", literal[i:i+1], appendPercent(nil, []byte{c}))
		}
	}
	return ""
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// framing are the header fields that say where a message ends and what becomes of
// its connection, which is the engine's affair.
var framing = []string{"connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}

// headerName is a token (RFC 9110, section 5.6.2).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

func (r *httpReader) readHeaders(t *diag.Table) []Header {
	var headers []Header
	seen := map[string]bool{}
	for _, name := range t.Names() {
		lower := strings.ToLower(name)
		switch {
		case !headerName.MatchString(name):
			t.Fault(t.KeyPosition(name), "value", "%q cannot be the name of a header", name)
		case slices.Contains(framing, lower):
			t.Fault(t.KeyPosition(name), "value", "header %s is the load engine's to set: leave it out", name)
		case seen[lower]:
			t.Fault(t.KeyPosition(name), "duplicate-key", "header %s is there twice: letter case does not count", name)
		}
		seen[lower] = true
		x, ok := t.Text(name)
		if !ok {
			continue
		}
		value, ok := r.template(t, x, headerFault)
		for _, part := range value {
			if part.Value < 0 {
				continue
			}
			if text, bad := r.values[part.Value].misfit(isHeaderText); bad && ok {
				t.Fault(x.At(-1), "value", "value %q may be %.40q, which cannot stand in a header: it has a line break, or another character than printable ASCII", r.values[part.Value].Name, text)
				break
			}
		}
		headers = append(headers, Header{Name: name, Value: value})
	}
	return headers
}

func headerFault(literal string) string {
	if isHeaderText(literal) {
		return ""
	}
	return "a header holds printable ASCII on one line: percent-encode or quote what is not"
}

func isHeaderText(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c != '\t' && (c < ' ' || c > '~') }) < 0
}

// readBody reads body or body_file, and how values are written into it. It
// reports whether there is one.
func (r *httpReader) readBody(t *diag.Table, q *Request) bool {
	x, isText := t.Text("body")
	name, isFile := t.Text("body_file")
	good := true
	switch {
	case isText && isFile:
		t.Fault(name.At(-1), "value", "body and body_file exclude each other: keep one")
		return true
	case isFile:
		var data []byte
		if data, good = r.files.read(t, name, maxBodyBytes); good && len(data) > 0 {
			q.Body = Template{{Text: string(data), Value: -1}}
		}
	case isText:
		q.Body, good = r.template(t, x, anyText)
	}
	if !good {
		return isText || isFile
	}
	q.Encoding = q.guessEncoding()
	if isText && q.Encoding == JSON {
		if err := r.checkJSON(q.Body); err != nil {
			t.Fault(x.At(-1), "json", "the body is not JSON once its values are in (%v): texts need double quotes around them, as in \"${name}\"; for another format give a header Content-Type", strings.TrimPrefix(err.Error(), "jsontext: "))
		}
	}
	return isText || isFile
}

// guessEncoding goes by the content type. Where there is none, a body that begins
// as JSON does is JSON, and gets the header.
func (q *Request) guessEncoding() Encoding {
	for _, h := range q.Headers {
		if !strings.EqualFold(h.Name, "Content-Type") {
			continue
		}
		kind, _ := h.Value.Fixed()
		switch kind = strings.ToLower(kind); {
		case strings.Contains(kind, "json"):
			return JSON
		case strings.Contains(kind, "x-www-form-urlencoded"):
			return Form
		}
		return Plain
	}
	if len(q.Body) == 0 {
		return Plain
	}
	if begin := strings.TrimLeft(q.Body[0].Text, " \t\r\n"); strings.HasPrefix(begin, "{") || strings.HasPrefix(begin, "[") {
		q.Headers = append(q.Headers, Header{Name: "Content-Type", Value: Template{{Text: "application/json", Value: -1}}})
		return JSON
	}
	return Plain
}

// checkJSON reads a body with samples of its values as JSON: one value, or
// several, as newline-delimited JSON has.
func (r *httpReader) checkJSON(body Template) error {
	var text []byte
	for _, part := range body {
		text = append(text, part.Text...)
		if part.Value >= 0 {
			text = JSON.Append(text, []byte(r.values[part.Value].sample()))
		}
	}
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	err := d.SkipValue()
	for err == nil {
		err = d.SkipValue()
	}
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && d.InputOffset() > 0 {
		return nil
	}
	return err
}

func readExpect(t *diag.Table) Expect {
	var e Expect
	status := t.Ints("status", diag.Range[int64]{Min: 200, Max: 599})
	for _, n := range status {
		e.Status = append(e.Status, int(n))
	}
	if t.Has("status") && status != nil && len(status) == 0 {
		t.Fault(t.Position("status"), "value", "no status is named: leave it out to expect any of 200 to 299")
	}
	if x, ok := t.Text("body_contains"); ok {
		if e.Contains = x.Value; x.Value == "" {
			t.Fault(x.At(-1), "value", "every body contains nothing: say what must be in it")
		}
	}
	if x, ok := t.Text("body_json"); ok {
		condition, err := jsonpath.Parse(x.Value)
		var syntax *jsonpath.SyntaxError
		if errors.As(err, &syntax) {
			t.Fault(x.At(syntax.Offset), "jsonpath", "body_json is %q: %s", x.Value, syntax.Message)
		}
		e.JSON = &condition
	}
	return e
}
