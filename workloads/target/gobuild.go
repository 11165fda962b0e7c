package target

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// goFlags says how to change a `go build` or `go test -c` command.
type goFlags struct {
	inserted bool   // the linker can shuffle functions, and the command leaves that to us
	ldflags  string // -ldflags of GOFLAGS, which one on the command line would override
}

// identifyGo asks the Go toolchain of a worktree what it is and what it can do.
func identifyGo(kind toolchain, query func(string, ...string) (string, error), program string) (toolchain, error) {
	version, err := query(program, "version")
	if err != nil {
		return toolchain{}, fmt.Errorf("go version: %w: %s", err, version)
	}
	flags, err := query(program, "env", "GOFLAGS", "CGO_ENABLED", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOEXPERIMENT")
	if err != nil {
		return toolchain{}, fmt.Errorf("go env: %w: %s", err, flags)
	}
	kind.version = version + "\n" + flags
	kind.cacheable = true
	first, _, _ := strings.Cut(flags, "\n")
	kind.goFlags.ldflags = flagOf(splitFlags(first), "ldflags")
	if kind.variesLayout {
		return kind, nil // by a placeholder of the user's
	}
	// The linker prints its flags and exits with a status other than 0.
	help, err := query(program, "tool", "link", "-help")
	if !strings.Contains(help, "-randlayout") {
		kind.why = "its linker has no -randlayout (Go 1.22 and later have)"
		if err != nil && help == "" {
			kind.why = "its linker cannot be asked for -randlayout: " + err.Error()
		}
		return kind, nil
	}
	kind.variesLayout, kind.goFlags.inserted = true, true
	return kind, nil
}

// apply adds to a `go build` or `go test -c` command what makes arms comparable:
// the link order, and no traces of path or commit, so that equal source gives
// equal bytes. The last two go first, so that flags of the command itself still
// win.
func (g goFlags) apply(argv []string, seed uint64) []string {
	at := 2 // after "go build" or "go test"
	if len(argv) > at && strings.HasPrefix(strings.TrimLeft(argv[at], "-"), "C=") {
		at++ // -C must stay first
	} else if len(argv) > at+1 && strings.TrimLeft(argv[at], "-") == "C" {
		at += 2
	}
	argv = slices.Insert(slices.Clone(argv), at, "-trimpath", "-buildvcs=false")
	if seed == 0 {
		return argv
	}
	option := "-randlayout=" + strconv.FormatUint(seed, 10)
	if argv[1] == "test" {
		option = "-w " + option // nobody debugs it, and it links in half the time
	}
	if i, inline := findFlag(argv, "ldflags"); i >= 0 && inline {
		argv[i] += " " + option
		return argv
	} else if i >= 0 {
		argv[i+1] += " " + option
		return argv
	}
	return slices.Insert(argv, at, "-ldflags="+strings.TrimSpace(g.ldflags+" "+option))
}

// findFlag finds the last -name=value (inline) or -name value of a command, which
// is the one that counts; −1 if there is none.
func findFlag(argv []string, name string) (index int, inline bool) {
	index = -1
	for i, arg := range argv {
		flag, ok := strings.CutPrefix(arg, "-")
		if !ok {
			continue
		}
		flag = strings.TrimPrefix(flag, "-")
		switch {
		case strings.HasPrefix(flag, name+"="):
			index, inline = i, true
		case flag == name && i+1 < len(argv):
			index, inline = i, false
		}
	}
	return index, inline
}

// flagOf is the value of -name=value in a list of flags, or "".
func flagOf(flags []string, name string) string {
	i, inline := findFlag(flags, name)
	if i < 0 || !inline {
		return ""
	}
	_, value, _ := strings.Cut(flags[i], "=")
	return value
}

// splitFlags splits GOFLAGS as the go command does: at white space, where a field
// that begins with a quote ends with it (`go help environment`).
func splitFlags(s string) []string {
	var fields []string
	for {
		s = strings.TrimLeft(s, " \t\r\n")
		if s == "" {
			return fields
		}
		if quote := s[0]; quote == '\'' || quote == '"' {
			field, rest, _ := strings.Cut(s[1:], string(quote))
			fields, s = append(fields, field), rest
			continue
		}
		end := strings.IndexAny(s, " \t\r\n")
		if end < 0 {
			end = len(s)
		}
		fields, s = append(fields, s[:end]), s[end:]
	}
}
