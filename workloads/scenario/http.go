package scenario

import "github.com/fivegate/fivegate/workloads/scenario/jsonpath"

// HTTP is what a scenario sends to an HTTP server.
type HTTP struct {
	Values   []Value
	Requests []Request // one for each of Scenario.Operations
	Setup    []Setup   // sent once to a fresh target, in this order
	Verify   *Request  // answered as expected by a target that has what Setup sent; nil: there is no telling
}

// Request is one kind of request. Its parts are fit for the wire: whatever the
// values are, they make one request with the method, path, headers and body that
// the file says.
type Request struct {
	Name       string // of the operation; empty in Setup and Verify
	Method     string
	Path       Template // with the query
	Headers    []Header // as written; without those that frame the message
	Body       Template
	Encoding   Encoding // of values in the body
	Repeatable bool     // sent again, it changes nothing
	Expect     Expect
}

// Header is a header field.
type Header struct {
	Name  string
	Value Template
}

// Setup is a request that is sent before anything is measured.
type Setup struct {
	Request
	Count       int // how often it is sent
	Connections int // over how many at a time
}

// Expect is the answer that a request must get.
type Expect struct {
	Status   []int               // any of these; empty: 200 to 299
	Contains string              // somewhere in the body; empty: not looked for
	JSON     *jsonpath.Condition // of the body; nil: none
}

// Encoding says how values are written into a body.
type Encoding string

// The encodings.
const (
	Plain Encoding = ""     // as they are
	JSON  Encoding = "json" // so that they stay within a JSON string; numbers and lists are what they are
	Form  Encoding = "form" // percent-encoded, as in a path
)

// Template is text with values in it.
type Template []Part

// Part is a stretch of literal text, or a value.
type Part struct {
	Text  string
	Value int // index into HTTP.Values, or −1 for literal text
}

// Fixed reports whether there is no value in the template, and its text then.
func (t Template) Fixed() (text string, fixed bool) {
	switch {
	case len(t) == 0:
		return "", true
	case len(t) == 1 && t[0].Value < 0:
		return t[0].Text, true
	}
	return "", false
}

// The types of values.
const (
	Sequence = "sequence" // a whole number that no other request has
	Integer  = "integer"  // a whole number at random
	Choice   = "choice"   // one of a list of texts, or a line of a file
	Words    = "words"    // words of a made-up vocabulary, some common, most rare
	Vector   = "vector"   // an embedding
)

// Value is a value that is made anew for each request.
type Value struct {
	Name         string
	Type         string   // Sequence, Integer, Choice, Words or Vector
	Start        int64    // Sequence: the first of a setup request
	Min, Max     int64    // Integer: both ends included
	Texts        []string // Choice: the texts or lines
	Zipf         float64  // Integer, Choice: exponent of a Zipf distribution in which the first is drawn most often; 0: all equally often
	Count        int      // Words: how many
	Dimension    int      // Vector: numbers in it
	Distribution string   // Vector: Clustered or Uniform
	Clusters     int      // Vector: Clustered only
	StdDev       float64  // Vector: as of Data; Clustered only
}
