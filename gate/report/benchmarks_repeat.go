package report

import (
	"regexp"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
)

// chosen are the flags of a check of benchmarks that say what is measured; true
// for those that have a value.
var chosen = map[string]bool{
	"bench": true, "pkg": true, "cpu": true, "tags": true, "budget": true, "measure-anyway": false,
}

// harmlessValue is what a shell takes as one word between single quotes, and a
// reader sees to be no command.
var harmlessValue = regexp.MustCompile(`^[A-Za-z0-9_.,/^$|()=:*+?\[\]-]{1,200}$`)

// plainValue needs no quotes.
var plainValue = regexp.MustCompile(`^[A-Za-z0-9_.,/=:-]+$`)

// Chosen are the flags of the command that gave a document of benchmarks which say
// what is measured, ready for a shell. The command may be a stranger's: a flag
// whose value could be more than a value is left out, as are those that name
// commands to run, and the second result names what is.
func Chosen(doc *result.Document) (flags, leftOut []string) {
	args := doc.Provenance.Command
	if len(args) > 2 {
		args = args[2:] // gate check
	}
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			return flags, append(leftOut, "what stands after --")
		}
		name, value, has := strings.Cut(strings.TrimPrefix(args[i], "--"), "=")
		takes, known := chosen[name]
		if !strings.HasPrefix(args[i], "--") || !known {
			if slices.Contains([]string{"cmd", "build", "prepare", "cleanup", "counter", "warmup"}, name) {
				leftOut = append(leftOut, "--"+name)
			}
			continue
		}
		if takes && !has && i+1 < len(args) {
			i++
			value = args[i]
		}
		switch {
		case !takes:
			flags = append(flags, "--"+name)
		case plainValue.MatchString(value):
			flags = append(flags, "--"+name, value)
		case harmlessValue.MatchString(value):
			flags = append(flags, "--"+name, "'"+value+"'")
		default:
			leftOut = append(leftOut, "--"+name)
		}
	}
	return flags, leftOut
}
