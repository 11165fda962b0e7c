package scenario

import (
	"fmt"
	"strconv"
)

// getText is the scenario of those who have none.
const getText = `# Made by gate for want of a scenario: one request, over and over.
name = %s

[arrival]
pattern = "constant"
rate = %s

[[request]]
name = "get"
path = %s
expect.status = 200

[validation]
max_error_rate = 0.01
`

// Get is the scenario of those who have none: a GET of one path, with its query,
// at a steady rate in requests a second, to be answered 200, of which one in a
// hundred may fail. The error is a diag.Faults if the path cannot be sent.
func Get(path string, ratePerS float64) (*Scenario, error) {
	const shown = 80 // of the path, in the name
	name := "GET " + path[:min(len(path), shown)]
	text := fmt.Sprintf(getText, strconv.QuoteToASCII(name), strconv.FormatFloat(ratePerS, 'f', -1, 64), strconv.QuoteToASCII(escapeTemplate(path)))
	return Parse("GET "+path, []byte(text), nil)
}
