package hook

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"
	"time"
)

// Script is the hook that is written.
type Script struct {
	Program string        // absolute path of gate
	Strict  bool          // a regression stops the push
	Budget  time.Duration // that a push may take; 0: the default
	Moved   bool          // the hook that was there before is pre-push.local now
}

// marker is the line by which a hook is known to be of gate install.
const marker = "# The pre-push hook of gate (https://github.com/fivegate/fivegate)."

// moved is the line that says that pre-push.local is to be put back.
const moved = "# chained: pre-push.local"

//go:embed pre-push.sh
var scriptText string

var scriptTemplate = template.Must(template.New("pre-push").Parse(scriptText))

func (s Script) text() ([]byte, error) {
	arguments := "hook run"
	if s.Strict {
		arguments += " --strict"
	}
	if s.Budget > 0 {
		arguments += " --budget " + s.Budget.String()
	}
	first := marker
	if s.Moved {
		first += "\n" + moved
	}
	var b bytes.Buffer
	err := scriptTemplate.Execute(&b, map[string]string{"Marker": first, "Program": quoted(s.Program), "Arguments": arguments})
	if err != nil {
		return nil, fmt.Errorf("write the hook's script: %w", err)
	}
	return b.Bytes(), nil
}

// quoted is a word for a POSIX shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
