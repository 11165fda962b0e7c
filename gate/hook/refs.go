// Package hook is the gate before a push: which commits a push would publish and
// what they are to be compared with, whether the check is wanted at all, which
// verdicts are known already, and the script that git runs. It measures nothing and
// judges nothing, and starts no process but git.
//
//	refs, err := hook.ReadRefs(os.Stdin)
//	repo, err := hook.Open(ctx, ".")
//	plan, err := repo.Plan(ctx, hook.Push{Remote: "origin", Refs: refs})
package hook

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Ref is one line of what git tells a pre-push hook (githooks(5)): where a branch
// or tag of the remote is to be moved.
type Ref struct {
	Local    string // as it was typed: "main", "HEAD~2", "(delete)"
	LocalID  string // zeros: the remote's is to be deleted
	Remote   string // full name there, such as refs/heads/main
	RemoteID string // what the remote has; zeros: nothing yet
}

// Deletes says whether the push removes the ref.
func (r Ref) Deletes() bool { return zero(r.LocalID) }

// Name is the ref as people write it.
func (r Ref) Name() string { return strings.TrimPrefix(r.Remote, "refs/heads/") }

// zero says whether an id stands for none: zeros, 40 of them or, where objects are
// named by SHA-256, 64.
func zero(id string) bool { return strings.Trim(id, "0") == "" }

// Limits of what is read from git. Chosen: far above a push of every ref of a large
// repository.
const (
	maxRefs = 1 << 17
	maxLine = 1 << 14 // bytes
)

// errRefs begins every error of ReadRefs.
var errRefs = errors.New("what git says of the push cannot be read")

// ReadRefs reads the refs of a push; none when everything is up to date. An error
// names the line.
func ReadRefs(r io.Reader) ([]Ref, error) {
	var refs []Ref
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		ref, err := parseRef(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", errRefs, len(refs)+1, err)
		}
		if refs = append(refs, ref); len(refs) > maxRefs {
			return nil, fmt.Errorf("%w: more than %d refs", errRefs, maxRefs)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: line %d: %w", errRefs, len(refs)+1, err)
	}
	return refs, nil
}

// parseRef reads "local SP id SP remote SP id". The local ref is any expression
// that names a commit, which may hold spaces ("HEAD@{1 day ago}"), so the line is
// read from its end.
func parseRef(line []byte) (Ref, error) {
	var fields [3]string
	for i := 2; i >= 0; i-- {
		at := bytes.LastIndexByte(line, ' ')
		if at < 0 {
			return Ref{}, fmt.Errorf("%q is not a local ref, an id, a remote ref and an id", line)
		}
		fields[i], line = string(line[at+1:]), line[:at]
	}
	ref := Ref{Local: string(line), LocalID: fields[0], Remote: fields[1], RemoteID: fields[2]}
	for _, id := range []string{ref.LocalID, ref.RemoteID} {
		if !objectID(id) {
			return Ref{}, fmt.Errorf("%q is not the id of an object", id)
		}
	}
	if ref.Local == "" || !strings.HasPrefix(ref.Remote, "refs/") || len(ref.LocalID) != len(ref.RemoteID) {
		return Ref{}, fmt.Errorf("%q is not a local ref, an id, a remote ref and an id", ref.Local+" … "+ref.Remote)
	}
	return ref, nil
}

func objectID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}
