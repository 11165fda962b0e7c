package githubtest

import (
	"encoding/json"
	"testing"
)

// examples are GitHub's own examples of what it sends for each event.
var examples = pinned{name: "@octokit/webhooks-examples", version: "7.6.1", sha256: "89e6cb1c6345d32e3dd775617fa54effbdc26c859e514898d7728e95e9738280", file: "api.github.com/index.json"}

// Payloads returns GitHub's examples of an event's payload.
func Payloads(t *testing.T, event string) []json.RawMessage {
	t.Helper()
	text := npmFile(t, examples, "webhooks-examples-"+examples.version+".json", func(raw []byte) ([]byte, error) { return raw, nil })
	var all []struct {
		Name     string            `json:"name"`
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Name == event {
			return e.Examples
		}
	}
	t.Fatalf("no example of event %s", event)
	return nil
}
