package history

import (
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
)

// ExplanationsFile is the file of the explanations in a history's directory.
const ExplanationsFile = "explained.jsonl"

// Explanation says why a change is as it should be, so that it is shown and no longer
// counts as a regression.
type Explanation struct {
	Schema   string `json:"schema"`
	Commit   string `json:"commit"`             // first commit after the change, or the start of its name
	Scenario string `json:"scenario,omitempty"` // empty: any
	Metric   string `json:"metric,omitempty"`   // empty: any
	Reason   string `json:"reason"`
	By       string `json:"by"`
}

// ReadExplanations reads the file of the explanations, as strictly as Read.
func ReadExplanations(name string, r io.Reader) ([]Explanation, error) {
	f := file{name: name}
	var out []Explanation
	err := f.lines(r, func(text []byte) {
		var e Explanation
		if column, err := decode(text, &e); err != nil {
			f.fault(column, "line", "%v", err)
		} else if err := e.fault(); err != nil {
			f.fault(1, "value", "%v", err)
		} else {
			out = append(out, e)
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Write adds the explanation's line.
func (e Explanation) Write(w io.Writer) error {
	e.Schema = Schema
	if err := e.fault(); err != nil {
		return err
	}
	if err := json.MarshalWrite(w, e, json.Deterministic(true)); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (e Explanation) fault() error {
	switch {
	case e.Schema != Schema:
		return fmt.Errorf("schema is %q, need %q", brief(e.Schema), Schema)
	case len(e.Commit) < leastCommit || commitFault(e.Commit) != nil:
		return fmt.Errorf("commit is %q, need at least %d characters of the first commit after the change", brief(e.Commit), leastCommit)
	case strings.TrimSpace(e.Reason) == "" || len(e.Reason) > 1000:
		return fmt.Errorf("the reason is empty or has more than 1000 bytes: say why the change is as it should be")
	case strings.TrimSpace(e.By) == "" || len(e.By) > maxName:
		return fmt.Errorf("by is empty or too long: say who answers for it")
	}
	return nil
}

// of says whether the explanation is of a change.
func (e Explanation) of(s *Series, commit string) bool {
	return (strings.HasPrefix(commit, e.Commit) || len(commit) >= leastCommit && strings.HasPrefix(e.Commit, commit)) &&
		(e.Scenario == "" || e.Scenario == s.Scenario) && (e.Metric == "" || e.Metric == s.Metric)
}

// Same says whether two explanations say the same.
func (e Explanation) Same(other Explanation) bool {
	e.Schema, other.Schema = "", ""
	return e == other
}

// leastCommit is the fewest characters by which a commit is named.
const leastCommit = 4
