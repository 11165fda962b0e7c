package scenario

import (
	"regexp"

	"github.com/fivegate/fivegate/gate/diag"
)

// Bounds on requests, chosen.
const (
	maxRequests     = 32 // each has a histogram in every slice of the document
	maxSetup        = 5_000_000
	defaultSetupAt  = 8 // connections
	maxSetupAt      = 64
	requestExample  = "add a table [[request]] with name = \"get\" and path = \"/\" for an HTTP server; Engram has [operations] and [data]"
	operationLetter = "letters, digits, _, - and ., beginning with a letter or digit, at most 60"
)

// operationName is fit to stand in the names of metrics.
var operationName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$`)

// httpReader reads what a scenario says about requests.
type httpReader struct {
	files  *fileSet
	values []Value
	index  map[string]int // of values, by name
}

// isHTTP tells the two kinds of scenario apart. Without the keys of either, it is
// the one that anybody can write.
func isHTTP(root *diag.Table) bool {
	engram := root.Has("operations") || root.Has("data")
	return root.Has("request") || !engram
}

// readHTTP reads the tables that a scenario for an HTTP server has instead of
// [operations] and [data].
func readHTTP(root *diag.Table, files *fileSet) (*HTTP, []OperationWeight) {
	for _, key := range []string{"operations", "data"} {
		if root.Has(key) {
			root.Fault(root.KeyPosition(key), "value", "[%s] and [[request]] cannot stand in one scenario: the one is for Engram's API, the other for any HTTP server; keep one", key)
		}
	}
	root.Require("request", requestExample)
	r := &httpReader{files: files, index: map[string]int{}}
	r.readValues(root.Table("values"))
	h := &HTTP{}
	operations := r.readRequests(root, h)
	for _, t := range root.Tables("setup") {
		h.Setup = append(h.Setup, Setup{
			Request:     r.readRequest(t),
			Count:       int(t.Int("count", 1, diag.Range[int64]{Min: 1, Max: maxSetup, Unit: "requests"})),
			Connections: int(t.Int("connections", defaultSetupAt, diag.Range[int64]{Min: 1, Max: maxSetupAt})),
		})
	}
	if root.Has("verify") {
		verify := r.readRequest(root.Table("verify"))
		h.Verify = &verify
	}
	h.Values = r.values
	return h, operations
}

// readRequests reads the [[request]] tables. Weights are shares of their sum.
func (r *httpReader) readRequests(root *diag.Table, h *HTTP) []OperationWeight {
	var operations []OperationWeight
	taken := map[string]bool{}
	sum := 0.0
	tables := root.Tables("request")
	for _, t := range tables {
		name := readOperationName(t, taken)
		weight := t.Number("weight", 1, diag.Range[float64]{Min: 0.001, Max: 1e6})
		q := r.readRequest(t)
		q.Name = name
		q.Repeatable = t.Bool("repeatable", q.Method == "GET" || q.Method == "HEAD")
		h.Requests = append(h.Requests, q)
		operations = append(operations, OperationWeight{Name: name, Weight: weight})
		sum += weight
	}
	for i := range operations {
		operations[i].Weight /= sum
	}
	switch {
	case root.Has("request") && tables != nil && len(tables) == 0:
		root.Fault(root.Position("request"), "value", "there is no request: %s", requestExample)
	case len(tables) > maxRequests:
		root.Fault(root.Position("request"), "range", "%d requests: at most %d are allowed", len(tables), maxRequests)
	}
	return operations
}

func readOperationName(t *diag.Table, taken map[string]bool) string {
	t.Require("name", `add a line such as name = "search"; it stands in the report`)
	name, ok := t.Text("name")
	switch {
	case !ok:
	case !operationName.MatchString(name.Value):
		t.Fault(name.At(-1), "value", "request name %q: allowed are %s", name.Value, operationLetter)
	case taken[name.Value]:
		t.Fault(name.At(-1), "value", "there are two requests with the name %q: give each its own", name.Value)
	}
	taken[name.Value] = true
	return name.Value
}
